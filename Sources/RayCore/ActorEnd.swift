//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What ended an actor, as programs tell such ends apart: Ray's `ActorDiedErrorContext.Reason`, and for a node that was
/// taken away a word of ours. Its error carries it as its `typeName`.
package enum ActorEnd: String, Sendable, CaseIterable {
    case unspecified = ""
    case workerDied = "WORKER_DIED"
    case ownerDied = "OWNER_DIED"
    case nodeDied = "NODE_DIED"
    /// Its node died, or was ended, after it had been announced to be taken away.
    case nodePreempted = "NODE_PREEMPTED"
    case killed = "RAY_KILL"
    case outOfScope = "OUT_OF_SCOPE"

    /// What an actor dies of whose worker or node died of `error`.
    package init(of error: RayError, wasPreempted: Bool) {
        self =
            switch error.type {
            case .nodeDied: wasPreempted ? .nodePreempted : .nodeDied
            case .workerDied, .outOfMemory: .workerDied
            default: ActorEnd(rawValue: error.typeName) ?? .unspecified
            }
    }
}
