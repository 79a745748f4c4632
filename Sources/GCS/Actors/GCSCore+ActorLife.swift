//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// An actor's way from worker to worker.
extension GCSCore {
    /// Asks for a worker for an actor that waits to be started.
    mutating func queueActor(_ id: ActorID, at now: Instant, into effects: inout GCSEffects) {
        guard let actor = actors[id], case .backingOff = actor.stage else { return }
        backingOffActors.remove(id)
        guard let program = jobs[id.job]?.info.program else {
            return endActor(id, because: "its job is not known any more", at: now, into: &effects)
        }
        let lease = takeLeaseID()
        let request = request(lease, for: actor)
        leases[lease] = LeaseRecord(
            request: request, owner: settings.address, program: program, purpose: .actor(id),
            environment: actor.spec.creation.environment)
        actors[id]?.stage = .queued(lease)
        traceActorQueued(id, at: now)
        // Later than requests of tasks: a node that is just starting may have what it wants.
        notices.lookAgain(lease, at: now)
        schedule(.request(request), at: now, into: &effects)
    }

    /// The worker for an actor is there: it runs the initialiser.
    mutating func startActor(
        _ id: ActorID, _ lease: LeaseID, on worker: Address, at now: Instant,
        into effects: inout GCSEffects
    ) {
        guard let actor = actors[id], actor.stage == .queued(lease) else { return }
        actors[id]?.stage = .starting(lease, worker)
        traceActorStarting(id, on: worker, at: now)
        sendStart(actor, lease, to: worker, into: &effects)
    }

    /// What the scheduler is asked for an actor.
    func request(_ lease: LeaseID, for actor: ActorRecord) -> LeaseRequest {
        let spec = actor.spec
        return LeaseRequest(
            id: lease, owner: .gcs, ownerNode: .none, job: spec.id.job, shape: spec.creation.resources,
            held: spec.heldResources, strategy: spec.creation.strategy, isActor: true)
    }

    func sendStart(_ actor: ActorRecord, _ lease: LeaseID, to worker: Address, into effects: inout GCSEffects) {
        if peers[worker.worker] == nil { effects.append(.connect(worker)) }
        let start = StartActor(spec: actor.spec, incarnation: actor.incarnation, lease: lease)
        effects.send(.startActor(start), to: worker.worker)
    }

    mutating func actorStarted(
        _ started: ActorStarted, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let actor = actors[started.actor], case .starting(let lease, let worker) = actor.stage,
            worker.worker == sender.id, actor.incarnation == started.incarnation
        else { return }
        traceActorStarted(actor, started.error, at: now)
        if let thrown = started.error {
            return endActor(started.actor, thrown.asCreationFailure(of: actor.spec), at: now, into: &effects)
        }
        actors[started.actor]?.stage = .alive(lease, worker)
        actors[started.actor]?.wasAlive = true
        actors[started.actor]?.aliveAt = actor.aliveAt ?? now
        if started.shownName.utf8.count <= 2 * ActorStarted.shownNameBytesMax {
            actors[started.actor]?.shownName = started.shownName
        }
        actors[started.actor]?.failuresInARow = 0
        actors[started.actor]?.error = nil
        publish(started.actor, into: &effects)
    }

    /// An actor that starts waits for an argument that is lost, and has taken what making that again may need. So it gives
    /// that back, and is started again later: this costs no restart.
    mutating func actorDelayed(
        _ delayed: ActorDelayed, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let actor = actors[delayed.actor], case .starting(let lease, let worker) = actor.stage,
            worker.worker == sender.id, actor.incarnation == delayed.incarnation
        else { return }
        let cause = "an argument of its initialiser was lost and is being made again"
        noteOrder(worker.worker, .intendedSystemExit, "the actor \(actor.title) is started again: \(cause)")
        endLease(lease, .killWorker, at: now, into: &effects)
        incarnationEnded(delayed.actor, lease, RayError(.actorDied, cause), isFree: true, at: now, into: &effects)
    }

    /// The worker of an actor, or its start, came to an end: the actor is started again, or dies.
    ///
    /// - Parameter isFree: whether another start costs no restart.
    mutating func incarnationEnded(
        _ id: ActorID, _ lease: LeaseID, _ error: RayError, wasPreempted: Bool = false, isFree: Bool = false,
        at now: Instant, into effects: inout GCSEffects
    ) {
        guard let actor = actors[id], actor.lease == lease else { return }
        if error.type == .runtimeEnvSetupFailed, !actor.wasAlive {
            // No other start would do better; its calls are told so as tasks are.
            var error = error
            error.message = "the actor \(actor.title) cannot be created: \(error.message)"
            return endActor(id, error, at: now, into: &effects)
        }
        // As in Ray an announced preemption costs no restart, if restarts are wanted at all.
        let isFree = isFree || wasPreempted && actor.spec.restartsMax != 0
        guard actor.mayRestart || isFree else {
            let restarts = actor.restartCount == 0 ? "" : " (it was started again \(actor.restartCount) times)"
            let end = ActorEnd(of: error, wasPreempted: wasPreempted)
            return endActor(id, because: error.message + restarts, end, error, at: now, into: &effects)
        }
        let pause =
            actor.failuresInARow == 0
            ? 0
            : min(
                GCSLimits.restartDelayMilliseconds << min(actor.failuresInARow - 1, 20),
                GCSLimits.restartDelayMillisecondsMax)
        traceActorStarted(actor, error, at: now)
        actors[id]?.restartCount += isFree ? 0 : 1
        unconfirmedActors.remove(id)
        actors[id]?.incarnation &+= 1
        actors[id]?.failuresInARow += 1
        actors[id]?.stage = .backingOff(until: now.advanced(milliseconds: pause))
        actors[id]?.error = error
        backingOffActors.insert(id)
        effects.log(.warning, "actor \(actor.title) is started again: \(error.message)")
        publish(id, into: &effects)
        removeGroups(createdBy: id, at: now, into: &effects)
        if pause == 0 { queueActor(id, at: now, into: &effects) }
    }

    /// Starts actors again whose pause is over.
    mutating func restartActors(at now: Instant, into effects: inout GCSEffects) {
        for id in backingOffActors.sorted() {
            guard case .backingOff(let until)? = actors[id]?.stage, until <= now else { continue }
            queueActor(id, at: now, into: &effects)
        }
    }

    /// Ends an actor for good with `actorDied`, as in Ray with `outOfMemory` if that was why.
    mutating func endActor(
        _ id: ActorID, because cause: String, _ end: ActorEnd = .unspecified, _ origin: RayError? = nil,
        at now: Instant, into effects: inout GCSEffects
    ) {
        guard let actor = actors[id] else { return }
        let error = RayError(
            origin?.type == .outOfMemory ? .outOfMemory : .actorDied, "the actor \(actor.title) died: \(cause)",
            typeName: end.rawValue, function: actor.spec.creation.function.description,
            node: origin?.node ?? "", host: origin?.host ?? "",
            processID: origin.map(\.processID) ?? processID(of: actor),
            causes: origin?.causes ?? [])
        endActor(id, error, at: now, into: &effects)
    }

    /// Ends an actor for good; its worker is killed and its name is free.
    mutating func endActor(_ id: ActorID, _ error: RayError, at now: Instant, into effects: inout GCSEffects) {
        guard let actor = actors.removeValue(forKey: id) else { return }
        backingOffActors.remove(id)
        traceActorStarted(actor, error, at: now)
        drainingActors[id] = nil
        unconfirmedActors.remove(id)
        let name = ActorName(namespace: actor.spec.namespace, name: actor.spec.name)
        if actorNames[name] == id { actorNames[name] = nil }
        creatorActors[actor.creator]?.remove(id)
        if creatorActors[actor.creator]?.isEmpty == true { creatorActors[actor.creator] = nil }
        effects.log(.info, error.message)
        noteOrder(
            actor.worker?.worker, error.type == .actorCreationFailed ? .userError : .intendedSystemExit, error.message)
        endedActors.insert(EndedActor(actor, processID: processID(of: actor), diedAt: now), for: id)
        let state = ActorState(actor.spec, phase: .dead, incarnation: actor.incarnation, error: error.bounded)
        bury(state, subscribers: actor.subscribers, into: &effects)
        if let lease = actor.lease { endLease(lease, .killWorker, at: now, into: &effects) }
        removeGroups(createdBy: id, at: now, into: &effects)
        if actor.spec.lifetime == .detached { releaseFiles(of: .actor(id)) }
        actorOfJobEnded(id.job)
    }

    /// An actor that was refused: it is dead from the first.
    mutating func stillborn(
        _ spec: ActorSpec, _ error: RayError, creator: WorkerID, into effects: inout GCSEffects
    ) {
        let waiting = awaitedActors.removeValue(forKey: spec.id)?.subscribers ?? []
        var spec = spec
        if error.type == .invalidArgument {
            // What broke a limit is not kept.
            spec.name = ""
            spec.namespace = ""
        }
        bury(ActorState(spec, phase: .dead, error: error), subscribers: waiting.union([creator]), into: &effects)
    }

    /// Its creator says that an actor will never be created.
    mutating func abandonActor(_ message: AbandonActor, _ sender: Sender, into effects: inout GCSEffects) {
        let id = message.actor
        let creator = awaitedActors[id]?.creator ?? .none
        guard actors[id] == nil, deadActors[id] == nil, forgottenActors[id] == nil, acts(sender.id, for: id.job),
            creator.isNone || creator == sender.id
        else { return }
        let waiting = awaitedActors.removeValue(forKey: id)?.subscribers ?? []
        bury(.unknown(id, message.error.bounded), subscribers: waiting, into: &effects)
    }

    private mutating func bury(
        _ state: ActorState, subscribers: Set<WorkerID>, into effects: inout GCSEffects
    ) {
        remember(state)
        deleteKeys(of: state.id)
        for subscriber in subscribers.sorted() {
            peers[subscriber]?.actors.remove(state.id)
            tell(subscriber, .actorUpdate(ActorUpdate(state: state)), into: &effects)
        }
    }

    /// An id for a lease that the GCS wants itself.
    private mutating func takeLeaseID() -> LeaseID {
        while true {
            leaseCounter &+= 1
            let id = LeaseID.number(leaseCounter, owner: .gcs)
            if leases[id] == nil { return id }
        }
    }
}

extension RayError {
    /// What the initialiser of an actor threw, as the reason why the actor cannot live.
    fileprivate func asCreationFailure(of spec: ActorSpec) -> RayError {
        var error = self
        error.type = .actorCreationFailed
        error.message = "the initialiser of actor \(spec.title) failed: \(message)"
        error.causes = [typeName.isEmpty ? message : "\(typeName): \(message)"] + causes
        return error
    }

    /// Without a payload that is too large to keep.
    fileprivate var bounded: RayError {
        guard payload.count > GCSLimits.errorPayloadBytesMax else { return self }
        var error = self
        error.payload = []
        return error
    }
}
