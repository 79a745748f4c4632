//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct HybridPolicyTests {
    @Test("Leases are packed in order of node id up to half the use, then spread to the least used")
    func packsThenSpreads() {
        var harness = SchedulerHarness()
        for node in 1...3 { harness.addNode(node, ("CPU", 4)) }
        let nodes = (1...12).map { harness.request($0, ("CPU", 1)) }
        #expect(nodes == [1, 1, 2, 2, 3, 3, 1, 2, 3, 1, 2, 3])
    }

    @Test("The owner's node is preferred while no other scores better")
    func prefersOwnerNode() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 4)) }
        let nodes = (1...6).map { harness.request($0, ("CPU", 1), ownerNode: 2) }
        #expect(nodes == [2, 2, 1, 1, 2, 1])
    }

    @Test("Memory counts as a critical resource, a custom resource does not")
    func criticalResources() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 10), ("memory", 100), ("x", 1))
        harness.addNode(2, ("CPU", 10), ("memory", 100))
        #expect(harness.request(1, ("CPU", 1), ("x", 1)) == 1)
        #expect(harness.request(2, ("CPU", 1)) == 1)
        #expect(harness.request(3, ("CPU", 1), ("memory", 60)) == 1)
        #expect(harness.request(4, ("CPU", 1)) == 2)
    }

    @Test("A node whose store is full of primary copies is used, and as it empties chosen again")
    func fullStore() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 10)) }
        harness.send(.storeUsed(SchedulerHarness.node(1), utilisation: 0.4))
        #expect(harness.request(1, ("CPU", 1), ownerNode: 1) == 1)
        harness.send(.storeUsed(SchedulerHarness.node(1), utilisation: 0.6))
        #expect(harness.request(2, ("CPU", 1), ownerNode: 1) == 2)
        // Busier than its store is full.
        #expect(harness.request(3, ("CPU", 7)) == 2)
        #expect(harness.request(4, ("CPU", 1), ownerNode: 1) == 1)
        harness.send(.storeUsed(SchedulerHarness.node(1), utilisation: 0))
        harness.send(.storeUsed(SchedulerHarness.node(9), utilisation: 1))
        #expect(harness.request(5, ("CPU", 1), ownerNode: 1) == 1)
    }

    @Test("Without a threshold the least used node is taken from the first lease on")
    func noThreshold() {
        var harness = SchedulerHarness()
        harness.core = SchedulerCore(spreadThreshold: 0)
        for node in 1...2 { harness.addNode(node, ("CPU", 10)) }
        harness.send(.storeUsed(SchedulerHarness.node(1), utilisation: 0.05))
        let nodes = (1...4).map { harness.request($0, ("CPU", 1), ownerNode: 1) }
        #expect(nodes == [2, 1, 1, 2])
    }

    @Test("A request without GPU keeps off nodes with GPUs while another has room")
    func avoidsGPUNodes() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4), ("GPU", 1))
        harness.addNode(2, ("CPU", 2))
        let nodes = (1...4).map { harness.request($0, ("CPU", 1), ownerNode: 1) }
        #expect(nodes == [2, 2, 1, 1])
        #expect(harness.request(5, ("CPU", 1), ("GPU", 1)) == 1)
    }

    @Test("Among free nodes the one with most bytes of the arguments wins")
    func locality() {
        var harness = SchedulerHarness()
        for node in 1...3 { harness.addNode(node, ("CPU", 2)) }
        let places = [(2, 100), (3, 60), (3, 60), (1, -5)]
        #expect(harness.request(1, ("CPU", 1), ownerNode: 1, locality: places) == 3)
        #expect(harness.request(2, ("CPU", 1), ownerNode: 1, locality: places) == 3)
        #expect(harness.request(3, ("CPU", 1), ownerNode: 1, locality: places) == 2)
        #expect(harness.request(4, ("CPU", 1), ownerNode: 1, locality: [(9, 1000)]) == 1)
    }

    @Test("Leases that hold nothing go where the fewest of them are")
    func holdingNothing() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 1)) }
        let nodes = (1...4).map { harness.request($0, ("CPU", 1), held: [], ownerNode: 2, isActor: true) }
        #expect(nodes == [2, 1, 2, 1])
        #expect(harness.available(1) == 1)
    }
}

@Suite struct SpreadPolicyTests {
    @Test("Spread goes round robin over the nodes that have room, over locality")
    func roundRobin() {
        var harness = SchedulerHarness()
        for node in 1...3 { harness.addNode(node, ("CPU", node == 2 ? 1 : 2)) }
        let nodes = (1...6).map { harness.request($0, ("CPU", 1), strategy: .spread, locality: [(3, 99)]) }
        #expect(nodes == [1, 2, 3, 1, 3, nil])
        #expect(harness.release(2) == [6])
        #expect(harness.node(of: 6) == 2)
    }
}

@Suite struct NodeAffinityPolicyTests {
    private func strategy(_ node: Int, soft: Bool) -> SchedulingStrategy {
        .nodeAffinity(SchedulerHarness.node(node), soft: soft)
    }

    @Test("A node that is busy is waited for", arguments: [false, true])
    func waitsForBusyNode(soft: Bool) {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 1)) }
        #expect(harness.request(1, ("CPU", 1), strategy: strategy(2, soft: soft)) == 2)
        #expect(harness.request(2, ("CPU", 1), strategy: strategy(2, soft: soft)) == nil)
        #expect(harness.release(1) == [2])
        #expect(harness.node(of: 2) == 2)
    }

    @Test("A hard affinity to a node that is missing or leaves is refused, a soft one goes elsewhere")
    func goneNode() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        #expect(harness.request(1, ("CPU", 1), strategy: strategy(2, soft: false)) == nil)
        #expect(harness.core.pendingCount == 0)
        #expect(harness.request(2, ("CPU", 1), strategy: strategy(2, soft: true)) == 1)
        harness.addNode(2, ("CPU", 1))
        harness.request(3, ("CPU", 1), strategy: strategy(2, soft: false))
        harness.request(4, ("CPU", 1), strategy: strategy(2, soft: false))
        let name = SchedulerHarness.node(2)
        let effects = harness.send(.nodeRemoved(name, reason: "its machine is gone"))
        let reason = "node \(name.hex), the only one it may use, left the cluster"
        let refused = SchedulerEffect.refused(
            SchedulerHarness.lease(4), owner: SchedulerHarness.owner(1), .unschedulable, reason: reason)
        #expect(effects.contains(refused))
    }

    @Test("A soft affinity to a node that can never fit goes elsewhere, a hard one is refused")
    func infeasibleNode() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4))
        harness.addNode(2, ("CPU", 1))
        #expect(harness.request(1, ("CPU", 2), strategy: strategy(2, soft: true)) == 1)
        let hard = LeaseRequest(
            id: SchedulerHarness.lease(2), owner: SchedulerHarness.owner(1), job: JobID(1),
            shape: ResourceSet([("CPU", 2)]), strategy: strategy(2, soft: false))
        let name = SchedulerHarness.node(2).hex
        let reason = "needs 2 CPU; node \(name), the only one it may use, has only 1 CPU"
        let refused = SchedulerEffect.refused(hard.id, owner: hard.owner, .unschedulable, reason: reason)
        #expect(harness.send(.request(hard)) == [refused])
    }

    @Test("What is not to wait is refused where its node has no room now, and granted where it has")
    func doesNotWait() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 1)) }
        let strategy = SchedulingStrategy.nodeAffinity(SchedulerHarness.node(2), soft: false, waits: false)
        #expect(harness.request(1, ("CPU", 1), strategy: strategy) == 2)
        let late = LeaseRequest(
            id: SchedulerHarness.lease(2), owner: SchedulerHarness.owner(1), job: JobID(1),
            shape: ResourceSet([("CPU", 1)]), strategy: strategy)
        let refused = harness.send(.request(late)).compactMap { effect -> String? in
            guard case .refused(late.id, late.owner, .unschedulable, let reason) = effect else { return nil }
            return reason
        }
        #expect(refused.count == 1 && refused[0].contains("has no room now"))
        #expect(harness.core.pendingCount == 0)
        harness.release(1)
        #expect(harness.request(3, ("CPU", 1), strategy: strategy) == 2)
    }

    @Test("A soft request that waits for its busy node moves on when that node leaves")
    func softMovesOn() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 1)) }
        harness.request(1, ("CPU", 1), strategy: strategy(2, soft: true))
        #expect(harness.request(2, ("CPU", 1), strategy: strategy(2, soft: true)) == nil)
        let effects = harness.send(.nodeRemoved(SchedulerHarness.node(2), reason: "its machine is gone"))
        #expect(harness.granted(in: effects) == [2])
        #expect(harness.node(of: 2) == 1)
    }
}
