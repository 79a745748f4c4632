//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Python frees cycles late, and with them references to objects: a store that fills up asks for it (Ray's
/// `high_plasma_storage_usage`, `global_gc_min_interval_s`).
extension RayletCore {
    private static let usedPercentMax = 70
    private static let intervalMilliseconds = 30_000

    /// Has the cluster's processes collect garbage while the store is rather full, now and then.
    mutating func collectGarbage(at now: Instant, into effects: inout [RayletEffect]) {
        guard now >= nextCollection, usage.capacityBytes > 0,
            usage.usedBytes > usage.capacityBytes / 100 * Self.usedPercentMax
        else { return }
        nextCollection = now.advanced(milliseconds: Self.intervalMilliseconds)
        effects.append(.send(.collectGarbage(CollectGarbage()), requestID: 0, to: .gcs))
    }
}
