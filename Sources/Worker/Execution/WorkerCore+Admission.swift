//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Generators of an actor that has a limit for all of them: each asks before it makes its next items.
///
///     admit ──▶ admitted: counted as unread ──▶ made, sent ──▶ read: no longer counted
///       └─────▶ asking, its CPU given back ──▶ admitted when enough of all generators' items are no longer counted
extension WorkerCore {
    /// Asks whether a generator that runs here may make its next items, which its function yields together; ends with
    /// the effect `completeRequest` when it may.
    package mutating func admit(_ count: Int32, of task: TaskID, into effects: inout WorkerEffects) -> UInt64 {
        requestCounter += 1
        let token = requestCounter
        // Of an earlier try.
        execution.endedGenerators[task] = nil
        let asking = GeneratorProgress.Asking(token: token, count: Int(max(1, count)))
        guard let running = execution.running[task], running.spec.generator != nil else {
            complete(token, RayError(.systemError, "an item was to be made outside of a generator"), into: &effects)
            return token
        }
        if isCancelled(task) {
            complete(token, Self.cancelled(running.spec, "while it ran"), into: &effects)
        } else if execution.generators[task]?.isOver == true {
            complete(token, Self.over(running.spec), into: &effects)
        } else if takes(asking, of: task) {
            complete(token, nil, into: &effects)
        } else {
            execution.generators[task, default: GeneratorProgress()].asking = asking
            execution.asking.append(task)
            beginBlocking(task, into: &effects)
        }
        return token
    }

    /// Whether less is unread than the limit of a generator's actor; then its items are counted.
    ///
    /// Those that it yields together may go over the limit, as in Ray: more than that would never fit otherwise.
    private mutating func takes(_ asking: GeneratorProgress.Asking, of id: TaskID) -> Bool {
        guard let limit = execution.running[id]?.spec.generator?.actorBackpressure, limit > 0 else { return true }
        let unread =
            execution.generators.values.reduce(0) { $0 + $1.unread }
            + execution.endedGenerators.values.reduce(0) { $0 + $1.progress.unread }
        var progress = execution.generators[id] ?? GeneratorProgress()
        guard unread < limit || !progress.hasReader else { return false }
        progress.admitted += asking.count
        execution.generators[id] = progress
        return true
    }

    /// The reader of a generator that has ended has got further.
    mutating func itemsConsumedLate(
        _ message: GeneratorConsumed, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        guard var ended = execution.endedGenerators[message.task], ended.caller == peer else { return }
        ended.progress.consumed = max(ended.progress.consumed, Int(message.count))
        execution.endedGenerators[message.task] = ended.progress.unread > 0 ? ended : nil
        admitAsking(into: &effects)
    }

    /// Nobody is left to read what generators of a caller have made.
    mutating func forgetEndedGenerators(of caller: WorkerID, into effects: inout WorkerEffects) {
        guard !execution.endedGenerators.isEmpty else { return }
        execution.endedGenerators = execution.endedGenerators.filter { $0.value.caller != caller }
        admitAsking(into: &effects)
    }

    /// Items are no longer counted: those that ask go on in their order, as far as the limit allows.
    mutating func admitAsking(into effects: inout WorkerEffects) {
        for id in execution.asking {
            guard let asking = execution.generators[id]?.asking, takes(asking, of: id) else { continue }
            endAsking(id, .success(.done(Done())), into: &effects)
        }
    }

    /// A generator asks no longer.
    mutating func endAsking(_ id: TaskID, _ outcome: Result<Message, RayError>, into effects: inout WorkerEffects) {
        guard let asking = execution.generators[id]?.asking else { return }
        execution.generators[id]?.asking = nil
        execution.asking.removeAll { $0 == id }
        endBlocking(id, .completeRequest(asking.token, outcome), into: &effects)
    }

    /// A task has ended, which may have been a generator: what it has made counts until it is read, what it might have
    /// made does not.
    mutating func endGenerator(_ task: Execution.Received, into effects: inout WorkerEffects) {
        let id = task.spec.id
        guard var progress = execution.generators.removeValue(forKey: id) else { return }
        progress.admitted = min(progress.admitted, progress.next)
        if progress.unread > 0, !task.isCallerLost {
            execution.endedGenerators[id] = EndedGenerator(caller: task.caller, progress: progress)
        }
        execution.asking.removeAll { $0 == id }
        admitAsking(into: &effects)
    }
}
