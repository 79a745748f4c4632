//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

/// The worker of lease n is owner 100 + n.
@Suite("Requests of tasks that wait") struct UrgencyTests {
    private func block(_ harness: inout SchedulerHarness, _ number: Int) -> [Int] {
        let effects = harness.send(
            .blocked(SchedulerHarness.lease(number), worker: SchedulerHarness.owner(100 + number)))
        return harness.granted(in: effects)
    }

    @Test("What a task that waits has asked for goes before older requests", arguments: [1.0, 2.0])
    func first(cpus: Double) {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 2))
        for number in 2...5 { harness.request(number, ("CPU", 2)) }
        // Of the same shape or another.
        harness.request(11, ("CPU", cpus), owner: 101)
        #expect(block(&harness, 1) == [11])
        harness.request(21, ("CPU", 2), owner: 111)
        #expect(block(&harness, 11) == [21])
        #expect(harness.release(21) == [2], "its owner wants nothing more")
    }

    @Test("What it asks for while it waits is urgent, and afterwards is not")
    func later() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        #expect(block(&harness, 1) == [])
        harness.request(2, ("CPU", 1))
        harness.request(3, ("CPU", 1))
        harness.request(11, ("CPU", 1), owner: 101)
        #expect(harness.release(2) == [11])
        harness.unblock(1)
        harness.request(12, ("CPU", 1), owner: 101)
        #expect(harness.release(11) == [], "the CPU goes to the task that waited")
        #expect(harness.release(1) == [3])
    }

    @Test("Others are not kept waiting for ever")
    func fairness() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        #expect(block(&harness, 1) == [])
        harness.request(2, ("CPU", 1), owner: 2)
        harness.request(3, ("CPU", 1), owner: 2)
        harness.request(4, ("CPU", 1), owner: 2)
        for number in 11...15 { harness.request(number, ("CPU", 1), owner: 101) }
        var order = [2]
        while order.count < 8, let next = harness.release(order[order.count - 1]).first {
            order.append(next)
            harness.now = harness.now.advanced(milliseconds: 400)
        }
        #expect(order == [2, 11, 12, 13, 3, 14, 15, 4])
    }

    @Test("A lease that ends while its worker waits leaves nothing behind")
    func end() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        #expect(block(&harness, 1) == [])
        harness.release(1)
        harness.request(2, ("CPU", 1), owner: 2)
        harness.request(3, ("CPU", 1), owner: 2)
        harness.request(11, ("CPU", 1), owner: 101)
        #expect(harness.release(2) == [3])
    }
}
