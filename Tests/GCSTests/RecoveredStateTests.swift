//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// Placement groups, drains, ends of actors and waiting workers beyond a new start of the head.
@Suite struct RecoveredStateTests {
    private func assigned(_ harness: GCSHarness, node index: UInt64 = 0) -> [AssignLease] {
        harness.messages(to: raylet(index)).compactMap { if case .assignLease(let assign) = $0 { assign } else { nil } }
    }

    private func isReleased(_ lease: LeaseID, kill: Bool, _ harness: GCSHarness) -> Bool {
        harness.sent(.releaseLease(ReleaseLease(lease: lease, kill: kill)), to: raylet(0))
    }

    // MARK: Placement groups

    @Test("A placement group keeps its bundles, its name and its leases, and nobody else gets what it reserves")
    func groupReturns() throws {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.create(1, cpus: [3], name: "g")
        harness.request(lease(1), strategy: inGroup(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        let bundle = try #require(assigned(harness).last?.bundle)
        harness.restart()
        harness.rejoinDriver(leases: [lease(1)])
        harness.request(lease(2), cpus: 2, from: driver(1))
        harness.request(lease(3), cpus: 2, strategy: inGroup(1), from: driver(1))
        harness.rejoinNode([held(lease(1), in: bundle)])
        #expect(assigned(harness).map(\.lease) == [lease(3)])
        let status = harness.core.clusterStatus()
        #expect(status.nodes[0].available[ResourceSet.cpu] == ResourceAmount(1))
        #expect(harness.phase(of: 1) == .created)
        harness.create(2, cpus: [1], name: "g")
        let refusal = harness.messages(to: driver(1)).compactMap { message -> RayError? in
            if case .placementGroupsFound(let found) = message { found.error } else { nil }
        }.last
        #expect(refusal?.message.contains("already exists") == true)
        harness.remove(1)
        #expect(isReleased(lease(1), kill: true, harness))
        #expect(harness.phase(of: 1) == .removed)
    }

    @Test("A group that waited still waits, in its turn; what was removed stays removed")
    func groupsWait() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.create(1, cpus: [4])
        harness.create(3, cpus: [3])
        harness.create(2, cpus: [3])
        harness.remove(1)
        harness.create(1, cpus: [4])
        harness.restart()
        harness.rejoinDriver()
        #expect(harness.phase(of: 2) == .pending)
        harness.rejoinNode([])
        #expect(harness.phase(of: 1) == .removed)
        #expect(harness.phase(of: 3) == .created)
        #expect(harness.phase(of: 2) == .pending)
        harness.await(2)
        harness.remove(3)
        #expect(harness.sent(.done(Done()), to: driver(1)))
        #expect(harness.phase(of: 2) == .created)
    }

    @Test("Bundles of a node that does not come back go elsewhere")
    func groupLosesNode() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.join(1)
        harness.create(1, cpus: [3, 3])
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([], of: 1)
        harness.wait(milliseconds: 9_000, reportsOf: [1])
        #expect(harness.phase(of: 1) == .created)
        harness.wait(milliseconds: 1_500, reportsOf: [1])
        #expect(harness.phase(of: 1) == .rescheduling)
        harness.join(2)
        #expect(harness.phase(of: 1) == .created)
    }

    @Test("An actor in a group lives on in its bundle, and ends with the group")
    func actorInGroup() throws {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.create(1, cpus: [2])
        var whole = spec(actor(1), lifetime: .detached)
        whole.creation.strategy = inGroup(1)
        let lease = harness.live(whole, from: driver(1), worker: 1)
        let bundle = try #require(assigned(harness).last?.bundle)
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([held(lease, actor: actor(1), in: bundle)])
        harness.rejoinWorker(1)
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(2))
        harness.remove(1)
        #expect(harness.core.clusterStatus().actorsAlive == 0)
        #expect(isReleased(lease, kill: true, harness))
    }

    @Test("What a removed group still runs somewhere is killed")
    func removedMeanwhile() throws {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.create(1, cpus: [2])
        harness.request(lease(1), strategy: inGroup(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        let bundle = try #require(assigned(harness).last?.bundle)
        harness.remove(1)
        harness.restart()
        harness.rejoinDriver(leases: [lease(1)])
        harness.rejoinNode([held(lease(1), in: bundle)])
        #expect(isReleased(lease(1), kill: true, harness))
        #expect(harness.leaseError?.type == .workerDied)
    }

    // MARK: Nodes

    @Test("A request that may use one node only waits for it to come back")
    func affinity() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.join(1)
        harness.restart()
        harness.rejoinDriver(requests: [lease(1), lease(2)])
        harness.rejoinNode([])
        harness.request(lease(1), strategy: .nodeAffinity(node(1), soft: false), from: driver(1))
        harness.request(lease(2), strategy: .nodeAffinity(node(1), soft: true), from: driver(1))
        #expect(harness.leaseError == nil)
        #expect(assigned(harness).isEmpty)
        harness.rejoinNode([], of: 1)
        #expect(assigned(harness, node: 1).map(\.lease) == [lease(1), lease(2)])
    }

    @Test("A drained node stays drained, and leaves when it has nothing left, not before it has said what it has")
    func drained() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.join(1)
        harness.send(report, from: raylet(1))
        let drain = DrainNode(node: node(1), isPreemption: true, message: "spot", deadlineMilliseconds: 0)
        harness.send(.drainNode(drain), requestID: 1, from: driver(1))
        harness.restart()
        harness.rejoinDriver()
        harness.wait(milliseconds: 1_000)
        harness.rejoinNode([], of: 1)
        harness.request(lease(1), from: driver(1))
        harness.wait(milliseconds: 500)
        #expect(assigned(harness, node: 1).isEmpty)
        harness.send(report, from: raylet(1))
        harness.wait(milliseconds: 200)
        #expect(harness.core.clusterStatus().nodes.first { $0.info.name == "n1" }?.isAlive == true)
        let empty = NodeReport(storeUsed: 0, storeCapacity: 100, objectCount: 0, workerCount: 0)
        harness.send(.nodeReport(empty), from: raylet(1))
        harness.wait(milliseconds: 200)
        let left = harness.core.clusterStatus().nodes.first { $0.info.name == "n1" }
        #expect(left?.deathReason == "it was drained (preemption: spot)")
    }

    // MARK: Actors and leases

    @Test("An actor that nobody holds is told again to end, and is ended in time")
    func unreferenced() {
        var harness = GCSHarness.cluster(isDurable: true)
        let lease = harness.live(spec(actor(1), restarts: -1), from: driver(1), worker: 1)
        harness.send(.releaseActor(ReleaseActor(actor: actor(1))), from: driver(1))
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([held(lease, actor: actor(1))])
        let drains = harness.messages(to: worker(1)).count { if case .drainActor = $0 { true } else { false } }
        #expect(drains == 1)
        harness.rejoinWorker(1)
        harness.wait(milliseconds: 29_000, reportsOf: [0])
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.wait(milliseconds: 2_000, reportsOf: [0])
        #expect(harness.core.clusterStatus().actorsAlive == 0)
    }

    @Test("A worker that says before its node that it waits does not hold a CPU", arguments: [false, true])
    func waitsEarly(goesOn: Bool) {
        var harness = GCSHarness.cluster(cpus: 1, isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        harness.rejoinDriver(leases: [lease(1)], requests: [lease(2)])
        harness.request(lease(2), from: driver(1))
        harness.rejoinWorker(1)
        harness.send(.leaseBlocked(LeaseBlocked(lease: lease(1))), from: worker(1))
        if goesOn { harness.send(.leaseUnblocked(LeaseUnblocked(lease: lease(1))), from: worker(1)) }
        #expect(!harness.sent(.leaseResumed(LeaseResumed(lease: lease(1))), to: worker(1)))
        harness.rejoinNode([held(lease(1))], cpus: 1)
        #expect(assigned(harness).map(\.lease) == (goesOn ? [] : [lease(2)]))
        #expect(harness.sent(.leaseResumed(LeaseResumed(lease: lease(1))), to: worker(1)) == goesOn)
    }

    @Test("A worker that its owner gave up while the head was away is killed", arguments: [false, true])
    func abandoned(nodeFirst: Bool) {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        if nodeFirst { harness.rejoinNode([held(lease(1))]) }
        harness.rejoinDriver(abandoned: [lease(1)])
        if !nodeFirst { harness.rejoinNode([held(lease(1))]) }
        #expect(isReleased(lease(1), kill: true, harness))
    }
}
