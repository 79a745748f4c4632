//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// From the end of a task to its reply.
extension WorkerCore {
    mutating func finished(
        _ id: TaskID, _ outcome: TaskOutcome, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard var task = stopRunning(id) else { return }
        task.returnedAt = now.nanoseconds
        if !execution.cancelled.isEmpty { execution.cancelled.remove(id) }
        let outcome = outcomeOfGenerator(task, outcome)
        if task.spec.generator != nil { endGenerator(task, into: &effects) }
        if execution.running.isEmpty, execution.cpu != .running {
            // It left a wait unfinished behind itself; the lease is the owner's again, CPU and all.
            execution.cpu = .running
            for effect in execution.held { effects.append(effect) }
            execution.held = []
            if let lease = task.lease {
                effects.send(.leaseUnblocked(LeaseUnblocked(lease: lease)), to: WorkerID.gcs)
            }
        }
        switch outcome {
        case .failure(let error): reply(to: task, results: [], error: error, into: &effects)
        case .success(let objects):
            announce(objects, of: task, into: &effects)
            store(objects, of: task, into: &effects)
        }
        startTasks(into: &effects)
        if execution.leaving != nil { leaveIfDone(into: &effects) }
    }

    /// A generator that was told that no further items are wanted ends well, or, if its owner stopped it, is cancelled:
    /// whatever its code made of that.
    private func outcomeOfGenerator(_ task: Execution.Received, _ outcome: TaskOutcome) -> TaskOutcome {
        guard execution.generators[task.spec.id]?.isOver == true, case .failure = outcome else { return outcome }
        return task.spec.generator?.skip == GeneratorSpec.skipsAll
            ? .success([]) : .failure(Self.over(task.spec))
    }

    /// Small results go into the reply, as many as it may have; for the others room is asked in the node's store.
    private mutating func store(
        _ objects: [RayObject], of task: Execution.Received, into effects: inout WorkerEffects
    ) {
        var results: [TaskResult?] = []
        results.reserveCapacity(objects.count)
        let ids = task.spec.returnIDs
        var room = Limits.inlineBytesPerMessageMax
        for (index, object) in objects.enumerated() {
            let byteCount = object.messageByteCount
            guard object.data.count > Limits.inlineObjectBytesMax || byteCount > room, index < ids.count,
                let raylet = configuration.raylet
            else {
                room -= byteCount
                results.append(.inline(object))
                continue
            }
            results.append(nil)
            execution.rooms[ids[index]] = task.spec.id
            let request = CreateObject(
                object: ids[index], owner: task.caller, slot: configuration.storeSlot,
                dataBytes: object.data.count, metadataBytes: object.metadata.count,
                containedBytes: object.containedBytes.count)
            effects.send(.createObject(request), to: raylet.worker)
        }
        let inline = results.compactMap { $0 }
        if inline.count < results.count {
            execution.storing[task.spec.id] = StoringTask(received: task, objects: objects, results: results)
        } else {
            reply(to: task, results: inline, error: nil, into: &effects)
        }
    }

    /// The raylet made room for a result, or says why there is none.
    mutating func resultRoomCreated(_ message: ObjectCreated, into effects: inout WorkerEffects) {
        if !execution.itemRooms.isEmpty, itemRoomCreated(message, into: &effects) { return }
        guard let taskID = execution.rooms.removeValue(forKey: message.object),
            var storing = execution.storing[taskID], let raylet = configuration.raylet
        else { return }
        let index = Int(message.object.index) - 1
        if let error = message.error {
            execution.storing[taskID] = nil
            reply(to: storing.received, results: [], error: error, into: &effects)
            return
        }
        let object = storing.objects[index]
        effects.append(.write(message.object, object, offset: message.offset))
        effects.send(.sealObject(SealObject(object: message.object)), to: raylet.worker)
        storing.results[index] = .stored(at: raylet, byteCount: object.data.count)
        storing.objects[index] = RayObject(data: [], metadata: [])
        guard storing.results.allSatisfy({ $0 != nil }) else {
            execution.storing[taskID] = storing
            return
        }
        execution.storing[taskID] = nil
        reply(to: storing.received, results: storing.results.compactMap { $0 }, error: nil, into: &effects)
        if execution.leaving != nil { leaveIfDone(into: &effects) }
    }

    /// Sends the reply and lets the arguments go.
    mutating func reply(
        to task: Execution.Received, results: [TaskResult], error: RayError?, into effects: inout WorkerEffects
    ) {
        var error = error?.bounded
        if error != nil {
            error?.processID = configuration.processID
            error?.attempt = task.spec.attempt
            if error?.function.isEmpty == true { error?.function = task.spec.displayName }
            if error?.node.isEmpty == true { error?.node = configuration.address.node.hex }
            if error?.host.isEmpty == true { error?.host = configuration.address.host }
        }
        // The caller lets the arguments go when it hears of the end: what was found in them must be held before.
        let receiver = if case .actorCreation = task.spec.kind { WorkerID.gcs } else { task.caller }
        if task.spec.hasReferences, let barrier = barrier(before: receiver) {
            deferStep(.reply(task, results, error), barrier)
        } else {
            sendReply(to: task, results, error, into: &effects)
        }
    }

    mutating func sendReply(
        to task: Execution.Received, _ results: [TaskResult], _ error: RayError?, into effects: inout WorkerEffects
    ) {
        if case .actorCreation(let actor) = task.spec.kind {
            let message = ActorStarted(
                actor: actor, incarnation: execution.incarnation, error: error, shownName: execution.shownName)
            execution.started = message
            effects.send(.actorStarted(message), to: WorkerID.gcs)
        } else {
            let message = TaskDone(
                task: task.spec.id, attempt: UInt32(task.spec.attempt), results: results, error: error,
                times: executionTimes(of: task))
            effects.send(.taskDone(message), to: task.caller)
            execution.lastReplied = task.spec.call
        }
        for case .reference(let reference) in task.spec.arguments {
            removeArgumentUse(reference.id, into: &effects)
        }
    }
}
