//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Why a lost object cannot be made again: Ray's kinds, numbers and sentences.
enum Obstacle: Sendable {
    case put
    case retriesDisabled
    case retriesUsed
    case lineageDisabled
    case lineageEvicted
    case borrowed
    case cancelled
    case ownActor

    var type: ErrorType {
        switch self {
        case .put: .objectUnreconstructablePut
        case .retriesDisabled: .objectUnreconstructableRetriesDisabled
        case .retriesUsed: .objectUnreconstructableMaxAttemptsExceeded
        case .lineageDisabled: .objectUnreconstructableLineageDisabled
        case .lineageEvicted: .objectUnreconstructableLineageEvicted
        case .borrowed: .objectUnreconstructableBorrowed
        case .cancelled: .objectUnreconstructableTaskCancelled
        case .ownActor: .objectUnreconstructable
        }
    }

    private var name: String {
        switch self {
        case .put: "PUT"
        case .retriesDisabled: "RETRIES_DISABLED"
        case .retriesUsed: "MAX_ATTEMPTS_EXCEEDED"
        case .lineageDisabled: "LINEAGE_DISABLED"
        case .lineageEvicted: "LINEAGE_EVICTED"
        case .borrowed: "BORROWED"
        case .cancelled: "TASK_CANCELLED"
        case .ownActor: "OWN_ACTOR"
        }
    }

    private var sentence: String {
        switch self {
        case .put:
            "it was created by ray.put(), which has no task lineage. To prevent this error, return the value from a "
                + "task instead."
        case .retriesDisabled:
            "its task was created with maxRetries: 0, or its actor with maxTaskRetries: 0. Consider enabling retries."
        case .retriesUsed:
            "the maximum number of task retries has been exceeded. Consider increasing it with maxRetries."
        case .lineageDisabled:
            "no lost results are made again in this process (RAY_lineage_pinning_enabled=0)."
        case .lineageEvicted:
            "its lineage has been evicted to reduce memory pressure. To prevent this error, set the environment "
                + "variable RAY_max_lineage_bytes=<bytes> (default 1GB)."
        case .cancelled:
            "the task that made it was cancelled. Let go of a generator instead of cancelling it: then items that were "
                + "read can be made again."
        case .borrowed:
            "it crossed an ownership boundary. Only the owner of an object can trigger reconstruction, and it has not "
                + "got the object any more."
        case .ownActor:
            "the call that made it would have to run again in its actor, and all calls that run there wait for it, or "
                + "for something made of it. Pass such values as arguments instead of getting them in the actor, or let "
                + "it run more calls at a time (maxConcurrency)."
        }
    }

    /// What stands in the place of the results of a call that was to be made again in an actor.
    func error(ofResultsOf call: TaskSpec, in actor: ActorID) -> RayError {
        RayError(
            type,
            "Failed to retrieve a result of \(call.displayName) of actor \(actor) (task \(call.id)): its last copy was "
                + "lost.\n[OBJECT_UNRECONSTRUCTABLE_\(name)] The object cannot be reconstructed because \(sentence)",
            function: call.displayName)
    }

    /// What stands in the place of the object.
    func error(of id: ObjectID, lostBecause reason: String) -> RayError {
        RayError(
            type,
            "Failed to retrieve object \(id): \(reason).\n[OBJECT_UNRECONSTRUCTABLE_\(name)] The object cannot be "
                + "reconstructed because \(sentence)")
    }
}
