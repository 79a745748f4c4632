//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct BlockedTests {
    @Test("A blocked lease gives back its CPU and nothing else")
    func onlyCPU() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4), ("GPU", 1), ("memory", 100), ("x", 1))
        harness.request(1, ("CPU", 3), ("GPU", 1), ("memory", 60), ("x", 1))
        harness.block(1)
        harness.block(1)
        #expect(["CPU", "GPU", "memory", "x"].map { harness.available(1, $0) } == [4, 0, 40, 0])
        let resumed = SchedulerEffect.resumeGranted(SchedulerHarness.lease(1), node: SchedulerHarness.node(1))
        #expect(harness.unblock(1) == [resumed])
        #expect(harness.unblock(1) == [resumed])
        #expect(harness.available(1) == 1)
        harness.release(1)
        #expect(harness.available(1) == 4)
    }

    @Test("Recursion on one CPU ends: each lease blocks on the next, and they end in reverse")
    func recursion() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        let depth = 20
        for lease in 1...depth {
            #expect(harness.request(lease, ("CPU", 1)) == 1)
            if lease < depth { harness.block(lease) }
        }
        #expect(harness.available(1) == 0)
        for lease in stride(from: depth, to: 1, by: -1) {
            // The caller wants to go on before the callee's lease is back.
            #expect(harness.unblock(lease - 1).withoutReclaim == [])
            let node = SchedulerHarness.node(1)
            #expect(
                harness.send(.release(SchedulerHarness.lease(lease))) == [
                    .leaseEnded(SchedulerHarness.lease(lease), node: node),
                    .resumeGranted(SchedulerHarness.lease(lease - 1), node: node),
                ])
        }
        harness.release(1)
        #expect(harness.available(1) == 1)
    }

    @Test("A lease that goes on comes before new leases, also where the new ones are smaller")
    func resumeFirst() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 2))
        harness.block(1)
        harness.request(2, ("CPU", 1))
        harness.request(3, ("CPU", 1))
        harness.unblock(1)
        #expect(harness.request(4, ("CPU", 1)) == nil)
        #expect(harness.release(2) == [])
        #expect(
            harness.reason(4) == "needs 1 CPU; the CPU that is free is kept for leases that were blocked and go on")
        #expect(harness.reason(1) == "waits to take its 2 CPU back; other leases of its node use it")
        #expect(harness.release(3) == [])
        #expect(harness.available(1) == 0)
        #expect(harness.release(1) == [4])
    }

    @Test("A request without CPU is not held up by leases that go on")
    func withoutCPU() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1), ("x", 1))
        harness.request(1, ("CPU", 1))
        harness.block(1)
        harness.request(2, ("CPU", 1))
        harness.unblock(1)
        #expect(harness.request(3, ("x", 1)) == 1)
    }

    @Test("A lease whose CPU an actor took goes on without it, holds up nobody, and has it when the actor ends")
    func actorTookCPU() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 2))
        harness.block(1)
        #expect(harness.request(2, ("CPU", 1), isActor: true) == 1)
        let goesOn = SchedulerEffect.resumeGranted(SchedulerHarness.lease(1), node: SchedulerHarness.node(1))
        #expect(harness.unblock(1) == [goesOn] && harness.unblock(1) == [goesOn])
        #expect(harness.reason(1) == nil && harness.isOverdrawn(1))
        #expect(harness.request(3, ("CPU", 1)) == 1)
        harness.release(3)
        #expect(harness.available(1) == 1)
        harness.release(2)
        #expect(harness.available(1) == 0 && !harness.isOverdrawn(1))
        harness.release(1)
        #expect(harness.available(1) == 2)
    }

    @Test("A lease that went on without CPU gives none back when it waits again or ends", arguments: [false, true])
    func withoutCPUOfItsOwn(blocksAgain: Bool) {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        harness.block(1)
        harness.request(2, ("CPU", 1), isActor: true)
        harness.unblock(1)
        if blocksAgain {
            harness.block(1)
            harness.release(2)
            #expect(harness.available(1) == 1)
            #expect(harness.unblock(1).count == 1)
        }
        harness.release(1)
        #expect(harness.available(1) == (blocksAgain ? 1 : 0))
    }

    @Test("Ending a lease while it is blocked or waits to go on gives back just what it held")
    func endWhileBlocked() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1), ("GPU", 1))
        harness.request(1, ("CPU", 1), ("GPU", 1))
        harness.block(1)
        harness.release(1)
        #expect(harness.available(1) == 1)
        harness.request(2, ("CPU", 1), ("GPU", 1))
        harness.block(2)
        harness.request(3, ("CPU", 1))
        harness.unblock(2)
        harness.release(2)
        #expect([harness.available(1), harness.available(1, "GPU")] == [0, 1])
        harness.release(3)
        #expect(harness.available(1) == 1)
    }

    @Test("A lease that waits to go on can block again")
    func blocksAgain() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        harness.block(1)
        harness.request(2, ("CPU", 1))
        harness.unblock(1)
        harness.unblock(1)
        harness.request(3, ("CPU", 1))
        harness.block(1)
        #expect(harness.release(2) == [3])
    }

    @Test("A lease without CPU goes on at once")
    func noCPU() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1), held: [], isActor: true)
        harness.request(2, ("CPU", 1))
        harness.block(1)
        #expect(harness.unblock(1).count == 1)
    }
}
