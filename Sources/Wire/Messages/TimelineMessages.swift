//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Something that a raylet did and that took time.
package struct NodeSpan: Hashable, Sendable, WireCodable {
    /// What it did.
    package enum Kind: UInt8, Sendable, Hashable {
        /// An object came from another node.
        case transfer = 0
        /// Objects were written to disk.
        case spill = 1
        /// An object was read back.
        case restore = 2
    }

    package var kind: Kind
    /// The object, or the first of several.
    package var object: ObjectID
    package var objectCount: Int
    package var byteCount: Int
    /// Where a transfer came from; none else.
    package var source: NodeID
    /// Nanoseconds since 1970.
    package var started: UInt64
    package var ended: UInt64
    package var hasFailed: Bool

    package init(
        kind: Kind, object: ObjectID, objectCount: Int = 1, byteCount: Int, source: NodeID = .none, started: UInt64,
        ended: UInt64, hasFailed: Bool = false
    ) {
        self.kind = kind
        self.object = object
        self.objectCount = objectCount
        self.byteCount = byteCount
        self.source = source
        self.started = started
        self.ended = ended
        self.hasFailed = hasFailed
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(object)
        writer.write(objectCount)
        writer.write(byteCount)
        writer.write(source)
        writer.write(started)
        writer.write(ended)
        writer.write(hasFailed)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let kind = Kind(rawValue: number) else { throw .unknownCase("NodeSpan.Kind", Int(number)) }
        self.init(
            kind: kind, object: try reader.identifier(), objectCount: try reader.count(), byteCount: try reader.count(),
            source: try reader.identifier(), started: try reader.uint64(), ended: try reader.uint64(),
            hasFailed: try reader.bool())
    }
}

/// Raylet to GCS, about once a second: transfers to this node, and what went to its disk and came back.
package struct NodeSpans: Hashable, Sendable, WireCodable {
    package var spans: [NodeSpan]
    /// Spans that were dropped since the last report, because there were too many.
    package var dropped: Int

    package init(spans: [NodeSpan], dropped: Int = 0) {
        self.spans = spans
        self.dropped = dropped
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: spans)
        writer.write(dropped)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spans = try reader.values()
        dropped = try reader.count()
    }
}

/// Anybody to GCS: the next part of all that is recorded. Answered by `TimelinePart`.
package struct QueryTimeline: Hashable, Sendable, WireCodable {
    /// 0 for the first part, then `next` of the part before.
    package var cursor: Int

    package init(cursor: Int = 0) { self.cursor = cursor }

    package func encode(into writer: inout WireWriter) { writer.write(cursor) }
    package init(from reader: inout WireReader) throws(WireError) { cursor = try reader.int() }
}

/// A node that a part of a timeline mentions.
package struct TimelineNode: Hashable, Sendable, WireCodable {
    package var id: NodeID
    package var host: String

    package init(id: NodeID, host: String) {
        self.id = id
        self.host = host
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(host)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(id: try reader.identifier(), host: try reader.string())
    }
}

/// A span, and the node on which it was.
package struct TimelineSpan: Hashable, Sendable, WireCodable {
    package var node: NodeID
    package var span: NodeSpan

    package init(node: NodeID, span: NodeSpan) {
        self.node = node
        self.span = span
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(span)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(node: try reader.identifier(), span: try reader.value())
    }
}

/// GCS to who asked: a part of what is recorded.
package struct TimelinePart: Hashable, Sendable, WireCodable {
    package var tasks: TaskEvents
    package var spans: [TimelineSpan]
    package var nodes: [TimelineNode]
    /// The cursor of the next part; nothing in the last one.
    package var next: Int?
    package var processSpans: [TimelineProcessSpan] = []

    package init(tasks: TaskEvents, spans: [TimelineSpan], nodes: [TimelineNode], next: Int?) {
        self.tasks = tasks
        self.spans = spans
        self.nodes = nodes
        self.next = next
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(tasks)
        writer.write(list: spans)
        writer.write(list: nodes)
        writer.write(optional: next) { $0.write($1) }
        if !processSpans.isEmpty { writer.write(list: processSpans) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        tasks = try reader.value()
        spans = try reader.values()
        nodes = try reader.values()
        next = try reader.optional { (reader: inout WireReader) throws(WireError) in try reader.int() }
        processSpans = try reader.added([]) { (reader: inout WireReader) throws(WireError) in try reader.values() }
    }
}
