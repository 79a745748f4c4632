//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("A worker's ownership") struct OwnershipTests {
    private func storedResult(_ harness: inout WorkerHarness, retries: Int = 3) -> ObjectReference {
        let reference = harness.submit(retries: retries)
        for case (.requestLease(let request), _) in harness.sent() { harness.grant(request.lease) }
        harness.receive(
            .taskDone(
                TaskDone(
                    task: reference.id.task, attempt: 0,
                    results: [.stored(at: WorkerHarness.raylet, byteCount: 1 << 20)])),
            from: WorkerHarness.worker.worker)
        _ = harness.sent()
        return reference
    }

    private func frees(_ harness: inout WorkerHarness) -> [ObjectID] {
        var freed: [ObjectID] = []
        for case (.freeObjects(let free), _) in harness.sent() { freed += free.objects }
        return freed
    }

    @Test("What workers put outside of tasks has ids of their own, and the driver's are those of its task")
    func outsideTasks() {
        var driver = WorkerHarness()
        var workers = [1, 2].map { WorkerHarness(isDriver: false, seed: $0) }
        let ids = workers.indices.flatMap { index in (0..<2).map { _ in workers[index].put([1]).id } }
        #expect(Set(ids).count == 4 && ids[0].task == ids[1].task && ids[0].task != ids[2].task)
        #expect(ids.allSatisfy { $0.job == JobID(1) })
        #expect(driver.put([1]).id == .put(.driver(job: JobID(1)), returns: 0, attempt: 0, count: 1))
    }

    @Test("An object is freed when the last reference goes") func freed() {
        var harness = WorkerHarness()
        let reference = storedResult(&harness)
        harness.retain(reference)
        harness.release(reference.id)
        #expect(frees(&harness).isEmpty)
        harness.release(reference.id)
        #expect(frees(&harness) == [reference.id])
        harness.release(reference.id)
        #expect(frees(&harness).isEmpty)
    }

    @Test("It is known where an object is and how large, once it is there") func location() {
        var harness = WorkerHarness()
        let result = storedResult(&harness)
        let pending = harness.submit()
        #expect(harness.core.location(of: pending.id) == nil)
        let stored = harness.core.location(of: result.id)
        #expect(stored?.nodes == [WorkerHarness.raylet.node] && stored?.byteCount == 1 << 20)
        let small = harness.put([1, 2, 3])
        let inline = harness.core.location(of: small.id)
        #expect(inline?.nodes == [harness.core.configuration.address.node] && inline?.byteCount == 3)
    }

    @Test("The first objects that exist are told without a wait, if there are enough") func existing() {
        var harness = WorkerHarness()
        let ready = (0..<2).map { _ in storedResult(&harness) }
        let pending = harness.submit()
        let ids = [pending.id, ready[0].id, ready[1].id]
        #expect(harness.core.firstExisting(of: ids, count: 1) == [false, true, false])
        #expect(harness.core.firstExisting(of: ids, count: 2) == [false, true, true])
        #expect(harness.core.firstExisting(of: ids, count: 3) == nil)
        #expect(harness.core.firstExisting(of: [], count: 1) == [])
        #expect(harness.core.existing(among: ids, atMost: 3, fetches: false, areAll: false) == [false, true, true])
        #expect(harness.core.existing(among: ids, atMost: 1, fetches: false, areAll: false) == [false, true, false])
        #expect(harness.core.existing(among: ids, atMost: 0, fetches: false, areAll: false) == [false, false, false])
    }

    @Test("A task in flight keeps its argument") func argumentKept() {
        var harness = WorkerHarness()
        let reference = storedResult(&harness)
        _ = harness.submit([.reference(reference)])
        let push = harness.pushes()[0]
        harness.release(reference.id)
        #expect(frees(&harness).isEmpty)
        harness.done(push)
        #expect(frees(&harness) == [reference.id])
    }

    @Test("A stored result that nobody wants any more is freed when it comes") func unwanted() {
        var harness = WorkerHarness()
        let reference = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        let push = harness.pushes()[0]
        harness.release(reference.id)
        harness.receive(
            .taskDone(
                TaskDone(task: push.id, attempt: 0, results: [.stored(at: WorkerHarness.raylet, byteCount: 9)])),
            from: WorkerHarness.worker.worker)
        #expect(frees(&harness) == [reference.id])
    }

    @Test("Copies on all nodes go with the last reference, and one that comes later goes at once") func copies() {
        var harness = WorkerHarness()
        let reference = storedResult(&harness)
        let copies = [WorkerHarness.address(8), WorkerHarness.address(9)]
        for copy in copies {
            harness.receive(.objectCopied(ObjectCopied(object: reference.id, raylet: copy)), from: copy.worker)
        }
        harness.receive(.copiesGone(CopiesGone(objects: [reference.id])), from: copies[0].worker)
        _ = harness.sent()
        harness.release(reference.id)
        #expect(
            harness.sent().filter { $0.0 == .freeObjects(FreeObjects(objects: [reference.id])) }.map(\.1)
                == [WorkerHarness.raylet.worker, copies[1].worker])
        harness.receive(.objectCopied(ObjectCopied(object: reference.id, raylet: copies[0])), from: copies[0].worker)
        #expect(harness.sent().map(\.1) == [copies[0].worker])
        #expect(harness.core.heldCount == 0)
    }

    @Test("A borrower asks the owner, who answers when the object is there") func borrowing() {
        var borrower = WorkerHarness(WorkerHarness.other)
        var owner = WorkerHarness()
        let reference = owner.submit()
        let token = borrower.get([reference])
        borrower.step(.located(reference.id, isPresent: false))
        #expect(
            borrower.sent().contains {
                $0.0 == .queryObject(QueryObject(object: reference.id)) && $0.1 == WorkerHarness.driver.worker
            })
        owner.grant(owner.leaseRequests()[0])
        let push = owner.pushes()[0]
        owner.receive(.queryObject(QueryObject(object: reference.id)), from: WorkerHarness.other.worker)
        #expect(owner.sent().isEmpty)
        owner.done(push, 5)
        guard let answer = owner.sent().first(where: { $0.1 == WorkerHarness.other.worker })?.0 else {
            Issue.record("no answer")
            return
        }
        borrower.receive(answer, from: WorkerHarness.driver.worker)
        #expect(borrower.outcome(token)?.first?.byte == 5)
    }

    @Test("A borrower of a freed object and of a dead owner hears why") func lostBorrow() {
        var borrower = WorkerHarness(WorkerHarness.other, raylet: nil)
        let owned = ObjectReference(id: ObjectID(1, 2, 3, 4), owner: WorkerHarness.driver)
        let dead = borrower.get([owned])
        borrower.step(.peerLost(WorkerHarness.driver.worker, reason: "closed"))
        #expect(borrower.outcome(dead)?.first?.errorType == .ownerDied)
        var owner = WorkerHarness()
        owner.receive(.queryObject(QueryObject(object: owned.id)), from: WorkerHarness.other.worker)
        guard case .objectStatus(let status)? = owner.sent().first?.0 else {
            Issue.record("no answer")
            return
        }
        #expect(status.error?.type == .objectFreed)
    }

    @Test("An object elsewhere is fetched through the raylet once") func fetched() {
        var harness = WorkerHarness()
        let reference = storedResult(&harness)
        let tokens = [harness.get([reference]), harness.get([reference])]
        harness.step(.located(reference.id, isPresent: false))
        let fetches = harness.sent().filter { if case .fetchObject = $0.0 { true } else { false } }
        #expect(fetches.count == 1)
        harness.receive(.objectLocal(ObjectLocal(object: reference.id)), from: WorkerHarness.raylet.worker)
        for token in tokens {
            guard case .local(let id)? = harness.outcome(token)?.first else {
                Issue.record("not local")
                return
            }
            #expect(id == reference.id)
        }
    }

    @Test("A driver without a raylet pulls an object in chunks; one that comes twice counts once") func pulled() {
        var harness = WorkerHarness(raylet: nil)
        let reference = storedResult(&harness)
        let token = harness.get([reference])
        _ = harness.sent()
        let total = Limits.chunkBytes + 10
        for (offset, count) in [(0, Limits.chunkBytes), (0, Limits.chunkBytes), (Limits.chunkBytes, 10)] {
            harness.receive(
                .objectChunk(
                    ObjectChunk(
                        object: reference.id, offset: offset, dataBytes: total - 3, metadataBytes: 3,
                        containedBytes: 0, bytes: [UInt8](repeating: 6, count: count))),
                from: WorkerHarness.raylet.worker)
        }
        guard case .inline(let object)? = harness.outcome(token)?.first else {
            Issue.record("not inline")
            return
        }
        #expect(object.data.count == total - 3 && object.metadata == [6, 6, 6])
    }

    @Test(
        "Sizes that cannot be, or that change, have an object read elsewhere, and the reason is told",
        arguments: [
            (-1, 0, 0, "impossible sizes"), (4, Int.min, 0, "impossible sizes"), (4, 0, Int.max, "impossible sizes"),
            (Int.max, Int.max, Int.max, "impossible sizes"),
        ])
    func absurdSizes(data: Int, metadata: Int, contained: Int, reason: String) {
        var harness = WorkerHarness(raylet: nil)
        let reference = storedResult(&harness, retries: 0)
        harness.receive(
            .objectCopied(ObjectCopied(object: reference.id, raylet: WorkerHarness.other)),
            from: WorkerHarness.other.worker)
        let token = harness.get([reference])
        _ = harness.sent()
        func tell(_ raylet: Address, _ data: Int, _ metadata: Int, _ contained: Int, offset: Int = 0) {
            let chunk = ObjectChunk(
                object: reference.id, offset: offset, dataBytes: data, metadataBytes: metadata,
                containedBytes: contained, bytes: [UInt8](repeating: 5, count: 2))
            harness.receive(.objectChunk(chunk), from: raylet.worker)
        }
        tell(WorkerHarness.raylet, data, metadata, contained)
        #expect(harness.sent().map(\.1) == [WorkerHarness.other.worker])
        // The sizes stay what they were.
        tell(WorkerHarness.other, 4_096, 0, 0)
        #expect(harness.outcome(token) == nil)
        tell(WorkerHarness.other, 4_095, 1, 0, offset: 2)
        guard case .failed(let error)? = harness.outcome(token)?.first else {
            Issue.record("no failure")
            return
        }
        let told = ([error.message] + error.causes).joined(separator: "; ")
        #expect(told.contains("other sizes than before"), "\(told)")
        #expect(told.contains(reason), "\(told)")
    }

    @Test("Sources that never send their first chunk are asked twice in turn, and then given up for a new making")
    func silentSources() {
        var harness = WorkerHarness(raylet: nil)
        let reference = storedResult(&harness)
        harness.receive(
            .objectCopied(ObjectCopied(object: reference.id, raylet: WorkerHarness.other)),
            from: WorkerHarness.other.worker)
        // A long time without any input: it does not count.
        harness.now = harness.now.advanced(milliseconds: 3_600_000)
        let token = harness.get([reference])
        func asked() -> [WorkerID] {
            harness.sent().compactMap { if case .pullChunk = $0.0 { $0.1 } else { nil } }
        }
        #expect(harness.core.alarm <= harness.now)
        let sources = [WorkerHarness.raylet, WorkerHarness.other]
        for raylet in sources + sources {
            #expect(asked() == [raylet.worker])
            harness.advance(0)
            #expect(harness.core.alarm <= harness.now.advanced(milliseconds: 30_000))
            harness.advance(29_999)
            #expect(asked().isEmpty)
            harness.advance(1)
        }
        #expect(harness.outcome(token) == nil)
        #expect(harness.leaseRequests().count == 1)
    }

    @Test("What was put is not lost with one request that its only source never answers")
    func putBySilentSource() {
        var harness = WorkerHarness(raylet: nil)
        let id = harness.core.nextPutID(of: nil)
        var effects = WorkerEffects()
        harness.core.sealed(id, byteCount: 3, at: WorkerHarness.raylet, isLocal: false, into: &effects)
        let reference = ObjectReference(id: id, owner: WorkerHarness.driver)
        let token = harness.get([reference])
        harness.advance(0)
        _ = harness.sent()
        harness.advance(30_000)
        let asked = harness.sent().compactMap { if case .pullChunk(let pull) = $0.0 { pull.offset } else { nil } }
        #expect(asked == [0])
        let chunk = ObjectChunk(
            object: reference.id, offset: 0, dataBytes: 3, metadataBytes: 0, containedBytes: 0, bytes: [1, 2, 3])
        harness.receive(.objectChunk(chunk), from: WorkerHarness.raylet.worker)
        guard case .inline(let object)? = harness.outcome(token)?.first else {
            Issue.record("not inline")
            return
        }
        #expect(object.data == [1, 2, 3])
    }

    @Test("Chunks come in any order; what is outside of the object has it read elsewhere, from its beginning")
    func pulledInPieces() {
        var harness = WorkerHarness(raylet: nil)
        let reference = storedResult(&harness)
        harness.receive(
            .objectCopied(ObjectCopied(object: reference.id, raylet: WorkerHarness.other)),
            from: WorkerHarness.other.worker)
        let token = harness.get([reference])
        let total = 5 * Limits.chunkBytes
        func chunk(_ number: Int, from raylet: Address, outside: Bool = false) {
            let chunk = ObjectChunk(
                object: reference.id, offset: (number + (outside ? 5 : 0)) * Limits.chunkBytes, dataBytes: total,
                metadataBytes: 0, containedBytes: 0, bytes: [UInt8](repeating: UInt8(number), count: Limits.chunkBytes))
            harness.receive(.objectChunk(chunk), from: raylet.worker)
        }
        func asked(_ raylet: Address) -> [Int] {
            harness.sent().compactMap { message, peer in
                if case .pullChunk(let pull) = message, peer == raylet.worker { pull.offset } else { nil }
            }
        }
        #expect(asked(WorkerHarness.raylet) == [0])
        chunk(0, from: WorkerHarness.raylet)
        #expect(asked(WorkerHarness.raylet) == (1..<5).map { $0 * Limits.chunkBytes })
        chunk(0, from: WorkerHarness.raylet, outside: true)
        #expect(asked(WorkerHarness.other) == [0])
        chunk(1, from: WorkerHarness.raylet)
        for number in [0, 4, 2, 2, 1, 3] {
            #expect(harness.outcome(token) == nil)
            chunk(number, from: WorkerHarness.other)
        }
        guard case .inline(let object)? = harness.outcome(token)?.first else {
            Issue.record("not inline")
            return
        }
        #expect(object.data.count == total)
        #expect((0..<5).allSatisfy { object.data[$0 * Limits.chunkBytes + 7] == UInt8($0) })
    }
}
