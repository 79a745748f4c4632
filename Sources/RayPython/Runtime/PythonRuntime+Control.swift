//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayNode
internal import RayWire
internal import RayWorker
internal import Synchronization

/// What Python asks of the runtime that is not hot, by name. `core_worker.py` has the other side.
extension PythonRuntime {
    /// Performs an operation on the caller's thread.
    ///
    /// - Throws: `invalidArgument` for one that is not known, or its own failure.
    func perform(_ operation: String, _ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        switch operation {
        case "info": return info
        case "owner": return .bytes(try reference(try payload.objectID()).owner.encoded)
        case "unknown_objects": return unknown(payload["objects"]?.elements ?? [])
        case "location":
            guard let found = worker.location(of: try payload.objectID()) else { return .nil }
            return .record([
                "nodes": .array(found.nodes.map { .bytes($0.bytes) }), "bytes": .int(Int64(found.byteCount)),
            ])
        case "failure":
            return worker.failure(of: try payload.objectID()).map { .int(Int64($0.type.rawValue)) } ?? .nil
        case "create_actor": return try createActor(payload)
        case "retain_actor":
            worker.retain(try payload.actorID(), creator: try Address(decoding: payload["creator"]?.data ?? []))
        case "release_actor": worker.release(try payload.actorID())
        case "kill_actor": return try killActor(payload)
        case "named_actor": return try namedActor(payload)
        case "record_call_sites": worker.recordCallSites()
        case "note_call_site": worker.noteCallSite(payload["site"]?.text ?? "", of: try payload.objectID())
        case "retire": worker.retire()
        case "flush": worker.flush()
        case "has_calls": return .bool(worker.hasCallsUnderWay)
        case "wake_printing": printedLines.wake()
        case "flush_lines": worker.request(.flushLines(FlushLines(job: worker.job))) { _ in }
        case "tell_unread_errors": worker.tellUnreadErrors(olderThan: payload["milliseconds"]?.integer ?? 0)
        case "take_unread_errors": return .array(takeUnreadErrors().map(\.messagePack))
        case "subscribe_errors":
            worker.subscribe(to: ErrorReport.channel)
            return .int(Int64(publishedErrors.end))
        case "next_error": return nextError(payload)
        case "exit_actor": try worker.exitActor(try payload.taskID())
        case "leave_actor": try worker.leaveActor()
        case "show_actor": worker.showActor(as: payload["name"]?.text ?? "")
        case "expect_farewell": worker.expectFarewell()
        case "take_farewell": return .bool(interrupts.takeFarewell())
        case "farewell_said": worker.farewellSaid()
        case "cancel":
            try worker.cancel(
                try reference(try payload.objectID()), force: payload["force"]?.isTrue ?? false,
                recursive: payload["recursive"]?.isTrue ?? true)
        case "take_cancelled": return .array(interrupts.take().map { .bytes($0.bytes) })
        case "is_cancelled": return .bool(worker.isCancelled(try payload.taskID()))
        case "next_item": return worker.nextItem(of: try payload.taskID()).map { .bytes($0.id.bytes) } ?? .nil
        case "peek_item": return worker.peekItem(of: try payload.taskID()).map { .bytes($0.id.bytes) } ?? .nil
        case "take_peeked": worker.takePeeked(of: try payload.taskID())
        case "adopt_environment": worker.adopt(try RuntimeEnvironmentSpec(payload))
        case "send_program": return try sendProgram(payload)
        case "create_group": return try createGroup(payload)
        case "remove_group": try removeGroup(payload)
        case "await_group": try awaitGroup(payload)
        case "promise_group": return try promiseGroup(payload)
        case "leave_stream": worker.leaveStream(try payload.taskID())
        default:
            let question = try ControlQuestion(operation, payload)
            return try question.read(try answer { self.worker.request(question.message, completion: $0) })
        }
        return .nil
    }

    private var info: MessagePackValue {
        .record([
            "job": .bytes(worker.job.bytes), "namespace": .string(worker.namespace),
            "worker": .bytes(worker.address.worker.bytes), "node": .bytes(worker.address.node.bytes),
            "address": .bytes(worker.address.encoded),
            "accelerators": .array(
                worker.accelerators.ids.map { .array([.string($0.kind.resource), .int(Int64($0.number))]) }),
        ])
    }

    /// Those of some objects that nobody refers to any more, as far as this process knows.
    private func unknown(_ objects: [MessagePackValue]) -> MessagePackValue {
        .array(objects.filter { $0.data.flatMap { ObjectID($0) }.flatMap { worker.reference(of: $0) } == nil })
    }

    /// The published error at a position, and the position of the next one.
    private func nextError(_ payload: MessagePackValue) -> MessagePackValue {
        let (published, next) = publishedErrors.next(
            at: payload["position"]?.integer ?? 0, milliseconds: payload["milliseconds"]?.integer ?? 0)
        let report = published.flatMap { ErrorReport($0) }
        return .record(["error": report?.messagePack ?? .nil, "next": .int(Int64(next))])
    }

    /// Waits until the answer is there, or the process is to end. Whoever is asked has a limit of its own.
    func result<Value: Sendable>(of slot: AnswerSlot<Value>) -> Result<Value, RayError> {
        while !worker.waitForAnswer(slot, milliseconds: 500) {
            if worker.hasEnded { return .failure(RayError(.systemError, "the process is to end")) }
        }
        return slot.result ?? .failure(RayError(.systemError, "there is no answer"))
    }

    /// Waits for what comes back by a callback.
    func answer<Value: Sendable>(
        _ ask: (@escaping @Sendable (Result<Value, RayError>) -> Void) -> Void
    ) throws(RayError) -> Value {
        let slot = AnswerSlot<Value>()
        ask { slot.fill($0) }
        return try result(of: slot).get()
    }

    private func createActor(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        var call = try CallTemplate(payload, under: worker.environment).call
        for argument in payload["arguments"]?.elements ?? [] { call.arguments.append(try self.argument(argument)) }
        var options = ActorOptions()
        options.name = payload["actor_name"]?.text ?? ""
        options.namespace = payload["namespace"]?.text ?? ""
        options.lifetime = payload["detached"]?.isTrue == true ? .detached : .job
        options.restartsMax = payload["max_restarts"]?.integer ?? 0
        options.taskRetriesMax = payload["max_task_retries"]?.integer ?? 0
        options.concurrencyMax = payload["max_concurrency"]?.integer ?? 1
        options.heldResources = try ResourceSet(payload["held"] ?? .nil)
        options.pendingCallsMax = payload["max_pending_calls"]?.integer ?? -1
        options.isUnordered = payload["unordered"]?.isTrue ?? false
        options.concurrencyGroups = (payload["concurrency_groups"]?.pairs ?? []).map {
            ConcurrencyGroup(name: $0.key.text ?? "", callsMax: $0.value.integer ?? 1)
        }
        let parent = payload["task"]?.data.flatMap { TaskID($0) }
        return .bytes(worker.createActor(call, options, from: parent).bytes)
    }

    /// An argument as `[data, metadata, [id, …]]`, or an object's id.
    func argument(_ value: MessagePackValue) throws(RayError) -> TaskArgument {
        if let id = value.data.flatMap({ ObjectID($0) }) { return .reference(try reference(id)) }
        guard let parts = value.elements, parts.count == 3 else {
            throw RayError(.invalidArgument, "this is no argument: \(value)")
        }
        var contained: [ObjectReference] = []
        for part in parts[2].elements ?? [] {
            guard let id = part.data.flatMap({ ObjectID($0) }) else { continue }
            contained.append(try reference(id))
        }
        return .value(
            RayObject(data: parts[0].data ?? [], metadata: parts[1].data ?? [], contained: contained))
    }

    /// Makes an executable of this machine known to the cluster, and describes it.
    private func sendProgram(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        guard var program = Program(payload) else { throw RayError(.invalidArgument, "no executable is named") }
        program.path = try ProgramFile.resolved(program.path)
        try ProgramFile.addHash(to: &program, from: program.path)
        try ProgramFile.send(program, through: worker)
        return program.messagePack
    }

    private func killActor(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        let actor = try payload.actorID()
        let isFinal = payload["no_restart"]?.isTrue ?? true
        let _: Void = try answer { worker.kill(actor, restart: !isFinal, completion: $0) }
        return .nil
    }

    private func namedActor(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        let (name, namespace) = (payload["name"]?.text ?? "", payload["namespace"]?.text ?? "")
        let found: FoundActor = try answer { worker.actor(named: name, namespace: namespace, completion: $0) }
        return .record([
            "actor": .bytes(found.id.bytes), "function": found.className.messagePack,
            "creator": .bytes(found.creator.encoded),
        ])
    }
}

extension Address {
    /// The address as it travels.
    var encoded: [UInt8] {
        var writer = WireWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// - Throws: `invalidArgument` for bytes that are no address.
    init(decoding bytes: [UInt8]) throws(RayError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(WireError) in
                var reader = WireReader(bytes)
                return try Address(from: &reader)
            }
        }
        guard case .success(let address) = result else {
            throw RayError(.invalidArgument, "these bytes are no address of a process")
        }
        self = address
    }
}

extension MessagePackValue {
    fileprivate func objectID() throws(RayError) -> ObjectID { try id("object") }
    fileprivate func actorID() throws(RayError) -> ActorID { try id("actor") }
    fileprivate func taskID() throws(RayError) -> TaskID { try id("task") }
    func groupID() throws(RayError) -> PlacementGroupID { try id("group") }

    private func id<ID: Identifier>(_ name: String) throws(RayError) -> ID {
        guard let id = self[name]?.data.flatMap({ ID($0) }) else {
            throw RayError(.invalidArgument, "the id of the \(name) is missing or has another length")
        }
        return id
    }
}
