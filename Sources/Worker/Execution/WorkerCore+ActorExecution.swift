//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// An actor's calls in groups, calls that are made again, and the end of an actor from inside.
extension WorkerCore {
    /// Makes sure that calls can run in a group, or says why not. That for the system begins when it is wanted.
    mutating func prepareGroup(_ group: String) -> RayError? {
        guard !group.isEmpty, !execution.lanes.contains(where: { $0.group == group }) else { return nil }
        guard group == ConcurrencyGroup.system else {
            let names = execution.lanes.map(\.group).filter { !$0.isEmpty && $0 != ConcurrencyGroup.system }.sorted()
            let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
            return RayError(
                .taskExecution,
                "the actor \(execution.actorName) has no concurrency group '\(group)': \(known); declare groups where the "
                    + "actor is defined")
        }
        execution.lanes.append(Lane(group: group))
        return nil
    }

    /// A push of a task that is here already: a repetition, or another try by a caller that lost the link meanwhile.
    ///
    /// The task then runs once, and its reply goes to the latest try.
    mutating func adoptAttempt(_ task: Execution.Received, into effects: inout WorkerEffects) -> Bool {
        let id = task.spec.id
        let attempt = task.spec.attempt
        if let known = execution.received[id] {
            execution.received[id]?.spec.attempt = max(known.spec.attempt, attempt)
            // It was stopped in its last attempt only.
            if attempt > known.spec.attempt { execution.generators[id]?.isOver = false }
        } else if let known = execution.running[id] {
            if known.spec.generator != nil, attempt > known.spec.attempt {
                stopGenerator(task, into: &effects)
                return true
            }
            execution.running[id]?.spec.attempt = max(known.spec.attempt, attempt)
        } else if let known = execution.storing[id] {
            execution.storing[id]?.received.spec.attempt = max(known.received.spec.attempt, attempt)
        } else {
            return false
        }
        return true
    }

    /// Items that a generator sent over the lost link are gone: what runs is of no use and ends with an error.
    private mutating func stopGenerator(_ task: Execution.Received, into effects: inout WorkerEffects) {
        let id = task.spec.id
        execution.running[id]?.spec.attempt = task.spec.attempt
        execution.cancelled.insert(id)
        cancelWaitingItem(of: id, into: &effects)
        effects.append(.cancelExecution(id))
    }

    // MARK: The end

    /// A method asks that its actor ends: calls under way still end, those behind them fail.
    ///
    /// - Throws: if the task is no call on an actor.
    package mutating func exitActor(_ task: TaskID, into effects: inout WorkerEffects) throws(RayError) {
        guard execution.actor != nil, execution.running[task] != nil else {
            throw RayError(.invalidArgument, "ray.exitActor() can be called in methods of remote actors only")
        }
        try leaveActor(into: &effects)
    }

    /// The actor of this process ends as with `exitActor`, whoever asks for it.
    ///
    /// - Throws: if there is none.
    package mutating func leaveActor(into effects: inout WorkerEffects) throws(RayError) {
        guard execution.actor != nil else { throw RayError(.invalidArgument, "no actor lives in this process") }
        leave(because: "exitActor() was called", into: &effects)
        let calls = execution.queued.compactMap { execution.received[$0] }
        drop(calls.map(\.spec.id), into: &effects)
        for call in calls { refuse(call.spec, of: call.caller, because: "exitActor() was called", into: &effects) }
        leaveIfDone(into: &effects)
    }

    /// The actor that starts here shows itself so: it is told of with the end of its initialiser.
    package mutating func showActor(as name: String) {
        let bytesMax = ActorStarted.shownNameBytesMax
        execution.shownName =
            name.utf8.count <= bytesMax ? name : String(decoding: name.utf8.prefix(bytesMax), as: UTF8.self) + "…"
    }

    /// The executor wants to be told when its actor's calls have ended, before anybody else is.
    package mutating func expectFarewell() {
        if execution.farewell == .none { execution.farewell = .expected }
    }

    /// The executor has done what it wanted to do at the end of its actor.
    package mutating func farewellSaid(into effects: inout WorkerEffects) {
        guard execution.farewell == .begun else { return }
        execution.farewell = .said
        leaveIfDone(into: &effects)
    }

    /// The GCS wants the actor to end when its calls have.
    mutating func drain(_ message: DrainActor, into effects: inout WorkerEffects) {
        guard message.actor == execution.actor, message.incarnation == execution.incarnation else { return }
        leave(because: message.reason, into: &effects)
        leaveIfDone(into: &effects)
    }

    private mutating func leave(because reason: String, into effects: inout WorkerEffects) {
        if execution.leaving == nil { execution.leaving = reason }
    }

    /// Tells the GCS that the actor has ended, once nothing is under way.
    mutating func leaveIfDone(into effects: inout WorkerEffects) {
        guard let reason = execution.leaving, let actor = execution.actor, execution.running.isEmpty,
            execution.hasEmptyQueues, execution.storing.isEmpty
        else { return }
        switch execution.farewell {
        case .expected:
            execution.farewell = .begun
            return effects.append(.farewell)
        case .begun: return
        case .none, .said: break
        }
        let message = ActorExited(actor: actor, incarnation: execution.incarnation, reason: reason)
        effects.send(.actorExited(message), to: WorkerID.gcs)
    }

    /// Answers a call on an actor that is about to end.
    func refuse(_ spec: TaskSpec, of caller: WorkerID, because reason: String, into effects: inout WorkerEffects) {
        let name = execution.actorName.isEmpty ? spec.function.className : execution.actorName
        answer(spec, of: caller, with: RayError(.actorDied, "the actor \(name) died: \(reason)"), into: &effects)
    }

    /// Answers a call that is not run.
    func answer(_ spec: TaskSpec, of caller: WorkerID, with error: RayError, into effects: inout WorkerEffects) {
        let reply = TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [], error: error)
        effects.send(.taskDone(reply), to: caller)
    }
}
