//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import Synchronization

/// A callback at a wanted time, on the leading thread; each setting fires once.
package final class ReactorTimer: Sendable {
    let at = Atomic<UInt64>(.max)
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
