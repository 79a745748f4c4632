//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore

/// Steps that wait until owners have noted registrations, in order for each owner.
///
/// How many registrations a step waits for only grows with each step, so that a note concerns the first ones alone.
struct DeferredSteps: Sendable {
    private struct Entry: Sendable {
        var step: ReferenceTable.Step
        /// Owners that have not noted enough.
        var ownersLeft: Int
    }

    private struct Place: Sendable {
        /// How many registrations must have been noted.
        var count: UInt64
        var number: UInt64
    }

    private var entries: [UInt64: Entry] = [:]
    private var places: [WorkerID: Deque<Place>] = [:]
    private var nextNumber: UInt64 = 0

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    /// Has a step wait for owners that have not noted so many registrations.
    mutating func add(_ step: ReferenceTable.Step, behind barrier: ReferenceTable.Barrier) {
        entries[nextNumber] = Entry(step: step, ownersLeft: barrier.count)
        for (owner, count) in barrier {
            places[owner, default: []].append(Place(count: count, number: nextNumber))
        }
        nextNumber += 1
    }

    /// An owner has noted so many registrations, or, without a number, all that there will be: the steps that wait for
    /// nothing more, in order.
    mutating func pass(_ owner: WorkerID, _ count: UInt64?) -> [ReferenceTable.Step] {
        guard var waiting = places.removeValue(forKey: owner) else { return [] }
        var ready: [ReferenceTable.Step] = []
        while let first = waiting.first, count.map({ first.count <= $0 }) ?? true {
            waiting.removeFirst()
            guard var entry = entries.removeValue(forKey: first.number) else { continue }
            entry.ownersLeft -= 1
            if entry.ownersLeft == 0 {
                ready.append(entry.step)
            } else {
                entries[first.number] = entry
            }
        }
        if !waiting.isEmpty { places[owner] = waiting }
        return ready
    }

    /// Forgets steps that are of no use any more.
    mutating func removeAll(where isUseless: (ReferenceTable.Step) -> Bool) {
        for (number, entry) in entries where isUseless(entry.step) { entries[number] = nil }
    }
}
