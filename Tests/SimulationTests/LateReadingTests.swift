//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Late reading")
    struct LateReadingTests {
        @Test("What processes have said before they end counts, however late it is read", .timeLimit(.minutes(5)))
        func sweep() {
            for seed in stride(from: UInt64(1), through: 100, by: Int(SimulationTests.seedStep)) {
                for workload in [nil, SimulationWorkload.shuffle, .generators] {
                    var options = SimulationOptions()
                    options.workload = workload
                    options.readsLate = true
                    let report = Simulation.run(seed: seed, options: options)
                    #expect(report.failure == nil, "\(report.summary)")
                }
            }
        }

        @Test(
            "Messages that came together are heard together, also late and beside a head that dies",
            .timeLimit(.minutes(5)))
        func together() {
            for seed in stride(from: UInt64(1), through: 200, by: Int(SimulationTests.seedStep)) {
                var options = SimulationOptions()
                options.readsTogether = true
                options.readsLate = seed % 4 == 1
                options.headDies = seed % 4 == 2
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }
    }
}
