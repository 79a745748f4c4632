//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What follows when an object is not where it should be.
///
///     raylet ──ObjectLocal, lost at──▶ reader ──QueryObject, lost at──▶ owner: one place less, makes it again
///                                        └── a task that has not begun: ArgumentLost ──▶ the task's owner: waits for it
///
/// A task that waits for an argument that is made again must not hold a worker, which that may need.
extension WorkerCore {
    /// The node's raylet, or a puller without one, looked for an object in vain.
    mutating func notFound(
        _ id: ObjectID, at nodes: [NodeID], version: UInt32, _ error: RayError, at now: Instant,
        into effects: inout WorkerEffects
    ) {
        giveBackTasks(waitingFor: id, version: version, at: nodes, into: &effects)
        guard let entry = objects[id] else { return }
        if entry.owner == nil {
            guard case .stored = entry.value else { return }
            if entry.version == version, forgetCopies(of: id, at: nodes, into: &effects) {
                let reason = ([error.message] + error.causes).joined(separator: "; ")
                recover([id], because: reason, at: now, into: &effects)
            }
            // There may be another copy, or a later making.
            if objects[id]?.waiters.isEmpty == false { bringToHand(id, into: &effects) }
        } else if case .stored = entry.value {
            hasLosses = true
            objects.update(id) { $0.value = .pending }
            if entry.waiters.isEmpty {
                collect(id, into: &effects)
            } else {
                ask(id, version: version, lost: nodes, into: &effects)
            }
        }
    }

    /// Somebody looked for an object of this process in vain; the error to answer with if nothing can be done.
    ///
    /// What cannot be made again stays in the books as it is: perhaps only that one cannot reach it.
    mutating func lookedForInVain(
        _ id: ObjectID, at nodes: [NodeID], version: UInt32, at now: Instant, into effects: inout WorkerEffects
    ) -> RayError? {
        guard let entry = objects[id], case .stored(let raylets, _) = entry.value, entry.version == version else {
            return nil
        }
        let reason = "its last copy was looked for in vain on \(nodes.map { "node \($0)" }.joined(separator: ", "))"
        if let obstacle = obstacle(to: id), raylets.allSatisfy({ nodes.contains($0.node) }) {
            return obstacle.error(of: id, lostBecause: reason)
        }
        if forgetCopies(of: id, at: nodes, into: &effects) {
            recover([id], because: reason, at: now, into: &effects)
        }
        return nil
    }

    // MARK: The worker's side

    /// Gives tasks that wait for an argument and have not begun back to their owners. Calls on actors keep their place.
    mutating func giveBackTasks(
        waitingFor id: ObjectID, version: UInt32, at nodes: [NodeID], into effects: inout WorkerEffects
    ) {
        var given: [Execution.Received] = []
        for case .argument(let task) in objects[id]?.waiters ?? [] {
            guard let received = execution.received[task], case .normal = received.spec.kind,
                !given.contains(where: { $0.spec.id == task })
            else { continue }
            given.append(received)
        }
        guard !given.isEmpty else { return }
        for task in given {
            let message = ArgumentLost(
                task: task.spec.id, attempt: UInt32(task.spec.attempt), object: id, version: version, nodes: nodes)
            effects.send(.argumentLost(message), to: task.caller)
        }
        drop(given.map(\.spec.id), into: &effects)
        startTasks(into: &effects)
    }

    /// The initialiser of the actor of this process waits for what is made again: the head starts it elsewhere, later.
    mutating func delayActor(waitingFor id: ObjectID, into effects: inout WorkerEffects) {
        for case .argument(let task) in objects[id]?.waiters ?? [] {
            guard case .actorCreation(let actor)? = execution.received[task]?.spec.kind else { continue }
            let message = ActorDelayed(actor: actor, incarnation: execution.incarnation)
            return effects.send(.actorDelayed(message), to: WorkerID.gcs)
        }
    }

    // MARK: The task's owner's side

    /// A worker gave a task back: it waits for its argument here.
    mutating func argumentLost(
        _ message: ArgumentLost, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let id = message.task
        guard let task = tasks[id], task.spec.attempt == Int(message.attempt), case .pushed(let lease) = task.phase,
            leases[lease]?.worker.worker == peer
        else { return }
        var error: RayError?
        if !dropCancelled(id, into: &effects) {
            tasks[id]?.phase = .waiting(0)
            error = noteLost(message, at: now, into: &effects)
            if let error { fail(task: id, argumentFailed(error, of: task), into: &effects) }
        }
        taskLeft(lease, id, at: now, into: &effects)
        if let task = tasks[id] { awaitArguments(of: task.spec, at: now, into: &effects) }
    }

    private mutating func noteLost(
        _ message: ArgumentLost, at now: Instant, into effects: inout WorkerEffects
    ) -> RayError? {
        let id = message.object
        guard let entry = objects[id] else { return nil }
        guard entry.owner != nil else {
            return lookedForInVain(id, at: message.nodes, version: message.version, at: now, into: &effects)
        }
        guard case .stored = entry.value else { return nil }
        hasLosses = true
        objects.update(id) { $0.value = .pending }
        ask(id, version: message.version, lost: message.nodes, into: &effects)
        return nil
    }
}
