//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Worker to owner: an item of a generator; items of one try come in order, without gaps.
package struct GeneratorItem: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// Which item, from 0.
    package var index: UInt32
    package var result: TaskResult
    /// The references inside a stored item; those of a small one are in it.
    package var contained: [ObjectReference]

    package init(
        task: TaskID, attempt: UInt32, index: UInt32, result: TaskResult, contained: [ObjectReference] = []
    ) {
        self.task = task
        self.attempt = attempt
        self.index = index
        self.result = result
        self.contained = contained
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(index)
        writer.write(result)
        writer.write(list: contained)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        index = try reader.uint32()
        guard index < ObjectID.generatorReturnsMax else { throw .limitExceeded("items of a generator", Int(index)) }
        result = try reader.value()
        contained = try reader.values()
    }
}

/// Owner to worker: an item that was sent is lost, so this try at a generator ends at its next item.
package struct StopGenerator: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32

    package init(task: TaskID, attempt: UInt32) {
        self.task = task
        self.attempt = attempt
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
    }
}

/// Owner to worker: so many items of a generator with a limit have been read.
package struct GeneratorConsumed: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var count: UInt32

    package init(task: TaskID, count: UInt32) {
        self.task = task
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        count = try reader.uint32()
    }
}

/// Worker to owner: a generator has ended, of whose items some may be unread; they count for the limit of its actor.
package struct GeneratorEnded: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32

    package init(task: TaskID, attempt: UInt32) {
        self.task = task
        self.attempt = attempt
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
    }
}

/// Owner to worker: so many items of a generator that has ended are unread; the answer to `GeneratorEnded`, and further
/// ones while there are fewer, to none.
package struct UnreadItems: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    package var count: UInt32

    package init(task: TaskID, attempt: UInt32, count: UInt32) {
        self.task = task
        self.attempt = attempt
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        count = try reader.uint32()
    }
}
