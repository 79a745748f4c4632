//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Handles of actors, counted like references: an object of the creator stands for all handles of an actor.
///
/// A process holds that object while it has handles of the actor or calls on it under way. A handle inside a value is
/// a reference to the object inside the value. When the creator's count of it reaches nothing it tells the GCS.
extension WorkerCore {
    /// Counts one more handle in this process.
    package mutating func retain(_ actor: ActorID, creator: Address, into effects: inout WorkerEffects) {
        guard creator != .none else { return }
        actors[actor, default: ActorClient()].handles += 1
        guard actors[actor]?.isHeld == false else { return }
        actors[actor]?.isHeld = true
        retain(ObjectReference(id: .actorHandle(actor), owner: creator), into: &effects)
    }

    /// Gives one handle back.
    package mutating func release(_ actor: ActorID, into effects: inout WorkerEffects) {
        guard let handles = actors[actor]?.handles, handles > 0 else { return }
        actors[actor]?.handles = handles - 1
        if handles == 1 { letGoIfUnused(actor, into: &effects) }
    }

    /// Lets the actor go if this process has neither handles nor calls under way.
    mutating func letGoIfUnused(_ actor: ActorID, into effects: inout WorkerEffects) {
        guard let client = actors[actor], client.handles == 0, client.isHeld, client.queuedCount == 0,
            client.inFlight.isEmpty, client.waiting.isEmpty, client.rebuilds.isEmpty,
            client.creation == nil || client.isRegistered
        else { return }
        actors[actor]?.isHeld = false
        release(.actorHandle(actor), into: &effects)
    }

    /// An actor is never created: the GCS tells that those who were given handles of it.
    mutating func creationFailed(
        _ actor: ActorID, _ error: RayError, isPython: Bool = false, into effects: inout WorkerEffects
    ) {
        var error = error
        if isPython, error.type == .taskExecution {
            // As in Ray the actor has died of an argument that failed, as of an error of its constructor.
            error.type = .actorCreationFailed
        }
        actors[actor]?.phase = .dead
        actors[actor]?.error = error
        effects.send(.abandonActor(AbandonActor(actor: actor, error: error)), to: WorkerID.gcs)
        failCalls(of: actor, into: &effects)
    }

    /// Nobody holds a handle of an actor that this process created.
    mutating func actorUnreferenced(_ actor: ActorID, into effects: inout WorkerEffects) {
        guard fatal == nil, let client = actors[actor], client.phase != .dead else { return }
        actors[actor]?.isUnreferenced = true
        effects.send(.releaseActor(ReleaseActor(actor: actor)), to: WorkerID.gcs)
    }

    /// Whether actors live that would end with this process.
    var ownsActors: Bool {
        objects.contains { id, entry in
            entry.owner == nil && id.actorOfHandle.map { actors[$0]?.phase != .dead } ?? false
        }
    }

    /// Why one more call on an actor is not accepted.
    func excess(of actor: ActorID, _ call: Shared<TaskCall>) -> RayError? {
        // Few actors have a limit, and to look at one costs more than to ask.
        guard limitsCalls, let client = actors[actor], client.pendingCallsMax >= 0,
            client.queuedCount + client.waiting.count + client.inFlight.count >= client.pendingCallsMax
        else { return nil }
        return RayError(
            .pendingCallsLimitExceeded,
            "\(call.value.displayName) could not be submitted to actor \(actor) because \(client.pendingCallsMax) calls of this "
                + "process are under way there; wait for some, or raise maxPendingCalls",
            function: call.value.displayName)
    }
}
