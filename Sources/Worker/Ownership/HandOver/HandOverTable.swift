//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Values that this process asks actors to own, and those that others ask of the actor that lives here.
struct HandOverTable: Sendable {
    /// What this process asks.
    ///
    ///     value ──exists──▶ actor ──lives──▶ sent ──▶ (answered)
    ///                         ▲───────lost────┘
    struct Asked: Sendable {
        enum Phase: Hashable, Sendable {
            /// The value is not there yet. Next: actor, or it failed.
            case value
            /// The actor's process is waited for, until then. Next: sent, or it failed.
            case actor(until: Instant)
            /// This process was asked. Next: answered, or actor again.
            case sent(WorkerID)
        }

        var reference: ObjectReference
        var actor: ActorID
        /// The task that waits, if it is one that this worker runs.
        var task: TaskID?
        var deadline: Instant?
        var phase = Phase.value
        /// How often it may still be sent. An actor's process that is lost is asked again.
        var triesLeft = 5
    }

    /// Who asked, and how it names that.
    struct Key: Hashable, Comparable, Sendable {
        var requester: WorkerID
        var token: UInt64

        static func < (lhs: Self, rhs: Self) -> Bool {
            (lhs.requester, lhs.token) < (rhs.requester, rhs.token)
        }
    }

    /// What somebody asks, while its value is brought here.
    struct Taken: Sendable {
        var source: ObjectID
        /// How often it may still be found gone when it was here.
        var triesLeft = 5
    }

    var asked: [UInt64: Asked] = [:]
    var taken: [Key: Taken] = [:]
    /// Second objects that the raylet was asked for.
    var sharing: [ObjectID: Key] = [:]

    var count: Int { asked.count + taken.count + sharing.count }

    /// When something is due next.
    var due: Instant {
        asked.values.reduce(.distantFuture) { due, asked in
            let limit = if case .actor(let until) = asked.phase { until } else { Instant.distantFuture }
            return min(due, limit, asked.deadline ?? .distantFuture)
        }
    }
}
