//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
internal import RayWire

/// Cancelling tasks from the owner's side (see docs/internals/calls.md).
///
/// The results fail at the moment of the cancel, so no get or wait depends on what the task, its worker or the network
/// do afterwards. A task that is at a worker stays in the books until that worker's answer, which is thrown away.
///
/// Not so those of Python that is asked to end: there, as in Ray, what a function makes of the KeyboardInterrupt is its
/// result, be it a value, an error of its own, or that it was cancelled. A call on an actor has failed with its end, not
/// before: who waits for it then finds that the method is over, and what a coroutine does about its CancelledError done.
extension WorkerCore {
    /// Cancels the task that makes the object; nothing if it has ended, or if the object was put.
    ///
    /// - Throws: if `force` is asked for a call on an actor.
    package mutating func cancel(
        _ reference: ObjectReference, force: Bool, recursive: Bool, at now: Instant, into effects: inout WorkerEffects
    ) throws(RayError) {
        let id = reference.id
        guard id.index <= ObjectID.generatorReturnsMax else { return }
        if force, id.task.actor != .noActor(job: id.job) {
            throw RayError(
                .invalidArgument,
                "force: true is not supported for calls on actors: it would end the actor; use ray.kill for that")
        }
        if reference.owner.worker == configuration.address.worker {
            cancel(task: id.task, force: force, recursive: recursive, at: now, into: &effects)
        } else if fatal == nil, objects[id]?.exists != true {
            let message = CancelObject(object: id, force: force, recursive: recursive)
            effects.send(.cancelObject(message), to: reference.owner)
        }
    }

    /// A borrower asks; what it may not ask for is ignored.
    mutating func cancelAsked(_ message: CancelObject, at now: Instant, into effects: inout WorkerEffects) {
        let reference = ObjectReference(id: message.object, owner: configuration.address)
        try? cancel(reference, force: message.force, recursive: message.recursive, at: now, into: &effects)
    }

    /// Cancels a task that this process submitted, wherever it is.
    mutating func cancel(
        task id: TaskID, force: Bool, recursive: Bool, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let task = tasks[id] else { return }
        if case .actorCreation = task.spec.kind { return }
        switch task.phase {
        case .waiting, .queued, .orphaned:
            forgetQueued(id, task, into: &effects)
            fail(task: id, Self.cancelled(task.spec, "before it began"), into: &effects)
            if case .normal = task.spec.kind, task.phase == .queued {
                dispatch(shape(of: task.spec), at: now, into: &effects)
            }
        case .pushed(let lease):
            guard let worker = leases[lease]?.worker.worker else { return }
            mark(id, task, force: force, into: &effects)
            if force { leases[lease]?.killAt = now.advanced(milliseconds: configuration.forcedEndMilliseconds) }
            setAlarm(leases[lease]?.killAt ?? .distantFuture)
            tell(worker, task.spec, force: force, recursive: recursive, into: &effects)
        case .called:
            guard case .actorCall(let actor, _) = task.spec.kind, let worker = actors[actor]?.address.worker else {
                return
            }
            mark(id, task, force: false, into: &effects)
            tell(worker, task.spec, force: false, recursive: recursive, into: &effects)
        }
    }

    /// Cancels what a task of this process has submitted.
    mutating func cancelChildren(
        of parent: TaskID, force: Bool, at now: Instant, into effects: inout WorkerEffects
    ) {
        for id in tasks.filter({ $0.value.parent == parent }).keys.sorted() {
            cancel(task: id, force: force, recursive: true, at: now, into: &effects)
        }
    }

    /// Ends the bookkeeping of a cancelled task that will not be answered any more; whether it was one.
    mutating func dropCancelled(_ id: TaskID, into effects: inout WorkerEffects) -> Bool {
        guard let task = tasks[id], task.cancellation != .none else { return false }
        fail(task: id, Self.cancelled(task.spec, "while it ran"), into: &effects)
        return true
    }

    /// A worker that did not end itself with its cancelled task: the cluster kills it.
    mutating func killForced(
        _ id: LeaseID, _ lease: OwnedLease, at now: Instant, into effects: inout WorkerEffects
    ) {
        leases[id]?.killAt = nil
        guard lease.lostAt == nil, lease.inFlight.contains(where: { tasks[$0]?.cancellation == .forced }) else {
            return
        }
        abandon(id, into: &effects)
        let error = RayError(
            .workerDied, "the worker (pid \(lease.processID)) was killed by ray.cancel(force: true) of another task",
            processID: lease.processID)
        leaseLost(id, error, wasPreempted: false, at: now, into: &effects)
    }

    /// Takes a task that has not been sent out of the queue in which it stands.
    private mutating func forgetQueued(_ id: TaskID, _ task: PendingTask, into effects: inout WorkerEffects) {
        for case .reference(let reference) in task.spec.arguments {
            objects[reference.id]?.waiters.removeAll { $0 == .dependency(id) }
        }
        if case .actorCall(let actor, _) = task.spec.kind {
            actors[actor]?.gatherHeld()
            actors[actor]?.queue.removeAll { $0 == id }
            actors[actor]?.waiting.remove(id)
            actors[actor]?.rebuilds.removeAll { $0 == id }
        } else if task.phase == .queued {
            for index in shapes.indices { shapes[index].queue.removeAll { $0 == id } }
        }
    }

    /// The results fail now, unless they are what the task makes of it; the task goes on in the books.
    private mutating func mark(
        _ id: TaskID, _ task: PendingTask, force: Bool, into effects: inout WorkerEffects
    ) {
        var cancellation = task.cancellation
        if force {
            cancellation = .forced
        } else if cancellation == .none {
            cancellation = Self.hasOutcome(task.spec) ? .outcomeAwaited : .asked
        }
        tasks[id]?.cancellation = cancellation
        guard cancellation.hasFailedResults, !task.cancellation.hasFailedResults else { return }
        let error = Self.cancelled(task.spec, "while it ran, or was about to")
        settleResults(of: task, .failed(error), into: &effects)
        if task.spec.generator != nil { endStream(id, error, into: &effects) }
    }

    /// Whether a task that is asked to end says itself what its results are then.
    private static func hasOutcome(_ spec: TaskSpec) -> Bool {
        spec.generator == nil && spec.function.language == .python
    }

    private func tell(
        _ worker: WorkerID, _ spec: TaskSpec, force: Bool, recursive: Bool, into effects: inout WorkerEffects
    ) {
        let message = CancelTask(task: spec.id, attempt: UInt32(spec.attempt), force: force, recursive: recursive)
        effects.send(.cancelTask(message), to: worker)
    }

    /// What stands in the place of a cancelled task's results.
    static func cancelled(_ spec: TaskSpec, _ when: String) -> RayError {
        RayError(
            .taskCancelled, "\(spec.displayName) (task \(spec.id)) was cancelled \(when)", function: spec.displayName)
    }
}
