//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

extension SchedulerHarness {
    static func group(_ number: Int) -> PlacementGroupID { PlacementGroupID(UInt64(number).byteSwapped, 1 << 48, 0) }

    /// Adds a group and gives the numbers of its bundles' nodes if it was placed at once.
    @discardableResult
    mutating func addGroup(
        _ number: Int, _ strategy: PlacementStrategy, _ bundles: [[(String, Double)]],
        labels: [LabelSelector] = [], wishes target: Int? = nil
    ) -> [Int]? {
        let parts = bundles.enumerated().map { index, amounts in
            Bundle(ResourceSet(amounts), labels: labels.isEmpty ? LabelSelector() : labels[index])
        }
        send(
            .groupAdded(
                PlacementGroupSpec(
                    id: Self.group(number), strategy: strategy, bundles: parts, softTarget: target.map(Self.node))))
        return nodes(ofGroup: number)
    }

    /// The numbers of the nodes of a group's bundles; nothing unless all have one.
    func nodes(ofGroup number: Int) -> [Int]? {
        guard let nodes = core.nodes(of: Self.group(number)), !nodes.contains(.none) else { return nil }
        return nodes.map { Int($0.word0.byteSwapped) }
    }

    func groupReason(_ number: Int) -> String? { core.pendingReason(of: Self.group(number))?.sentence }

    static func inGroup(_ number: Int, _ bundle: Int? = nil) -> SchedulingStrategy {
        .placementGroup(group(number), bundle: bundle, capturesChildren: false)
    }
}

@Suite struct PlacementStrategyTests {
    private func cluster(_ cpus: Double...) -> SchedulerHarness {
        var harness = SchedulerHarness()
        for (index, count) in cpus.enumerated() { harness.addNode(index + 1, ("CPU", count)) }
        return harness
    }

    private let one: [(String, Double)] = [("CPU", 1)]

    @Test("PACK uses one node where one is enough, and as few as can be where not")
    func pack() {
        var harness = cluster(2, 4, 3)
        #expect(harness.addGroup(1, .pack, [one, one, one]) == [3, 3, 3])
        #expect(harness.addGroup(2, .pack, Array(repeating: one, count: 5)) == [2, 2, 2, 2, 1])
        #expect(harness.addGroup(3, .pack, [one, one]) == nil)
        #expect(harness.groupReason(3)?.contains("not all of them at once") == true)
    }

    @Test("STRICT_PACK lies on the node that it wishes if that has room, else where it fits best")
    func softTarget() {
        var harness = cluster(2, 4, 3)
        #expect(harness.addGroup(1, .strictPack, [one, one], wishes: 2) == [2, 2])
        #expect(harness.addGroup(2, .strictPack, [one, one, one], wishes: 2) == [3, 3, 3])
        #expect(harness.addGroup(3, .strictPack, [one, one], wishes: 9) == [1, 1])
    }

    @Test(
        "A bundle of more devices than a node can have waits, and so does what wants some of them",
        arguments: ["GPU", "TPU"])
    func manyDevices(_ name: String) {
        var harness = SchedulerHarness()
        harness.addNode(1, (name, 4))
        #expect(harness.addGroup(1, .pack, [[(name, 5_000)]]) == nil)
        #expect(harness.request(1, (name, 1), strategy: SchedulerHarness.inGroup(1)) == nil)
        #expect(harness.reason(1) != nil && harness.groupReason(1) != nil)
    }

    @Test("SPREAD uses as many nodes as can be, and one twice where it must")
    func spread() {
        var harness = cluster(4, 4, 4)
        let nodes = harness.addGroup(1, .spread, Array(repeating: one, count: 4))
        #expect(Set(nodes ?? []) == [1, 2, 3])
    }

    @Test("STRICT_PACK puts all on one node, or waits")
    func strictPack() {
        var harness = cluster(2, 4)
        #expect(harness.addGroup(1, .strictPack, [one, one, one]) == [2, 2, 2])
        #expect(harness.addGroup(2, .strictPack, [one, one, one]) == nil)
        #expect(harness.addGroup(3, .strictPack, Array(repeating: one, count: 5)) == nil)
        #expect(harness.groupReason(3) == "needs 5 CPU on one node (STRICT_PACK); no single node has all of that")
        harness.send(.groupRemoved(SchedulerHarness.group(1)))
        #expect(harness.nodes(ofGroup: 2) == [2, 2, 2])
    }

    @Test("STRICT_SPREAD gives each bundle a node of its own, or waits for more nodes")
    func strictSpread() {
        var harness = cluster(4, 4)
        #expect(Set(harness.addGroup(1, .strictSpread, [one, one]) ?? []) == [1, 2])
        #expect(harness.addGroup(2, .strictSpread, [one, one, one]) == nil)
        #expect(harness.groupReason(2)?.contains("needs 3 nodes (STRICT_SPREAD), and only 2") == true)
        harness.addNode(3, ("CPU", 1))
        #expect(Set(harness.nodes(ofGroup: 2) ?? []) == [1, 2, 3])
    }

    @Test("STRICT_SPREAD finds the only way in which bundles fit, where the best first choice would not")
    func strictSpreadMatches() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2), ("x", 1))
        harness.addNode(2, ("CPU", 2))
        harness.addNode(3, ("CPU", 1))
        let nodes = harness.addGroup(1, .strictSpread, [[("x", 1)], [("CPU", 2)], [("CPU", 1)]])
        #expect(nodes.map { Set($0) } == [1, 2, 3])
        #expect(harness.addGroup(2, .strictSpread, [[("x", 1)], [("CPU", 2)]]) == nil)
    }

    @Test("A bundle goes only where the labels are")
    func labels() throws {
        var harness = cluster(4)
        let node = SchedulerHarness.node(2)
        let total = ResourceSet([("CPU", 4)])
        harness.send(.nodeAdded(node, total: total, labels: ["zone": "b"], host: "h"))
        let selector = try LabelSelector(parsing: ["zone": "in(b,c)"])
        #expect(harness.addGroup(1, .pack, [one, one], labels: [selector, LabelSelector()]) == [2, 2])
        let other = try LabelSelector(parsing: ["zone": "z"])
        #expect(harness.addGroup(2, .pack, [one], labels: [other]) == nil)
        #expect(harness.groupReason(2)?.contains("for bundle 0 needs a node with the labels zone=z") == true)
    }
}

@Suite struct PlacementGroupLifeTests {
    private let two: [[(String, Double)]] = [[("CPU", 1)], [("CPU", 2), ("GPU", 1)]]

    private func placed() -> SchedulerHarness {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4), ("GPU", 2))
        harness.addGroup(1, .pack, two)
        return harness
    }

    @Test("What is reserved is for the group alone, and comes back when it is removed")
    func reserves() {
        var harness = placed()
        #expect(harness.available(1) == 1)
        #expect(harness.available(1, "GPU") == 1)
        #expect(harness.request(1, ("CPU", 2)) == nil)
        #expect(harness.request(2, ("CPU", 2), strategy: SchedulerHarness.inGroup(1, 1)) == 1)
        #expect(harness.available(1) == 1)
        harness.send(.release(SchedulerHarness.lease(2)))
        let effects = harness.send(.groupRemoved(SchedulerHarness.group(1)))
        #expect(harness.granted(in: effects) == [1])
        #expect(harness.available(1) == 2)
        #expect(harness.available(1, "GPU") == 2)
    }

    @Test("A lease in any bundle takes the first with room, and knows the number of its GPU")
    func anyBundle() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4), ("GPU", 2))
        harness.request(9, ("GPU", 1))
        harness.addGroup(1, .pack, two)
        #expect(harness.request(1, ("CPU", 1), strategy: SchedulerHarness.inGroup(1)) == 1)
        #expect(harness.request(2, ("CPU", 1), ("GPU", 1), strategy: SchedulerHarness.inGroup(1)) == 1)
        #expect(harness.gpus(of: 9) == [0])
        #expect(harness.gpus(of: 2) == [1])
        #expect(harness.request(3, ("CPU", 2), strategy: SchedulerHarness.inGroup(1)) == nil)
        #expect(harness.reason(3)?.contains("the only bundle that could run it") == true)
        #expect(harness.release(2) == [3])
    }

    @Test("A lease without GPU keeps off bundles with one while another has room") func sparedBundle() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 3), ("GPU", 1))
        harness.addGroup(1, .pack, [[("CPU", 1), ("GPU", 1)], [("CPU", 1)]])
        let strategy = SchedulerHarness.inGroup(1)
        #expect(harness.request(1, ("CPU", 1), strategy: strategy) == 1)
        #expect(harness.request(2, ("CPU", 1), ("GPU", 1), strategy: strategy) == 1)
        #expect(harness.release(2).isEmpty)
        #expect(harness.request(3, ("CPU", 1), strategy: strategy) == 1)
    }

    @Test("What cannot fit into a bundle, or names one that is not there, is refused")
    func refusals() {
        var harness = placed()
        func refused(_ effects: [SchedulerEffect]) -> String? {
            for case .refused(_, _, _, let reason) in effects { return reason }
            return nil
        }
        func ask(_ shape: ResourceSet, _ strategy: SchedulingStrategy) -> SchedulerInput {
            .request(
                LeaseRequest(
                    id: SchedulerHarness.lease(1), owner: SchedulerHarness.owner(1), job: JobID(1), shape: shape,
                    strategy: strategy))
        }
        let three = ResourceSet([("CPU", 3)])
        #expect(refused(harness.send(ask(three, SchedulerHarness.inGroup(1))))?.contains("cannot fit") == true)
        #expect(refused(harness.send(ask(ResourceSet(), SchedulerHarness.inGroup(1, 2))))?.contains("0 to 1") == true)
        #expect(refused(harness.send(ask(ResourceSet(), SchedulerHarness.inGroup(7))))?.contains("removed") == true)
    }

    @Test("Removing a group revokes its leases and refuses what waits for it")
    func removal() {
        var harness = placed()
        harness.request(1, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 0))
        harness.request(2, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 0))
        let effects = harness.send(.groupRemoved(SchedulerHarness.group(1))).withoutReclaim
        let owner = SchedulerHarness.owner(1)
        let reason = "placement group \(SchedulerHarness.group(1).hex) was removed"
        #expect(effects.contains(.refused(SchedulerHarness.lease(2), owner: owner, .groupRemoved, reason: reason)))
        let revoked = SchedulerEffect.leaseRevoked(
            SchedulerHarness.lease(1), node: SchedulerHarness.node(1), group: SchedulerHarness.group(1))
        #expect(effects.contains(revoked))
        #expect(harness.available(1) == 4)
        #expect(harness.core.leaseCount == 0)
        #expect(harness.core.pendingCount == 0)
    }

    @Test("Only the bundles of a dead node are placed again, before groups that are new")
    func rescheduling() {
        var harness = SchedulerHarness()
        for node in 1...3 { harness.addNode(node, ("CPU", 1)) }
        let one: [(String, Double)] = [("CPU", 1)]
        #expect(Set(harness.addGroup(1, .spread, [one, one]) ?? []).count == 2)
        let first = harness.nodes(ofGroup: 1) ?? []
        harness.request(1, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 0))
        harness.request(2, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 1))
        harness.request(3, ("CPU", 1))
        harness.addGroup(2, .pack, [one])
        let effects = harness.send(.nodeRemoved(SchedulerHarness.node(first[1]), reason: "gone"))
        #expect(effects.contains(.groupLost(SchedulerHarness.group(1))))
        #expect(harness.node(of: 1) == first[0])
        #expect(harness.node(of: 2) == nil)
        #expect(harness.nodes(ofGroup: 1) == nil)
        harness.release(3)
        #expect(harness.nodes(ofGroup: 1)?.first == first[0])
        #expect(harness.nodes(ofGroup: 2) == nil)
    }

    @Test("The CPU of a blocked task is not reserved, so that it can go on")
    func blocked() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        harness.block(1)
        #expect(harness.addGroup(1, .pack, [[("CPU", 2)]]) == nil)
        #expect(harness.unblock(1).contains(.resumeGranted(SchedulerHarness.lease(1), node: SchedulerHarness.node(1))))
        harness.release(1)
        #expect(harness.nodes(ofGroup: 1) == [1])
    }

    @Test("A task that is blocked in a bundle gives its CPU to the bundle, not to the node")
    func blockedInBundle() {
        var harness = placed()
        harness.request(1, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 0))
        harness.request(2, ("CPU", 1), strategy: SchedulerHarness.inGroup(1, 0))
        #expect(harness.block(1) == [2])
        #expect(harness.available(1) == 1)
        harness.unblock(1)
        harness.release(2)
        #expect(harness.core.grant(of: SchedulerHarness.lease(1)) != nil)
    }
}

@Suite struct DrainTests {
    @Test("A draining node takes nothing new, keeps what runs, and refuses hard affinity")
    func drains() {
        var harness = SchedulerHarness()
        for node in 1...2 { harness.addNode(node, ("CPU", 1)) }
        #expect(harness.request(1, ("CPU", 1)) == 1)
        harness.send(.nodeDraining(SchedulerHarness.node(1)))
        harness.send(.release(SchedulerHarness.lease(1)))
        #expect(harness.core.isIdle(SchedulerHarness.node(1)))
        #expect(harness.request(2, ("CPU", 1)) == 2)
        #expect(harness.request(3, ("CPU", 1)) == nil)
        #expect(harness.addGroup(1, .pack, [[("CPU", 1)]]) == nil)
        let hard = SchedulingStrategy.nodeAffinity(SchedulerHarness.node(1), soft: false)
        #expect(harness.request(4, ("CPU", 1), strategy: hard) == nil)
        #expect(harness.core.pendingCount == 1)
    }
}
