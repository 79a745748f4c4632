//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite struct TransferTests {
    static let chunk = Limits.chunkBytes

    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SplitMix64(seed: UInt64(count))
        // A block whose size has no factor in common with a piece's: no two pieces are equal.
        let block = (0..<4_099).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + block.count)
        while bytes.count < count { bytes += block }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    static func fetch(_ number: UInt64, _ places: [UInt64]) -> Message {
        .fetchObject(FetchObject(object: object(number), owner: process(1), locations: places.map(place)))
    }

    /// Answers every pull to `source` until nothing more is asked; the pulls answered.
    static func serve(_ harness: inout RayletHarness, _ source: UInt64, _ bytes: [UInt8], most: Int = .max) -> Int {
        var count = 0
        while count < most, let next = harness.pulls.first(where: { $0.to == raylet(source) }) {
            let inFlight = harness.pulls.count
            #expect(inFlight <= Limits.chunksInFlightMax)
            harness.effects.removeAll {
                if case .send(.pullChunk, next.requestID, _) = $0 { true } else { false }
            }
            harness.send(piece(of: bytes, next.pull), requestID: next.requestID, from: raylet(source))
            count += 1
        }
        return count
    }

    @Test("An object of 5 MB is pulled in pieces and becomes a secondary copy")
    func pull() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let bytes = Self.bytes(5_000_000)
        harness.send(Self.fetch(1, [2]), requestID: 33, from: driver)
        #expect(harness.effects.contains(.connect(place(2))))
        harness.give(.peerUp(place(2)))
        #expect(Self.serve(&harness, 2, bytes) == 5)
        #expect(harness.local.map(\.requestID) == [33])
        #expect(harness.local.first?.value.error == nil)
        let entry = harness.store[object(1)]
        #expect(entry?.bytes == bytes && entry?.isSealed == true && entry?.isPrimary == false)
        harness.send(Self.fetch(1, []), requestID: 34, from: driver)
        #expect(harness.local.map(\.requestID) == [33, 34])
    }

    @Test("An empty object is pulled")
    func pullEmpty() {
        var harness = RayletHarness()
        let driver = harness.driver()
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2]), from: driver)
        let pull = harness.pulls[0]
        let chunk = ObjectChunk(
            object: object(1), offset: 0, dataBytes: 0, metadataBytes: 0, containedBytes: 0, bytes: [])
        harness.send(.objectChunk(chunk), requestID: pull.requestID, from: raylet(2))
        #expect(harness.local.count == 1 && harness.local[0].value.error == nil)
    }

    @Test("When a location dies midway the next one gives what is missing")
    func locationDies() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let bytes = Self.bytes(12 * Self.chunk + 100)
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2, 3]), from: driver)
        #expect(Self.serve(&harness, 2, bytes, most: 4) == 4)
        harness.give(.peerLost(raylet(2), reason: "reset"))
        harness.effects.removeAll { if case .send(.pullChunk, _, raylet(2)) = $0 { true } else { false } }
        harness.give(.peerUp(place(3)))
        #expect(Self.serve(&harness, 3, bytes) == 9)
        #expect(harness.local.count == 1 && harness.local[0].value.error == nil)
        #expect(harness.store[object(1)]?.bytes == bytes)
    }

    @Test("When all locations fail the error says why for each")
    func allFail() {
        var harness = RayletHarness()
        let driver = harness.driver()
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2, 3, 4]), from: driver)
        let pull = harness.pulls[0]
        let none = ObjectChunk(
            object: object(1), offset: 0, dataBytes: 0, metadataBytes: 0, containedBytes: 0, bytes: [],
            error: RayError(.objectLost, "not here"))
        harness.send(.objectChunk(none), requestID: pull.requestID, from: raylet(2))
        harness.give(.peerLost(raylet(3), reason: "refused"))
        harness.tick(after: 10_000)
        let error = harness.local.first?.value.error
        #expect(error?.type == .objectLost)
        #expect(error?.causes.count == 3)
        #expect(error?.causes.map { $0.contains("at h2: not here") } == [true, false, false])
        #expect(error?.causes[1].contains("refused") == true)
        #expect(error?.causes[2].contains("could not be reached within 10 s") == true)
        #expect(harness.store.isEmpty)
    }

    @Test("A location that took a request for a piece and never answers it is asked once more, after the others")
    func silentLocation() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let bytes = Self.bytes(3 * Self.chunk)
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2]), from: driver)
        #expect(Self.serve(&harness, 2, bytes, most: 2) == 2)
        harness.effects.removeAll { if case .send(.pullChunk, _, _) = $0 { true } else { false } }
        harness.tick(after: 30_000)
        #expect(harness.pulls.map(\.to) == [raylet(2)])
        #expect(harness.local.isEmpty)
        #expect(Self.serve(&harness, 2, bytes) == 1)
        #expect(harness.local.count == 1 && harness.local[0].value.error == nil)
        #expect(harness.store[object(1)]?.bytes == bytes)
    }

    @Test("A piece that does not come in time, or has another size, ends the location")
    func badPieces() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let bytes = Self.bytes(3 * Self.chunk)
        harness.give(.peerUp(place(2)))
        harness.give(.peerUp(place(3)))
        harness.send(Self.fetch(1, [2, 3]), from: driver)
        #expect(Self.serve(&harness, 2, bytes, most: 1) == 1)
        harness.effects.removeAll { if case .send(.pullChunk, _, _) = $0 { true } else { false } }
        harness.tick(after: 30_000)
        #expect(harness.pulls.map(\.to) == [raylet(3), raylet(3)])
        let next = harness.pulls[0]
        let short = Array(bytes.dropLast())
        harness.send(piece(of: short, next.pull), requestID: next.requestID, from: raylet(3))
        #expect(harness.local.isEmpty)
        harness.tick(after: 30_000)
        #expect(harness.local.first?.value.error?.causes.count == 3)
        #expect(harness.store.isEmpty)
    }

    @Test("Two waiters share one pull")
    func twoWaiters() {
        var harness = RayletHarness()
        let first = harness.driver(901)
        let second = harness.driver(902)
        let bytes = Self.bytes(100)
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2]), requestID: 1, from: first)
        harness.send(Self.fetch(1, [2]), requestID: 2, from: second)
        #expect(Self.serve(&harness, 2, bytes) == 1)
        #expect(harness.local.map(\.to) == [first, second])
    }

    @Test("A waiter that died is forgotten, and the pull with the last one")
    func waitersDie() {
        var harness = RayletHarness()
        let first = harness.driver(901)
        let second = harness.driver(902)
        let bytes = Self.bytes(3 * Self.chunk)
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2]), requestID: 1, from: first)
        harness.send(Self.fetch(1, [2]), requestID: 2, from: second)
        #expect(Self.serve(&harness, 2, bytes, most: 1) == 1)
        harness.give(.peerLost(first, reason: "gone"))
        #expect(harness.store[object(1)] != nil)
        harness.give(.peerLost(second, reason: "gone"))
        #expect(harness.store[object(1)] == nil)
        #expect(harness.local.isEmpty)
    }

    @Test("An object that a process of the node writes meanwhile ends the pull")
    func appearsLocally() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let worker = harness.startWorker(for: 1).id
        let bytes = Self.bytes(3 * Self.chunk)
        harness.give(.peerUp(place(2)))
        harness.send(Self.fetch(1, [2]), from: driver)
        #expect(Self.serve(&harness, 2, bytes, most: 2) == 2)
        let create = CreateObject(
            object: object(1), owner: process(1), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
        harness.send(.createObject(create), requestID: 5, from: worker)
        #expect(harness.store[object(1)]?.slot == 4)
        harness.send(.sealObject(SealObject(object: object(1))), requestID: 0, from: worker)
        #expect(harness.local.map(\.to) == [driver])
        #expect(harness.local[0].value.error == nil)
    }

    @Test("A pull that began before the seal arrived waits for it; the writer's death answers it")
    func pullBeforeSeal() {
        for dies in [false, true] {
            var harness = RayletHarness()
            let worker = harness.startWorker(for: 1)
            let create = CreateObject(
                object: object(1), owner: process(1), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
            harness.send(.createObject(create), from: worker.id)
            _ = harness.take()
            harness.send(.pullChunk(PullChunk(object: object(1), offset: 0, count: 99)), requestID: 8, from: raylet(2))
            #expect(harness.effects.isEmpty)
            if dies {
                harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 9)))
                let answers = harness.sent.filter {
                    if case .objectChunk(let value) = $0.message { value.error != nil } else { false }
                }
                #expect(answers.map(\.requestID) == [8])
                #expect(harness.store.isEmpty)
            } else {
                harness.send(.sealObject(SealObject(object: object(1))), requestID: 0, from: worker.id)
                let wanted = RayletEffect.sendChunk(
                    object: object(1), offset: 0, count: 99, to: raylet(2), requestID: 8)
                #expect(harness.effects.contains(wanted))
            }
        }
    }

    @Test("What an owner that is gone owned is freed, and who waits for it hears why")
    func ownerGone() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let create = CreateObject(
            object: object(1), owner: process(77), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        harness.send(.sealObject(SealObject(object: object(1))), from: driver)
        let fetch = FetchObject(object: object(2), owner: process(77), locations: [place(2)])
        harness.send(.fetchObject(fetch), from: driver)
        harness.gcs(.releaseOwned(ReleaseOwned(workers: [process(77)], jobs: [])))
        #expect(harness.store.isEmpty)
        #expect(harness.local.map(\.value.error?.type) == [.ownerDied])
    }

    @Test(
        "An object that a process was writing is written again by the next one when that is done, or gone",
        arguments: [true, false])
    func writtenAgain(isSealed: Bool) {
        var harness = RayletHarness()
        let (first, second) = (harness.driver(901), harness.driver(902))
        let create = { (slot: UInt32) in
            Message.createObject(
                CreateObject(
                    object: object(1), owner: process(1), slot: slot, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
            )
        }
        let answers = { (harness: RayletHarness) in
            harness.sent.compactMap { item -> (WorkerID, RayError?)? in
                if case .objectCreated(let created) = item.message { (item.to, created.error) } else { nil }
            }
        }
        harness.send(create(4), from: first)
        // Its owner made it again elsewhere on this node, before this raylet heard that the first one is dead.
        harness.send(create(5), from: second)
        harness.send(create(5), from: second)
        #expect(answers(harness).map(\.0) == [first])
        if isSealed {
            harness.send(.sealObject(SealObject(object: object(1))), from: first)
        } else {
            harness.give(.peerLost(first, reason: "killed"))
        }
        #expect(answers(harness).map(\.0) == [first, second])
        #expect(answers(harness).allSatisfy { $0.1 == nil })
        harness.send(.sealObject(SealObject(object: object(1))), from: second)
        #expect(harness.store[object(1)] != nil)
    }

    @Test("Freed while being written: the room is given back when the writer is done, not before")
    func freedWhileWritten() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let create = CreateObject(
            object: object(1), owner: process(1), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        harness.send(.freeObjects(FreeObjects(objects: [object(1)])), from: process(1))
        #expect(harness.store[object(1)] != nil)
        harness.send(.sealObject(SealObject(object: object(1))), from: driver)
        #expect(harness.store[object(1)] == nil)
    }

    @Test("Room that comes after it was given up goes back at once")
    func abandonedRoom() {
        var harness = RayletHarness()
        let driver = harness.driver()
        harness.holdsStoreAnswers = true
        let create = CreateObject(
            object: object(1), owner: process(1), slot: 4, dataBytes: 8, metadataBytes: 2, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        harness.send(.abortObject(AbortObject(object: object(1))), from: driver)
        #expect(harness.store[object(1)] != nil)
        harness.releaseStoreAnswers()
        #expect(harness.store.isEmpty)
    }

    @Test("An outside driver pushes an object in pieces; it becomes the primary copy")
    func push() {
        var harness = RayletHarness()
        let bytes = Self.bytes(2 * Self.chunk + 10)
        harness.holdsStoreAnswers = true
        for (index, offset) in stride(from: 0, to: bytes.count, by: Self.chunk).enumerated() {
            let end = min(bytes.count, offset + Self.chunk)
            let chunk = PushChunk(
                object: object(1), owner: process(5), offset: offset, dataBytes: bytes.count - 3, metadataBytes: 3,
                containedBytes: 0, bytes: Array(bytes[offset..<end]))
            harness.send(.pushChunk(chunk), requestID: UInt64(index + 1), from: process(5))
        }
        #expect(harness.stored.isEmpty)
        harness.releaseStoreAnswers()
        #expect(harness.stored.count == 3 && harness.stored.allSatisfy { $0.error == nil })
        let entry = harness.store[object(1)]
        #expect(entry?.bytes == bytes && entry?.isSealed == true && entry?.isPrimary == true)
    }

    @Test("The bytes pulled at the same time are bounded")
    func bounded() {
        var harness = RayletHarness { $0.fetchBytesMax = 3 * Limits.chunkBytes }
        let driver = harness.driver()
        harness.give(.peerUp(place(2)))
        for number in 1...10 { harness.send(Self.fetch(UInt64(number), [2]), from: driver) }
        #expect(harness.pulls.count == 3)
        #expect(Self.serve(&harness, 2, Self.bytes(50)) == 10)
        #expect(harness.local.count == 10)
    }
}
