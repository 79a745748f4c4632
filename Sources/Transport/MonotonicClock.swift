//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore

/// The machine's monotonic clock, the one clock of every driver.
package struct MonotonicClock: Sendable {
    package init() {}

    /// Nanoseconds since the machine started; about 25 ns to ask.
    package func now() -> Instant { Instant(nanoseconds: ray_monotonic_nanoseconds()) }
}
