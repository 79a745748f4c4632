//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// One change of the durable state: what a key of a table has become.
package struct JournalRecord: Hashable, Sendable {
    package var table: JournalTable
    package var key: [UInt8]
    /// Nothing if the entry is gone.
    package var value: [UInt8]?

    package init(table: JournalTable, key: [UInt8], value: [UInt8]?) {
        self.table = table
        self.key = key
        self.value = value
    }
}

/// The tables of the durable state. A number is never used for anything else.
///
/// A further table needs: a case here, a `DurableTable` (or records noted in `GCSCore.unsaved`) with its coding in
/// `GCSCore+Persistence`, and its branch in `GCSCore.restore`.
package enum JournalTable: UInt8, Hashable, Sendable, CaseIterable, Comparable {
    /// Single values by name: the cluster's name, counters.
    case cluster = 1
    case nodes = 2
    case deadNodes = 3
    case jobs = 4
    /// What an actor is made of: written once.
    case actorSpecs = 5
    /// Where an actor stands.
    case actors = 6
    case deadActors = 7
    case keyValues = 8
    case groups = 9
    case deadGroups = 10
    /// Who holds the files of the head.
    case files = 11

    package static func < (lhs: JournalTable, rhs: JournalTable) -> Bool { lhs.rawValue < rhs.rawValue }
}
