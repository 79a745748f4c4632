//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What callers ask about actors.
extension GCSCore {
    mutating func createActor(
        _ spec: ActorSpec, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        var spec = spec
        let id = spec.id
        if actors[id] != nil || deadActors[id] != nil || forgottenActors[id] != nil {
            return subscribeActor(id, creator: sender.id, sender, into: &effects)
        }
        if spec.namespace.isEmpty { spec.namespace = jobs[id.job]?.namespace ?? "" }
        if let error = flaw(of: spec, sender) {
            // Who waits for it already hears of it as of every death.
            stillborn(spec, error, creator: sender.id, into: &effects)
            return
        }
        var record = ActorRecord(spec: spec, creator: sender.id, stage: .backingOff(until: now))
        record.subscribers = (awaitedActors.removeValue(forKey: id)?.subscribers ?? []).union([sender.id])
        peers[sender.id]?.actors.insert(id)
        actors[id] = record
        backingOffActors.insert(id)
        if !spec.name.isEmpty { actorNames[ActorName(namespace: spec.namespace, name: spec.name)] = id }
        if spec.lifetime == .job { creatorActors[sender.id, default: []].insert(id) }
        jobs[id.job]?.actorCount += 1
        let holder: SharedFile.Holder = spec.lifetime == .detached ? .actor(id) : .job(id.job)
        hold(spec.creation.environment, program: jobs[id.job]?.info.program, for: holder)
        publish(id, into: &effects)
        queueActor(id, at: now, into: &effects)
    }

    private func flaw(of spec: ActorSpec, _ sender: Sender) -> RayError? {
        guard case .actorCreation(spec.id) = spec.creation.kind else {
            return RayError(.invalidArgument, "actor \(spec.id) has no initialiser of its own")
        }
        guard acts(sender.id, for: spec.id.job) else {
            return jobIsGone(spec.id.job, .actorCreationFailed)
        }
        guard spec.name.utf8.count <= Limits.nameBytesMax, spec.namespace.utf8.count <= Limits.nameBytesMax else {
            return RayError(.invalidArgument, "an actor's name has at most \(Limits.nameBytesMax) bytes")
        }
        guard spec.creation.resources.entries.count <= GCSLimits.resourcesPerRequestMax else {
            return RayError(
                .invalidArgument, "an actor names more than \(GCSLimits.resourcesPerRequestMax) resources")
        }
        guard actors.count < GCSLimits.actorsMax else {
            return RayError(
                .actorCreationFailed, "the cluster has \(actors.count) actors, its maximum; kill some first")
        }
        if let holder = actorNames[ActorName(namespace: spec.namespace, name: spec.name)], !spec.name.isEmpty {
            return RayError(
                .nameTaken,
                "the name '\(spec.name)' in namespace '\(spec.namespace)' is taken by actor \(holder); look it up "
                    + "instead of creating it, choose another name, or kill it first")
        }
        return nil
    }

    mutating func subscribeActor(
        _ id: ActorID, creator: WorkerID, _ sender: Sender, into effects: inout GCSEffects
    ) {
        if let actor = actors[id] {
            guard follow(id, sender) else { return }
            actors[id]?.subscribers.insert(sender.id)
            return effects.send(.actorUpdate(actor.update), to: sender.id)
        }
        if let state = deadActors[id] {
            return effects.send(.actorUpdate(ActorUpdate(state: state)), to: sender.id)
        }
        let isOver = forgottenActors[id] != nil || jobs[id.job].map(\.isEnded) ?? true
        guard !isOver, awaitedActors[id] != nil || awaitedActors.count < GCSLimits.awaitedActorsMax else {
            let error = RayError(.actorDied, "actor \(id) is not known any more: it or its job ended long ago")
            return effects.send(.actorUpdate(ActorUpdate(state: .unknown(id, error))), to: sender.id)
        }
        guard creator.isNone || !isGone(creator) else {
            return effects.send(.actorUpdate(ActorUpdate(state: .abandoned(id))), to: sender.id)
        }
        guard follow(id, sender) else { return }
        awaitedActors[id, default: AwaitedActor(creator: creator)].subscribers.insert(sender.id)
        if !creator.isNone { awaitedActors[id]?.creator = creator }
    }

    /// Whether a process will not be heard of again.
    private func isGone(_ process: WorkerID) -> Bool {
        goneProcesses[process] != nil || peers[process].map(\.isGone) ?? (recovery == nil)
    }

    /// Notes on the peer's side that it is told about an actor; whether it may follow one more.
    private mutating func follow(_ id: ActorID, _ sender: Sender) -> Bool {
        guard let peer = peers[sender.id] else { return false }
        guard peer.actors.contains(id) || peer.actors.count < GCSLimits.subscriptionsPerPeerMax else { return false }
        peers[sender.id]?.actors.insert(id)
        return true
    }

    mutating func lookUpActor(_ wanted: LookUpActor, _ sender: Sender, into effects: inout GCSEffects) {
        var namespace = wanted.namespace
        if namespace.isEmpty { namespace = peers[sender.id]?.job.flatMap { jobs[$0]?.namespace } ?? "" }
        let id = actorNames[ActorName(namespace: namespace, name: wanted.name)]
        let actor = wanted.name.isEmpty ? nil : id.flatMap { actors[$0] }
        let found = ActorFound(state: actor?.state, creator: actor?.spec.creation.owner ?? .none)
        answer(.actorFound(found), sender, into: &effects)
    }

    mutating func killActor(_ kill: KillActor, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        guard let actor = actors[kill.actor] else {
            let isDead = deadActors[kill.actor] != nil || forgottenActors[kill.actor] != nil
            let error = RayError(.notFound, "actor \(kill.actor) is not known to this cluster")
            return confirm(isDead ? nil : error, sender, into: &effects)
        }
        let cause = "it was killed by ray.kill"
        noteOrder(actor.worker?.worker, .intendedSystemExit, "the actor \(actor.title) was killed by ray.kill")
        switch (kill.restart, actor.stage) {
        case (false, _):
            endActor(kill.actor, because: cause, .killed, at: now, into: &effects)
        case (true, .queued), (true, .backingOff):
            // There is nothing to kill, but as in Ray it costs a restart.
            guard actor.mayRestart else {
                endActor(kill.actor, because: cause, .killed, at: now, into: &effects)
                break
            }
            actors[kill.actor]?.restartCount += 1
        case (true, .starting(let lease, _)), (true, .alive(let lease, _)):
            endLease(lease, .killWorker, at: now, into: &effects)
            let error = RayError(.actorDied, cause, typeName: ActorEnd.killed.rawValue)
            incarnationEnded(kill.actor, lease, error, at: now, into: &effects)
        }
        confirm(nil, sender, into: &effects)
    }

    // MARK: Subscribers

    /// Tells all subscribers of an actor its state.
    func publish(_ id: ActorID, into effects: inout GCSEffects) {
        guard let actor = actors[id] else { return }
        let update = Message.actorUpdate(actor.update)
        for subscriber in actor.subscribers.sorted() { tell(subscriber, update, into: &effects) }
    }

    /// Nobody will create this actor.
    mutating func giveUpAwaited(_ id: ActorID, _ end: ActorState, into effects: inout GCSEffects) {
        let update = Message.actorUpdate(ActorUpdate(state: end))
        for peer in (awaitedActors.removeValue(forKey: id)?.subscribers ?? []).sorted() {
            peers[peer]?.actors.remove(id)
            tell(peer, update, into: &effects)
        }
    }

    /// A peer that waited for an actor is gone.
    mutating func stopAwaiting(_ id: ActorID, _ peer: WorkerID) {
        awaitedActors[id]?.subscribers.remove(peer)
        if awaitedActors[id]?.subscribers.isEmpty == true { awaitedActors[id] = nil }
    }
}

extension ActorState {
    /// An actor whose creator died before it could create it.
    static func abandoned(_ id: ActorID) -> ActorState {
        let cause = "the process that created it died before the arguments of its initialiser existed"
        return .unknown(id, RayError(.actorDied, "the actor \(id) died: \(cause)"))
    }

    /// A dead actor of which nothing else is known.
    static func unknown(_ id: ActorID, _ error: RayError) -> ActorState {
        ActorState(
            id: id, phase: .dead, address: .none, incarnation: 0, error: error,
            className: FunctionDescriptor(language: .swift, module: "", function: ""), taskRetriesMax: 0, name: "",
            namespace: "")
    }
}
