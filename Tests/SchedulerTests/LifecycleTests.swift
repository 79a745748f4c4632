//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct LifecycleTests {
    @Test("When a node leaves, its leases are lost in order and the owners are told")
    func nodeRemoval() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(2, ("CPU", 1), owner: 7)
        harness.request(1, ("CPU", 1), owner: 8)
        harness.request(3, ("CPU", 1), owner: 8)
        harness.block(2)
        let effects = harness.send(.nodeRemoved(SchedulerHarness.node(1), reason: "its machine stopped")).withoutReclaim
        let lost = effects.map { effect -> String in
            guard case .leaseLost(let id, let owner, _, let reason) = effect else { return "\(effect)" }
            return "\(id.word0.byteSwapped) \(owner.word0.byteSwapped) \(reason.hasSuffix("its machine stopped"))"
        }
        #expect(lost == ["1 8 true", "2 7 true", "3 8 true"])
        #expect(harness.core.leaseCount == 0)
        #expect(harness.core.total(of: SchedulerHarness.node(1)) == nil)
        #expect(harness.core.nodeIDs == [])
    }

    @Test("When an owner dies, its requests are dropped, its leases end, and the room goes to others")
    func ownerGone() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        harness.request(1, ("CPU", 1), owner: 1)
        harness.request(2, ("CPU", 1), owner: 1)
        harness.request(3, ("CPU", 1), owner: 1)
        harness.request(4, ("CPU", 1), owner: 2)
        harness.block(2)
        let effects = harness.send(.ownerGone(SchedulerHarness.owner(1)))
        let ended = effects.compactMap { effect -> Int? in
            guard case .leaseEnded(let id, _) = effect else { return nil }
            return Int(id.word0.byteSwapped)
        }
        #expect(ended == [1, 2, 3])
        #expect(harness.core.leases(on: SchedulerHarness.node(1)) == [SchedulerHarness.lease(4)])
        #expect(harness.available(1) == 1)
        #expect(harness.send(.ownerGone(SchedulerHarness.owner(1))) == [])
    }

    @Test("Every input can be repeated without harm")
    func idempotence() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 2))
        #expect(harness.addNode(1, ("CPU", 99)) == [])
        #expect(harness.available(1) == 2)
        let lease = SchedulerHarness.lease(1)
        let request = LeaseRequest(
            id: lease, owner: SchedulerHarness.owner(1), job: JobID(1), shape: ResourceSet([("CPU", 2)]))
        let first = harness.send(.request(request))
        #expect(first.count == 1)
        #expect(harness.send(.request(request)) == first)
        #expect(harness.available(1) == 0)
        harness.request(2, ("CPU", 2))
        harness.request(2, ("CPU", 2))
        #expect(harness.core.pendingCount == 1)
        harness.send(.cancel(SchedulerHarness.lease(2)))
        #expect(harness.send(.cancel(SchedulerHarness.lease(2))) == [])
        #expect(harness.send(.release(lease)) == [.leaseEnded(lease, node: SchedulerHarness.node(1))])
        #expect(harness.send(.release(lease)) == [])
        #expect(harness.send(.blocked(lease)) == [])
        #expect(harness.send(.unblocked(lease)) == [])
        #expect(harness.available(1) == 2)
        harness.send(.nodeRemoved(SchedulerHarness.node(1), reason: ""))
        #expect(harness.send(.nodeRemoved(SchedulerHarness.node(1), reason: "")) == [])
        #expect(harness.send(.tick) == [])
    }

    @Test("A granted lease that is cancelled is released")
    func cancelGranted() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        harness.request(1, ("CPU", 1))
        let lease = SchedulerHarness.lease(1)
        #expect(harness.send(.cancel(lease)) == [.leaseEnded(lease, node: SchedulerHarness.node(1))])
        #expect(harness.available(1) == 1)
    }

    @Test("Requests made before a node joins are granted when it does, oldest first")
    func nodeJoinsLate() {
        var harness = SchedulerHarness()
        for lease in 1...3 { harness.request(lease, ("CPU", 1)) }
        #expect(harness.granted(in: harness.addNode(1, ("CPU", 2))) == [1, 2])
    }
}
