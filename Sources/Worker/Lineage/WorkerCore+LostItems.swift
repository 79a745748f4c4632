//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Items of generators that are lost: once the generator has ended it runs again as a whole, and what is there already
/// is not taken a second time.
extension WorkerCore {
    /// A generator has ended: its stream does, and what lies in stores can be made again from now on, also what was lost
    /// meanwhile.
    ///
    /// - Returns: items that are to be made again at once.
    mutating func generatorEnded(
        _ task: PendingTask, _ message: TaskDone, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        let id = task.spec.id
        if task.isRebuild { return itemsMadeAgain(task, message.error, into: &effects) }
        var lost: [ObjectID] = []
        // What came before an error of user code can be made again like everything else.
        let canRunAgain = message.error.map { $0.type == .taskExecution } ?? true
        if canRunAgain, task.cancellation == .none, let stream = streams[id], stream.storesItems {
            let items = (0..<stream.produced).map { ObjectID.generatorItem(id, index: $0) }
            lost = lostItems(of: id)
            keepLineage(of: task, items, lost: lost, into: &effects)
        } else {
            failLostItems(of: id, into: &effects)
        }
        endStream(id, message.error, into: &effects)
        return lost
    }

    /// Items that were lost while their generator ran: it has ended in another way than well.
    mutating func failLostItems(of task: TaskID, into effects: inout WorkerEffects) {
        guard let stream = streams[task], stream.storesItems else { return }
        for id in lostItems(of: task) {
            let error = Obstacle.generatorFailed.error(of: id, lostBecause: "the last node that had a copy is gone")
            settle(id, .failed(error), into: &effects)
        }
        streams[task]?.hasFailed = true
    }

    /// Items that were made once, in the first run of a generator, and are not there.
    private func lostItems(of task: TaskID) -> [ObjectID] {
        (0..<(streams[task]?.produced ?? 0)).map { ObjectID.generatorItem(task, index: $0) }.filter { id in
            objects[id].map { $0.owner == nil && !$0.exists } ?? false
        }
    }

    /// An item of a generator that runs again.
    mutating func itemMadeAgain(_ id: ObjectID, _ message: GeneratorItem, into effects: inout WorkerEffects) {
        let count = max(lineage.itemCounts[message.task] ?? 0, Int(message.index) + 1)
        lineage.itemCounts[message.task] = count
        guard let entry = objects[id], entry.owner == nil, !entry.exists else {
            if case .stored(let raylet, _) = message.result { freeUnwanted(id, at: raylet, into: &effects) }
            return
        }
        switch message.result {
        case .inline(let object):
            settle(id, .inline(object), into: &effects)
            capture(object.contained, in: id, into: &effects)
        case .stored(let raylet, let byteCount):
            // What was made on a node that has died meanwhile stays lost, and has the generator run once more.
            guard deadNodes[raylet.node] == nil else { return }
            objects[id]?.version = message.attempt
            settle(id, .stored(at: [raylet], byteCount: byteCount), into: &effects)
            strew([id], at: tasks[message.task]?.strays ?? [], into: &effects)
            capture(message.contained, in: id, into: &effects)
        }
    }

    /// A generator has run again: items that are still not there were lost after they came, or never came.
    private mutating func itemsMadeAgain(
        _ task: PendingTask, _ error: RayError?, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        let count = lineage.itemCounts.removeValue(forKey: task.spec.id) ?? 0
        let missing = lostItems(of: task)
        for id in missing where id.index > UInt32(clamping: count) + 1 {
            // In Ray a task that has so many results must make so many: there it is its own error.
            let isGathered = task.spec.generator?.isGathered == true
            let fewer = RayError(
                isGathered ? .taskExecution : .streamingGeneratorReplayInconsistent,
                "item \(id) was lost, and \(task.spec.displayName) made only \(count) items when it ran again",
                function: task.spec.displayName)
            settle(id, .failed(error ?? fewer), into: &effects)
        }
        return missing.filter { $0.index <= UInt32(clamping: count) + 1 }
    }

    /// Items that a generator which runs again is to make.
    func lostItems(of task: PendingTask) -> [ObjectID] {
        guard task.isRebuild, task.spec.generator != nil else { return [] }
        return objects.filter { id, entry in id.task == task.spec.id && entry.owner == nil && !entry.exists }.keys
            .sorted()
    }
}
