//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

/// A process has ended, and what it said last has not been read yet: the news of the end comes by another way.
@Suite struct LastWordsTests {
    private func create(_ number: UInt64) -> Message {
        .createObject(
            CreateObject(
                object: object(number), owner: process(900), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
        )
    }

    private func seal(_ number: UInt64) -> Message { .sealObject(SealObject(object: object(number))) }

    /// What is said of the store's slots.
    private func detached(_ harness: RayletHarness) -> [UInt32] {
        harness.effects.compactMap { if case .storeDetach(let slot) = $0 { slot } else { nil } }
    }

    @Test("What a worker sealed before it died is there, in whichever order raylet and store hear of its end")
    func sealed() {
        for isExitFirst in [true, false] {
            var harness = RayletHarness()
            let driver = harness.driver()
            let worker = harness.startLinkedWorker(for: 1)
            harness.send(create(1), from: worker.id)
            harness.send(create(2), from: worker.id)
            _ = harness.take()
            let exit = RayletInput.processExited(processID: worker.processID, ProcessExit(signal: 9))
            harness.give(isExitFirst ? exit : .storeClientGone(slot: 4))
            harness.give(isExitFirst ? .storeClientGone(slot: 4) : exit)
            // Its caller, who was told of the object, wants it before the seal is read.
            harness.send(
                .fetchObject(FetchObject(object: object(1), owner: driver, locations: [place(0)])), from: driver)
            #expect(harness.exited.isEmpty && harness.local.isEmpty && detached(harness).isEmpty)
            harness.send(seal(1), requestID: 0, from: worker.id)
            #expect(harness.local.map(\.value.error) == [nil])
            harness.give(.peerLost(worker.id, reason: "closed"))
            #expect(harness.store.keys.sorted() == [object(1)])
            #expect(harness.store[object(1)]?.isSealed == true)
            #expect(detached(harness) == [4])
            #expect(harness.exited.map(\.lease) == [lease(1)] && harness.exited.map(\.signal) == [9])
            #expect(harness.exited.first?.processID == worker.processID)
            #expect(harness.kills.isEmpty)
        }
    }

    @Test("A driver's slot goes behind what it said; one that writes nothing has none to wait for")
    func driver() {
        var harness = RayletHarness()
        let driver = harness.driver(901)
        harness.give(.peerUp(Address(node: node(0), worker: driver, host: "h0", port: 2, socketPath: "")))
        harness.give(.storeClientGone(slot: 9))
        #expect(detached(harness) == [9])
        harness.send(create(1), from: driver)
        harness.give(.storeClientGone(slot: 4))
        #expect(detached(harness) == [9])
        harness.send(seal(1), requestID: 0, from: driver)
        harness.give(.peerLost(driver, reason: "closed"))
        #expect(detached(harness) == [9, 4])
        #expect(harness.store[object(1)]?.isSealed == true)
    }

    @Test("Room for a process that has ended goes back, even where its slot had gone before its wish was read")
    func lateWish() {
        var harness = RayletHarness()
        let worker = harness.startLinkedWorker(for: 1)
        harness.give(.storeClientGone(slot: 4))
        #expect(detached(harness) == [4])
        // Another process has the slot by now, so the store takes the request.
        harness.holdsStoreAnswers = true
        harness.send(create(1), from: worker.id)
        harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 9)))
        harness.give(.peerLost(worker.id, reason: "closed"))
        harness.releaseStoreAnswers()
        #expect(harness.store.isEmpty)
        #expect(detached(harness) == [4])
    }

    @Test("A worker that has ended serves nobody, and its number may be another's")
    func ended() {
        var harness = RayletHarness()
        let worker = harness.startLinkedWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        harness.give(.processExited(processID: worker.processID, ProcessExit(code: 1)))
        _ = harness.take()
        harness.assign(2)
        #expect(harness.leaseReady.isEmpty)
        let token = harness.wantedStarts[0]
        harness.give(.workerSpawned(startToken: token, processID: worker.processID))
        let next = process(77)
        let address = Address(node: node(0), worker: next, host: "h0", port: 2, socketPath: "")
        harness.send(
            .workerReady(WorkerReady(address: address, processID: worker.processID, startToken: token)), from: next)
        #expect(harness.leaseReady.map(\.worker.worker) == [next])
        harness.give(.peerLost(worker.id, reason: "closed"))
        #expect(harness.exited.map(\.worker) == [worker.id] && harness.kills.isEmpty)
        harness.give(.processExited(processID: worker.processID, ProcessExit(code: 2)))
        #expect(harness.exited.map(\.worker) == [worker.id, next])
    }

    @Test("A link that somebody else keeps open does not hold up the end for long, nor does an order to kill")
    func limit() {
        var harness = RayletHarness()
        let worker = harness.startLinkedWorker(for: 1)
        harness.send(create(1), from: worker.id)
        harness.give(.processExited(processID: worker.processID, ProcessExit(code: 3)))
        harness.gcs(.killWorker(KillWorker(lease: lease(1), reason: "ray.kill")))
        harness.tick(after: 900)
        #expect(harness.exited.isEmpty && harness.kills.isEmpty)
        harness.tick(after: 100)
        #expect(harness.exited.map(\.lease) == [lease(1)] && harness.exited.map(\.exitCode) == [3])
        #expect(harness.store.isEmpty)
        harness.send(seal(1), requestID: 0, from: worker.id)
        harness.give(.peerLost(worker.id, reason: "closed"))
        #expect(harness.exited.count == 1 && harness.store.isEmpty)
    }

    @Test("The node leaves while a worker's end is awaited: nobody is killed by its number")
    func leaving() {
        var harness = RayletHarness()
        let worker = harness.startLinkedWorker(for: 1)
        harness.give(.processExited(processID: worker.processID, ProcessExit(code: 3)))
        harness.give(.stop(reason: "asked"))
        #expect(harness.leaving != nil && harness.kills.isEmpty)
    }
}
