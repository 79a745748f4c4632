//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A list of objects that waits for the processes that hold them.
struct OpenObjectList: Sendable {
    let sender: Sender
    let query: QueryState
    let deadline: Instant
    /// Objects in one answer.
    let limit: Int
    /// Who has not answered.
    var awaited: Set<WorkerID>
    var census = ObjectCensus()
}

/// Lists of objects: the GCS knows none, and asks those who do.
///
///     asker ── QueryState ──▶ GCS ── ListObjects ──▶ drivers, workers, raylets
///           ◀── StateRows ───     ◀── ObjectsListed ──  (as many as answer in time)
extension GCSCore {
    mutating func queryObjects(
        _ query: QueryState, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard objectLists.count < GCSLimits.objectListsMax else {
            let error = RayError(
                .invalidArgument, "\(objectLists.count) lists of objects are being made; ask again in a second")
            return answer(
                .stateRows(StateRows(columns: [], rows: [], matched: 0, error: error)), sender, into: &effects)
        }
        if let refusal = objectList.refusal(of: query) { return answer(.stateRows(refusal), sender, into: &effects) }
        let asked = peers.filter { !$0.value.isGone && $0.value.holdsObjects }.keys.sorted()
            .prefix(GCSLimits.objectHoldersMax)
        objectListCounter += 1
        let limit = min(GCSLimits.stateRowsMax, GCSLimits.listedObjectsMax / max(1, asked.count))
        objectLists[objectListCounter] = OpenObjectList(
            sender: sender, query: query,
            deadline: now.advanced(milliseconds: GCSLimits.objectListMilliseconds), limit: limit,
            awaited: Set(asked))
        let question = Message.listObjects(ListObjects(token: objectListCounter, limit: limit))
        for peer in asked { effects.send(question, to: peer) }
        if asked.isEmpty { finishObjectList(objectListCounter, into: &effects) }
    }

    mutating func objectsListed(_ answer: ObjectsListed, _ sender: Sender, into effects: inout GCSEffects) {
        guard objectLists[answer.token]?.awaited.remove(sender.id) != nil, let peer = peers[sender.id],
            let limit = objectLists[answer.token]?.limit
        else { return }
        // Nobody can make the GCS keep more than it asked for.
        var answer = answer
        let excess = max(0, answer.objects.count - limit)
        answer.objects.removeLast(excess)
        answer.omitted += excess
        if peer.role == .raylet {
            let node = NodeID(raylet: sender.id)
            objectLists[answer.token]?.census.add(answer, ofStore: node, host: peer.address.host)
        } else {
            let holder = ObjectCensus.Holder(
                id: sender.id, node: peer.address.node, host: peer.address.host,
                processID: processID(of: sender.id, peer), isDriver: peer.role == .driver)
            objectLists[answer.token]?.census.add(answer, of: holder)
        }
        if objectLists[answer.token]?.awaited.isEmpty == true { finishObjectList(answer.token, into: &effects) }
    }

    mutating func expireObjectLists(at now: Instant, into effects: inout GCSEffects) {
        for (token, open) in objectLists.sorted(by: { $0.key < $1.key }) where open.deadline <= now {
            finishObjectList(token, into: &effects)
        }
    }

    /// A peer is gone: it asks and answers nothing any more.
    mutating func stopObjectLists(of peer: WorkerID, into effects: inout GCSEffects) {
        for (token, open) in objectLists.sorted(by: { $0.key < $1.key }) {
            if open.sender.id == peer {
                objectLists[token] = nil
            } else if open.awaited.contains(peer) {
                objectLists[token]?.awaited.remove(peer)
                if open.awaited.count == 1 { finishObjectList(token, into: &effects) }
            }
        }
    }

    private mutating func finishObjectList(_ token: UInt64, into effects: inout GCSEffects) {
        guard var open = objectLists.removeValue(forKey: token) else { return }
        let all = open.census.finish(silent: open.awaited)
        var rows = objectList.rows(of: all, open.query) { first, second in
            first.object.id == second.object.id
                ? (first.holder?.id ?? .none) < (second.holder?.id ?? .none) : first.object.id < second.object.id
        }
        if !open.awaited.isEmpty {
            let names = open.awaited.sorted().prefix(GCSLimits.silentNamedMax).map { peerTitle($0) }
            let others = open.awaited.count > names.count ? " and \(open.awaited.count - names.count) more" : ""
            rows.warnings.append(
                "not in the list, because these did not answer within \(GCSLimits.objectListMilliseconds) ms: "
                    + names.joined(separator: ", ") + others)
        }
        if open.census.omitted > 0 {
            rows.warnings.append(
                "\(open.census.omitted) objects more are not in the list, the smallest of their holders")
        }
        answer(.stateRows(rows), open.sender, into: &effects)
    }

    private func peerTitle(_ id: WorkerID) -> String {
        guard let peer = peers[id] else { return "process \(id.hex.prefix(8))" }
        let place = "on \(peer.address.host)"
        switch peer.role {
        case .raylet: return "raylet \(place)"
        case .driver: return "driver \(processID(of: id, peer)) \(place)"
        case .worker, .commandLine, .gcs: return "worker \(processID(of: id, peer)) \(place)"
        }
    }

    // MARK: Columns

    /// Ray's columns; with the details what it has none for.
    private var objectList: StateList<ObjectCensus.Row> {
        StateList(columns: [
            .column("object_id") { .id($0.object.id) },
            .column("object_size") { $0.object.byteCount.map { .int($0) } ?? .null },
            .column("task_status") { .text($0.object.taskState?.name ?? "NIL") },
            .column("attempt_number") { .int(Int($0.object.attempt)) },
            .column("reference_type") { .text($0.referenceType) },
            .column("call_site") { .text($0.object.callSite.isEmpty ? "disabled" : $0.object.callSite) },
            .column("type") { .text($0.holder.map { $0.isDriver ? "DRIVER" : "WORKER" } ?? "NONE") },
            .column("pid") { .int(Int($0.holder?.processID ?? 0)) },
            .column("ip") { .text($0.holder?.host ?? $0.places.first?.host ?? "") },
            .detail("held_by") { .text($0.heldBy) },
            .detail("where") { .text($0.whereabouts) },
            .detail("worker_id", isFilterable: true) { $0.holder.map { .id($0.id) } ?? .null },
            .detail("node_id", isFilterable: true) { row in
                (row.holder?.node ?? row.places.first?.node).map { .id($0) } ?? .null
            },
            .detail("owner_id", isFilterable: true) { .id($0.object.owner) },
            .detail("is_owner", isFilterable: true) { .bool($0.holder?.id == $0.object.owner) },
            .detail("local_references") { .int(Int($0.object.localReferences)) },
            .detail("task_arguments") { .int(Int($0.object.taskArguments)) },
            .detail("reads") { .int(Int($0.object.reads)) },
            .detail("containers") { .int(Int($0.object.containers)) },
            .detail("results_under_way") { .int(Int($0.object.transfers)) },
            .detail("lineage") { .int(Int($0.object.lineage)) },
            .detail("borrower_count") { .int(Int($0.object.borrowerCount)) },
            .detail("borrowers") { .list($0.object.borrowers.map { .id($0) }) },
            .detail("stored_on") { row in
                .list((row.places.isEmpty ? row.object.nodes : row.places.map(\.node)).map { .id($0) })
            },
            .detail("is_spilled", isFilterable: true) { row in
                .bool(!row.places.isEmpty && row.places.allSatisfy(\.isSpilled))
            },
        ])
    }
}

extension PeerRecord {
    /// Whether the process owns or borrows objects, or stores them.
    fileprivate var holdsObjects: Bool {
        switch role {
        case .driver, .worker, .raylet: true
        case .commandLine, .gcs: false
        }
    }
}
