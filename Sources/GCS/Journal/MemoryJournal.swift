//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import Synchronization

/// A journal that lives as long as its process: for clusters that end with a program, simulation and tests.
package final class MemoryJournal: Journal {
    private let table = Mutex(JournalImage())

    package init() {}

    package func recover() -> [JournalRecord] { table.withLock { $0.records } }
    package func append(_ records: [JournalRecord]) { table.withLock { $0.apply(records) } }
    package func commit(_ completion: @escaping @Sendable (RayError?) -> Void) { completion(nil) }
    package func close() {}
}

/// What all records so far amount to.
package struct JournalImage: Hashable, Sendable {
    private struct Place: Hashable, Comparable {
        var table: JournalTable
        var key: [UInt8]

        static func < (lhs: Place, rhs: Place) -> Bool {
            lhs.table == rhs.table ? lhs.key.lexicographicallyPrecedes(rhs.key) : lhs.table < rhs.table
        }
    }

    private var values: [Place: [UInt8]] = [:]

    package init() {}

    /// Entries in order of table and key.
    package var records: [JournalRecord] {
        values.sorted { $0.key < $1.key }.map { JournalRecord(table: $0.key.table, key: $0.key.key, value: $0.value) }
    }

    /// Takes changes in order.
    package mutating func apply(_ records: [JournalRecord]) {
        for record in records { values[Place(table: record.table, key: record.key)] = record.value }
    }
}
