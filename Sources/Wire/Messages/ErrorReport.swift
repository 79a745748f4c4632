//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// An error that is no call's result, for people to read: published to all who subscribed to `channel`.
package struct ErrorReport: Hashable, Sendable, WireCodable {
    /// The channel on which these are published.
    package static let channel = "errors"

    /// What it is about: a job or a node, as text.
    package var key: [UInt8]
    /// The job whose driver is to show it; none for all.
    package var job: JobID?
    /// Ray's name for the kind of error.
    package var type: String
    package var message: String
    /// Nanoseconds since 1970.
    package var reportedAt: UInt64

    /// An error of a job, or of the cluster.
    package init(_ type: String, _ message: String, job: JobID?, key: [UInt8]? = nil, reportedAt: UInt64) {
        self.key = key ?? Array((job?.hex ?? "").utf8)
        self.job = job
        self.type = type
        self.message = message
        self.reportedAt = reportedAt
    }

    /// The nanoseconds nearest to so many seconds: 0 of what is negative or no number, at most the latest that can be told.
    package static func nanoseconds(_ seconds: Double) -> UInt64 {
        UInt64(exactly: (seconds * 1e9).rounded()) ?? (seconds > 0 ? .max : 0)
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(key)
            writer.write(optional: job) { $0.write($1) }
            writer.write(type)
            writer.write(message)
            writer.write(reportedAt)
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            let key = try reader.byteArray()
            let job = try reader.optional { (reader: inout WireReader) throws(WireError) -> JobID in
                try reader.identifier()
            }
            return ErrorReport(
                try reader.string(), try reader.string(), job: job, key: key, reportedAt: try reader.uint64())
        }
    }

    /// What is published, or asked to be.
    package var publish: Publish {
        var writer = WireWriter()
        encode(into: &writer)
        return Publish(channel: Self.channel, payload: writer.bytes)
    }

    /// Reads what was published; nothing if it is something else.
    package init?(_ published: Published) {
        guard published.channel == Self.channel else { return nil }
        let report = published.payload.withUnsafeBytes { bytes -> ErrorReport? in
            var reader = WireReader(bytes)
            do throws(WireError) {
                return try ErrorReport(from: &reader)
            } catch {
                return nil
            }
        }
        guard let report else { return nil }
        self = report
    }
}
