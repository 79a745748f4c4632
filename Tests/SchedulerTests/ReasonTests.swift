//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct ReasonTests {
    @Test("Without nodes the reason says so")
    func noNodes() {
        var harness = SchedulerHarness()
        harness.request(1, ("CPU", 1))
        #expect(harness.core.pendingReason(of: SchedulerHarness.lease(1))?.code == .noNodes)
        #expect(harness.reason(1) == "no node has joined the cluster yet")
    }

    @Test("What no node has is named with the most that one has")
    func infeasible() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4), ("GPU", 1))
        harness.addNode(2, ("CPU", 8))
        harness.request(1, ("CPU", 1), ("GPU", 4))
        harness.request(2, ("TPU", 1))
        harness.request(3, ("CPU", 8), ("GPU", 1))
        #expect(harness.reason(1) == "needs 4 GPU; no node has more than 1 GPU")
        #expect(harness.reason(2) == "needs 1 TPU; no node has any TPU")
        #expect(harness.reason(3) == "needs 8 CPU, 1 GPU; no single node has all of that")
        #expect(harness.core.pendingReason(of: SchedulerHarness.lease(3))?.code == .infeasible)
    }

    @Test("What is in use is counted over the nodes that could run the request")
    func busy() {
        var harness = SchedulerHarness()
        for node in 1...3 { harness.addNode(node, ("CPU", node == 3 ? 4 : 2)) }
        harness.addNode(4, ("CPU", 1))
        for lease in 1...4 { harness.request(lease, ("CPU", 2)) }
        harness.request(5, ("CPU", 2))
        #expect(harness.reason(5) == "needs 2 CPU; all 8 CPU of the 3 nodes that could run it are in use")
        harness.release(1)
        harness.request(6, ("CPU", 3))
        #expect(harness.reason(5) == nil)
        #expect(harness.reason(6) == "needs 3 CPU; all 4 CPU of the only node that could run it are in use")
        #expect(harness.core.pendingReason(of: SchedulerHarness.lease(6))?.code == .resourcesBusy)
    }

    @Test("Where some is free but too little, the reason says how much")
    func tooLittle() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        harness.request(2, ("CPU", 2))
        #expect(harness.reason(2) == "needs 2 CPU; of the 2 CPU of the only node that could run it only 1 are free")
        harness.addNode(2, ("CPU", 2))
        harness.request(3, ("CPU", 1.5))
        harness.request(4, ("CPU", 2))
        #expect(
            harness.reason(4)
                == "needs 2 CPU; of the 4 CPU of the 2 nodes that could run it only 1 are free, "
                + "too few on any one node")
    }

    @Test("The summary groups by shape, is sorted, and counts")
    func summary() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        for lease in 2...4 { harness.request(lease, ("GPU", 1)) }
        for lease in 5...9 { harness.request(lease, ("CPU", 1)) }
        harness.send(.cancel(SchedulerHarness.lease(5)))
        let summary = harness.core.pendingSummary()
        #expect(summary.map(\.shape.description) == ["1 CPU", "1 GPU"])
        #expect(summary.map(\.count) == [4, 3])
        #expect(summary.map(\.reason.code) == [.resourcesBusy, .infeasible])
    }

    @Test("A lease or an unknown id has no reason to wait")
    func none() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        #expect(harness.reason(1) == nil)
        #expect(harness.reason(99) == nil)
    }
}
