//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    /// Named situations that no change may break.
    @Suite("Scenarios")
    struct ScenarioTests {
        private func expectGood(_ report: SimulationReport, results: Int? = nil) {
            #expect(report.failure == nil, "\(report.summary)")
            #expect(report.errorCount == 0)
            if let results { #expect(report.resultCount == results) }
        }

        private func options(
            _ workload: SimulationWorkload, nodes: Int? = nil, cpus: Int? = nil, drivers: Int = 1, size: Int? = nil
        ) -> SimulationOptions {
            var options = SimulationOptions.quiet(workload)
            options.nodeCount = nodes
            options.cpuCount = cpus
            options.driverCount = drivers
            options.size = size
            return options
        }

        @Test("Recursive fibonacci ends on one CPU", .timeLimit(.minutes(5)), arguments: [8, 9, 10])
        func recursion(number: Int) {
            let report = Simulation.run(seed: 1, options: options(.fibonacci, nodes: 1, cpus: 1, size: number))
            expectGood(report, results: 1)
            // A task that can go on must not wait for leases that nobody uses.
            #expect(report.finishedMilliseconds < 4_000, "\(report.finishedMilliseconds) ms")
        }

        @Test(
            "A task of 5 s among 1,000 of 1 ms on two workers holds none of them up", .timeLimit(.minutes(5)),
            arguments: [(1, 2), (2, 1)])
        func longAmongShort(nodes: Int, cpus: Int) {
            let report = Simulation.run(seed: 3, options: options(.longAmongShort, nodes: nodes, cpus: cpus))
            expectGood(report, results: 1_001)
            #expect(report.finishedMilliseconds < 6_000, "\(report.finishedMilliseconds) ms")
        }

        @Test("A task waits for a reference whose task its owner submits later, on one CPU", arguments: 1...10)
        func lateReference(seed: UInt64) {
            expectGood(Simulation.run(seed: seed, options: options(.lateReference, nodes: 1, cpus: 1)))
        }

        @Test("Several drivers and tasks count with actors, each in its own order", arguments: 1...10)
        func counters(seed: UInt64) {
            expectGood(Simulation.run(seed: seed, options: options(.counter, drivers: 3)))
        }

        @Test("Values are handed to actors from every kind of node", arguments: 1...20)
        func handOvers(seed: UInt64) {
            expectGood(Simulation.run(seed: seed, options: options(.handOvers, drivers: 2)))
        }

        @Test("Hand-overs end whatever fails, and nothing is left", .timeLimit(.minutes(5)), arguments: 0..<10)
        func handOverFaults(block: UInt64) {
            for seed in block * 10..<block * 10 + 10 {
                var options = SimulationOptions()
                options.workload = .handOvers
                options.headDies = seed % 3 == 0
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("What was handed over before a link was lost may be gone after it", arguments: [1116, 1354, 1539, 1882])
        func handOverPartitions(seed: UInt64) {
            var options = SimulationOptions()
            options.workload = .handOvers
            let report = Simulation.run(seed: seed, options: options)
            #expect(report.failure == nil, "\(report.summary)")
        }

        @Test("Large values go from node to node", arguments: 1...10)
        func chains(seed: UInt64) {
            expectGood(Simulation.run(seed: seed, options: options(.chains, nodes: 3, cpus: 1, drivers: 2)))
        }

        @Test("A driver without a store reads large values, several at once", arguments: 1...10)
        func outsideDriver(seed: UInt64) {
            var options = options(.heldValues, nodes: 2, drivers: 2)
            options.areDriversOutside = true
            expectGood(Simulation.run(seed: seed, options: options))
        }

        @Test("References inside values reach those who get them", arguments: 1...10)
        func nested(seed: UInt64) {
            expectGood(Simulation.run(seed: seed, options: options(.nested, drivers: 2)))
        }

        @Test(
            "Without faults of processes a lossy network changes no result", .timeLimit(.minutes(5)), arguments: 1...20)
        func network(seed: UInt64) {
            var options = SimulationOptions()
            options.killsMax = 0
            options.partitionsLast = false
            expectGood(Simulation.run(seed: seed, options: options))
        }
    }
}
