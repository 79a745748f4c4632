//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayNode
internal import RayWire

/// A connection to the control store that needs no runtime: Ray's `GcsClient`.
final class ControlConnection: Sendable {
    private let clients: ControlClients

    init(host: String, port: UInt16) throws(RayError) {
        clients = try ControlClients(host: host, port: port) { () throws(RayError) in
            try AuthenticationToken.forJoining()
        }
    }

    /// Asks the control store and reads its answer.
    func perform(
        _ operation: String, _ payload: MessagePackValue, milliseconds: Int
    ) throws(RayError) -> MessagePackValue {
        let question = try ControlQuestion(operation, payload)
        return try question.read(try clients.request(question.message, milliseconds: milliseconds))
    }
}

/// A question to the control store in Python's words.
struct ControlQuestion {
    let message: Message
    /// What of the cluster's status is wanted.
    private var statusPart = StatusPart.nodes

    private enum StatusPart { case nodes, demands, spills }

    /// - Throws: `invalidArgument` for an operation that is not known.
    init(_ operation: String, _ payload: MessagePackValue) throws(RayError) {
        switch operation {
        case "kv_get": message = .keyValueRequest(KeyValueRequest(.get, payload))
        case "kv_put": message = .keyValueRequest(KeyValueRequest(.put, payload))
        case "kv_delete": message = .keyValueRequest(KeyValueRequest(.delete, payload))
        case "kv_exists": message = .keyValueRequest(KeyValueRequest(.exists, payload))
        case "kv_keys": message = .keyValueRequest(KeyValueRequest(.keys, payload))
        case "store_blob": message = .storeBlob(StoreBlob(payload))
        case "fetch_blob":
            message = .fetchBlob(
                FetchBlob(
                    hash: payload["hash"]?.text ?? "", offset: payload["offset"]?.integer ?? -1,
                    count: payload["count"]?.integer ?? 0))
        case "groups":
            message = .queryPlacementGroups(
                QueryPlacementGroups(
                    group: payload["group"]?.data.flatMap { PlacementGroupID($0) }, name: payload["name"]?.text ?? "",
                    namespace: payload["namespace"]?.text ?? ""))
        case "collect_garbage": message = .collectGarbage(CollectGarbage())
        case "publish_error": message = .publish(ErrorReport(payload).publish)
        case "nodes", "demands", "spills":
            message = .queryCluster(QueryCluster())
            statusPart = operation == "nodes" ? .nodes : operation == "demands" ? .demands : .spills
        case "drain": message = .drainNode(DrainNode(payload))
        case "state": message = .queryState(try QueryState(payload))
        default: throw RayError(.invalidArgument, "the control store knows no operation '\(operation)'")
        }
    }

    /// - Throws: what the control store says went wrong.
    func read(_ answer: Message) throws(RayError) -> MessagePackValue {
        switch answer {
        case .keyValueReply(let reply):
            return .record([
                "value": reply.value.map { .bytes($0) } ?? .nil, "count": .int(Int64(reply.count)),
                "keys": .array(reply.keys.map { .bytes($0.bytes) }),
            ])
        case .blobStored(let stored):
            if let error = stored.error { throw error }
            return .nil
        case .blobChunk(let chunk):
            if let error = chunk.error { throw error }
            return .record(["total": .int(Int64(chunk.total)), "bytes": .bytes(chunk.bytes)])
        case .clusterStatus(let status):
            switch statusPart {
            case .nodes: return .array(status.nodes.map(\.messagePack))
            case .demands: return .array(status.demands.map(\.messagePack))
            case .spills: return status.spill.messagePack
            }
        case .placementGroupsFound(let found):
            if let error = found.error { throw error }
            return .array(found.groups.map(\.messagePack))
        case .stateRows(let rows):
            if let error = rows.error { throw error }
            return rows.messagePack
        case .done(let done):
            if case .drainNode = message { return .string(done.error?.message ?? "") }
            if let error = done.error { throw error }
            return .nil
        default: throw RayError(.systemError, "the control store gave an answer of another kind than asked for")
        }
    }
}

extension DrainNode {
    /// Reads `node`, `preempted`, `message` and `deadline_ms`; answered by why it is refused, or an empty text.
    fileprivate init(_ payload: MessagePackValue) {
        self.init(
            node: payload["node"]?.data.flatMap { NodeID($0) } ?? .none,
            isPreemption: payload["preempted"]?.isTrue ?? false, message: payload["message"]?.text ?? "",
            deadlineMilliseconds: payload["deadline_ms"]?.integer ?? 0)
    }
}

extension StoreBlob {
    /// Reads `hash`, `offset`, `total` and `bytes`.
    fileprivate init(_ payload: MessagePackValue) {
        self.init(
            hash: payload["hash"]?.text ?? "", offset: payload["offset"]?.integer ?? -1,
            total: payload["total"]?.integer ?? -1, bytes: payload["bytes"]?.data ?? [])
    }
}

extension KeyValueRequest {
    /// Reads `namespace`, `key`, `value` and `overwrite`.
    fileprivate init(_ operation: KeyValueOperation, _ payload: MessagePackValue) {
        self.init(
            operation: operation, namespace: payload["namespace"]?.text ?? "", key: payload["key"]?.data ?? [],
            value: payload["value"]?.data ?? [], overwrite: payload["overwrite"]?.isTrue ?? false)
    }
}

extension SpillReport {
    fileprivate var messagePack: MessagePackValue {
        .record([
            "spilled_bytes": .int(Int64(spilledBytes)), "restored_bytes": .int(Int64(restoredBytes)),
            "objects": .int(Int64(objectCount)), "fallback_bytes": .int(Int64(fallbackBytes)),
        ])
    }
}

extension Demand {
    /// Requests that wait, for `GcsClient`.
    fileprivate var messagePack: MessagePackValue {
        .record([
            "shape": shape.messagePack, "count": .int(Int64(count)), "infeasible": .bool(reason.code == .infeasible),
        ])
    }
}

extension NodeStatus {
    /// The node for `GlobalStateAccessor` and `GcsClient`.
    fileprivate var messagePack: MessagePackValue {
        .record([
            "node": .bytes(info.address.node.bytes), "alive": .bool(isAlive), "name": .string(info.name),
            "host": .string(info.address.host), "port": .int(Int64(info.address.port)),
            "socket": .string(info.address.socketPath), "session": .string(info.sessionDirectory),
            "head": .bool(info.isHead), "pid": .int(Int64(info.processID)), "total": info.total.messagePack,
            "available": available.messagePack,
            "labels": .map(info.labels.map { .init(.string($0.key), .string($0.value)) }),
            "store_capacity": .int(Int64(info.storeCapacity)), "store_used": .int(Int64(storeUsed)),
            "objects": .int(Int64(objectCount)),
            "end": .int(Int64(end.rawValue)), "end_message": .string(endMessage),
            "drain_ms": drainMilliseconds.map { .int(Int64($0)) } ?? .nil,
        ])
    }
}
