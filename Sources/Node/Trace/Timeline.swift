//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
package import RayWire

/// Asks a GCS for all that is recorded and writes it as a trace.
package enum Timeline {
    /// Parts of a timeline; more than a full GCS has.
    private static let partsMax = 1_000

    /// All parts, one question after the other.
    ///
    /// - Throws: what `ask` throws, and `systemError` if an answer is no part of a timeline.
    package static func parts(_ ask: (Message) throws -> Message) throws -> [TimelinePart] {
        var parts: [TimelinePart] = []
        var cursor: Int? = 0
        while let wanted = cursor, parts.count < partsMax {
            guard case .timelinePart(let part) = try ask(.queryTimeline(QueryTimeline(cursor: wanted))) else {
                throw RayError(.systemError, "the head answered with something else than a timeline")
            }
            parts.append(part)
            cursor = part.next
        }
        return parts
    }

    /// The trace as JSON, with what runs until now.
    package static func text(of parts: [TimelinePart]) -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        return ChromeTrace.text(of: parts, now: now)
    }
}
