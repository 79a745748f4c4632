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
    package mutating func nextItem(of task: TaskID, into effects: inout WorkerEffects) -> ObjectReference? {
        guard var stream = streams[task] else { return nil }
        let index = stream.consumed
        if let end = stream.end, index >= end { return nil }
        stream.consumed += 1
        streams[task] = stream
        let id = ObjectID.generatorItem(task, index: index)
        if index >= stream.produced { objects[id] = ObjectEntry(localReferences: 1) }
        tellConsumed(task, into: &effects)
        return ObjectReference(id: id, owner: configuration.address)
    }

    /// Nobody reads the items any more: the task is cancelled, unread items are freed.
    package mutating func dropStream(_ task: TaskID, at now: Instant, into effects: inout WorkerEffects) {
        guard let stream = streams[task], !stream.isDropped else { return }
        streams[task]?.isDropped = true
        for index in stream.consumed..<max(stream.consumed, stream.produced) {
            release(.generatorItem(task, index: index), into: &effects)
        }
        if tasks[task]?.isRebuild == true {
            streams[task] = nil
            return  // It runs for items that were read.
        }
        cancel(task: task, force: false, recursive: true, at: now, into: &effects)
        if tasks[task] == nil { streams[task] = nil }
    }

    mutating func itemMade(_ message: GeneratorItem, from peer: WorkerID, into effects: inout WorkerEffects) {
        let id = ObjectID.generatorItem(message.task, index: Int(message.index))
        if let task = tasks[message.task], task.isRebuild, task.spec.attempt == Int(message.attempt), isAt(peer, task) {
            itemMadeAgain(id, message, into: &effects)
            return itemTaken(message, from: peer, into: &effects)
        }
        guard let task = tasks[message.task], task.spec.attempt == Int(message.attempt), isAt(peer, task),
            let stream = streams[message.task], stream.end == nil, !stream.isDropped,
            Int(message.index) == stream.produced
        else {
            if case .stored(let raylet, _) = message.result { freeUnwanted(id, at: raylet, into: &effects) }
            return itemTaken(message, from: peer, into: &effects)
        }
        switch message.result {
        case .inline(let object):
            append(.inline(object), to: message.task, into: &effects)
            capture(object.contained, in: id, into: &effects)
        case .stored(let raylet, let byteCount):
            streams[message.task]?.storesItems = true
            append(.stored(at: [raylet], byteCount: byteCount), to: message.task, into: &effects)
            strew([id], at: task.strays, into: &effects)
            capture(message.contained, in: id, into: &effects)
        }
        itemTaken(message, from: peer, into: &effects)
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

    func isAt(_ peer: WorkerID, _ task: PendingTask) -> Bool {
        switch (task.phase, task.spec.kind) {
        case (.pushed(let lease), _): leases[lease]?.worker.worker == peer
        case (.called, .actorCall(let actor, _)): actors[actor]?.address.worker == peer
        default: false
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
        if let error { append(.failed(error), to: task, into: &effects) }
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
        guard let task = tasks[id], let generator = task.spec.generator, generator.backpressure > 0,
            let stream = streams[id], stream.consumed > 0
        else { return }
        let message = Message.generatorConsumed(GeneratorConsumed(task: id, count: UInt32(clamping: stream.consumed)))
        switch (task.phase, task.spec.kind) {
        case (.pushed(let lease), _):
            guard let worker = leases[lease]?.worker.worker else { return }
            effects.send(message, to: worker)
        case (.called, .actorCall(let actor, _)):
            guard let worker = actors[actor]?.address.worker else { return }
            effects.send(message, to: worker)
        default: break
        }
    }

    /// A generator's task as it is sent: without the items that an earlier try has delivered.
    ///
    /// One that runs again for items that are lost makes all of them, and waits for no reader.
    func withSkip(_ task: PendingTask) -> TaskSpec {
        guard task.spec.generator != nil else { return task.spec }
        var rest = task.spec
        let skipsNone = task.isRebuild && !configuration.plantsSkippedRebuild
        rest.generator?.skip = skipsNone ? 0 : streams[task.spec.id]?.produced ?? 0
        if task.isRebuild { rest.generator?.backpressure = 0 }
        return rest
    }
}
