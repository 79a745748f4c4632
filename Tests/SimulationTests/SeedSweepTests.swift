//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Seed sweep")
    struct SeedSweepTests {
        /// Seeds in one case.
        static let seedsPerCase: UInt64 = 50

        @Test(
            "Nothing is lost, doubled, wrong or stuck, whatever fails", .timeLimit(.minutes(5)),
            arguments: 0..<UInt64(20))
        func sweep(block: UInt64) {
            let first = block * Self.seedsPerCase + 1
            for seed in stride(from: first, to: first + Self.seedsPerCase, by: Int(SimulationTests.sweepStep)) {
                var options = SimulationOptions()
                options.readsTogether = seed.isMultiple(of: 2)
                let report = Simulation.run(seed: seed, options: options)
                #expect(report.failure == nil, "\(report.summary)")
            }
        }

        @Test("The seeds of the sweep meet every kind of fault and every workload", .timeLimit(.minutes(5)))
        func coverage() {
            var faults = ""
            var workloads: Set<SimulationWorkload> = []
            var errorCount = 0
            for seed in UInt64(1)...40 {
                let report = Simulation.run(seed: seed)
                faults += report.faults.joined(separator: "\n")
                workloads.insert(report.workload)
                errorCount += report.errorCount
            }
            #expect(workloads.count == SimulationWorkload.allCases.count)
            #expect(faults.contains("breaks for"))
            #expect(faults.contains("worker"))
            #expect(faults.contains("vanishes with its machine"))
            #expect(faults.contains("driver"))
        }
    }

    @Suite("Regressions")
    struct RegressionTests {
        /// Seeds that once failed, and what was wrong then.
        static let seeds: [(UInt64, String)] = [
            (8, "a driver without a store waited for pieces that a node sends smaller than asked for"),
            (52, "the same, without faults"),
            (133, "a driver without a store got a timeout for the first of two large values"),
            (178, "the same, with values that are read on"),
            (14, "a worker killed while it started failed all tasks that waited"),
            (192, "the same, for references inside values"),
            (539, "a worker with nothing to hand back did not answer, and its lease was never used again"),
            (953, "the same, and the owner's timer ran without pause"),
            (1025, "a driver whose machine vanished was never missed"),
            (1258, "a driver used a node that had not joined"),
            (43, "what a driver put after its job had ended stayed in its node's store"),
            (242, "the same, with a long partition"),
            (227, "a lease whose worker its owner could not reach was kept for ever"),
            (348, "the same, with a task that runs on"),
            (5082, "a connection was cut twice"),
            (786, "what a worker that ended had borrowed was taken for left over before its time was up"),
            (1334, "the same, on one node"),
        ]

        /// The same since links fall silent, and with the workload that they need.
        static let laterSeeds: [(UInt64, SimulationWorkload?, String)] = [
            (695, nil, "a call that was made again after its link was lost counted as out of order"),
            (400, .spills, "a result was refused since a dead worker was said to write it"),
            (329, .travellingReferences, "a refused lease was not asked for again beside a blocked one"),
            (642, .cancels, "a worker that was about to be killed counted as using its CPU"),
            (201, .cancels, "a task that was cancelled before it submitted another one waited for that for ever"),
            (719_409, nil, "the timer of an owner ran without a pause while a worker did not answer"),
            (718_579, nil, "what a killed worker had stored stayed until the job ended"),
            (714_845, nil, "a node that was joining never heard that the head had given it up"),
            (119_767_946, nil, "three workers that were killed at their start cost a task that has four tries"),
            (321_180_413, nil, "two leases that were refused for one worker's death counted as two deaths"),
            (448_512_739, .generators, "a lost item was to be made behind a generator that waited for its reader"),
            (724_154, .groups, "a placement group with all of its bundles was said to look for some"),
        ]

        /// Seeds with a head that dies.
        static let headSeeds: [(UInt64, SimulationWorkload?, String)] = [
            (746_931, nil, "a lease that was given back before its node came back was taken up with that"),
            (76_476_668, nil, "a driver that was lost before it had rejoined left its job running"),
            (76_491_004, nil, "of two nodes with the same lease the one was believed that had come back first"),
            (720_010, nil, "a grant that was lost with the head counted as one"),
            (727_155, .groups, "a process of a job that had been ended was told that its argument is wrong"),
            (463_519_587, nil, "a file was read behind its deletion, which a node's disk does not do"),
            (389_169_473, nil, "a cluster was looked at too soon after a head that had died late"),
        ]

        @Test("Seeds that failed with a head that dies are right", .timeLimit(.minutes(5)), arguments: headSeeds)
        func headRegression(seed: UInt64, workload: SimulationWorkload?, fault: String) {
            var options = SimulationOptions()
            options.workload = workload
            options.headDies = true
            let report = Simulation.run(seed: seed, options: options)
            #expect(report.failure == nil, "\(fault) again? \(report.summary)")
        }

        @Test("Seeds that failed later are right", .timeLimit(.minutes(5)), arguments: laterSeeds)
        func laterRegression(seed: UInt64, workload: SimulationWorkload?, fault: String) {
            var options = SimulationOptions()
            options.workload = workload
            let report = Simulation.run(seed: seed, options: options)
            #expect(report.failure == nil, "\(fault) again? \(report.summary)")
        }

        @Test("Seeds that once failed are right", .timeLimit(.minutes(5)), arguments: seeds)
        func regression(seed: UInt64, fault: String) {
            // As it was then: silences came later.
            var options = SimulationOptions()
            options.linksFallSilent = false
            let report = Simulation.run(seed: seed, options: options)
            #expect(report.failure == nil, "\(fault) again? \(report.summary)")
        }
    }
}
