//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// Calls without retries on an actor that is being started again: they wait a moment, then they fail.
///
///     ready ──the actor is back within a second──▶ sent
///       └────it is not───────────────────────────▶ actorUnavailable
///
/// A restart may take any time, or never come about where its node is full; who allows no retries wants to hear of it.
/// The moment keeps a caller that tries again in a loop from using up its tries before a process can be started.
extension WorkerCore {
    /// How long such calls wait.
    static let restartMilliseconds = 1_000

    /// Has calls looked at that wait for an actor to be back.
    mutating func awaitRestart(of actor: ActorID) {
        guard actors[actor]?.phase == .restarting, actors[actor]?.restartDue == nil else { return }
        let due = clock.advanced(milliseconds: Self.restartMilliseconds)
        actors[actor]?.restartDue = due
        setAlarm(due)
    }

    mutating func expireRestarts(at now: Instant, into effects: inout WorkerEffects) {
        guard headAwaySince == nil else { return }  // Only the head starts it again.
        for (actor, client) in actors.sorted(by: { $0.key < $1.key }) {
            guard let due = client.restartDue, due <= now, client.phase == .restarting else { continue }
            failOverdue(of: actor, at: now, into: &effects)
        }
    }

    /// Fails the calls that have waited long enough, and notes when the next has.
    private mutating func failOverdue(of actor: ActorID, at now: Instant, into effects: inout WorkerEffects) {
        guard var client = actors[actor] else { return }
        actors[actor] = nil  // So that the queue inside is changed in place, not copied.
        let since = client.restartingSince
        var overdue: [TaskID] = []
        var next = Instant.distantFuture
        client.gatherHeld()
        client.queue.removeAll { id in
            guard let task = tasks[id], task.phase == .queued, !task.allowsRetries else { return false }
            let start = max(since, Instant(nanoseconds: task.times.ready))
            let due = start.advanced(milliseconds: Self.restartMilliseconds)
            guard due <= now else {
                next = min(next, due)
                return false
            }
            overdue.append(id)
            return true
        }
        client.restartDue = next == .distantFuture ? nil : next
        actors[actor] = client
        let cause = client.error.map { ": " + $0.message } ?? ""
        let error = RayError(
            .actorUnavailable,
            "The actor is restarting\(cause). The call was not sent; with maxTaskRetries it waits until the actor is back"
        )
        for id in overdue { fail(task: id, error, into: &effects) }
        if client.handles == 0 { letGoIfUnused(actor, into: &effects) }
    }
}
