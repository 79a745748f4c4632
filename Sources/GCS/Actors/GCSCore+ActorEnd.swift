//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Actors that end of their own will, or because nobody holds a handle of them.
///
///     alive ──ReleaseActor──▶ draining ──ActorExited, its worker's death, or 30 s──▶ dead
///     alive ──ActorExited (ray.exitActor)──▶ dead
///
/// Neither is ever started again.
extension GCSCore {
    /// The creator counts the handles; it says that none is left.
    mutating func releaseActor(_ id: ActorID, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        guard let actor = actors[id], actor.creator == sender.id, actor.spec.lifetime == .job, !actor.isUnreferenced
        else { return }
        let reason = "all references to the actor were removed"
        actors[id]?.isUnreferenced = true
        guard case .alive(_, let worker) = actor.stage else {
            return endActor(id, because: reason, .outOfScope, at: now, into: &effects)
        }
        drainingActors[id] = now.advanced(milliseconds: GCSLimits.actorDrainMilliseconds)
        sendDrain(actor, to: worker, into: &effects)
    }

    func sendDrain(_ actor: ActorRecord, to worker: Address, into effects: inout GCSEffects) {
        if peers[worker.worker] == nil { effects.append(.connect(worker)) }
        let drain = DrainActor(
            actor: actor.spec.id, incarnation: actor.incarnation, reason: "all references to the actor were removed")
        effects.send(.drainActor(drain), to: worker.worker)
    }

    /// An actor's worker says that the actor has ended.
    mutating func actorExited(
        _ exited: ActorExited, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let actor = actors[exited.actor], actor.incarnation == exited.incarnation else { return }
        switch actor.stage {
        case .alive(_, let worker), .starting(_, let worker):
            guard worker.worker == sender.id else { return }
            noteOrder(sender.id, .intendedUserExit, "the actor \(actor.title) ended: \(exited.reason)")
            let end: ActorEnd = actor.isUnreferenced ? .outOfScope : .unspecified
            endActor(exited.actor, because: exited.reason, end, at: now, into: &effects)
        case .queued, .backingOff: break
        }
    }

    /// Ends actors whose last calls take too long.
    mutating func endDrainingActors(at now: Instant, into effects: inout GCSEffects) {
        guard !drainingActors.isEmpty else { return }
        for id in drainingActors.filter({ $0.value <= now }).keys.sorted() {
            let seconds = GCSLimits.actorDrainMilliseconds / 1000
            endActor(
                id, because: "all references to the actor were removed, and its last calls took more than \(seconds) s",
                .outOfScope, at: now, into: &effects)
        }
    }
}
