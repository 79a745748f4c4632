//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
internal import RayWire

/// Running what others push: order, arguments, hand-back.
extension WorkerCore {
    mutating func pushed(
        _ message: PushTask, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let task = Execution.Received(spec: message.spec, caller: peer, lease: message.lease)
        if execution.isRetired { announceRetirement(of: message.lease, to: peer, into: &effects) }
        if execution.cpu != .running || execution.isRetired {
            // Its CPU is given away, so this task must not wait behind the blocked one, or nothing begins here.
            effects.send(.handBack(HandBack(lease: message.lease, tasks: [message.spec.id])), to: peer)
            return
        }
        receive(task, into: &effects)
    }

    mutating func called(
        _ message: CallActor, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard case .actorCall(let actor, _) = message.spec.kind, actor == execution.actor,
            message.incarnation == execution.incarnation
        else {
            let error = RayError(.actorUnavailable, "the actor does not live in this process any more")
            return answer(message.spec, of: peer, with: error, into: &effects)
        }
        if let reason = execution.leaving {
            return refuse(message.spec, of: peer, because: reason, into: &effects)
        }
        if let flaw = prepareGroup(message.spec.concurrencyGroup) {
            return answer(message.spec, of: peer, with: flaw, into: &effects)
        }
        var call = Execution.Received(spec: message.spec, caller: peer, lease: execution.lease)
        call.isRebuild = message.isRebuild && !configuration.plantsPoliteRebuild
        call.overtakes = call.isRebuild || execution.isUnordered
        receive(call, into: &effects)
        if call.isRebuild { watchRebuilds() }
    }

    mutating func startActor(_ message: StartActor, at now: Instant, into effects: inout WorkerEffects) {
        guard execution.actor == nil, case .actorCreation(let actor) = message.spec.creation.kind else { return }
        execution.actor = actor
        execution.incarnation = message.incarnation
        execution.lanes[0].callsMax = max(1, message.spec.concurrencyMax)
        execution.actorName = message.spec.name
        execution.isUnordered = message.spec.isUnordered
        for group in message.spec.concurrencyGroups where !execution.lanes.contains(where: { $0.group == group.name }) {
            execution.lanes.append(Lane(group: group.name, callsMax: max(1, group.callsMax)))
        }
        execution.lease = message.lease
        receive(
            Execution.Received(spec: message.spec.creation, caller: .gcs, lease: message.lease), into: &effects)
    }

    /// Queues a task and fetches its arguments; a repeated push is ignored.
    private mutating func receive(_ given: Execution.Received, into effects: inout WorkerEffects) {
        var task = given
        let id = task.spec.id
        if adoptAttempt(task, into: &effects) { return }
        for case .reference(let reference) in task.spec.arguments {
            addArgumentUse(reference)
            if objects[reference.id]?.isAtHand != true { task.missing += 1 }
        }
        execution.lanes[execution.lane(of: task.spec)].queue.append(id)
        execution.received[id] = task
        if task.missing > 0 {
            // It may be given back because of one of them.
            for case .reference(let reference) in task.spec.arguments
            where objects[reference.id]?.isAtHand != true && execution.received[id] != nil {
                wait(for: reference.id, .argument(id), into: &effects)
            }
        }
        startTasks(into: &effects)
    }

    mutating func argumentReady(_ id: TaskID, into effects: inout WorkerEffects) {
        guard execution.received.update(id, { $0.missing -= 1 }) != nil else { return }
        startTasks(into: &effects)
    }

    /// Starts tasks in order; one whose arguments are missing holds back only its own caller's.
    mutating func startTasks(into effects: inout WorkerEffects) {
        for index in execution.lanes.indices {
            while let position = execution.lanes[index].nextStartable(execution.received) {
                start(execution.lanes[index].queue.remove(at: position), in: index, into: &effects)
            }
        }
    }

    private mutating func start(_ id: TaskID, in lane: Int, into effects: inout WorkerEffects) {
        guard var task = execution.received.removeValue(forKey: id) else { return }
        if let error = failedArgument(of: task) {
            return reply(to: task, results: [], error: error, into: &effects)
        }
        if execution.actor == nil {
            execution.lease = task.lease
            execution.holdsCPU = task.spec.resources[ResourceSet.cpu] > .zero
        }
        if tracer.isEnabled {
            task.startedAt = clock.nanoseconds
            wantTraceReport()
        }
        execution.running[id] = task
        execution.lanes[lane].runningCount += 1
        sendReplies(before: task.spec, into: &effects)
        effects.append(.execute(task.spec))
    }

    /// Has replies leave before a task begins that may end the process and take them along.
    ///
    /// Gathered with those that follow they are as good as sent where a call that is lost is made again. So are those of
    /// an actor's calls that follow each other without retries, as long as they are calls of one method: what crashes is
    /// mostly another, and a crash that the process notices lets them leave (`ray_settle_on_crash`).
    private mutating func sendReplies(before spec: TaskSpec, into effects: inout WorkerEffects) {
        guard let last = execution.lastReplied else { return }
        execution.lastReplied = nil
        guard spec.retriesMax == 0 || last.value.retriesMax == 0 else { return }
        if execution.actor != nil, spec.function == last.value.function { return }
        effects.append(.flush)
    }

    /// Takes a task out of those that run.
    mutating func stopRunning(_ id: TaskID) -> Execution.Received? {
        guard let task = execution.running.removeValue(forKey: id) else { return nil }
        execution.lanes[execution.lane(of: task.spec)].runningCount -= 1
        return task
    }

    /// Whether a task runs here.
    package var isExecuting: Bool { !execution.running.isEmpty }

    /// Whether tasks are queued here for longer than the reactor naps, unless they wait for arguments: sixteen of Python
    /// take some 250 us.
    package var hasBacklog: Bool { execution.received.count >= 16 }

    /// Whether a task was pushed here and has not begun.
    package func isQueued(_ task: TaskID) -> Bool { execution.received[task] != nil }

    /// A task that was to begin goes back to the head of the queue until its arguments are here again.
    mutating func argumentsMissing(_ id: TaskID, _ missing: [ObjectID], into effects: inout WorkerEffects) {
        guard !missing.isEmpty, let task = stopRunning(id) else { return }
        execution.received[id] = task
        execution.received[id]?.missing = missing.count
        execution.lanes[execution.lane(of: task.spec)].queue.prepend(id)
        // It was cancelled before it was known that it could not begin yet.
        if execution.cancelled.remove(id) != nil, let task = withdraw([id]).first {
            reply(to: task, results: [], error: Self.cancelled(task.spec, "before it began"), into: &effects)
            return startTasks(into: &effects)
        }
        for object in missing where execution.received[id] != nil {
            self.missing(object, into: &effects)
            wait(for: object, .argument(id), into: &effects)
        }
        startTasks(into: &effects)
    }

    private func failedArgument(of task: Execution.Received) -> RayError? {
        for case .reference(let reference) in task.spec.arguments {
            if case .failed(let error)? = objects[reference.id]?.value { return error.asArgument(of: task.spec) }
        }
        return nil
    }

    /// How the arguments of a task that starts are to be had, in order.
    package func arguments(of spec: TaskSpec) -> [ObjectOutcome] {
        spec.arguments.map { argument in
            switch argument {
            case .value(let object): .inline(object)
            case .reference(let reference):
                switch objects[reference.id]?.value {
                case .inline(let object)?: .inline(object)
                case .failed(let error)?: .failed(error)
                // One that is pending was lost since: it is looked for in vain, and waited for again.
                case .stored?, .pending?: .local(reference.id)
                case nil:
                    .failed(RayError(.objectLost, "argument \(reference.id) is not at hand"))
                }
            }
        }
    }

    // MARK: Hand-back

    /// Gives tasks that have not begun back to their owner, from the end of the queue.
    ///
    /// Who asked gets an answer even if there is nothing to give back: until then it pushes nothing.
    mutating func handBack(
        _ lease: LeaseID, atMost count: Int, askedBy asker: WorkerID? = nil, into effects: inout WorkerEffects
    ) {
        var returned: [TaskID] = []
        var owner: WorkerID?
        for id in execution.lanes[0].queue.reversed() where returned.count < count {
            guard let task = execution.received[id], task.lease == lease, case .normal = task.spec.kind else {
                continue
            }
            owner = task.caller
            returned.append(id)
        }
        drop(returned, into: &effects)
        guard let peer = owner ?? asker ?? leaseOwner(lease) else { return }
        effects.send(.handBack(HandBack(lease: lease, tasks: returned.reversed())), to: peer)
    }

    private func leaseOwner(_ lease: LeaseID) -> WorkerID? {
        execution.running.values.first { $0.lease == lease }?.caller
    }

    /// Forgets tasks that have not begun.
    mutating func drop(_ ids: [TaskID], into effects: inout WorkerEffects) {
        for task in withdraw(ids) {
            for case .reference(let reference) in task.spec.arguments {
                removeArgumentUse(reference.id, into: &effects)
            }
        }
    }

    /// Takes tasks that have not begun out of the queue; their arguments are still in use.
    ///
    /// The queue is gone through once, and so is who waits for each argument, however many tasks go.
    mutating func withdraw(_ ids: [TaskID]) -> [Execution.Received] {
        let tasks = ids.compactMap { execution.received.removeValue(forKey: $0) }
        guard !tasks.isEmpty else { return [] }
        let gone = Set(tasks.map(\.spec.id))
        execution.unqueue(gone)
        if !execution.generators.isEmpty { for id in gone { execution.generators[id] = nil } }
        var arguments: Set<ObjectID> = []
        for task in tasks {
            for case .reference(let reference) in task.spec.arguments where arguments.insert(reference.id).inserted {
                objects[reference.id]?.waiters.removeAll { waiter in
                    if case .argument(let task) = waiter { gone.contains(task) } else { false }
                }
            }
        }
        return tasks
    }

    /// A caller is gone: what it pushed and has not begun never will.
    mutating func callerLost(_ peer: WorkerID, into effects: inout WorkerEffects) {
        drop(execution.queued.filter { execution.received[$0]?.caller == peer }, into: &effects)
        for id in execution.running.keys.sorted() where execution.running[id]?.caller == peer {
            execution.running[id]?.isCallerLost = true
            readerLost(of: id, into: &effects)
        }
        execution.budget.callerLost(peer)
        grantItems(into: &effects)
        startTasks(into: &effects)
        leaveIfDone(into: &effects)
    }

    /// An idle worker may leave, unless others depend on what it owns.
    mutating func exitRequested(_ reason: String, into effects: inout WorkerEffects) {
        guard isUnneeded else {
            if let raylet = configuration.raylet {
                effects.send(.exitDeclined(ExitDeclined()), to: raylet.worker)
            }
            return
        }
        effects.append(.exit(reason: reason))
    }

    // MARK: Blocking

    /// A task begins to wait: its CPU goes back to the pool, and what is queued behind it to the owner.
    ///
    /// As in Ray not that of an actor, which is its own while it lives: who would go on with a long task there?
    mutating func beginBlocking(_ task: TaskID?, into effects: inout WorkerEffects) {
        guard let task, let running = execution.running[task], execution.holdsCPU,
            execution.cpu == .running, let lease = running.lease
        else { return }
        execution.cpu = .blocked
        setAlarm(.zero)  // Leases without work are kept less long from now on.
        handBackAll(lease, into: &effects)
        effects.send(.leaseBlocked(LeaseBlocked(lease: lease)), to: WorkerID.gcs)
    }

    private mutating func handBackAll(_ lease: LeaseID, into effects: inout WorkerEffects) {
        guard !execution.hasEmptyQueues else { return }
        handBack(lease, atMost: .max, into: &effects)
    }

    /// A wait of `task` has ended with `effect`, which is held until the CPU is ours again.
    mutating func endBlocking(_ task: TaskID?, _ effect: WorkerEffect, into effects: inout WorkerEffects) {
        guard let task, let running = execution.running[task], let lease = running.lease else {
            effects.append(effect)
            return
        }
        switch execution.cpu {
        case .running: effects.append(effect)
        case .blocked:
            execution.cpu = .resuming
            execution.held.append(effect)
            effects.send(.leaseUnblocked(LeaseUnblocked(lease: lease)), to: WorkerID.gcs)
        case .resuming: execution.held.append(effect)
        }
    }

    mutating func leaseResumed(_ lease: LeaseID, into effects: inout WorkerEffects) {
        guard execution.cpu == .resuming, execution.lease == lease else { return }
        execution.cpu = .running
        for effect in execution.held { effects.append(effect) }
        execution.held = []
    }
}
