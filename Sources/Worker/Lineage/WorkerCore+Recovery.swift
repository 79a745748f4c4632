//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Making lost objects again (docs/internals/lineage.md).
///
///     stored ──last copy lost──▶ pending ──its task runs again──▶ stored
///                                   └── it cannot: failed, and why
extension WorkerCore {
    /// Objects of this process of which `forgetCopies` has found no copy left: makes them again, or fails them.
    mutating func recover(
        _ lost: [ObjectID], because reason: String, at now: Instant, into effects: inout WorkerEffects
    ) {
        var wanted: [TaskID] = []
        for id in lost {
            giveBackTasks(waitingFor: id, version: objects[id]?.version ?? 0, at: [], into: &effects)
            guard objects[id] != nil else { continue }
            if let obstacle = obstacle(to: id) {
                settle(id, .failed(obstacle.error(of: id, lostBecause: reason)), into: &effects)
            } else {
                wanted.append(id.task)
            }
        }
        if let words = lineage.notice.words(count: wanted.count, reason: reason, at: now) {
            effects.append(.warn(words))
        }
        rebuild(wanted, at: now, into: &effects)
    }

    /// Why an object cannot be made again; nothing if it can, or is being made.
    func obstacle(to id: ObjectID) -> Obstacle? {
        guard id.index <= ObjectID.generatorReturnsMax else { return .put }
        guard configuration.keepsLineage else { return .lineageDisabled }
        switch objects[id]?.origin ?? .task {
        case .retriesDisabled: return .retriesDisabled
        case .retriesUsed: return .retriesUsed
        case .other, .task:
            guard let record = lineage.records[id.task] else { return .lineageEvicted }
            if record.isCancelled { return .cancelled }
            return retriesLeft(of: record) == 0 ? .retriesUsed : nil
        }
    }

    /// How often a task may run again for what is lost now; what runs again already is waited for.
    private func retriesLeft(of record: LineageTable.Record) -> Int {
        guard record.isRunning, let task = tasks[record.spec.id] else { return record.retriesLeft }
        if task.isRebuild { return -1 }
        return switch task.phase {
        // A try of its own is enough for a generator that has not sent its items yet.
        case .waiting, .queued: -1
        case .pushed, .called, .orphaned: task.retriesLeft
        }
    }

    /// Runs tasks again, each once however many ask, and before them those whose results they need and are gone.
    private mutating func rebuild(_ wanted: [TaskID], at now: Instant, into effects: inout WorkerEffects) {
        var unvisited = Array(wanted.reversed())
        var entered: [TaskID] = []
        while let id = unvisited.popLast() {
            guard let record = lineage.records[id] else { continue }
            guard !record.isRunning else {
                stopForItems(id, into: &effects)
                continue
            }
            lineage.records[id]?.isRunning = true
            lineage.records[id]?.uses += 1
            var task = PendingTask(
                spec: record.spec, phase: .waiting(0),
                retriesLeft: record.retriesLeft - (record.retriesLeft > 0 ? 1 : 0),
                retryExceptions: record.retryExceptions, isRebuild: true)
            task.spec.attempt += 1
            task.times.submitted = now.nanoseconds
            tasks[id] = task
            traceSubmitted(task.spec, at: now)
            for argument in task.spec.arguments {
                switch argument {
                case .reference(let reference): revive(reference, &unvisited)
                case .value(let object): for inner in object.contained { revive(inner, &unvisited) }
                }
            }
            holdArguments(of: task.spec, into: &effects)
            entered.append(id)
        }
        // Those that make arguments come first, so that they stand before their readers in every queue.
        for id in entered.reversed() {
            if case .actorCall(let actor, _)? = tasks[id]?.spec.kind { actors[actor]?.rebuilds.append(id) }
            if let fatal {
                fail(task: id, fatal, into: &effects)
            } else if let task = tasks[id] {
                awaitArguments(of: task.spec, at: now, into: &effects)
            }
        }
    }

    /// An argument of a task is not there: what stands in the place of the task's results.
    func argumentFailed(_ error: RayError, of task: PendingTask) -> RayError {
        guard task.isRebuild, error.type.isLoss || error.type == .objectFreed || error.type == .ownerDied else {
            return error.asArgument(of: task.spec)
        }
        let type = error.type.isLoss ? error.type : Obstacle.borrowed.type
        return RayError(
            type,
            "a lost result of \(task.spec.displayName) cannot be made again without its argument. \(error.message)",
            function: task.spec.displayName, causes: error.causes)
    }

    /// Enters an argument of this process again whose value went with its last reference.
    private mutating func revive(_ reference: ObjectReference, _ unvisited: inout [TaskID]) {
        let id = reference.id
        guard objects[id] == nil, reference.owner.worker == configuration.address.worker else { return }
        if let obstacle = obstacle(to: id) {
            let reason = "it was let go, and is needed again to make another object that is lost"
            objects[id] = ObjectEntry(value: .failed(obstacle.error(of: id, lostBecause: reason)))
        } else {
            objects[id] = ObjectEntry()
            unvisited.append(id.task)
        }
    }
}

extension RayError {
    /// Of a long chain of tasks the first ones are remembered.
    private static let dependentsMax = 100

    /// An argument failed with this error and the task with it. In Python that is an error of the task, and says so.
    func asArgument(of spec: TaskSpec) -> RayError {
        guard spec.function.language == .python, dependents.count < Self.dependentsMax else { return self }
        var error = self
        error.dependents.append(spec.displayName)
        return error
    }
}
