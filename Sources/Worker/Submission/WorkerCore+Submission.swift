//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
internal import RayWire

/// From a call to a queued task, and from a reply to results.
extension WorkerCore {
    /// Submits a task; its results' references, each with one local reference.
    package mutating func submit(
        _ call: Call, from parent: TaskID?, at now: Instant, into effects: inout WorkerEffects
    ) -> [ObjectReference] {
        let id = TaskID.normalTask(job: configuration.job, using: &generator)
        var spec = TaskSpec(id: id, call: call.shared, arguments: call.arguments, owner: configuration.address)
        if let environment, spec.environment == nil { spec.environment = environment }
        return begin(
            spec, retriesLeft: spec.retriesMax, retryExceptions: call.retryExceptions, parent: parent, at: now,
            into: &effects)
    }

    /// Whether calls of this process have not come to their end.
    package var hasCallsUnderWay: Bool { !tasks.isEmpty }

    /// Enters a task; it goes on when its arguments exist.
    mutating func begin(
        _ given: TaskSpec, retriesLeft: Int, retryExceptions: RetryExceptions = .none, parent: TaskID? = nil,
        at now: Instant, into effects: inout WorkerEffects
    ) -> [ObjectReference] {
        var spec = given
        let surplus = spec.arguments.isEmpty ? [] : keepSurplus(of: &spec, from: parent, into: &effects)
        let references = spec.returnIDs.map { ObjectReference(id: $0, owner: configuration.address) }
        for reference in references { objects[reference.id] = ObjectEntry(localReferences: 1) }
        var task = PendingTask(
            spec: spec, phase: .waiting(0), retriesLeft: retriesLeft, retryExceptions: retryExceptions, parent: parent)
        task.allowsRetries = retriesLeft != 0
        task.times.submitted = now.nanoseconds
        tasks[spec.id] = task
        traceSubmitted(spec, at: now)
        if let items = spec.generator { streams[spec.id] = GeneratorStream(isGathered: items.isGathered) }
        if let fatal {
            for id in surplus { release(id, into: &effects) }
            fail(task: spec.id, fatal, into: &effects)
            return references
        }
        holdArguments(of: spec, into: &effects)
        for id in surplus { release(id, into: &effects) }
        awaitArguments(of: spec, at: now, into: &effects)
        return references
    }

    /// Values that are too many for one message become objects of this process, which whoever runs the task asks for;
    /// each has one local reference.
    private mutating func keepSurplus(
        of spec: inout TaskSpec, from parent: TaskID?, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        var room = Limits.inlineBytesPerMessageMax
        var surplus: [ObjectID] = []
        for (index, argument) in spec.arguments.enumerated() {
            guard case .value(let object) = argument else { continue }
            let byteCount = object.messageByteCount
            guard byteCount > room else {
                room -= byteCount
                continue
            }
            let id = put(object, from: parent, into: &effects)
            spec.arguments[index] = .reference(ObjectReference(id: id, owner: configuration.address))
            surplus.append(id)
        }
        return surplus
    }

    /// Lets a task go on when its arguments, which it holds, exist.
    mutating func awaitArguments(of spec: TaskSpec, at now: Instant, into effects: inout WorkerEffects) {
        let id = spec.id
        guard spec.arguments.contains(where: \.isReference) else {
            return argumentsExist(id, spec, at: now, into: &effects)
        }
        var missing = 0
        for case .reference(let reference) in spec.arguments where objects[reference.id]?.exists == false {
            missing += 1
        }
        tasks.update(id) { $0.phase = .waiting(missing) }
        guard missing > 0 else { return takeArguments(of: id, at: now, into: &effects) }
        for case .reference(let reference) in spec.arguments where objects[reference.id]?.exists == false {
            wait(for: reference.id, .dependency(id), into: &effects)
        }
    }

    mutating func dependencyReady(_ id: TaskID, into effects: inout WorkerEffects) {
        guard case .waiting(let missing)? = tasks[id]?.phase else { return }
        tasks.update(id) { $0.phase = .waiting(missing - 1) }
        if missing == 1 { takeArguments(of: id, at: .zero, into: &effects) }
    }

    /// Puts small arguments into the task itself, as many as a message may have, and queues it; a failed argument fails
    /// the task.
    private mutating func takeArguments(of id: TaskID, at now: Instant, into effects: inout WorkerEffects) {
        guard let task = tasks[id] else { return }
        var spec = task.spec
        var room = Limits.inlineBytesPerMessageMax
        for case .value(let object) in spec.arguments { room -= object.messageByteCount }
        for (index, argument) in spec.arguments.enumerated() {
            guard case .reference(let reference) = argument, let entry = objects[reference.id] else { continue }
            switch entry.value {
            case .failed(let error):
                noteRead([reference.id])
                fail(task: id, argumentFailed(error, of: task), into: &effects)
                return
            case .inline(let object):
                let byteCount = object.messageByteCount
                guard byteCount <= room else { continue }
                room -= byteCount
                spec.arguments[index] = .value(object)
            case .stored, .pending: break
            }
        }
        tasks.update(id) { $0.spec = spec }
        for case (.reference(let reference), .value(let object)) in zip(task.spec.arguments, spec.arguments) {
            for inner in object.contained { addTaskUse(inner, into: &effects) }
            removeTaskUse(reference.id, into: &effects)
        }
        argumentsExist(id, spec, at: now, into: &effects)
    }

    private mutating func argumentsExist(
        _ id: TaskID, _ spec: TaskSpec, at now: Instant, into effects: inout WorkerEffects
    ) {
        tasks.update(id) { $0.queue(at: clock) }
        if case .actorCall(let actor, _) = spec.kind {
            actors.update(actor) { client in
                if client.waiting.remove(id) != nil { client.queue.append(id) }
            }
            sendCalls(of: actor, into: &effects)
        } else if case .normal = spec.kind {
            dispatch(enqueue(id, spec, atFront: false), at: now, into: &effects)
        } else {
            registerActor(id, into: &effects)
        }
    }

    // MARK: Results

    mutating func taskDone(
        _ message: TaskDone, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let found = tasks[message.task], found.spec.attempt == Int(message.attempt) else {
            freeUnwanted(message, into: &effects)
            return
        }
        switch found.phase {
        case .pushed(let lease):
            guard leases[lease]?.worker.worker == peer else { return }
            if let error = message.error, tryAgain(message.task, after: error, message.times) {
                if let spec = tasks[message.task]?.spec { enqueue(message.task, spec, atFront: false) }
                return taskLeft(lease, message.task, at: now, into: &effects)
            }
            guard let task = tasks.removeValue(forKey: message.task) else { return }
            let lost = complete(task, message, into: &effects)
            taskLeft(lease, message.task, at: now, into: &effects)
            letGo(of: task, lost, at: now, into: &effects)
        case .called:
            guard case .actorCall(let actor, _) = found.spec.kind else { return }
            if let error = message.error, tryAgain(message.task, after: error, message.times) {
                tellUnread(message.task, into: &effects)
                callEnded(actor, message.task, into: &effects)
                actors[actor]?.prepend([message.task])
                return sendCalls(of: actor, into: &effects)
            }
            guard let task = tasks.removeValue(forKey: message.task) else { return }
            let lost = complete(task, message, into: &effects)
            callEnded(actor, message.task, into: &effects)
            letGo(of: task, lost, at: now, into: &effects)
        case .waiting, .queued, .orphaned:
            freeUnwanted(message, into: &effects)
        }
    }

    /// Whether user code threw what the call wants to be tried again, or the try was stopped, and a try is left: then it
    /// is queued again.
    private mutating func tryAgain(
        _ id: TaskID, after error: RayError, _ times: ExecutionTimes?
    ) -> Bool {
        guard var task = tasks[id], task.retriesLeft != 0, task.cancellation == .none else { return false }
        let isWanted =
            error.type == .taskExecution
            ? task.retryExceptions.contains(error.typeName) : task.isStopped && error.type == .taskCancelled
        guard isWanted else { return false }
        traceEnded(task, error, times)
        task.retriesLeft -= task.retriesLeft > 0 ? 1 : 0
        task.spec.attempt += 1
        task.phase = .queued
        tasks[id] = task
        traceAgain(id)
        return true
    }

    /// Takes the results; gives back those that are lost already.
    private mutating func complete(
        _ task: PendingTask, _ message: TaskDone, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        var lost: [ObjectID] = []
        let ids = task.spec.returnIDs
        let hasFailed = task.cancellation.hasFailedResults
        let isVoid = hasFailed || isCancelledCall(task, message)
        let failure = isVoid ? Self.cancelled(task.spec, "while it ran") : message.error
        // As in Ray the call that ends its actor has done what it was to do, whatever its caller is told.
        traceEnded(task, failure?.isOfExit == true ? nil : failure, message.times)
        let isRecorded = runEnded(task)
        if isVoid { freeUnwanted(message, into: &effects) }
        if hasFailed {
            // They are settled.
        } else if let failure {
            // Which items are there is looked at below.
            settleReturns(of: task, .failed(failure), into: &effects)
        } else if task.isRebuild, task.spec.generator != nil, message.results.isEmpty {
            // It ended with the last item that was wanted.
        } else if message.results.count != ids.count {
            let error = RayError(
                .systemError, "\(task.spec.displayName) gave \(message.results.count) results, not \(ids.count)")
            settleResults(of: task, .failed(error), into: &effects)
        } else {
            lost = take(message.results, of: task, into: &effects)
        }
        settleStrays(of: task, into: &effects)
        if task.spec.generator != nil { lost += generatorEnded(task, message.error, into: &effects) }
        if isRecorded { releaseRun(of: task.spec.id, into: &effects) }
        return lost
    }

    /// Whether a method of an actor came to its end after it was cancelled: as in Ray its value is not its result then.
    private func isCancelledCall(_ task: PendingTask, _ message: TaskDone) -> Bool {
        guard case .actorCall = task.spec.kind, task.cancellation == .outcomeAwaited else { return false }
        return message.error == nil
    }

    /// A task that is done and has left the books lets its arguments go; what is lost of its results is made again.
    private mutating func letGo(
        of task: PendingTask, _ lost: [ObjectID], at now: Instant, into effects: inout WorkerEffects
    ) {
        if !lost.isEmpty {
            recover(lost, because: "it was made on a node that has died", at: now, into: &effects)
        }
        releaseArguments(of: task.spec, into: &effects)
    }

    private mutating func take(
        _ results: [TaskResult], of task: PendingTask, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        var isStored = false
        var lost: [ObjectID] = []
        for (id, result) in zip(task.spec.returnIDs, results) {
            if task.isRebuild, objects[id]?.exists == true {
                // It was not lost, or came otherwise.
                if case .stored(let raylet, _) = result { freeUnwanted(id, at: raylet, into: &effects) }
                continue
            }
            switch result {
            case .inline(let object): settle(id, .inline(object), into: &effects)
            case .stored(let raylet, let byteCount):
                isStored = true
                if task.spec.attempt > 0 { objects[id]?.version = UInt32(task.spec.attempt) }
                if deadNodes[raylet.node] != nil, objects[id] != nil {
                    lost.append(id)
                } else {
                    settle(id, .stored(at: [raylet], byteCount: byteCount), into: &effects)
                }
            }
        }
        if isStored { keepLineage(of: task, task.spec.returnIDs, lost: lost, into: &effects) }
        return lost
    }

    /// Sets all results of a task that are not there, lost items of a generator among them.
    mutating func settleResults(of task: PendingTask, _ value: ObjectEntry.Value, into effects: inout WorkerEffects) {
        settleReturns(of: task, value, into: &effects)
        guard task.isRebuild, task.spec.generator != nil else { return }
        for id in lostItems(of: task.spec.id) { settle(id, value, into: &effects) }
    }

    private mutating func settleReturns(
        of task: PendingTask, _ value: ObjectEntry.Value, into effects: inout WorkerEffects
    ) {
        for id in task.spec.returnIDs where !task.isRebuild || objects[id]?.exists != true {
            if case .failed(let error) = value { noteFailure(id, error, of: task, into: &effects) }
            settle(id, value, into: &effects)
        }
    }

    /// A reply to a try that is not awaited any more: its stored results are nobody's.
    private mutating func freeUnwanted(_ message: TaskDone, into effects: inout WorkerEffects) {
        for (index, result) in message.results.enumerated() {
            guard case .stored(let raylet, _) = result else { continue }
            freeUnwanted(ObjectID.taskReturn(message.task, index: index), at: raylet, into: &effects)
        }
    }

    /// A copy that came with a try that is not awaited any more, unless it is the one that is known.
    func freeUnwanted(_ id: ObjectID, at raylet: Address, into effects: inout WorkerEffects) {
        if case .stored(let kept, _)? = objects[id]?.value, kept.contains(raylet) { return }
        effects.send(.freeObjects(FreeObjects(objects: [id])), to: raylet)
    }

    /// Ends a task with an error in the place of each result.
    mutating func fail(task id: TaskID, _ error: RayError, into effects: inout WorkerEffects) {
        guard let task = tasks.removeValue(forKey: id) else { return }
        var error = error
        if error.function.isEmpty { error.function = task.spec.displayName }
        traceEnded(task, error)
        let isRecorded = runEnded(task)
        if !task.cancellation.hasFailedResults { settleResults(of: task, .failed(error), into: &effects) }
        settleStrays(of: task, into: &effects)
        var lost: [ObjectID] = []
        if task.spec.generator != nil { lost = generatorEnded(task, error, into: &effects) }
        if isRecorded { releaseRun(of: id, into: &effects) }
        releaseArguments(of: task.spec, into: &effects)
        switch task.spec.kind {
        case .normal: break
        case .actorCall(let actor, _):
            actors[actor]?.waiting.remove(id)
            sendCalls(of: actor, into: &effects)
        case .actorCreation(let actor):
            creationFailed(actor, error, isPython: task.spec.function.language == .python, into: &effects)
        }
        guard !lost.isEmpty, fatal == nil else { return }
        recover(lost, because: "the last node that had a copy is gone", at: clock, into: &effects)
    }
}
