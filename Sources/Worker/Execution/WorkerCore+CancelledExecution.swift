//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Cancelling tasks in the process that has them.
extension WorkerCore {
    /// Whether a task that runs here was cancelled.
    package func isCancelled(_ task: TaskID) -> Bool { execution.cancelled.contains(task) }

    /// The owner cancels a task. One that is not here has ended, and its reply is on its way.
    mutating func cancelAsked(
        _ message: CancelTask, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let id = message.task
        if configuration.plantsDeafCancel { return }
        if execution.received[id]?.caller == peer, let task = withdraw([id]).first {
            let error = Self.cancelled(task.spec, "before it began")
            reply(to: task, results: [], error: error, into: &effects)
            startTasks(into: &effects)
        } else if let task = execution.running[id], task.caller == peer {
            execution.cancelled.insert(id)
            if task.spec.generator != nil { cancelWaitingItem(of: id, into: &effects) }
            if message.recursive { cancelChildren(of: id, force: message.force, at: now, into: &effects) }
            if message.force, case .normal = task.spec.kind {
                let reason = "\(task.spec.displayName) was force-killed by ray.cancel(force: true)"
                // Else it would be told to people as a crash.
                let killed = WorkerKilled(worker: configuration.address.worker, error: RayError(.workerDied, reason))
                effects.send(.workerKilled(killed), to: WorkerID.gcs)
                effects.append(.exit(reason: reason))
            } else {
                effects.append(.cancelExecution(id))
            }
        }
    }
}
