//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Items of generators that are lost. A generator has a record from its first stored item on, so that what is made of
/// its items counts on it while it still runs, and when nobody reads it any more.
///
///     lost while it runs ──▶ (with a limit: it is stopped) ──▶ the next try sends them again
///        │                                    it has ended ──▶ ┐
///     lost after that ───────────────────────────────────────▶ it runs again, for these items alone
extension WorkerCore {
    /// An item of a generator that this process called is in a store.
    mutating func itemStored(
        _ id: ObjectID, at raylet: Address, _ contained: [ObjectReference], into effects: inout WorkerEffects
    ) {
        guard let task = tasks[id.task] else { return }
        strew([id], at: task.strays, into: &effects)
        capture(contained, in: id, into: &effects)
        keepLineage(of: task, [id], into: &effects)
        let count = Int(id.index) - 1
        if let known = lineage.records[id.task]?.itemCount, known < count {
            lineage.records[id.task]?.itemCount = count
        }
        // It was on its way when the node died.
        guard deadNodes[raylet.node] != nil, forgetCopies(of: id, at: [raylet.node], into: &effects) else { return }
        recover([id], because: "it was made on a node that has died", at: clock, into: &effects)
    }

    /// A generator has ended, well or not, or does not begin any more: its stream ends, too.
    ///
    /// - Returns: items that are lost, and were not to come with this try.
    mutating func generatorEnded(
        _ task: PendingTask, _ error: RayError?, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        if task.isRebuild { return itemsMadeAgain(task, error, into: &effects) }
        let lost = lostItems(of: task.spec.id)
        endStream(task.spec.id, error, into: &effects)
        return lost
    }

    /// Items that were made once and are not there, in order.
    func lostItems(of task: TaskID) -> [ObjectID] {
        (0..<(lineage.records[task]?.itemCount ?? 0)).map { ObjectID.generatorItem(task, index: $0) }.filter { id in
            objects[id].map { $0.owner == nil && !$0.exists } ?? false
        }
    }

    /// An item that a try before has made.
    mutating func itemMadeAgain(
        _ id: ObjectID, _ message: GeneratorItem, of task: PendingTask, into effects: inout WorkerEffects
    ) {
        if task.isRebuild {
            let count = max(lineage.itemCounts[message.task] ?? 0, Int(message.index) + 1)
            lineage.itemCounts[message.task] = count
        }
        guard let entry = objects[id], entry.owner == nil, !entry.exists else {
            return freeUnwanted(message, into: &effects)
        }
        switch message.result {
        case .inline(let object):
            settle(id, .inline(object), into: &effects)
            capture(object.contained, in: id, into: &effects)
        case .stored(let raylet, let byteCount):
            // What was made on a node that has died meanwhile stays lost, and has the generator run once more.
            guard deadNodes[raylet.node] == nil else { return }
            objects.update(id) { $0.version = message.attempt }
            settle(id, .stored(at: [raylet], byteCount: byteCount), into: &effects)
            itemStored(id, at: raylet, message.contained, into: &effects)
        }
    }

    /// A generator has run again: items that are still not there never came, or were lost after they had, or since it was
    /// sent.
    private mutating func itemsMadeAgain(
        _ task: PendingTask, _ error: RayError?, into effects: inout WorkerEffects
    ) -> [ObjectID] {
        let count = lineage.itemCounts.removeValue(forKey: task.spec.id) ?? 0
        var lost: [ObjectID] = []
        for id in lostItems(of: task.spec.id) {
            let index = Int(id.index) - 2
            guard index >= count, task.spec.generator?.wants(index) == true else {
                lost.append(id)
                continue
            }
            // In Ray a task that has so many results must make so many: there it is its own error.
            let isGathered = task.spec.generator?.isGathered == true
            let fewer = RayError(
                isGathered ? .taskExecution : .streamingGeneratorReplayInconsistent,
                "item \(id) was lost, and \(task.spec.displayName) made fewer items when it ran again",
                function: task.spec.displayName)
            settle(id, .failed(error ?? fewer), into: &effects)
        }
        return lost
    }

    /// An item is lost while its generator runs. One that waits for its reader, which may wait for the lost item, ends
    /// this try, and the next one makes what is missing; the others have the next one when they have ended.
    mutating func stopForItems(_ id: TaskID, into effects: inout WorkerEffects) {
        guard let task = tasks[id], task.spec.generator?.isLimited == true, !task.isStopped,
            task.retriesLeft != 0, let worker = worker(of: task)
        else { return }
        tasks[id]?.isStopped = true
        effects.send(.stopGenerator(StopGenerator(task: id, attempt: UInt32(task.spec.attempt))), to: worker)
    }
}
