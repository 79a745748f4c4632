//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Attempts of tasks, at most `countMax` of them: for a new one the oldest that ended goes, else the oldest of all.
///
/// Entries stay at their place while they are kept, so a place is a cursor; a list through them for those that live
/// and one for those that have ended keep the order. All operations are O(1), except those that go through all.
struct TaskTable: Sendable {
    private struct Entry: Sendable {
        var record: TaskRecord?
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    /// Places in order of arrival.
    private struct Queue: Sendable {
        var first: Int32 = -1
        var last: Int32 = -1
    }

    let countMax: Int
    /// Attempts that had to go for others.
    private(set) var dropped = 0
    private var entries: [Entry] = []
    private var vacant: [Int32] = []
    private var places: [TaskRecord.Key: Int32] = [:]
    /// Those that live, and those that have ended.
    private var queues = (living: Queue(), ended: Queue())

    init(countMax: Int) { self.countMax = max(1, min(countMax, Int(Int32.max) - 1)) }

    var count: Int { places.count }
    /// One beyond the last place.
    var end: Int { entries.count }

    /// The record at a place, if there is one.
    subscript(place: Int) -> TaskRecord? { entries.indices.contains(place) ? entries[place].record : nil }

    subscript(key: TaskRecord.Key) -> TaskRecord? { places[key].flatMap { entries[Int($0)].record } }

    /// Adds a record, or merges it with what is known of the attempt.
    mutating func add(_ record: TaskRecord) {
        if let place = places[record.key] {
            change(place) { $0.merge(record) }
        } else {
            insert(record)
        }
    }

    /// Changes a record that lives; whether there was one.
    @discardableResult
    mutating func update(_ key: TaskRecord.Key, _ body: (inout TaskRecord) -> Void) -> Bool {
        guard let place = places[key], entries[Int(place)].record?.state.isEnd == false else { return false }
        change(place, body)
        return true
    }

    /// Changes all records that live. O(living).
    mutating func updateLiving(_ body: (inout TaskRecord) -> Void) {
        var place = queues.living.first
        while place >= 0 {
            let next = entries[Int(place)].next
            change(place, body)
            place = next
        }
    }

    private mutating func change(_ place: Int32, _ body: (inout TaskRecord) -> Void) {
        guard var record = entries[Int(place)].record else { return }
        let hadEnded = record.state.isEnd
        body(&record)
        entries[Int(place)].record = record
        guard !hadEnded, record.state.isEnd else { return }
        unlink(place, hasEnded: false)
        link(place, hasEnded: true)
    }

    private mutating func insert(_ record: TaskRecord) {
        if count >= countMax { dropOldest() }
        let place: Int32
        if let free = vacant.popLast() {
            place = free
            entries[Int(place)].record = record
        } else {
            place = Int32(entries.count)
            entries.append(Entry(record: record))
        }
        places[record.key] = place
        link(place, hasEnded: record.state.isEnd)
    }

    private mutating func dropOldest() {
        let place = queues.ended.first >= 0 ? queues.ended.first : queues.living.first
        guard place >= 0, let record = entries[Int(place)].record else { return }
        unlink(place, hasEnded: record.state.isEnd)
        places[record.key] = nil
        entries[Int(place)].record = nil
        vacant.append(place)
        dropped += 1
    }

    private mutating func link(_ place: Int32, hasEnded: Bool) {
        var queue = hasEnded ? queues.ended : queues.living
        entries[Int(place)].previous = queue.last
        entries[Int(place)].next = -1
        if queue.last >= 0 { entries[Int(queue.last)].next = place } else { queue.first = place }
        queue.last = place
        if hasEnded { queues.ended = queue } else { queues.living = queue }
    }

    private mutating func unlink(_ place: Int32, hasEnded: Bool) {
        var queue = hasEnded ? queues.ended : queues.living
        let previous = entries[Int(place)].previous
        let next = entries[Int(place)].next
        if previous >= 0 { entries[Int(previous)].next = next } else { queue.first = next }
        if next >= 0 { entries[Int(next)].previous = previous } else { queue.last = previous }
        if hasEnded { queues.ended = queue } else { queues.living = queue }
    }

    /// What is wrong with the table, if anything. O(count).
    var violation: String? {
        var seen = 0
        for (queue, isEnd) in [(queues.living, false), (queues.ended, true)] {
            var place = queue.first
            var before: Int32 = -1
            while place >= 0 {
                let entry = entries[Int(place)]
                guard let record = entry.record, record.state.isEnd == isEnd, entry.previous == before,
                    places[record.key] == place
                else { return "task records are in the wrong list" }
                seen += 1
                before = place
                place = entry.next
            }
            if queue.last != before { return "a list of task records has another end" }
        }
        return seen == places.count && seen <= countMax ? nil : "task records are miscounted"
    }
}
