//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("The head dies")
    struct HeadTests {
        @Test("Work goes on when only the head dies, and no error comes of it", .timeLimit(.minutes(5)))
        func headOnly() {
            for seed in UInt64(1)...40 {
                var options = SimulationOptions()
                options.headDies = true
                options.killsMax = 0
                options.networkFails = false
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("Nothing is lost, doubled, wrong or stuck when the head dies among others", .timeLimit(.minutes(5)))
        func headAmongOthers() {
            for seed in UInt64(1)...60 {
                var options = SimulationOptions()
                options.headDies = true
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("What is lost with a node while the head dies, too, is made again", .timeLimit(.minutes(5)))
        func lostResults() {
            var recoveries = 0
            for seed in UInt64(1)...30 {
                var options = SimulationOptions()
                options.workload = .shuffle
                options.headDies = true
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
                let hasBoth = ["the head is killed", "raylet"].allSatisfy { words in
                    report.faults.contains { $0.contains(words) }
                }
                recoveries += hasBoth ? 1 : 0
            }
            #expect(recoveries > 0, "no seed had both")
        }
    }
}
