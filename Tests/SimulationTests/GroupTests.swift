//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Placement groups")
    struct GroupTests {
        private func run(_ seeds: ClosedRange<UInt64>, _ change: (inout SimulationOptions) -> Void = { _ in }) {
            var options = SimulationOptions()
            options.workload = .groups
            change(&options)
            for seed in stride(from: seeds.lowerBound, through: seeds.upperBound, by: Int(SimulationTests.seedStep)) {
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("Where nothing fails, what fits is placed, and what runs in a group comes right or ends with it")
        func quiet() {
            for seed in UInt64(1)...40 {
                let report = Simulation.run(seed: seed, options: .quiet(.groups))
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("Bundles are where they must be, and given back, whatever fails", .timeLimit(.minutes(5)))
        func everythingFails() { run(1...100) }

        @Test("The same when the head dies", .timeLimit(.minutes(5)))
        func headDies() { run(1...60) { $0.headDies = true } }

        @Test("Nothing comes of it when only the head dies", .timeLimit(.minutes(5)))
        func onlyHeadDies() {
            run(1...60) {
                $0.headDies = true
                $0.killsMax = 0
                $0.networkFails = false
            }
        }
    }
}
