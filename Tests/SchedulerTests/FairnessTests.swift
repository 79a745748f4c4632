//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct FairnessTests {
    @Test("Requests of one shape are granted in order of arrival")
    func fifo() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        for lease in [9, 3, 7, 1] { harness.request(lease, ("CPU", 1)) }
        #expect(harness.release(9) == [3])
        #expect(harness.release(3) == [7])
        #expect(harness.release(7) == [1])
    }

    @Test("A request that finds no room does not hold up other shapes")
    func noHeadOfLineBlocking() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        #expect(harness.request(2, ("GPU", 1)) == nil)
        #expect(harness.request(3, ("CPU", 2)) == nil)
        #expect(harness.request(4, ("CPU", 1)) == 1)
    }

    @Test("Where several shapes fit, the oldest request goes first")
    func oldestFirst() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 2))
        harness.request(2, ("CPU", 2))
        harness.request(3, ("CPU", 1))
        #expect(harness.release(1) == [2])
        #expect(harness.release(2) == [3])
    }

    @Test("A big request gets a node although small ones keep coming")
    func bigRequestIsNotStarved() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        harness.request(2, ("CPU", 1))
        harness.request(1000, ("CPU", 2))
        // Leases of 0.7 s that overlap: never are both CPUs free by chance.
        var running = [1, 2]
        var next = 3
        while harness.node(of: 1000) == nil, next < 100 {
            harness.request(next, ("CPU", 1))
            next += 1
            harness.advance(milliseconds: 350)
            if let first = running.first { harness.release(first) }
            running = (1..<next).filter { harness.node(of: $0) != nil }
        }
        #expect(harness.node(of: 1000) == 1)
        #expect(harness.now.milliseconds(since: .zero) < 4000)
    }

    @Test("A reservation pauses so that others go on when the node does not drain")
    func reservationPauses() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        harness.request(2, ("CPU", 2))
        harness.advance(milliseconds: 1000)
        #expect(harness.core.nextWake.map { $0 <= Instant.zero.advanced(milliseconds: 2000) } == true)
        #expect(harness.request(3, ("CPU", 1)) == nil)
        #expect(harness.reason(3) == "needs 1 CPU; what is free is kept for an older request")
        #expect(harness.granted(in: harness.advance(milliseconds: 1000)) == [3])
    }

    @Test("Nothing is reserved where only the end of an actor would help")
    func actorsAreNotDrained() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1), isActor: true)
        harness.request(2, ("CPU", 2))
        harness.advance(milliseconds: 1000)
        #expect(harness.request(3, ("CPU", 1)) == 1)
    }

    @Test("When the request with the reservation is withdrawn, the others go on at once")
    func reservationEndsWithRequest() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1))
        harness.request(2, ("CPU", 2))
        harness.advance(milliseconds: 1000)
        #expect(harness.request(3, ("CPU", 1)) == nil)
        #expect(harness.granted(in: harness.send(.cancel(SchedulerHarness.lease(2)))) == [3])
    }

    @Test("Owners are asked for idle leases at most every 50 ms, and only while something waits")
    func reclaim() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1), owner: 1)
        harness.request(2, ("CPU", 1), owner: 2, isActor: true)
        #expect(harness.core.nextWake == nil)
        let request = LeaseRequest(
            id: SchedulerHarness.lease(3), owner: SchedulerHarness.owner(3), job: JobID(1),
            shape: ResourceSet([("CPU", 1)]))
        #expect(harness.send(.request(request)) == [.reclaimIdle(owner: SchedulerHarness.owner(1))])
        #expect(harness.core.nextWake == Instant.zero.advanced(milliseconds: 50))
        #expect(harness.advance(milliseconds: 49) == [])
        #expect(harness.advance(milliseconds: 1) == [.reclaimIdle(owner: SchedulerHarness.owner(1))])
        harness.release(1)
        #expect(harness.core.nextWake == nil)
        harness.request(4, ("GPU", 1))
        #expect(harness.advance(milliseconds: 500) == [])
    }

    @Test("A task that goes on has owners asked for idle leases: they keep its CPU for what they may want to run next")
    func reclaimForResume() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1), owner: 1)
        harness.block(1)
        #expect(harness.request(2, ("CPU", 1), owner: 2) == 1)
        #expect(harness.core.nextWake == nil)
        let owners = [1, 2].map { SchedulerEffect.reclaimIdle(owner: SchedulerHarness.owner($0)) }
        #expect(Set(harness.unblock(1)) == Set(owners))
        #expect(harness.core.nextWake == Instant.zero.advanced(milliseconds: 50))
        #expect(Set(harness.advance(milliseconds: 50)) == Set(owners))
        let resumed = SchedulerEffect.resumeGranted(SchedulerHarness.lease(1), node: SchedulerHarness.node(1))
        #expect(harness.send(.release(SchedulerHarness.lease(2))).contains(resumed))
        #expect(harness.core.nextWake == nil)
        #expect(harness.advance(milliseconds: 500) == [])
    }

    @Test("A hundred thousand requests of one shape wait without cost to each event", .timeLimit(.minutes(1)))
    func manyPending() {
        var harness = SchedulerHarness()
        harness.checksInvariants = false
        harness.addNode(1, ("CPU", 1))
        for lease in 0..<100_000 { harness.request(lease, ("CPU", 1)) }
        var granted: [Int] = []
        for lease in 0..<5_000 { granted += harness.release(lease) }
        #expect(granted == Array(1...5_000))
        for lease in stride(from: 99_999, to: 5_001, by: -1) { harness.send(.cancel(SchedulerHarness.lease(lease))) }
        #expect(harness.release(5_000) == [5_001])
        #expect(harness.core.pendingCount == 0)
        #expect(harness.core.checkInvariants() == [])
    }
}
