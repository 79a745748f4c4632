//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A point on a monotonic clock, in nanoseconds since an arbitrary start.
///
/// Cores never read a clock: they are told the time with every input.
package struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since the clock's start.
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock's start.
    package static let zero = Instant(nanoseconds: 0)
    /// Later than any instant that a clock gives.
    package static let distantFuture = Instant(nanoseconds: .max)

    package static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.nanoseconds < rhs.nanoseconds }

    /// The instant `milliseconds` later, at most `distantFuture`.
    package func advanced(milliseconds: Int) -> Instant {
        let (pause, isTooLong) = UInt64(clamping: milliseconds).multipliedReportingOverflow(by: 1_000_000)
        let (sum, isTooLate) = nanoseconds.addingReportingOverflow(pause)
        return isTooLong || isTooLate ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// Whole milliseconds from `earlier` to this instant, 0 if `earlier` is later.
    package func milliseconds(since earlier: Instant) -> Int {
        earlier >= self ? 0 : Int((nanoseconds - earlier.nanoseconds) / 1_000_000)
    }
}
