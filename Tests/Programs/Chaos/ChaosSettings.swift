//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc

/// What the environment says about a run.
struct ChaosSettings: Sendable {
    var seed: UInt64
    var seconds: Int
    /// Seconds without progress of one part of the job that count as a hang.
    var stallSeconds: Int
    /// The run's own folder: sessions, storage, logs.
    var folder: String

    init() {
        func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        seed = number("SEED") ?? UInt64(clock.tv_nsec) % 1_000_000
        seconds = Int(min(number("SECONDS") ?? 120, 86_400))
        stallSeconds = Int(min(number("STALL") ?? 60, 3_600))
        folder = "/tmp/raychaos-\(getpid())"
    }

    /// Where tasks note that they run.
    var runsPath: String { folder + "/runs" }
}

/// The same random numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
