//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Generators from the owner's side: items become objects of their own as they are made.
///
/// The id of item n is known beforehand, so a reader that is ahead waits for that object as for any other, and one past
/// the end finds the error `endOfStreamingGenerator` there. A further try makes all items again, but sends only those
/// that are missing; so no item is delivered twice. Where the result contains the items (Ray's "dynamic"), they are made
/// and rebuilt in the same way, and only the result is read.
extension WorkerCore {
    /// The next item of a generator, with one local reference; nothing past its end.
    ///
    /// - Parameter isPeek: whether it is only looked at, so that its maker may not go on yet: `takePeeked` follows.
    package mutating func nextItem(
        of task: TaskID, isPeek: Bool = false, into effects: inout WorkerEffects
    ) -> ObjectReference? {
        guard var stream = streams[task] else { return nil }
        let index = stream.consumed
        if let end = stream.end, index >= end { return nil }
        stream.consumed += 1
        if isPeek { stream.peeked += 1 }
        streams[task] = stream
        let id = ObjectID.generatorItem(task, index: index)
        if index >= stream.produced { objects[id] = ObjectEntry(localReferences: 1) }
        if !isPeek { tellConsumed(task, into: &effects) }
        return ObjectReference(id: id, owner: configuration.address)
    }

    /// The first of the items that were looked at is read.
    package mutating func takePeeked(of task: TaskID, into effects: inout WorkerEffects) {
        guard let stream = streams[task], stream.peeked > 0 else { return }
        streams[task]?.peeked -= 1
        tellConsumed(task, into: &effects)
    }

    /// Nobody reads the items any more: unread items are freed. Those that were read can be made again as long as
    /// somebody holds or needs them.
    ///
    /// - Parameter cancels: whether the task is cancelled; one of Python's goes on to its end without a limit.
    package mutating func dropStream(
        _ task: TaskID, cancels: Bool = true, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let stream = streams[task], !stream.isDropped else { return }
        streams[task]?.isDropped = true
        tellUnread(task, into: &effects)
        for index in stream.consumed..<max(stream.consumed, stream.produced) {
            release(.generatorItem(task, index: index), into: &effects)
        }
        if tasks[task]?.isRebuild == true {
            streams[task] = nil
            return  // It runs for items that were read.
        }
        if cancels {
            // Its function may go on for a while: what it has made keeps no other of its actor waiting.
            if (tasks[task]?.spec.generator?.actorBackpressure ?? 0) > 0 { tellConsumed(task, into: &effects) }
            tasks[task]?.isUnread = true
            cancel(task: task, force: false, recursive: true, at: now, into: &effects)
        } else {
            tellConsumed(task, into: &effects)
        }
        if tasks[task] == nil { streams[task] = nil }
    }

    mutating func itemMade(_ message: GeneratorItem, from peer: WorkerID, into effects: inout WorkerEffects) {
        defer { itemTaken(message, from: peer, into: &effects) }
        let id = ObjectID.generatorItem(message.task, index: Int(message.index))
        guard let task = tasks[message.task], task.spec.attempt == Int(message.attempt), isAt(peer, task) else {
            return freeUnwanted(message, into: &effects)
        }
        let stream = streams[message.task]
        if task.isRebuild || Int(message.index) < stream?.produced ?? lineage.records[message.task]?.itemCount ?? 0 {
            return itemMadeAgain(id, message, of: task, into: &effects)
        }
        guard let stream, stream.end == nil, Int(message.index) == stream.produced,
            !stream.isDropped || stream.produced < stream.consumed
        else {
            return freeUnwanted(message, into: &effects)
        }
        switch message.result {
        case .inline(let object):
            append(.inline(object), to: message.task, into: &effects)
            capture(object.contained, in: id, into: &effects)
        case .stored(let raylet, let byteCount):
            append(.stored(at: [raylet], byteCount: byteCount), to: message.task, into: &effects)
            itemStored(id, at: raylet, message.contained, into: &effects)
        }
    }

    /// An item that nobody awaits: its copy goes, unless it is the one that is known.
    func freeUnwanted(_ message: GeneratorItem, into effects: inout WorkerEffects) {
        guard case .stored(let raylet, _) = message.result else { return }
        freeUnwanted(.generatorItem(message.task, index: Int(message.index)), at: raylet, into: &effects)
    }

    /// The references inside an item are held here, or not wanted: its maker may let them go.
    private mutating func itemTaken(
        _ message: GeneratorItem, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        let hasReferences =
            if case .inline(let object) = message.result {
                !object.contained.isEmpty
            } else {
                !message.contained.isEmpty
            }
        guard hasReferences else { return }
        let delivery = ReferenceTable.Delivery(
            task: message.task, attempt: message.attempt, item: message.index &+ 1)
        taken(delivery, from: peer, into: &effects)
    }

    func isAt(_ peer: WorkerID, _ task: PendingTask) -> Bool { worker(of: task) == peer }

    /// Where a task is that was sent.
    func worker(of task: PendingTask) -> WorkerID? {
        switch (task.phase, task.spec.kind) {
        case (.pushed(let lease), _): leases[lease]?.worker.worker
        case (.called, .actorCall(let actor, _)): actors[actor]?.address.worker
        default: nil
        }
    }

    private mutating func append(_ value: ObjectEntry.Value, to task: TaskID, into effects: inout WorkerEffects) {
        guard let stream = streams[task] else { return }
        streams[task]?.produced += 1
        let id = ObjectID.generatorItem(task, index: stream.produced)
        // Not asked for yet: the stream itself holds it.
        if stream.produced >= stream.consumed { objects[id] = ObjectEntry(localReferences: 1) }
        settle(id, value, into: &effects)
    }

    /// The generator has ended; an error becomes the item after the good ones.
    mutating func endStream(_ task: TaskID, _ error: RayError?, into effects: inout WorkerEffects) {
        guard let stream = streams[task], stream.end == nil else { return }
        if stream.isGathered {
            // The result, if there is one, came with the references inside it, which hold the items from here on.
            streams[task] = nil
            for index in 0..<stream.produced { release(.generatorItem(task, index: index), into: &effects) }
            return
        }
        if stream.isDropped {
            streams[task] = nil
            // What was asked for before the stream was dropped is awaited still.
            let error = error ?? Self.streamEnded(stream.produced)
            for index in stream.produced..<max(stream.produced, stream.consumed) {
                settle(.generatorItem(task, index: index), .failed(error), into: &effects)
            }
            return
        }
        if let error {
            append(.failed(error), to: task, into: &effects)
            streams[task]?.isFailed = true
        }
        let end = streams[task]?.produced ?? 0
        streams[task]?.end = end
        for index in end..<max(end, stream.consumed) {
            settle(.generatorItem(task, index: index), .failed(Self.streamEnded(end)), into: &effects)
        }
    }

    private static func streamEnded(_ count: Int) -> RayError {
        RayError(.endOfStreamingGenerator, "the generator has ended after \(count) items")
    }

    /// Tells the worker of a generator with a limit how far its items have been read.
    mutating func tellConsumed(_ id: TaskID, into effects: inout WorkerEffects) {
        tellUnread(id, into: &effects)
        guard let task = tasks[id], task.spec.generator?.isLimited == true, let stream = streams[id], stream.read > 0
        else { return }
        guard let worker = worker(of: task) else { return }
        let message = GeneratorConsumed(task: id, count: UInt32(clamping: stream.read))
        effects.send(.generatorConsumed(message), to: worker)
    }

    /// A generator's task as it is sent: of the items that an earlier try has delivered only those that are lost come.
    ///
    /// One that runs again for items that are lost makes nothing else, and waits for no reader.
    mutating func withItemsWanted(_ task: PendingTask) -> TaskSpec {
        guard var generator = task.spec.generator else { return task.spec }
        let id = task.spec.id
        generator.skip = task.isRebuild ? GeneratorSpec.skipsAll : streams[id]?.produced ?? 0
        generator.again = lostItems(of: id).map { Int($0.index) - 2 }
        if let first = generator.again.first, generator.again.count > GeneratorSpec.againMax {
            (generator.skip, generator.again) = (first, [])
        }
        if task.isRebuild {
            (generator.backpressure, generator.actorBackpressure) = (0, 0)
            // Its result is made from all of them.
            if generator.isGathered { (generator.skip, generator.again) = (0, []) }
        }
        tasks[id]?.spec.generator = generator
        var spec = task.spec
        spec.generator = generator
        if configuration.plantsSkippedRebuild { spec.generator?.again = [] }
        return spec
    }
}
