//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Generators of an actor that has a limit for all of them: each asks before it makes its next items (`ItemBudget`).
///
///     worker: admit ──▶ (granted, or waits, its CPU given back) … TaskDone, GeneratorEnded ──▶ owner
///     owner:  next() ──GeneratorConsumed──▶ worker … the call has ended: UnreadItems, until there are none ──▶ worker
extension WorkerCore {
    /// Asks whether a generator that runs here may make its next items, which its function yields together; ends with
    /// the effect `completeRequest` when it may.
    package mutating func admit(_ count: Int32, of task: TaskID, into effects: inout WorkerEffects) -> UInt64 {
        requestCounter += 1
        let token = requestCounter
        guard let running = execution.running[task], let generator = running.spec.generator else {
            complete(token, RayError(.systemError, "an item was to be made outside of a generator"), into: &effects)
            return token
        }
        let progress = execution.generators[task] ?? GeneratorProgress()
        let limit = generator.actorBackpressure
        let question = ItemBudget.Question(token: token, count: Int(max(1, count)), limit: limit)
        if isCancelled(task) {
            complete(token, Self.cancelled(running.spec, "while it ran"), into: &effects)
        } else if progress.isOver {
            complete(token, Self.over(running.spec), into: &effects)
        } else if limit == 0
            || execution.budget.ask(question, by: task, made: progress.next, consumed: progress.consumed)
        {
            complete(token, nil, into: &effects)
        } else {
            beginBlocking(task, into: &effects)
        }
        // What it was granted before and did not make is free.
        grantItems(into: &effects)
        return token
    }

    /// Fewer items may count than before: generators that wait go on as far as the limit allows.
    mutating func grantItems(into effects: inout WorkerEffects) {
        for (task, token) in execution.budget.grants() {
            endBlocking(task, .completeRequest(token, .success(.done(Done()))), into: &effects)
        }
    }

    /// A generator asks no longer.
    mutating func failQuestion(of task: TaskID, _ error: RayError, into effects: inout WorkerEffects) {
        guard let token = execution.budget.withdraw(task) else { return }
        endBlocking(task, .completeRequest(token, .failure(error)), into: &effects)
    }

    /// A generator has ended: what nobody has read of it is counted as its owner says from now on.
    mutating func endGenerator(_ task: Execution.Received, into effects: inout WorkerEffects) {
        let id = task.spec.id
        let made = execution.generators.removeValue(forKey: id)?.next ?? 0
        guard let generator = task.spec.generator, generator.actorBackpressure > 0 else { return }
        if let token = execution.budget.withdraw(id) { complete(token, Self.over(task.spec), into: &effects) }
        let call = ItemBudget.Try(task: id, attempt: task.spec.attempt)
        if execution.budget.end(call, made: made, caller: task.caller, isCallerLost: task.isCallerLost) {
            let message = GeneratorEnded(task: id, attempt: UInt32(task.spec.attempt))
            effects.send(.generatorEnded(message), to: task.caller)
        }
        grantItems(into: &effects)
    }

    /// The owner of a generator that has ended here says how many of its items are unread.
    mutating func unreadItems(_ message: UnreadItems, from peer: WorkerID, into effects: inout WorkerEffects) {
        let call = ItemBudget.Try(task: message.task, attempt: Int(message.attempt))
        execution.budget.hear(Int(message.count), of: call, from: peer)
        grantItems(into: &effects)
    }

    // MARK: The owner's side

    /// A generator has ended whose actor has a limit for all of them: its process hears how many of its items are unread,
    /// now and whenever that changes.
    mutating func generatorEnded(_ message: GeneratorEnded, from peer: WorkerID, into effects: inout WorkerEffects) {
        let counter = GeneratorStream.Counter(worker: peer, attempt: message.attempt, told: .max)
        guard let stream = streams[message.task], stream.counter.map({ $0.attempt <= message.attempt }) ?? true else {
            return tell(counter, 0, of: message.task, into: &effects)
        }
        streams[message.task]?.counter = counter
        tellUnread(message.task, into: &effects)
    }

    /// Tells the process of a generator that has ended how many of its items are unread, if they are fewer than before.
    mutating func tellUnread(_ task: TaskID, into effects: inout WorkerEffects) {
        guard let stream = streams[task], let counter = stream.counter else { return }
        // A further try counts what it passes; nobody awaits that the items of this one are read.
        let isTriedAgain = tasks[task].map { !$0.isRebuild && $0.spec.attempt > counter.attempt } ?? false
        let count = isTriedAgain ? 0 : stream.unread
        guard count < counter.told else { return }
        streams[task]?.counter?.told = count
        if count == 0 { streams[task]?.counter = nil }
        tell(counter, count, of: task, into: &effects)
    }

    private func tell(
        _ counter: GeneratorStream.Counter, _ count: Int, of task: TaskID, into effects: inout WorkerEffects
    ) {
        let message = UnreadItems(task: task, attempt: counter.attempt, count: UInt32(clamping: count))
        effects.send(.unreadItems(message), to: counter.worker)
    }
}
