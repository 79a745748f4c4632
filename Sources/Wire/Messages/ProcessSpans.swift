//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Something that took a driver or worker time, beside the tasks that it runs: Ray's profile events.
package struct ProcessSpan: Hashable, Sendable, WireCodable {
    /// What it did.
    package enum Kind: UInt8, Sendable, Hashable {
        /// It waited for values.
        case get = 0
        /// It waited until some values existed.
        case wait = 1
        /// It stored a value.
        case put = 2
        /// It decoded arguments of a task.
        case decodeArguments = 3
    }

    package var kind: Kind
    /// The task that did it; nothing for a driver's own code.
    package var task: TaskID?
    package var objectCount: Int
    package var byteCount: Int
    /// Nanoseconds since 1970.
    package var started: UInt64
    package var ended: UInt64

    package init(kind: Kind, task: TaskID?, objectCount: Int, byteCount: Int, started: UInt64, ended: UInt64) {
        self.kind = kind
        self.task = task
        self.objectCount = objectCount
        self.byteCount = byteCount
        self.started = started
        self.ended = ended
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(optional: task)
        writer.write(objectCount)
        writer.write(byteCount)
        writer.write(started)
        writer.write(ended)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let kind = Kind(rawValue: number) else { throw .unknownCase("ProcessSpan.Kind", Int(number)) }
        self.init(
            kind: kind, task: try reader.optionalIdentifier(), objectCount: try reader.count(),
            byteCount: try reader.count(), started: try reader.uint64(), ended: try reader.uint64())
    }
}

/// Driver or worker to GCS, about once a second: what it waited for and stored.
package struct ProcessSpans: Hashable, Sendable, WireCodable {
    /// Spans in one message.
    package static let spansMax = 1_000

    package var process: TracedWorker
    package var spans: [ProcessSpan]
    /// Spans that were dropped since the last report, because there were too many.
    package var dropped: Int

    package init(process: TracedWorker, spans: [ProcessSpan], dropped: Int = 0) {
        self.process = process
        self.spans = spans
        self.dropped = dropped
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(process)
        writer.write(list: spans)
        writer.write(dropped)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(process: try reader.value(), spans: try reader.values(), dropped: try reader.count())
    }
}

/// A span, and the process whose it is.
package struct TimelineProcessSpan: Hashable, Sendable, WireCodable {
    package var process: TracedWorker
    package var isDriver: Bool
    package var span: ProcessSpan

    package init(process: TracedWorker, isDriver: Bool, span: ProcessSpan) {
        self.process = process
        self.isDriver = isDriver
        self.span = span
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(process)
        writer.write(isDriver)
        writer.write(span)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(process: try reader.value(), isDriver: try reader.bool(), span: try reader.value())
    }
}
