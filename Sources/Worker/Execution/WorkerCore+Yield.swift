//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Sending the items of generators that run here.
///
///     yield ──▶ skipped: an earlier try has sent it, and it is not lost ────────┐
///       ├─────▶ small: sent ────────────────────────────────────────────────────┤
///       └─────▶ large: room ──▶ written, sealed, sent ──────────────────────────┤
///         the next may be made ◀── waits while `backpressure` items are unread ◀┘  its CPU is given back meanwhile
extension WorkerCore {
    /// Sends the next item of a task that runs here; ends with the effect `completeRequest` when the next may be made.
    package mutating func yield(_ object: RayObject, from task: TaskID, into effects: inout WorkerEffects) -> UInt64 {
        requestCounter += 1
        let token = requestCounter
        guard let running = execution.running[task], let generator = running.spec.generator else {
            complete(token, RayError(.systemError, "an item was made outside of a generator"), into: &effects)
            return token
        }
        guard !isCancelled(task) else {
            complete(token, Self.cancelled(running.spec, "while it ran"), into: &effects)
            return token
        }
        guard execution.generators[task]?.isOver != true else {
            complete(token, Self.over(running.spec), into: &effects)
            return token
        }
        var progress = execution.generators[task] ?? GeneratorProgress()
        let index = progress.next
        progress.next += 1
        let item = GeneratorProgress.Item(
            token: token, attempt: running.spec.attempt, index: index, object: object)
        progress.isOver = generator.ends(with: index)
        execution.generators[task] = progress
        guard generator.wants(index) else {
            goOn(after: item, of: running, into: &effects)
            return token
        }
        hold(item, of: running, into: &effects)
        deliver(item, of: running, into: &effects)
        return token
    }

    /// An item is on its way, or was skipped: the function goes on, unless as many as its limit allows are unread.
    private mutating func goOn(
        after item: GeneratorProgress.Item, of task: Execution.Received, into effects: inout WorkerEffects
    ) {
        let id = task.spec.id
        let progress = execution.generators[id] ?? GeneratorProgress()
        let waiting = GeneratorProgress.Waiting(token: item.token, index: item.index)
        if isCancelled(id) {
            complete(item.token, Self.cancelled(task.spec, "while it ran"), into: &effects)
        } else if progress.isOver {
            complete(item.token, Self.over(task.spec), into: &effects)
        } else if progress.mustWait(waiting, task.spec.generator) {
            execution.generators[id]?.waiting = waiting
            beginBlocking(id, into: &effects)
        } else {
            complete(item.token, nil, into: &effects)
        }
    }

    /// The reader has got further.
    mutating func itemsConsumed(_ message: GeneratorConsumed, from peer: WorkerID, into effects: inout WorkerEffects) {
        let id = message.task
        guard let task = execution.running[id] ?? execution.received[id], task.caller == peer,
            task.spec.generator != nil
        else { return }
        read(Int(message.count), of: id, into: &effects)
    }

    private mutating func read(_ count: Int, of id: TaskID, into effects: inout WorkerEffects) {
        let consumed = execution.generators[id]?.consumed ?? 0
        execution.generators[id, default: GeneratorProgress()].consumed = max(consumed, count)
        execution.budget.read(id, upTo: count)
        goOnWithinLimits(id, into: &effects)
    }

    /// A generator that stands before a call which makes a lost result again may make more than its limits allow: whoever
    /// is to read it may wait for that result.
    mutating func exceedLimits(of id: TaskID, by count: Int, into effects: inout WorkerEffects) {
        execution.generators[id, default: GeneratorProgress()].excess = count
        execution.budget.exceed(by: count, for: id)
        goOnWithinLimits(id, into: &effects)
    }

    /// More has been read of a generator, or more is allowed: it goes on if it need not wait any more.
    private mutating func goOnWithinLimits(_ id: TaskID, into effects: inout WorkerEffects) {
        if let progress = execution.generators[id], let waiting = progress.waiting,
            !progress.mustWait(waiting, execution.running[id]?.spec.generator)
        {
            execution.generators[id]?.waiting = nil
            endBlocking(id, .completeRequest(waiting.token, .success(.done(Done()))), into: &effects)
        }
        grantItems(into: &effects)
    }

    /// Nobody is left to read what a task makes: it goes on to its end.
    mutating func readerLost(of id: TaskID, into effects: inout WorkerEffects) {
        guard execution.running[id]?.spec.generator?.isLimited == true else { return }
        read(.max, of: id, into: &effects)
    }

    /// A generator that may wait for its reader is cancelled.
    mutating func cancelWaitingItem(of id: TaskID, into effects: inout WorkerEffects) {
        guard let task = execution.running[id] else { return }
        failWaitingItem(of: id, Self.cancelled(task.spec, "while it ran"), into: &effects)
    }

    private mutating func failWaitingItem(of id: TaskID, _ error: RayError, into effects: inout WorkerEffects) {
        failQuestion(of: id, error, into: &effects)
        guard let waiting = execution.generators[id]?.waiting else { return }
        execution.generators[id]?.waiting = nil
        endBlocking(id, .completeRequest(waiting.token, .failure(error)), into: &effects)
    }

    /// Something that this try, or one before, has sent is lost: the owner wants the next try, which sends it again.
    ///
    /// User code is not interrupted: the try ends where it hands over its next item.
    mutating func stopAsked(_ message: StopGenerator, from peer: WorkerID, into effects: inout WorkerEffects) {
        let id = message.task
        guard let task = execution.running[id] ?? execution.received[id], task.caller == peer,
            task.spec.generator != nil, task.spec.attempt == Int(message.attempt)
        else { return }
        execution.generators[id, default: GeneratorProgress()].isOver = true
        failWaitingItem(of: id, Self.over(task.spec), into: &effects)
    }

    /// What the code of a generator meets where it hands over an item, and nothing more of it is wanted.
    static func over(_ spec: TaskSpec) -> RayError {
        RayError(.taskCancelled, "no further items of \(spec.displayName) are wanted", function: spec.displayName)
    }

    private mutating func deliver(
        _ item: GeneratorProgress.Item, of task: Execution.Received, into effects: inout WorkerEffects
    ) {
        let object = item.object
        guard object.data.count > Limits.inlineObjectBytesMax, let raylet = configuration.raylet else {
            return send(.inline(object), item, of: task, into: &effects)
        }
        let id = ObjectID.generatorItem(task.spec.id, index: item.index)
        execution.itemRooms[id] = ItemRoom(task: task.spec.id, item: item)
        let request = CreateObject(
            object: id, owner: task.caller, slot: configuration.storeSlot, dataBytes: object.data.count,
            metadataBytes: object.metadata.count, containedBytes: object.containedBytes.count)
        effects.send(.createObject(request), to: raylet.worker)
    }

    /// The raylet made room for an item, or says why there is none; whether it was for an item.
    mutating func itemRoomCreated(_ message: ObjectCreated, into effects: inout WorkerEffects) -> Bool {
        guard let room = execution.itemRooms.removeValue(forKey: message.object), let raylet = configuration.raylet
        else { return false }
        guard let task = execution.running[room.task], message.error == nil else {
            if message.error == nil {
                effects.send(.abortObject(AbortObject(object: message.object)), to: raylet.worker)
            }
            letGo(room.item, of: room.task, into: &effects)
            complete(room.item.token, message.error, into: &effects)
            return true
        }
        effects.append(.write(message.object, room.item.object, offset: message.offset))
        effects.send(.sealObject(SealObject(object: message.object)), to: raylet.worker)
        let result = TaskResult.stored(at: raylet, byteCount: room.item.object.data.count)
        send(result, room.item, of: task, into: &effects)
        return true
    }

    private mutating func send(
        _ result: TaskResult, _ item: GeneratorProgress.Item, of task: Execution.Received,
        into effects: inout WorkerEffects
    ) {
        // References inside a small item travel in the item itself.
        let contained = if case .stored = result { item.object.contained } else { [ObjectReference]() }
        let message = GeneratorItem(
            task: task.spec.id, attempt: UInt32(item.attempt), index: UInt32(item.index), result: result,
            contained: contained)
        effects.send(.generatorItem(message), to: task.caller)
        goOn(after: item, of: task, into: &effects)
    }

    /// Holds the references inside an item until its reader's process holds them.
    private mutating func hold(
        _ item: GeneratorProgress.Item, of task: Execution.Received, into effects: inout WorkerEffects
    ) {
        let contained = item.object.contained
        guard !contained.isEmpty, !task.isCallerLost else { return }
        beginTransfer(delivery(of: item, task.spec.id), contained, to: task.caller, into: &effects)
    }

    /// The item will not be sent.
    private mutating func letGo(
        _ item: GeneratorProgress.Item, of task: TaskID, into effects: inout WorkerEffects
    ) {
        if !item.object.contained.isEmpty { endTransfer(delivery(of: item, task), into: &effects) }
    }

    private func delivery(of item: GeneratorProgress.Item, _ task: TaskID) -> ReferenceTable.Delivery {
        ReferenceTable.Delivery(task: task, attempt: UInt32(item.attempt), item: UInt32(item.index) + 1)
    }

    func complete(_ token: UInt64, _ error: RayError?, into effects: inout WorkerEffects) {
        effects.append(.completeRequest(token, error.map { .failure($0) } ?? .success(.done(Done()))))
    }
}
