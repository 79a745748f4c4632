//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Calls on actors that make lost results again and cannot begin, since those that run there wait for these results.
///
///     actor: a rebuild waits for a place ──once a second──▶ RebuildBlocked: what those in the places wait for
///     owner: each of them waits, over tasks of this process, for a rebuild that waits so ──▶ it fails, and says why
///
/// Neither side can see it alone: the actor knows who waits for which objects, the owner what these are made of.
///
/// A generator in such a place that waits for its reader goes on beyond its limit, with each look further: its reader may
/// wait for what is to be made again.
extension WorkerCore {
    /// How often both look.
    private static let lookMilliseconds = 1_000

    // MARK: In the actor

    /// A rebuild has come and may find no place.
    mutating func watchRebuilds() {
        guard execution.rebuildsDue == nil else { return }
        let due = clock.advanced(milliseconds: Self.lookMilliseconds)
        execution.rebuildsDue = due
        setAlarm(due)
    }

    mutating func reportBlockedRebuilds(at now: Instant, into effects: inout WorkerEffects) {
        guard let due = execution.rebuildsDue, due <= now else { return }
        execution.rebuildsDue = nil
        let blocked = execution.queued.filter { id in
            execution.received[id].map { $0.isRebuild && $0.missing == 0 } ?? false
        }
        execution.reportedRebuilds = execution.reportedRebuilds.filter { blocked.contains($0.key) }
        makeWay(for: blocked, into: &effects)
        guard !blocked.isEmpty else { return }
        for id in blocked {
            guard let task = execution.received[id] else { continue }
            let awaited = awaitedObjects(inTheWayOf: task)
            guard execution.reportedRebuilds[id] ?? [] != awaited else { continue }
            execution.reportedRebuilds[id] = awaited
            let report = RebuildBlocked(task: id, attempt: UInt32(task.spec.attempt), awaited: awaited)
            effects.send(.rebuildBlocked(report), to: task.caller)
        }
        watchRebuilds()
    }

    /// Generators that wait for their reader in the way of these calls may each make twice as many items beyond their
    /// limits as at the last look. Those in nobody's way any more have their limits again.
    private mutating func makeWay(for blocked: [TaskID], into effects: inout WorkerEffects) {
        var inTheWay: Set<TaskID> = []
        for id in blocked {
            guard let task = execution.received[id] else { continue }
            for (other, _) in running(inTheWayOf: task) { inTheWay.insert(other) }
        }
        for (id, progress) in execution.generators.sorted(by: { $0.key < $1.key })
        where progress.excess > 0 && !inTheWay.contains(id) {
            exceedLimits(of: id, by: 0, into: &effects)
        }
        for id in inTheWay.sorted() where isWaitingForReader(id) {
            let excess = execution.generators[id]?.excess ?? 0
            exceedLimits(of: id, by: min(max(1, 2 * excess), Int(UInt32.max)), into: &effects)
        }
    }

    private func isWaitingForReader(_ id: TaskID) -> Bool {
        execution.generators[id]?.waiting != nil || execution.budget.isWaiting(id)
    }

    /// The calls that have the places of this one, in a fixed order.
    private func running(inTheWayOf task: Execution.Received) -> [(key: TaskID, value: Execution.Received)] {
        execution.running.sorted { $0.key < $1.key }.filter { _, running in
            !execution.hasGroups || running.spec.concurrencyGroup == task.spec.concurrencyGroup
        }
    }

    /// What the calls wait for that have the places of this one: a list for each get without a limit. Nothing if one of
    /// them goes on by itself.
    private func awaitedObjects(inTheWayOf task: Execution.Received) -> [[ObjectID]] {
        var awaited: [[ObjectID]] = []
        for (id, _) in running(inTheWayOf: task) {
            let requests = waits.filter { $0.value.task == id }.sorted { $0.key < $1.key }.map(\.value)
            guard !requests.isEmpty, !execution.cancelled.contains(id) else { return [] }
            for request in requests {
                guard case .get = request.kind, request.deadline == nil else { return [] }
                let missing = Set(request.ids).filter { objects[$0].map { !$0.isAtHand } ?? false }
                awaited.append(missing.sorted())
            }
        }
        return awaited
    }

    // MARK: At the owner

    mutating func rebuildBlocked(
        _ message: RebuildBlocked, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let task = tasks[message.task], task.isRebuild, task.spec.attempt == Int(message.attempt),
            isAt(peer, task)
        else { return }
        lineage.blocked[message.task] = message.awaited.isEmpty ? nil : message
        lookForHopeless(at: now, into: &effects)
    }

    mutating func expireHopeless(at now: Instant, into effects: inout WorkerEffects) {
        guard let due = lineage.hopelessDue, due <= now else { return }
        lookForHopeless(at: now, into: &effects)
    }

    /// Ends one rebuild that waits for itself, if there is one: that may let the others go on.
    private mutating func lookForHopeless(at now: Instant, into effects: inout WorkerEffects) {
        lineage.hopelessDue = nil
        lineage.blocked = lineage.blocked.filter { id, report in
            guard let task = tasks[id], case .called = task.phase, task.cancellation == .none else { return false }
            return task.spec.attempt == Int(report.attempt)
        }
        let hopeless = hopelessRebuilds().sorted()
        if let id = hopeless.first(where: { isAwaited($0) }) { giveUp(id, into: &effects) }
        guard !lineage.blocked.isEmpty else { return }
        let due = now.advanced(milliseconds: Self.lookMilliseconds)
        lineage.hopelessDue = due
        setAlarm(due)
    }

    /// Those of the blocked rebuilds in whose way there are only calls that wait for one of these.
    private func hopelessRebuilds() -> Set<TaskID> {
        var stuck = Set(lineage.blocked.keys)
        while true {
            let free = stuck.filter { id in
                lineage.blocked[id]?.awaited.contains { list in
                    !list.contains { depends($0, onAny: stuck) }
                } ?? true
            }
            guard !free.isEmpty else { return stuck }
            stuck.subtract(free)
        }
    }

    /// Whether an object is made by one of these tasks, or by one that waits for something that is.
    private func depends(_ object: ObjectID, onAny makers: Set<TaskID>) -> Bool {
        var unvisited = [object]
        var visited: Set<ObjectID> = []
        while let id = unvisited.popLast() {
            guard visited.insert(id).inserted, let entry = objects[id], entry.owner == nil, !entry.exists else {
                continue
            }
            if makers.contains(id.task) { return true }
            guard let task = tasks[id.task], case .waiting = task.phase else { continue }
            for case .reference(let reference) in task.spec.arguments { unvisited.append(reference.id) }
        }
        return false
    }

    /// Whether somebody who has the place of a blocked rebuild waits for the results of this one.
    private func isAwaited(_ id: TaskID) -> Bool {
        lineage.blocked.values.contains { report in
            report.awaited.contains { list in list.contains { depends($0, onAny: [id]) } }
        }
    }

    /// Its results fail now; the actor is told not to begin it.
    private mutating func giveUp(_ id: TaskID, into effects: inout WorkerEffects) {
        lineage.blocked[id] = nil
        guard let task = tasks[id], case .actorCall(let actor, _) = task.spec.kind,
            let worker = actors[actor]?.address.worker
        else { return }
        tasks[id]?.cancellation = .asked
        let error = Obstacle.ownActor.error(ofResultsOf: task.spec, in: actor)
        settleResults(of: task, .failed(error), into: &effects)
        let message = CancelTask(task: id, attempt: UInt32(task.spec.attempt), force: false, recursive: false)
        effects.send(.cancelTask(message), to: worker)
    }
}
