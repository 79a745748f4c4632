//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct NodeTests {
    @Test("Drivers hear of spills at first beyond a limit, then whenever that has doubled, or never")
    func spillNotices() {
        func notices(limit: Int) -> [String] {
            var harness = GCSHarness(spillNoticeBytes: limit)
            harness.join(0)
            harness.startJob(driver: 1)
            for spilled in [50, 100, 150, 199, 200, 399, 400] {
                let report = SpillReport(spilledBytes: spilled << 20, objectCount: spilled)
                harness.send(.spillReport(report), from: raylet(0))
            }
            return harness.messages(to: driver(1)).flatMap { message -> [String] in
                guard case .logLines(let lines) = message, lines.name == "raylet", lines.isError else { return [] }
                return lines.lines
            }
        }
        let told = notices(limit: 100 << 20).map { $0.prefix { $0 != "," } }
        #expect(told == ["Spilled 100 MiB", "Spilled 200 MiB", "Spilled 400 MiB"])
        #expect(notices(limit: 0).isEmpty)
    }

    @Test("A node that registers is answered and shown with its resources")
    func join() {
        var harness = GCSHarness()
        harness.join(0)
        let answer = NodeRegistered(clusterName: "session_1")
        #expect(harness.sent(.nodeRegistered(answer), to: raylet(0)))
        let status = harness.core.clusterStatus()
        #expect(status.nodes.count == 1)
        #expect(status.nodes[0].isAlive)
        #expect(status.nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
    }

    @Test("Registering again is answered again and adds nothing")
    func joinTwice() {
        var harness = GCSHarness()
        harness.join(0)
        harness.join(0)
        #expect(harness.messages(to: raylet(0)).count == 2)
        #expect(harness.core.clusterStatus().nodes.count == 1)
    }

    @Test("A node registered by somebody else is refused")
    func foreign() {
        var harness = GCSHarness()
        harness.give(.peerUp(raylet(1), role: .raylet, address: address(raylet(1), on: 1)))
        harness.send(.registerNode(RegisterNode(info: info(0))), from: raylet(1))
        guard case .nodeRegistered(let answer) = harness.messages(to: raylet(1)).first else {
            Issue.record("no answer")
            return
        }
        #expect(answer.error?.type == .invalidArgument)
        #expect(harness.core.clusterStatus().nodes.isEmpty)
    }

    @Test("Reports keep a node alive and show how full it is")
    func reports() {
        var harness = GCSHarness.cluster()
        harness.wait(milliseconds: 20_000, reportsOf: [0])
        let status = harness.core.clusterStatus().nodes[0]
        #expect(status.isAlive)
        #expect(status.storeUsed == 5)
        #expect(status.objectCount == 2)
        #expect(status.workerCount == 1)
    }

    @Test("Leases keep off a node whose store is full of primary copies, not of copies that can be evicted")
    func fullStore() {
        var harness = GCSHarness.cluster()
        harness.join(1)
        for (number, (primary, place)) in [(0, 0), (60, 1), (10, 0)].enumerated() {
            let report = NodeReport(
                storeUsed: 90, storeCapacity: 100, objectCount: 2, workerCount: 1, storePrimary: primary)
            harness.send(.nodeReport(report), from: raylet(0))
            harness.effects = []
            harness.request(lease(UInt32(number + 1)), from: driver(1))
            #expect(harness.messages(to: raylet(UInt64(place))).count == 1)
        }
    }

    @Test("A node that is silent for five seconds is dead and told to leave")
    func silence() {
        var harness = GCSHarness.cluster()
        harness.wait(milliseconds: 4_900)
        #expect(harness.core.clusterStatus().nodes[0].isAlive)
        harness.wait(milliseconds: 200)
        let status = harness.core.clusterStatus().nodes[0]
        #expect(!status.isAlive)
        #expect(status.deathReason.contains("no report for 5 s"))
        #expect(harness.messages(to: raylet(0)).contains { if case .shutDownNode = $0 { true } else { false } })
    }

    @Test("A pause of the GCS itself kills no node")
    func ownPause() {
        var harness = GCSHarness.cluster()
        harness.wait(milliseconds: 100, reportsOf: [0])
        harness.now = harness.now.advanced(milliseconds: 60_000)
        harness.give(.tick)
        #expect(harness.core.clusterStatus().nodes[0].isAlive)
    }

    @Test("A node that comes back after it was declared dead is told to shut down")
    func comesBack() {
        var harness = GCSHarness.cluster()
        harness.give(.peerLost(raylet(0), reason: "broken"))
        harness.effects = []
        harness.join(0)
        harness.send(report, from: raylet(0))
        let orders = harness.messages(to: raylet(0))
        #expect(orders.count == 2)
        #expect(orders.allSatisfy { if case .shutDownNode = $0 { true } else { false } })
        #expect(harness.core.clusterStatus().nodes.map(\.isAlive) == [false])
    }

    @Test("With a node die its granted leases; those without a worker go elsewhere; its workers' belongings end")
    func death() {
        var harness = GCSHarness.cluster(cpus: 2)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.request(lease(2), from: driver(1))
        harness.request(lease(3, of: worker(1)), from: worker(1))
        harness.join(1, cpus: 4)
        harness.effects = []
        harness.give(.peerLost(raylet(0), reason: "broken"))
        let told = harness.messages(to: driver(1))
        guard case .leaseLost(let lost) = told.first else {
            Issue.record("\(told)")
            return
        }
        #expect(lost.lease == lease(1))
        #expect(lost.error.type == .nodeDied)
        #expect(told.dropFirst() == [.processesDied(ProcessesDied(processes: [worker(1)]))])
        let elsewhere = harness.messages(to: raylet(1))
        let moved = elsewhere.compactMap { if case .assignLease(let assign) = $0 { assign.lease } else { nil } }
        #expect(moved == [lease(2)])
        #expect(elsewhere.contains(.releaseOwned(ReleaseOwned(workers: [worker(1)], jobs: []))))
        #expect(harness.effects.contains { if case .disconnect(worker(1), _) = $0 { true } else { false } })
    }
}
