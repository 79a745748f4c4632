//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

/// All tests of whole clusters.
///
/// Serialized: a run computes without a pause, so that several at a time would leave no thread to tests that wait.
@Suite("Simulation", .serialized)
enum SimulationTests {
    /// Every how manyth seed a sweep runs: all of them where the code is optimised, few where it is slow.
    static var seedStep: UInt64 {
        #if DEBUG
        5
        #else
        1
        #endif
    }

    /// The same for the sweep of 1,000 seeds.
    static var sweepStep: UInt64 { seedStep == 1 ? 1 : 25 }
}
