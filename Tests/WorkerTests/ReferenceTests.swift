//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("References between processes") struct ReferenceTests {
    @Test("Whatever overtakes what, no object goes while somebody holds it, and all go in the end", arguments: 0..<40)
    func anyOrder(block: UInt64) {
        for seed in block * 10..<block * 10 + 10 {
            var network = ReferenceNetwork(seed: seed)
            for _ in 0..<300 where network.failure == nil {
                if network.random(3) == 0 { network.act() } else { _ = network.deliver() }
                network.check()
            }
            #expect(network.failure == nil, "seed \(seed)")
            let left = network.windUp()
            #expect(left == 0, "seed \(seed) leaves \(left)")
        }
    }

    @Test("A million objects, alone and in a chain, leave nothing", .timeLimit(.minutes(5))) func noLeak() {
        var harness = WorkerHarness()
        var last = harness.put([1])
        for _ in 0..<500_000 {
            harness.release(harness.put([2]).id)
            let next = harness.put([3], contained: [last])
            harness.release(last.id)
            last = next
        }
        #expect(harness.core.heldCount > 1_000_000)
        harness.release(last.id)
        #expect(harness.core.heldCount == 0)
        #expect(harness.effects.isEmpty)
    }

    private func borrows(_ harness: inout WorkerHarness) -> [Message] {
        harness.sent().map(\.0).filter {
            switch $0 {
            case .borrowObjects, .returnObjects, .taskDone, .referencesTaken, .resultReferences, .borrowNoted: true
            default: false
            }
        }
    }

    /// A reference of `other`.
    private let foreign = ObjectReference(id: ObjectID(9, 9, 9, 9), owner: WorkerHarness.other)

    @Test("A borrower registers once, and again only after it gave the object back") func registration() {
        var harness = WorkerHarness()
        harness.retain(foreign)
        harness.retain(foreign)
        #expect(borrows(&harness) == [.borrowObjects(BorrowObjects(objects: [foreign.id]))])
        harness.release(foreign.id)
        #expect(borrows(&harness).isEmpty)
        // To the owner itself nothing needs to be waited for: the link keeps the order.
        harness.release(foreign.id)
        #expect(borrows(&harness) == [.returnObjects(ReturnObjects(objects: [foreign.id]))])
        harness.retain(foreign)
        #expect(borrows(&harness) == [.borrowObjects(BorrowObjects(objects: [foreign.id]))])
    }

    @Test("A reply waits until what the task goes on holding is registered") func replyWaits() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let inner = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: [foreign])
        let spec = TaskSpec(
            id: TaskID(1, 2, 3), function: WorkerHarness.function, arguments: [.value(inner)],
            owner: WorkerHarness.driver)
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 0, 0, 0), spec: spec)), from: WorkerHarness.driver.worker)
        harness.retain(foreign)
        _ = harness.sent()
        harness.step(.finished(spec.id, .success([RayObject(data: [2], metadata: ObjectMetadata.raw)])))
        #expect(borrows(&harness).isEmpty)
        harness.receive(.borrowNoted(BorrowNoted()), from: WorkerHarness.other.worker)
        #expect(borrows(&harness).count == 1)
        #expect(harness.core.heldCount == 1)
    }

    @Test("References of two owners go back in order, each when the other has noted what was found before")
    func manySteps() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let owners = [WorkerHarness.other, WorkerHarness.driver]
        let found = owners.enumerated().map { number, owner in
            (0..<100).map { ObjectReference(id: ObjectID(9, 9, UInt64(number), $0 + 1), owner: owner) }
        }
        for pair in zip(found[0], found[1]) {
            for reference in [pair.0, pair.1] { harness.retain(reference) }
            for reference in [pair.0, pair.1] { harness.release(reference.id) }
        }
        func returned() -> [ObjectID] {
            harness.sent().reduce(into: []) { ids, sent in
                if case .returnObjects(let message) = sent.0 { ids += message.objects }
            }
        }
        #expect(returned().isEmpty)
        for reference in found[1] {
            harness.receive(.borrowNoted(BorrowNoted()), from: owners[0].worker)
            #expect(returned() == [reference.id])
        }
        harness.receive(.borrowNoted(BorrowNoted()), from: owners[1].worker)
        #expect(returned() == [found[0][0].id])
        harness.step(.peerLost(owners[1].worker, reason: "killed"))
        #expect(returned() == found[0].dropFirst().map(\.id))
        #expect(harness.core.heldCount == 0)
        harness.core.checkInvariants()
    }

    @Test("A reply waits for no owner that is gone") func replyAfterDeath() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let inner = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: [foreign])
        let spec = TaskSpec(
            id: TaskID(1, 2, 3), function: WorkerHarness.function, arguments: [.value(inner)],
            owner: WorkerHarness.driver)
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 0, 0, 0), spec: spec)), from: WorkerHarness.driver.worker)
        harness.retain(foreign)
        harness.step(.finished(spec.id, .success([RayObject(data: [2], metadata: ObjectMetadata.raw)])))
        _ = harness.sent()
        harness.step(.peerLost(WorkerHarness.other.worker, reason: "killed"))
        #expect(borrows(&harness).contains { if case .taskDone = $0 { true } else { false } })
    }

    @Test("References in a result are held by its maker until the receiver has registered") func transfer() {
        var maker = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let owned = maker.put([5])
        let spec = TaskSpec(id: TaskID(1, 2, 3), function: WorkerHarness.function, owner: WorkerHarness.driver)
        maker.receive(.pushTask(PushTask(lease: LeaseID(1, 0, 0, 0), spec: spec)), from: WorkerHarness.driver.worker)
        _ = maker.sent()
        let result = RayObject(data: [2], metadata: ObjectMetadata.raw, contained: [owned])
        maker.step(.finished(spec.id, .success([result])))
        let sent = borrows(&maker)
        #expect(
            sent.first == .resultReferences(ResultReferences(task: spec.id, attempt: 0, contained: [[owned]])))
        maker.release(owned.id)
        #expect(maker.core.owns(owned.id))
        maker.receive(
            .borrowObjects(BorrowObjects(objects: [owned.id])), from: WorkerHarness.driver.worker)
        maker.receive(
            .referencesTaken(ReferencesTaken(task: spec.id, attempt: 0)), from: WorkerHarness.driver.worker)
        #expect(maker.core.owns(owned.id))
        maker.receive(.returnObjects(ReturnObjects(objects: [owned.id])), from: WorkerHarness.driver.worker)
        #expect(maker.core.heldCount == 0)
    }

    @Test("What a dead borrower held is let go after a while, not at once") func deadBorrower() {
        var harness = WorkerHarness()
        let owned = harness.put([5])
        harness.receive(.borrowObjects(BorrowObjects(objects: [owned.id])), from: WorkerHarness.other.worker)
        harness.release(owned.id)
        harness.step(.peerLost(WorkerHarness.other.worker, reason: "killed"))
        harness.advance(9_000)
        #expect(harness.core.owns(owned.id))
        harness.advance(2_000)
        #expect(harness.core.heldCount == 0)
    }

    @Test("A lost peer takes with it what it borrowed and what it owned, and nothing of others") func lostPeer() {
        var harness = WorkerHarness()
        let peers = [WorkerHarness.other, WorkerHarness.worker]
        let lent = peers.map { peer -> ObjectID in
            let owned = harness.put([5])
            harness.receive(.borrowObjects(BorrowObjects(objects: [owned.id])), from: peer.worker)
            harness.release(owned.id)
            return owned.id
        }
        let shared = harness.put([6])
        for peer in peers {
            // A registration that comes twice counts once.
            for _ in 0..<2 {
                harness.receive(.borrowObjects(BorrowObjects(objects: [shared.id])), from: peer.worker)
            }
        }
        harness.release(shared.id)
        let foreign = peers.enumerated().map { ObjectReference(id: ObjectID(9, 9, 9, UInt32($0) + 1), owner: $1) }
        for reference in foreign { harness.retain(reference) }
        let tokens = foreign.map { harness.get([$0]) }
        for reference in foreign { harness.step(.located(reference.id, isPresent: false)) }
        harness.step(.peerLost(peers[0].worker, reason: "killed"))
        #expect(harness.outcome(tokens[0])?.first?.errorType == .ownerDied)
        #expect(harness.outcome(tokens[1]) == nil)
        harness.advance(11_000)
        #expect(lent.map { harness.core.owns($0) } == [false, true])
        #expect(harness.core.owns(shared.id))
        harness.core.checkInvariants()
        harness.receive(.returnObjects(ReturnObjects(objects: [lent[1], shared.id])), from: peers[1].worker)
        #expect(!harness.core.owns(lent[1]) && !harness.core.owns(shared.id))
        harness.step(.peerLost(peers[1].worker, reason: "killed"))
        #expect(harness.outcome(tokens[1])?.first?.errorType == .ownerDied)
        for reference in foreign { harness.release(reference.id) }
        #expect(harness.core.heldCount == 0)
        harness.core.checkInvariants()
    }

    @Test("It goes soon where the head knows of the death, whatever becomes of the link", arguments: [true, false])
    func knownDeath(isLinkLost: Bool) {
        var harness = WorkerHarness()
        let owned = harness.put([5])
        harness.receive(.borrowObjects(BorrowObjects(objects: [owned.id])), from: WorkerHarness.other.worker)
        harness.release(owned.id)
        let dead = [WorkerHarness.other.worker, WorkerHarness.worker.worker]
        harness.receive(.processesDied(ProcessesDied(processes: dead)))
        if isLinkLost { harness.step(.peerLost(WorkerHarness.other.worker, reason: "killed")) }
        harness.advance(40)
        #expect(harness.core.owns(owned.id))
        harness.advance(20)
        #expect(harness.core.heldCount == 0)
    }

    @Test("A borrower that comes too late hears that the object is gone") func tooLate() {
        var owner = WorkerHarness(WorkerHarness.other)
        owner.receive(.borrowObjects(BorrowObjects(objects: [foreign.id])), from: WorkerHarness.driver.worker)
        #expect(borrows(&owner) == [.borrowNoted(BorrowNoted(missing: [foreign.id]))])
        var borrower = WorkerHarness()
        borrower.retain(foreign)
        borrower.receive(.borrowNoted(BorrowNoted(missing: [foreign.id])), from: WorkerHarness.other.worker)
        let token = borrower.get([foreign])
        #expect(borrower.outcome(token)?.first?.errorType == .objectFreed)
    }

    @Test("An object keeps what is inside it, also when it is put into a task in its place") func inlined() {
        var harness = WorkerHarness()
        let inner = harness.put([1])
        let outer = harness.put([2], contained: [inner])
        harness.release(inner.id)
        #expect(harness.core.owns(inner.id))
        _ = harness.submit([.reference(outer)])
        harness.release(outer.id)
        #expect(!harness.core.owns(outer.id))
        #expect(harness.core.owns(inner.id))
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0])
        #expect(!harness.core.owns(inner.id))
    }
}
