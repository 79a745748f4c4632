//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
package import RayWire

/// Actors from the caller's side: creation, calls in order, restarts.
extension WorkerCore {
    /// How long calls wait for the GCS's word after the link to a living actor broke.
    static let unavailableMilliseconds = 3_000

    /// Creates an actor; failures arrive as errors of calls on it.
    package mutating func createActor(
        _ call: Call, _ options: ActorOptions, from parent: TaskID?, at now: Instant,
        into effects: inout WorkerEffects
    ) -> ActorID {
        let actor = ActorID.random(job: configuration.job, using: &generator)
        var spec = TaskSpec(
            id: .actorTask(actor, using: &generator), kind: .actorCreation(actor), call: call.shared,
            arguments: call.arguments, owner: configuration.address)
        spec.returnCount = 0
        spec.retriesMax = 0
        if let environment, spec.environment == nil { spec.environment = environment }
        var client = ActorClient()
        client.taskRetriesMax = options.taskRetriesMax
        client.pendingCallsMax = options.pendingCallsMax
        if options.pendingCallsMax >= 0 { limitsCalls = true }
        client.isUnordered = options.isUnordered
        client.handles = 1
        client.isHeld = true
        client.isSubscribed = true
        var whole = ActorSpec(
            id: actor, creation: spec, name: options.name,
            namespace: options.namespace.isEmpty ? configuration.namespace : options.namespace,
            lifetime: options.lifetime, restartsMax: options.restartsMax, taskRetriesMax: options.taskRetriesMax,
            concurrencyMax: max(1, options.concurrencyMax), heldResources: options.heldResources)
        whole.concurrencyGroups = options.concurrencyGroups
        whole.pendingCallsMax = options.pendingCallsMax
        whole.isUnordered = options.isUnordered
        client.creation = Shared(whole)
        objects[.actorHandle(actor)] = ObjectEntry(localReferences: 1)
        actors[actor] = client
        if let group = options.concurrencyGroups.first(where: { $0.callsMax < 1 }) {
            let flaw =
                "max_concurrency must be greater than 0, and that of the concurrency group '\(group.name)' is "
                + "\(group.callsMax): actor \(actor) is not created"
            effects.append(.warn(flaw))
            creationFailed(actor, RayError(.actorCreationFailed, flaw), into: &effects)
            return actor
        }
        _ = begin(spec, retriesLeft: 0, at: now, into: &effects)
        return actor
    }

    /// The arguments of an initialiser exist: from now on the GCS creates the actor.
    mutating func registerActor(_ id: TaskID, into effects: inout WorkerEffects) {
        guard let task = tasks.removeValue(forKey: id), case .actorCreation(let actor) = task.spec.kind,
            var spec = actors[actor]?.creation
        else { return }
        spec.value.creation = task.spec
        // What the initialiser needs is held until the actor cannot be started again.
        if !task.spec.arguments.isEmpty { actors[actor]?.heldCreation = spec }
        actors[actor]?.creation = spec
        actors[actor]?.isRegistered = true
        effects.send(.createActor(CreateActor(spec: spec.value)), to: WorkerID.gcs)
        letGoIfUnused(actor, into: &effects)
    }

    /// Calls a method; its results' references, each with one local reference.
    ///
    /// One that has no retries of its own has those of its actor. Over the limit of calls that are under way its results
    /// say so.
    package mutating func call(
        _ actor: ActorID, _ call: Call, from parent: TaskID?, at now: Instant, into effects: inout WorkerEffects
    ) -> [ObjectReference] {
        follow(actor, into: &effects)
        let spec = actorTask(actor, call)
        if let error = excess(of: actor, call.shared) {
            return spec.returnIDs.map { id in
                objects[id] = ObjectEntry(value: .failed(error), localReferences: 1)
                return ObjectReference(id: id, owner: configuration.address)
            }
        }
        enqueue(spec, for: actor)
        let retries = spec.retriesMax != 0 ? spec.retriesMax : actors[actor]?.taskRetriesMax ?? 0
        return begin(
            spec, retriesLeft: retries, retryExceptions: call.retryExceptions, parent: parent, at: now, into: &effects)
    }

    /// As `call`, but one over the limit is refused here, and its own retries are all that a call has.
    ///
    /// - Throws: `pendingCallsLimitExceeded`
    package mutating func callWithinLimit(
        _ actor: ActorID, _ call: Call, from parent: TaskID?, at now: Instant, into effects: inout WorkerEffects
    ) throws(RayError) -> [ObjectReference] {
        if let error = excess(of: actor, call.shared) { throw error }
        follow(actor, into: &effects)
        let spec = actorTask(actor, call)
        enqueue(spec, for: actor)
        return begin(
            spec, retriesLeft: spec.retriesMax, retryExceptions: call.retryExceptions, parent: parent, at: now,
            into: &effects)
    }

    private mutating func actorTask(_ actor: ActorID, _ call: Call) -> TaskSpec {
        var spec = TaskSpec(
            id: .actorTask(actor, using: &generator), kind: .actorCall(actor, sequence: 0), call: call.shared,
            arguments: call.arguments, owner: configuration.address)
        if !spec.resources.isEmpty { spec.resources = ResourceSet() }
        return spec
    }

    /// A call takes its place among those that have not been sent.
    private mutating func enqueue(_ spec: TaskSpec, for actor: ActorID) {
        actors.update(actor) { client in
            if !spec.concurrencyGroup.isEmpty { client.hasGroups = true }
            if client.isUnordered, spec.arguments.contains(where: \.isReference) {
                client.waiting.insert(spec.id)
            } else {
                client.queue.append(spec.id)
            }
        }
    }

    /// Has the GCS tell what becomes of an actor, unless it does.
    mutating func follow(_ actor: ActorID, into effects: inout WorkerEffects) {
        guard actors.update(actor, { $0.isSubscribed }) != true else { return }
        actors[actor, default: ActorClient()].isSubscribed = true
        if fatal == nil { subscribe(to: actor, into: &effects) }
    }

    func subscribe(to actor: ActorID, into effects: inout WorkerEffects) {
        let creator = objects[.actorHandle(actor)]?.owner?.worker ?? .none
        effects.send(.subscribeActor(SubscribeActor(actor: actor, creator: creator)), to: WorkerID.gcs)
    }

    /// Sends calls from the head of the queue as far as their arguments exist.
    mutating func sendCalls(of actor: ActorID, into effects: inout WorkerEffects) {
        if !handOvers.asked.isEmpty { sendHandOvers(to: actor, into: &effects) }
        // Taken out meanwhile, so that the queues inside are changed in place, not copied.
        guard var client = actors.removeValue(forKey: actor) else { return }
        guard client.phase == .alive, client.unavailableAt == nil else {
            let isDead = client.phase == .dead
            actors[actor] = consume client
            return isDead ? failCalls(of: actor, into: &effects) : awaitRestart(of: actor)
        }
        if !client.rebuilds.isEmpty { queueRebuilds(of: &client) }
        var generators: [TaskID] = []
        while let task = nextToSend(of: &client) {
            let id = task.spec.id
            client.inFlight.append(id)
            var spec = withItemsWanted(task)
            spec.kind = .actorCall(actor, sequence: client.sequence)
            client.sequence += 1
            tasks.update(id) { $0.send(.called(client.incarnation), at: clock) }
            effects.send(
                .callActor(CallActor(spec: spec, incarnation: client.incarnation, isRebuild: task.isRebuild)),
                to: client.address.worker)
            if spec.generator != nil { generators.append(id) }
        }
        if client.inFlight.count >= excessWarnedAt { warnOfExcess(client, actor, into: &effects) }
        let handles = client.handles
        actors[actor] = consume client
        for id in generators { tellConsumed(id, into: &effects) }
        if handles == 0 { letGoIfUnused(actor, into: &effects) }
    }

    /// Tells the driver that very many calls are under way: each takes memory here and in the actor.
    private mutating func warnOfExcess(
        _ client: ActorClient, _ actor: ActorID, into effects: inout WorkerEffects
    ) {
        let name = client.inFlight.last.flatMap { tasks[$0]?.spec.function.className } ?? ""
        while client.inFlight.count >= excessWarnedAt {
            // For Ray's tools in its words.
            let report = ErrorReport(
                "excess_queueing_warning",
                "Warning: More than \(excessWarnedAt) tasks are pending submission to actor \(name) with actor_id "
                    + "\(actor.hex). Wait for some of them before sending more: each takes memory",
                job: configuration.job, reportedAt: clock.nanoseconds)
            effects.send(.publish(report.publish), to: WorkerID.gcs)
            excessWarnedAt *= 2
        }
    }

    /// Takes the next call that may be sent out of those that have not been; order holds in each group.
    private func nextToSend(of client: inout ActorClient) -> PendingTask? {
        var index = 0
        while index < client.held.count {
            guard let id = client.held[index].queue.first else {
                client.held.remove(at: index)
                continue
            }
            let task = tasks[id]
            guard task == nil || task?.phase == .queued else {
                index += 1
                continue
            }
            client.held[index].queue.removeFirst()
            if let task { return task }  // Else it failed while it waited for its arguments.
        }
        while let id = client.queue.popFirst() {
            guard let task = tasks[id] else { continue }
            let isHeld = !client.held.isEmpty && client.held.contains { $0.group == task.spec.concurrencyGroup }
            guard isHeld || task.phase != .queued else { return task }
            guard client.hasGroups else {
                client.queue.prepend(id)
                return nil
            }
            client.hold(id, task.spec.concurrencyGroup)
        }
        return nil
    }

    /// Puts calls that make results again, and whose arguments are there, before those that wait.
    private func queueRebuilds(of client: inout ActorClient) {
        let ready = client.rebuilds.filter { tasks[$0]?.phase == .queued }
        if !ready.isEmpty { client.prepend(ready) }
        client.rebuilds.removeAll { id in
            if case .waiting? = tasks[id]?.phase { false } else { true }
        }
    }

    mutating func callEnded(_ actor: ActorID, _ id: TaskID, into effects: inout WorkerEffects) {
        if actors.update(actor, { $0.callEnded(id) }) == 0 { letGoIfUnused(actor, into: &effects) }
    }

    /// Learns of an actor that was looked up, so that calls need not ask again.
    package mutating func adopt(_ state: ActorState, at now: Instant, into effects: inout WorkerEffects) {
        guard actors[state.id]?.isSubscribed != true else { return }
        actors[state.id, default: ActorClient()].isSubscribed = true
        subscribe(to: state.id, into: &effects)
        actorUpdate(state, at: now, into: &effects)
    }

    mutating func updated(_ message: ActorUpdate, at now: Instant, into effects: inout WorkerEffects) {
        let actor = message.state.id
        actors[actor]?.pendingCallsMax = message.pendingCallsMax
        if message.pendingCallsMax >= 0 { limitsCalls = true }
        if message.isUnordered, actors[actor]?.isUnordered == false { becameUnordered(actor) }
        actorUpdate(message.state, at: now, into: &effects)
        if message.isUnordered { sendCalls(of: actor, into: &effects) }
    }

    /// Calls that wait for their arguments hold back no others any more.
    private mutating func becameUnordered(_ actor: ActorID) {
        guard var client = actors[actor] else { return }
        client.isUnordered = true
        client.gatherHeld()
        let calls = client.queue
        client.queue = []
        for id in calls {
            if case .waiting? = tasks[id]?.phase { client.waiting.insert(id) } else { client.queue.append(id) }
        }
        actors[actor] = client
    }

    mutating func actorUpdate(_ state: ActorState, at now: Instant, into effects: inout WorkerEffects) {
        guard let client = actors[state.id], client.phase != .dead, state.incarnation >= client.incarnation,
            !holdBack(state, of: client, at: now)
        else { return }
        actors.update(state.id) { client in
            client.creation = nil
            client.phase = state.phase
            client.error = state.error
            client.taskRetriesMax = state.taskRetriesMax
            if state.phase != .restarting { client.restartDue = nil }
        }
        releaseCreation(of: state.id, state.phase, into: &effects)
        switch state.phase {
        case .pending: break
        case .alive:
            guard client.phase != .alive || state.incarnation != client.incarnation else {
                return sendCalls(of: state.id, into: &effects)
            }
            actors.update(state.id) { client in
                client.incarnation = state.incarnation
                client.address = state.address
                client.sequence = 0
                client.unavailableAt = nil
            }
            effects.append(.connect(state.address))
            if state.incarnation != client.incarnation {
                retryCalls(of: state.id, lostAt: client.address.node, error: state.error, into: &effects)
            }
            sendCalls(of: state.id, into: &effects)
        case .restarting:
            actors.update(state.id) { current in
                current.unavailableAt = nil
                if client.phase != .restarting { current.restartingSince = now }
            }
            retryCalls(of: state.id, lostAt: client.address.node, error: state.error, into: &effects)
            if actors[state.id].map({ $0.queuedCount > 0 }) ?? false { awaitRestart(of: state.id) }
        case .dead: failCalls(of: state.id, into: &effects)
        }
    }

    /// Keeps news of the end of an actor's process, as results may lie in the link to it, until the end of that link, within
    /// a limit; nothing is sent there meanwhile. Whether it was kept.
    private mutating func holdBack(_ news: ActorState, of client: ActorClient, at now: Instant) -> Bool {
        let isOther = news.phase != .alive || news.incarnation != client.incarnation
        if let before = client.news {
            var latest = news
            // A process that is there again is told of without a reason why the one before is not.
            latest.error = news.error ?? before.error
            actors[news.id]?.news = isOther ? latest : nil
            // A head that does not know what the one before has said: the process lives after all.
            if !isOther { actors[news.id]?.unavailableAt = nil }
            return isOther
        }
        guard client.phase == .alive, client.unavailableAt == nil, !client.inFlight.isEmpty, isOther else {
            return false
        }
        let due = now.advanced(milliseconds: configuration.lastWordsMilliseconds)
        actors.update(news.id) { client in
            client.news = news
            client.unavailableAt = due
        }
        setAlarm(due)
        return true
    }

    /// The link to an actor's process has ended, or its end was waited for long enough: the news that came before counts.
    private mutating func takeNews(of actor: ActorID, at now: Instant, into effects: inout WorkerEffects) {
        guard let news = actors[actor]?.news else { return }
        actors[actor]?.news = nil
        actorUpdate(news, at: now, into: &effects)
    }

    /// The arguments of an initialiser go when it has ended for the last time.
    mutating func releaseCreation(
        of actor: ActorID, _ phase: ActorPhase, into effects: inout WorkerEffects
    ) {
        guard let spec = actors[actor]?.heldCreation,
            phase == .dead || phase == .alive && spec.value.restartsMax == 0
        else { return }
        actors[actor]?.heldCreation = nil
        releaseArguments(of: spec.value.creation, into: &effects)
    }

    /// Calls under way when the actor's process died: again where retries are left, else the error.
    ///
    /// Where the actor lives, the end of a call sends what is queued: to `node` nothing goes any more, and what is made
    /// again goes before what came later.
    private mutating func retryCalls(
        of actor: ActorID, lostAt node: NodeID, error: RayError?, into effects: inout WorkerEffects
    ) {
        recallHandOvers(to: actor, into: &effects)
        guard let inFlight = actors[actor]?.inFlight, !inFlight.isEmpty else { return }
        actors[actor]?.inFlight = []
        noteLostTry(of: inFlight, at: node)
        var again: [TaskID] = []
        var ended: [TaskID] = []
        for id in inFlight {
            guard var task = tasks[id] else { continue }
            guard task.retriesLeft != 0, task.cancellation == .none else {
                ended.append(id)
                continue
            }
            traceEnded(task, error ?? RayError(.actorUnavailable, "its process died"))
            task.retriesLeft -= task.retriesLeft > 0 ? 1 : 0
            task.spec.attempt += 1
            task.phase = .queued
            tasks[id] = task
            traceAgain(id)
            again.append(id)
        }
        if !again.isEmpty { actors[actor]?.prepend(again) }
        let cause = error?.message ?? "its process died"
        let unknown = RayError(
            .actorUnavailable,
            "the call was under way when the actor was lost: \(cause). "
                + "Whether it had an effect is unknown; maxTaskRetries makes such calls again")
        for id in ended where !dropCancelled(id, into: &effects) { fail(task: id, unknown, into: &effects) }
    }

    mutating func failCalls(of actor: ActorID, into effects: inout WorkerEffects) {
        actors[actor]?.gatherHeld()
        guard let client = actors[actor] else { return }
        let error = client.error ?? RayError(.actorDied, "the actor \(actor) is dead")
        failHandOvers(to: actor, into: &effects)
        noteLostTry(of: client.inFlight, at: client.address.node)
        let calls = Array(client.inFlight) + client.rebuilds + Array(client.queue) + client.waiting.sorted()
        actors.update(actor) { client in
            client.inFlight = []
            client.waiting = []
            client.queue = []
            client.rebuilds = []
        }
        for id in calls {
            let isLost = tasks[id]?.isRebuild == true
            fail(task: id, isLost ? Self.cannotMakeAgain(in: actor, because: error) : error, into: &effects)
        }
    }

    /// The last copy of a result was lost, and the actor that made it has ended.
    private static func cannotMakeAgain(in actor: ActorID, because end: RayError) -> RayError {
        var error = end
        error.message =
            "a lost result cannot be made again, since actor \(actor), which made it, has ended: \(end.message)"
        return error
    }

    /// The link to an actor's process is gone: the GCS says what comes, within a limit.
    mutating func actorWorkerLost(_ peer: WorkerID, at now: Instant, into effects: inout WorkerEffects) {
        for (id, client) in actors.sorted(by: { $0.key < $1.key })
        where client.phase == .alive && client.address.worker == peer {
            takeNews(of: id, at: now, into: &effects)
            guard client.unavailableAt == nil else { continue }
            let limit = now.advanced(milliseconds: Self.unavailableMilliseconds)
            actors[id]?.unavailableAt = limit
            setAlarm(limit)
        }
    }

    mutating func expireActorCalls(at now: Instant, into effects: inout WorkerEffects) {
        for (id, client) in actors.sorted(by: { $0.key < $1.key }) {
            guard let limit = client.unavailableAt, limit <= now else { continue }
            guard client.news == nil else {
                takeNews(of: id, at: now, into: &effects)
                continue
            }
            // Only the head knows what has become of it.
            guard headAwaySince == nil else { continue }
            actors[id]?.unavailableAt = nil
            let error = RayError(.actorUnavailable, "the connection to it broke though it lives")
            effects.append(.connect(client.address))
            retryCalls(of: id, lostAt: client.address.node, error: error, into: &effects)
            sendCalls(of: id, into: &effects)
        }
    }
}
