//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    /// Each kind of message is lost, loses its reply, or comes twice: the first, one in the middle and the last of it.
    @Suite("Single messages")
    struct MessageFaultTests {
        /// A run in which nothing else fails.
        private struct Base {
            var seed: UInt64
            var options: SimulationOptions
            var report: SimulationReport

            init(_ workload: SimulationWorkload, seed: UInt64) {
                self.seed = seed
                options = .quiet(workload)
                options.nodeCount = 3
                options.driverCount = 2
                options.size = workload == .fanOut || workload == .counter ? 20 : workload == .fibonacci ? 6 : nil
                options.areDriversOutside = seed.isMultiple(of: 2)
                report = Simulation.run(seed: seed, options: options)
            }
        }

        private static let pullChunk: UInt16 = 128
        private static let bases = SimulationWorkload.allCases.filter { $0 != .longAmongShort && $0 != .mixed }
            .flatMap { [Base($0, seed: 1), Base($0, seed: 2)] }

        /// For each kind of message the shortest of the runs in which it occurs.
        private static func runs(_ counts: (SimulationReport) -> [UInt16: Int]) -> [(UInt16, Base)] {
            let kinds = bases.reduce(into: Set<UInt16>()) { $0.formUnion(counts($1.report).keys) }
            return kinds.sorted().compactMap { kind in
                bases.filter { counts($0.report)[kind] != nil }.min { $0.report.eventCount < $1.report.eventCount }
                    .map { (kind, $0) }
            }
        }

        @Test("A run without a fault is right")
        func bases() {
            for base in Self.bases { #expect(base.report.failure == nil, "\(base.report.summary)") }
        }

        @Test(
            "Every message between nodes may be lost, lose its reply, or come twice", .timeLimit(.minutes(5)),
            arguments: [SimulationMessageFault.Kind.lost, .replyLost, .repeated])
        func frames(fault: SimulationMessageFault.Kind) {
            let runs = Self.runs(\.sentKinds)
            #expect(runs.count > 40)
            check(runs, fault, \.sentKinds)
        }

        @Test("Every message may be said twice", .timeLimit(.minutes(5)))
        func repetitions() {
            let runs = Self.runs(\.deliveredKinds)
            #expect(runs.count > 50)
            check(runs, .saidTwice, \.deliveredKinds)
        }

        @Test("A piece of an object that is never answered is asked for elsewhere, or once more")
        func unansweredPieces() {
            let runs = Self.bases.filter { $0.report.deliveredKinds[Self.pullChunk] != nil }
            #expect(runs.contains { $0.options.areDriversOutside == true })
            #expect(runs.contains { $0.options.areDriversOutside == false })
            check(runs.map { (Self.pullChunk, $0) }, .unanswered, \.deliveredKinds)
        }

        private func check(
            _ runs: [(UInt16, Base)], _ fault: SimulationMessageFault.Kind,
            _ counts: (SimulationReport) -> [UInt16: Int]
        ) {
            for (kind, base) in runs {
                let last = counts(base.report)[kind] ?? 1
                let numbers = SimulationTests.seedStep == 1 ? [1, (last + 1) / 2, last] : [last]
                for number in Set(numbers).sorted() {
                    var options = base.options
                    options.messageFault = SimulationMessageFault(fault, message: kind, number: number)
                    let report = Simulation.run(seed: base.seed, options: options)
                    #expect(
                        report.failure == nil && report.errorCount == base.report.errorCount,
                        "message \(kind), number \(number): \(report.summary)")
                }
            }
        }
    }
}
