//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// A task that is tried again after a pause.
struct DelayedTask: Sendable {
    var task: TaskID
    var attempt: Int
    var due: Instant
}

/// What becomes of tasks whose worker is gone.
///
///     begun      ──▶ orphaned ──cause──▶ queued again, after a pause if memory was short; or failed
///         └──TaskDone, read before the end of the link──▶ done
///     not begun  ──▶ queued again
///
/// As in Ray a worker's death uses up a retry of the task that had begun; the end of a node that was announced does
/// not, and neither does a kill for want of memory, which has a count of its own. All three only where the call wants
/// retries at all.
extension WorkerCore {
    /// Longest pause before a task runs again.
    private static let oomDelayMillisecondsMax = 60_000

    /// The GCS says that the leased worker is gone, and why. The result of a task may lie in the worker's link, which ends
    /// behind that: it counts.
    mutating func lossHeard(_ message: LeaseLost, at now: Instant, into effects: inout WorkerEffects) {
        guard let lease = leases[message.lease], lease.loss == nil else { return }
        guard !lease.isUnlinked, !lease.inFlight.isEmpty else {
            return leaseLost(
                message.lease, message.error, wasPreempted: message.wasPreempted, at: now, into: &effects)
        }
        let due = now.advanced(milliseconds: configuration.lastWordsMilliseconds)
        leases[message.lease]?.loss = .init(error: message.error, wasPreempted: message.wasPreempted, due: due)
        leases[message.lease]?.lostAt = lease.lostAt ?? now
        setAlarm(due)
        dispatch(lease.shape, at: now, into: &effects)
    }

    /// A leased worker is gone, and all is read that it said.
    mutating func leaseLost(
        _ id: LeaseID, _ error: RayError, wasPreempted: Bool, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let lease = leases[id] else { return }
        leases[id]?.lostAt = now
        orphan(id, into: &effects)
        for task in tasks.filter({ $0.value.phase == .orphaned(id) }).keys.sorted() {
            guard !dropCancelled(task, into: &effects), let delay = retry(task, error, wasPreempted, at: now) else {
                fail(task: task, error, into: &effects)
                continue
            }
            if delay == 0 { shapes[lease.shape].queue.prepend(task) }
        }
        leases[id] = nil
        shapes[lease.shape].leases.removeAll { $0 == id }
        dispatch(lease.shape, at: now, into: &effects)
    }

    /// Takes the tasks away from a dead worker.
    mutating func orphan(_ leaseID: LeaseID, into effects: inout WorkerEffects) {
        guard let lease = leases[leaseID] else { return }
        leases[leaseID]?.inFlight = []
        noteLostTry(of: lease.inFlight, at: lease.worker.node)
        shapes[lease.shape].pushedCount -= lease.inFlight.count
        for (position, id) in lease.inFlight.enumerated().reversed() {
            guard !dropCancelled(id, into: &effects), tasks[id] != nil else { continue }
            guard position > 0 else {
                tasks[id]?.phase = .orphaned(leaseID)
                continue
            }
            tasks[id]?.spec.attempt += 1
            tasks[id]?.phase = .queued
            shapes[lease.shape].queue.prepend(id)
        }
    }

    /// Makes another attempt of a task, if it has one left: the pause before it, in milliseconds.
    private mutating func retry(
        _ id: TaskID, _ error: RayError, _ wasPreempted: Bool, at now: Instant
    ) -> Int? {
        guard var task = tasks[id], task.spec.retriesMax != 0 else { return nil }
        var delay = 0
        if error.type == .outOfMemory {
            let countMax = configuration.oomRetriesMax
            guard countMax < 0 || task.oomRetries < countMax else { return nil }
            delay = min(
                configuration.oomRetryDelayMilliseconds << min(task.oomRetries, 16), Self.oomDelayMillisecondsMax)
            task.oomRetries += 1
        } else if !wasPreempted {
            guard task.retriesLeft != 0 else { return nil }
            task.retriesLeft -= task.retriesLeft > 0 ? 1 : 0
        }
        traceEnded(task, error)
        task.spec.attempt += 1
        task.phase = .queued
        tasks[id] = task
        traceAgain(id)
        if delay > 0 {
            let due = now.advanced(milliseconds: delay)
            delayedTasks.append(DelayedTask(task: id, attempt: task.spec.attempt, due: due))
            setAlarm(due)
        }
        return delay
    }

    /// Queues tasks whose pause is over, unless they have ended meanwhile.
    mutating func queueDelayedTasks(at now: Instant, into effects: inout WorkerEffects) {
        guard !delayedTasks.isEmpty else { return }
        let due = delayedTasks.filter { $0.due <= now }
        delayedTasks.removeAll { $0.due <= now }
        for delayed in due {
            guard let task = tasks[delayed.task], task.phase == .queued, task.spec.attempt == delayed.attempt else {
                continue
            }
            enqueue(delayed.task, task.spec, atFront: true)
            dispatch(shape(of: task.spec), at: now, into: &effects)
        }
    }
}
