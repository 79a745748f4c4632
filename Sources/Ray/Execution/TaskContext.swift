//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker

/// The remote call that the current Swift task or thread is running.
package final class TaskContext: Sendable {
    /// The call under way; nil in a driver.
    @TaskLocal package static var current: TaskContext?

    private let spec: TaskSpec
    /// Whether the actor runs one call at a time; false for normal tasks.
    package let isSerialActor: Bool
    /// The runtime that runs the task, if its executor knows it.
    package let worker: (any WorkerAPI)?

    /// Where the task, or the actor whose call it is, was placed.
    package let strategy: SchedulingStrategy

    /// The context of a task; `strategy` is that of the actor's creation for a call on an actor.
    package init(
        spec: TaskSpec, isSerialActor: Bool, worker: (any WorkerAPI)?, strategy: SchedulingStrategy? = nil
    ) {
        self.strategy = strategy ?? spec.strategy
        self.spec = spec
        self.isSerialActor = isSerialActor
        self.worker = worker
    }

    /// The task's id.
    package var task: TaskID { spec.id }
    /// Where the tasks go that it starts without saying where; nothing if that is not set.
    package var captured: SchedulingStrategy? { strategy.captured }
    /// What kind of call it is.
    package var kind: TaskKind { spec.kind }
    /// Which try this is, from 0.
    package var attempt: Int { spec.attempt }
    /// What to call the task in messages.
    package var name: String { spec.displayName }

    /// The actor whose call this is.
    package var actor: ActorID? {
        switch kind {
        case .normal: nil
        case .actorCreation(let id), .actorCall(let id, _): id
        }
    }
}
