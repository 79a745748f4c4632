//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What a program is told of objects that are made again: however the loss was noticed, and not a line for each.
package struct RecoveryNotice: Sendable {
    /// Within this of a notice further losses are only counted; the next notice names them too.
    package static let pauseMilliseconds = 1_000

    private var last: Instant?
    private var uncounted = 0

    /// The words to print now for `count` further objects, if any.
    mutating func words(count: Int, reason: String, at now: Instant) -> String? {
        guard count > 0 else { return nil }
        uncounted += count
        if let last, now.milliseconds(since: last) < Self.pauseMilliseconds { return nil }
        last = now
        defer { uncounted = 0 }
        return "Attempting to recover \(uncounted) lost objects by resubmitting their tasks, since \(reason). "
            + "To disable object reconstruction, set maxRetries: 0."
    }
}
