//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// How lost results are made again: the tasks that made what lies in stores, as long as it may be needed.
///
/// A record is kept while one of its results is held in this process's books, or a record of a later task needs one as
/// an argument. So the value of an intermediate object goes with its last reference, and the way to make it stays.
struct LineageTable: Sendable {
    struct Record: Sendable {
        /// As it was sent: small arguments are in it, large ones are references.
        var spec: TaskSpec
        /// Tries that are left; -1 without limit.
        var retriesLeft: Int
        var retryExceptions: RetryExceptions
        /// Results that are in the books and in a store, arguments of other records that are results of this one, and the
        /// task itself while it runs.
        var uses = 0
        /// The tasks whose records count this one as a use, once for each argument.
        var dependencies: [TaskID] = []
        /// Small objects of this process that are inside arguments: nobody could make them again, so they stay.
        var pinned: [ObjectID] = []
        var byteCount = 0
        /// Its place in the order of age.
        var number: UInt64 = 0
        /// Whether the task is in the books: a generator that makes items, or one that makes results again.
        var isRunning = false
        /// Whether the task was cancelled before it had ended.
        var isCancelled = false
        /// Items of a generator that may be lost: of those before this one some are in a store, or were.
        var itemCount = 0
    }

    var records: [TaskID: Record] = [:]
    /// How many items came from generators that run again.
    var itemCounts: [TaskID: Int] = [:]
    /// Calls that make results again and find no place in their actor.
    var blocked: [TaskID: RebuildBlocked] = [:]
    /// When is looked next whether one of them waits for itself.
    var hopelessDue: Instant?
    var notice = RecoveryNotice()
    /// Oldest first; one whose number is not its record's is of no meaning.
    private var order: Deque<(number: UInt64, task: TaskID)> = []
    private var count: UInt64 = 0
    private(set) var byteCount = 0

    mutating func insert(_ record: Record) {
        var record = record
        count += 1
        record.number = count
        records[record.spec.id] = record
        byteCount += record.byteCount
        order.append((count, record.spec.id))
        // Those that went in another way than by their age.
        if order.count > 2 * records.count + 64 { order.removeAll { records[$0.task]?.number != $0.number } }
    }

    /// A result of the task is not in the books any more; gives back what nothing pins now.
    mutating func release(_ task: TaskID) -> [ObjectID] {
        guard let uses = records[task]?.uses else { return [] }
        records[task]?.uses = uses - 1
        return uses == 1 ? remove(task) : []
    }

    /// Removes a record, and those that only it needed; gives back what nothing pins now.
    private mutating func remove(_ task: TaskID) -> [ObjectID] {
        var unpinned: [ObjectID] = []
        var unneeded = [task]
        while let next = unneeded.popLast() {
            guard let record = records.removeValue(forKey: next) else { continue }
            byteCount -= record.byteCount
            unpinned += record.pinned
            for dependency in record.dependencies {
                guard let uses = records[dependency]?.uses else { continue }
                records[dependency]?.uses = uses - 1
                if uses == 1 { unneeded.append(dependency) }
            }
        }
        return unpinned
    }

    /// Removes the oldest records until half of `bytesMax` is free, if they have more than that together.
    mutating func evict(beyond bytesMax: Int) -> [ObjectID] {
        guard byteCount > bytesMax else { return [] }
        var unpinned: [ObjectID] = []
        var running: [(number: UInt64, task: TaskID)] = []
        while byteCount > bytesMax / 2, let oldest = order.popFirst() {
            guard let record = records[oldest.task], record.number == oldest.number else { continue }
            if record.isRunning { running.append(oldest) } else { unpinned += remove(oldest.task) }
        }
        order.insert(contentsOf: running, at: 0)
        return unpinned
    }

    /// Traps if the counts contradict each other; `outputs` are the results in the books by their task.
    func checkInvariants(outputs: [TaskID: Int]) {
        var uses = outputs
        for record in records.values { for task in record.dependencies { uses[task, default: 0] += 1 } }
        for (task, record) in records where record.isRunning { uses[task, default: 0] += 1 }
        for (task, record) in records {
            precondition(record.uses == uses[task, default: 0], "uses of lineage are miscounted")
            precondition(record.uses > 0, "lineage is kept for nobody")
        }
        precondition(byteCount == records.values.reduce(0) { $0 + $1.byteCount }, "bytes of lineage are miscounted")
    }
}
