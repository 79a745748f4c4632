//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Silent links")
    struct SilenceTests {
        @Test("Hosts that do not hear others for less than any limit change no result", .timeLimit(.minutes(5)))
        func short() {
            var count = 0
            for seed in UInt64(1)...60 {
                var options = SimulationOptions()
                options.killsMax = 0
                options.partitionsLast = false
                options.linksFallSilent = true
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
                let silences = report.faults.count { $0.contains("nothing gets from") }
                count += silences
                if silences == report.faults.count, silences == 1 { #expect(report.errorCount == 0) }
            }
            #expect(count > 10)
        }

        @Test("Longer ones lose, double and wrong nothing, in one direction or in both", .timeLimit(.minutes(5)))
        func long() {
            var faults = ""
            for seed in UInt64(1)...100 {
                var options = SimulationOptions()
                options.linksFallSilent = true
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
                faults += report.faults.joined(separator: "\n")
            }
            #expect(faults.contains(", nor from") && faults.contains("from everybody"))
        }
    }
}
