//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// An actor's process to the owner of lost results: the call that is to make them again finds no place. Sent again when
/// that changes.
package struct RebuildBlocked: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// What the calls wait for that have the places: a list for each of their gets. Empty if one of them goes on.
    package var awaited: [[ObjectID]]

    package init(task: TaskID, attempt: UInt32, awaited: [[ObjectID]]) {
        self.task = task
        self.attempt = attempt
        self.awaited = awaited
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(list: awaited) { writer, list in writer.write(list: list) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        awaited = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.identifiers() }
    }
}
