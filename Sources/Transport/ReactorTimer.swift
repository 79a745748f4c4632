//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import Synchronization

/// A callback at a wanted time, on the leading thread; each setting fires once.
package final class ReactorTimer: Sendable {
    /// Between two firings that were set with `set(about:)`.
    private static let spacingNanoseconds: UInt64 = 10_000_000

    let at = Atomic<UInt64>(.max)
    /// When it fired last.
    let firedAt = Atomic<UInt64>(0)
    let fire: @Sendable (Instant) -> Void
    private let moved: @Sendable (UInt64) -> Void

    init(moved: @escaping @Sendable (UInt64) -> Void, fire: @escaping @Sendable (Instant) -> Void) {
        self.moved = moved
        self.fire = fire
    }

    /// Fires at `instant` instead of what was set before; at once if it is past.
    package func set(_ instant: Instant) {
        at.store(instant.nanoseconds, ordering: .sequentiallyConsistent)
        moved(instant.nanoseconds)
    }

    /// Fires at `instant`, or up to 10 ms later if it has just fired: so that thousands who want something at a time of
    /// their own are served together.
    package func set(about instant: Instant) {
        let earliest = firedAt.load(ordering: .relaxed) + Self.spacingNanoseconds
        set(noLaterThan: Instant(nanoseconds: max(instant.nanoseconds, earliest)))
    }

    /// Fires at `instant` at the latest. Cheap if an earlier time is set.
    package func set(noLaterThan instant: Instant) {
        var current = at.load(ordering: .relaxed)
        while instant.nanoseconds < current {
            let (isDone, found) = at.compareExchange(
                expected: current, desired: instant.nanoseconds, ordering: .sequentiallyConsistent)
            if isDone { return moved(instant.nanoseconds) }
            current = found
        }
    }
}
