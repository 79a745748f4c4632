//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Killing workers for want of memory")
struct MemoryTests {
    private func candidate(
        _ token: UInt64, owner: Int, isRetriable: Bool = true, since: Int
    ) -> MemoryCandidate {
        MemoryCandidate(
            token: token, owner: process(owner), isRetriable: isRetriable,
            since: Instant.zero.advanced(milliseconds: since))
    }

    @Test("The newest of the largest group goes, and what is run again before what is not")
    func policy() {
        let groups = [
            candidate(1, owner: 1, since: 1), candidate(2, owner: 1, since: 5), candidate(3, owner: 2, since: 9),
            candidate(4, owner: 3, isRetriable: false, since: 10),
        ]
        #expect(MemoryPolicy.victim(among: groups)?.token == 2)
        #expect(MemoryPolicy.victim(among: [groups[0], groups[2]])?.token == 3, "the newer of groups of one size")
        let last = candidate(5, owner: 3, isRetriable: false, since: 2)
        #expect(MemoryPolicy.victim(among: [groups[3], last])?.token == 4)
        #expect(MemoryPolicy.victim(among: [groups[0], groups[3]])?.token == 1)
        #expect(MemoryPolicy.victim(among: []) == nil)
    }

    @Test("A store that fills up has the cluster's processes collect garbage, now and then") func garbage() {
        var harness = RayletHarness()
        func asked(_ used: Int, after milliseconds: Int) -> Bool {
            harness.effects = []
            harness.now = harness.now.advanced(milliseconds: milliseconds)
            harness.give(.tick(StoreUsage(usedBytes: used, capacityBytes: 1_000, objectCount: 1)))
            return harness.sent.contains { $0.message == .collectGarbage(CollectGarbage()) && $0.to == .gcs }
        }
        #expect(!asked(700, after: 100))
        #expect(asked(701, after: 100))
        #expect(!asked(999, after: 29_900))
        #expect(asked(999, after: 100))
    }

    @Test("The share of the limit counts, unless less may stay free")
    func threshold() {
        #expect(MemoryPolicy.isOver(used: 951, limit: 1_000, threshold: 0.95, freeBytesMin: nil))
        #expect(!MemoryPolicy.isOver(used: 950, limit: 1_000, threshold: 0.95, freeBytesMin: nil))
        #expect(!MemoryPolicy.isOver(used: 970, limit: 1_000, threshold: 0.95, freeBytesMin: 20))
        #expect(MemoryPolicy.isOver(used: 981, limit: 1_000, threshold: 0.95, freeBytesMin: 20))
    }

    private func reading(_ used: Int, _ processes: Int32...) -> MemoryReading {
        MemoryReading(
            usedBytes: used, limitBytes: 10_000_000_000, source: "/sys/fs/cgroup/pod",
            users: processes.map { .init(processID: $0, bytes: 1_600_000_000, command: "hog") })
    }

    @Test("One worker is killed at a time, and the control store hears why with all the numbers")
    func kills() throws {
        var raylet = RayletHarness()
        let first = raylet.startWorker(for: 1)
        raylet.tick()
        let second = raylet.startWorker(for: 2)
        _ = raylet.take()
        raylet.give(.memory(reading(9_400_000_000)))
        #expect(raylet.kills.isEmpty)
        raylet.give(.memory(reading(9_700_000_000, second.processID)))
        #expect(raylet.kills == [second.processID])
        let killed = try #require(
            raylet.sent.compactMap { if case .workerKilled(let value) = $0.message { value } else { nil } }.first)
        #expect(killed.worker == second.id && killed.error.type == .outOfMemory)
        for text in [
            "9.70GB used / 10.00GB limit", "/sys/fs/cgroup/pod", "exceeded threshold of 9500000000B",
            "pid=\(second.processID)", "actual memory used=1.60GB", "\(second.processID)\t1.60GB\thog",
            "RAY_memory_usage_threshold",
        ] {
            #expect(killed.error.message.contains(text), "no '\(text)' in \(killed.error.message)")
        }
        raylet.give(.memory(reading(9_700_000_000)))
        #expect(raylet.kills.count == 1, "it is not gone yet")
        raylet.give(.processExited(processID: second.processID, ProcessExit(signal: 9)))
        #expect(raylet.exited.map(\.worker) == [second.id])
        raylet.give(.memory(reading(9_700_000_000)))
        #expect(raylet.kills == [second.processID, first.processID])
    }

    @Test("A node without busy workers kills nobody")
    func nobody() {
        var raylet = RayletHarness()
        _ = raylet.driver()
        raylet.give(.memory(reading(9_900_000_000)))
        #expect(raylet.kills.isEmpty && raylet.effects.allSatisfy { if case .kill = $0 { false } else { true } })
    }
}
