//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Determinism")
    struct DeterminismTests {
        @Test("One seed gives one digest, wherever its tables lie in memory", .timeLimit(.minutes(5)))
        func sameDigest() {
            var kept: [[UInt64]] = []
            for seed: UInt64 in [2, 3, 4, 8, 14, 26, 35, 62, 71, 80].prefix(SimulationTests.seedStep > 1 ? 4 : 10) {
                let first = Simulation.run(seed: seed)
                // The order inside dictionaries depends on the address of their storage: move it.
                for size in 1...200 { kept.append([UInt64](repeating: seed, count: size * 7)) }
                let second = Simulation.run(seed: seed)
                kept.removeAll { $0.count.isMultiple(of: 2) }
                let third = Simulation.run(seed: seed)
                #expect(first.digest == second.digest && second.digest == third.digest, "\(first.summary)")
                #expect(first == second && second == third)
            }
        }

        @Test("The trace does not change what happens")
        func traceIsPassive() {
            var options = SimulationOptions()
            options.traceLinesMax = 0
            let silent = Simulation.run(seed: 17, options: options)
            options.traceLinesMax = 100_000
            let traced = Simulation.run(seed: 17, options: options)
            #expect(silent.digest == traced.digest)
            #expect(silent.trace.isEmpty && traced.trace.count > 100)
            #expect(traced.trace.contains { $0.description.contains("registerNode") })
        }

        @Test("Two seeds do not do the same")
        func differentDigests() {
            let digests = Set((1...20).map { Simulation.run(seed: $0).digest })
            #expect(digests.count == 20)
        }
    }
}
