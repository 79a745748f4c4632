//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Keeping lineage (docs/internals/lineage.md).
extension WorkerCore {
    /// Bytes that a record takes beside the values in it, about.
    private static let recordBytes = 512
    private static let referenceBytes = 128

    /// Notes how results that are in a store, or were and are `lost`, can be made again.
    ///
    /// Not called for a task with small results only: it costs nothing there.
    mutating func keepLineage(
        of task: PendingTask, _ results: [ObjectID], lost: [ObjectID] = [], into effects: inout WorkerEffects
    ) {
        let id = task.spec.id
        let stored = results.filter { result in
            if case .stored? = objects[result]?.value { true } else { lost.contains(result) }
        }
        guard configuration.keepsLineage, !stored.isEmpty else { return }
        if lineage.records[id] == nil {
            guard task.retriesLeft != 0 else {
                let origin: ObjectEntry.Origin = task.allowsRetries ? .retriesUsed : .retriesDisabled
                for result in stored { objects[result]?.origin = origin }
                return
            }
            var record = record(of: task, into: &effects)
            if tasks[id] != nil {
                record.isRunning = true
                record.uses = 1
            }
            lineage.insert(record)
        }
        for result in stored where objects[result]?.origin != .task {
            objects.update(result) { $0.origin = .task }
            lineage.records[id]?.uses += 1
        }
        for object in lineage.evict(beyond: configuration.lineageBytesMax) { unpin(object, into: &effects) }
    }

    private mutating func record(of task: PendingTask, into effects: inout WorkerEffects) -> LineageTable.Record {
        var record = LineageTable.Record(
            spec: task.spec, retriesLeft: task.retriesLeft, retryExceptions: task.retryExceptions)
        record.isCancelled = task.wasCancelledByUser
        record.byteCount = Self.recordBytes
        for argument in task.spec.arguments {
            switch argument {
            case .reference(let reference): keepArgument(reference, in: &record, into: &effects)
            case .value(let object):
                record.byteCount += object.data.count
                for reference in object.contained { keepArgument(reference, in: &record, into: &effects) }
            }
        }
        return record
    }

    /// What another run needs of an object of this process: its record, or the object itself where it has none. So what
    /// was put, or may not be made again, stays as long as something made of it does, as in Ray.
    private mutating func keepArgument(
        _ reference: ObjectReference, in record: inout LineageTable.Record, into effects: inout WorkerEffects
    ) {
        record.byteCount += Self.referenceBytes
        guard let entry = objects[reference.id], entry.owner == nil, !configuration.plantsShortLineage else { return }
        if entry.origin == .task, lineage.records[reference.id.task] != nil {
            lineage.records[reference.id.task]?.uses += 1
            record.dependencies.append(reference.id.task)
        } else if entry.exists, !entry.hasFailed, reference.id.actorOfHandle == nil {
            pin(reference, into: &effects)
            record.pinned.append(reference.id)
            if case .inline(let object) = entry.value { record.byteCount += object.data.count }
        }
    }

    /// A task that may have a record has ended, well or not; whether that is held for it until `releaseRun`.
    mutating func runEnded(_ task: PendingTask) -> Bool {
        let id = task.spec.id
        guard task.isRebuild || task.spec.generator != nil, var record = lineage.records[id], record.isRunning else {
            return false
        }
        record.isRunning = false
        record.retriesLeft = task.retriesLeft
        record.spec.attempt = task.spec.attempt
        record.isCancelled = task.wasCancelledByUser
        lineage.records[id] = record
        lineage.blocked[id] = nil
        return true
    }

    /// What a task has made is in the books: its record stays if that uses it.
    mutating func releaseRun(of task: TaskID, into effects: inout WorkerEffects) {
        for object in lineage.release(task) { unpin(object, into: &effects) }
    }

    /// Traps if lineage and objects contradict each other. O(everything); for tests and the simulator.
    package func checkInvariants() {
        var outputs: [TaskID: Int] = [:]
        for (id, entry) in objects where entry.owner == nil && entry.origin == .task && lineage.records[id.task] != nil
        {
            outputs[id.task, default: 0] += 1
        }
        lineage.checkInvariants(outputs: outputs)
        checkReferences()
        for (id, record) in lineage.records where record.isRunning {
            precondition(tasks[id] != nil, "lineage waits for a task that does not run")
        }
    }
}
