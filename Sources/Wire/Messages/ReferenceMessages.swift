//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Borrower to owner: it holds references to these. Answered by `BorrowNoted`.
package struct BorrowObjects: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}

/// Owner to borrower, once for each `BorrowObjects`, in order: it counts the borrower.
package struct BorrowNoted: Hashable, Sendable, WireCodable {
    /// Those that the owner has not got any more.
    package var missing: [ObjectID]

    package init(missing: [ObjectID] = []) {
        self.missing = missing
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: missing)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        missing = try reader.identifiers()
    }
}

/// Borrower to owner: it holds no references to these any more.
package struct ReturnObjects: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}

/// Worker to owner, ahead of `TaskDone`: the references inside each result. Answered by `ReferencesTaken`.
package struct ResultReferences: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// One list for each result, in order.
    package var contained: [[ObjectReference]]

    package init(task: TaskID, attempt: UInt32, contained: [[ObjectReference]]) {
        self.task = task
        self.attempt = attempt
        self.contained = contained
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(list: contained) { writer, list in writer.write(list: list) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        contained = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.values() }
    }
}

/// Owner to worker: it holds the references inside the results, or an item, itself, or wants none.
package struct ReferencesTaken: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// 0 for the results, n + 1 for item n of a generator.
    package var item: UInt32

    package init(task: TaskID, attempt: UInt32, item: UInt32 = 0) {
        self.task = task
        self.attempt = attempt
        self.item = item
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(item)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        item = try reader.added(0) { (reader: inout WireReader) throws(WireError) in try reader.uint32() }
    }
}
