//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

/// A disk for the fallback file that the test plays.
extension ModelDriver {
    /// A store for four objects of 1,024 bytes that takes its file after 20 ms in which nothing helps.
    static func withFile(spills: Bool = true, objectsMax: Int = 100, fileCapacity: Int = 1 << 40) -> ModelDriver {
        var spilling = SpillPolicy()
        spilling.threshold = 1
        spilling.batchBytesMin = 0
        spilling.retryMilliseconds = 10
        var fallback = FallbackPolicy()
        fallback.graceMilliseconds = 20
        fallback.retryMilliseconds = 10
        fallback.capacity = fileCapacity
        return ModelDriver(
            capacity: 4_096, objectsMax: objectsMax, spilling: spills ? spilling : nil, fallback: fallback)
    }

    /// Its four objects are read, so that nothing of them can go.
    static func fullWithFile(spills: Bool = true) -> ModelDriver {
        let driver = withFile(spills: spills)
        for number in 1...4 { driver.put(number, size: 1_024) }
        for number in 1...4 { driver.pin(number) }
        return driver
    }

    /// Ranges of the file for which blocks are wanted, in order.
    var reserved: [(handle: EntryHandle, range: Range<Int>)] {
        log.compactMap { if case .reserve(let handle, let range) = $0 { (handle, range) } else { nil } }
    }

    var discarded: [Range<Int>] { log.compactMap { if case .discard(let range) = $0 { range } else { nil } } }

    /// Answers the last wish for blocks.
    @discardableResult
    func finishReserving(at now: Int = 0, failure: String? = nil) -> ObjectStoreCore.Effects {
        guard let handle = reserved.last?.handle else { return [] }
        return receive(.reserved(handle, failure.map { SpillFailure(reason: $0) }), at: now)
    }

    /// Where an object was given room last.
    func offset(of number: Int) -> Int? {
        for case .created(_, _, objectID(number), let offset) in log.reversed() { return offset }
        return nil
    }

    /// Puts an object into the file of a store that is full of what is read.
    func putIntoFile(_ number: Int, size: Int = 1_024, isPrimary: Bool = true, at now: Int) {
        _ = create(objectID(number), size: size, isPrimary: isPrimary, deadline: now + 1_000, at: now)
        receive(.tick, at: now + 20)
        finishReserving(at: now + 20)
        seal(number, at: now + 20)
    }

    func seal(_ number: Int, at now: Int = 0) {
        receive(.seal(objectID(number), StoreClient(index: 0), metadataSize: 0, containedSize: 0), at: now)
    }

    var failures: [RayError] { log.compactMap { if case .failed(_, _, let error) = $0 { error } else { nil } } }
}

@Suite("Room beyond the store") struct FallbackTests {
    @Test("The file is taken when neither eviction nor spilling has helped for the grace", arguments: [true, false])
    func takenAfterGrace(spills: Bool) {
        let driver = ModelDriver.fullWithFile(spills: spills)
        _ = driver.create(objectID(5), size: 1_000, deadline: 1_000)
        driver.receive(.tick, at: 19)
        #expect(driver.reserved.isEmpty)
        driver.receive(.tick, at: 20)
        #expect(driver.reserved.map(\.range) == [0..<4_096])
        #expect(driver.offset(of: 5) == nil, "its blocks are not there yet")
        driver.finishReserving(at: 21)
        #expect(driver.offset(of: 5) == 4_096)
        driver.seal(5, at: 22)
        #expect(driver.core.contains(objectID(5)))
        #expect(driver.core.used == 4_096 && driver.core.fallbackUsed == 4_096)
        #expect(driver.core.usage.inFile.count == 1 && driver.core.usage.primary.count == 4)
        #expect(driver.violation == nil)
    }

    @Test("While objects can be spilled the file is not taken")
    func spillingFirst() {
        let driver = ModelDriver.withFile()
        for number in 1...4 { driver.put(number, size: 1_024) }
        _ = driver.create(objectID(5), size: 1_024, deadline: 1_000)
        // The disk is slow.
        driver.receive(.tick, at: 500)
        #expect(driver.reserved.isEmpty)
        driver.finishWriting(at: 500)
        #expect(driver.offset(of: 5) != nil && driver.core.fallbackUsed == 0)
    }

    @Test("What was spilled begins the grace anew")
    func graceBeginsAnew() {
        let driver = ModelDriver.fullWithFile()
        _ = driver.create(objectID(5), size: 2_048, deadline: 1_000)
        driver.unpinAll()
        for number in 2...4 { driver.pin(number) }
        driver.receive(.tick, at: 10)
        driver.finishWriting(at: 15)
        driver.receive(.tick, at: 20)
        #expect(driver.reserved.isEmpty, "1,024 bytes are free; more may follow")
        driver.receive(.tick, at: 40)
        #expect(driver.reserved.count == 1)
    }

    @Test("A disk that takes no spilled objects does not keep anybody from the file")
    func spillingFails() {
        let driver = ModelDriver.withFile()
        for number in 1...4 { driver.put(number, size: 1_024) }
        _ = driver.create(objectID(5), size: 1_024, deadline: 1_000)
        for now in stride(from: 1, to: 60, by: 5) {
            driver.finishWriting(at: now, failure: "the folder is gone")
            driver.receive(.tick, at: now)
        }
        #expect(driver.reserved.count == 1)
        driver.finishReserving(at: 60)
        #expect(driver.offset(of: 5) != nil && driver.failures.isEmpty)
    }

    @Test("Those behind the first do not wait for a grace of their own")
    func nextAtOnce() {
        let driver = ModelDriver.fullWithFile()
        for number in 5...7 { _ = driver.create(objectID(number), size: 1_024, deadline: 1_000) }
        driver.receive(.tick, at: 20)
        #expect(driver.reserved.map(\.range) == [0..<4_096, 4_096..<8_192, 8_192..<12_288])
        #expect(driver.core.waitingCount == 0)
        // They have all been served: whoever comes next waits.
        _ = driver.create(objectID(8), size: 1_024, deadline: 1_000, at: 30)
        driver.receive(.tick, at: 31)
        #expect(driver.reserved.count == 3)
    }

    @Test("More than the store has goes to the file at once, and nothing makes room for it")
    func tooLarge() {
        let driver = ModelDriver.withFile()
        for number in 1...2 { driver.put(number, size: 1_024) }
        driver.put(3, size: 1_024, isPrimary: false)
        _ = driver.create(objectID(5), size: 10_000)
        #expect(driver.reserved.map(\.range) == [0..<12_288])
        driver.finishReserving()
        driver.seal(5)
        #expect((1...5).filter { driver.core.contains(objectID($0)) } == [1, 2, 3, 5])
        #expect(driver.filesWanted == 0)
        #expect(driver.violation == nil)
    }

    @Test("More than the file may ever have fails at once")
    func hopeless() {
        let driver = ModelDriver.withFile(fileCapacity: 8_192)
        _ = driver.create(objectID(5), size: 10_000)
        #expect(driver.failures.map(\.type) == [.objectStoreFull])
    }

    @Test("A full disk: who puts is told what helps, who reads waits on", arguments: [1_024, 10_000])
    func fullDisk(size: Int) {
        let driver = ModelDriver.fullWithFile()
        _ = driver.create(objectID(5), size: size, deadline: 1_000)
        driver.receive(.tick, at: 20)
        driver.finishReserving(at: 20, failure: "the disk of /x would be 99 % full")
        #expect(driver.failures.map(\.type) == [.outOfDisk])
        #expect(driver.failures.first?.message.contains("the disk of /x would be 99 % full") == true)
        #expect(driver.failures.first?.message.contains("--object-spilling-directory") == true)
        #expect(driver.core.fallbackUsed == 0 && driver.discarded.count == 1)
        // A copy from another node.
        _ = driver.create(
            objectID(6), size: size, isPrimary: false, deadline: 1_000, client: StoreClient.raylet.index, at: 21)
        for now in stride(from: 25, through: 100, by: 5) {
            driver.receive(.tick, at: now)
            driver.finishReserving(at: now, failure: "full")
        }
        #expect(driver.failures.count == 1 && driver.core.waitingCount == 1)
        driver.receive(.tick, at: 120)
        driver.finishReserving(at: 120)
        #expect(driver.offset(of: 6) != nil)
        #expect(driver.violation == nil)
    }

    @Test("An object in the file is freed like another: at once, or when the last of its readers is done")
    func frees() {
        let driver = ModelDriver.fullWithFile()
        driver.putIntoFile(5, at: 0)
        driver.putIntoFile(6, at: 30)
        driver.pin(6)
        driver.receive(.free([objectID(5), objectID(6)]), at: 60)
        #expect(driver.discarded == [0..<4_096])
        #expect(driver.core.fallbackUsed == 4_096 && driver.core.zombieCount == 1)
        driver.unpinAll()
        driver.receive(.tick, at: 70)
        #expect(driver.discarded == [0..<4_096, 4_096..<8_192] && driver.core.fallbackUsed == 0)
        #expect(driver.violation == nil)
    }

    @Test("Objects that share their bytes in the file give them back together")
    func shares() {
        let driver = ModelDriver.fullWithFile()
        driver.putIntoFile(5, at: 0)
        driver.receive(.share(objectID(5), as: objectID(6), owner: owner(2), token: 9), at: 30)
        driver.receive(.free([objectID(5)]), at: 31)
        #expect(driver.discarded.isEmpty && driver.core.contains(objectID(6)))
        driver.receive(.free([objectID(6)]), at: 32)
        #expect(driver.discarded.count == 1)
        #expect(driver.violation == nil)
    }

    @Test("What is in the file is not spilled, and does not count for the threshold")
    func notSpilled() {
        let driver = ModelDriver.fullWithFile()
        driver.putIntoFile(5, at: 0)
        driver.receive(.free([objectID(4)]), at: 30)
        driver.unpinAll()
        driver.receive(.tick, at: 40)
        #expect(driver.core.spillCandidates(bytes: 1 << 20) == (1...3).map { objectID($0) })
        _ = driver.create(objectID(6), size: 4_096, deadline: 1_000, at: 50)
        for now in 50..<60 { driver.finishWriting(at: now) }
        #expect(driver.offset(of: 6) == 0)
        #expect(driver.core.contains(objectID(5)) && driver.core.spilled(objectID(5)) == nil)
    }

    @Test("Copies in the file that can be had again make room for the next, unless they are read; others stay")
    func copiesLeave() {
        let driver = ModelDriver.fullWithFile()
        driver.putIntoFile(5, isPrimary: true, at: 0)
        driver.putIntoFile(6, isPrimary: false, at: 30)
        driver.putIntoFile(7, size: 5_000, isPrimary: false, at: 60)
        #expect((5...7).filter { driver.core.contains(objectID($0)) } == [5, 7])
        #expect(driver.log.contains(.removed(objectID(6), .evicted)))
        driver.pin(7)
        driver.putIntoFile(8, isPrimary: false, at: 90)
        #expect((5...8).filter { driver.core.contains(objectID($0)) } == [5, 7, 8])
        #expect(driver.violation == nil)
    }

    /// Object 1 is on the disk and wanted back, and the store is full of what is read: blocks are asked for, at 20 ms.
    private func restoring() -> ModelDriver {
        let driver = ModelDriver.withFile()
        for number in 1...4 { driver.put(number, size: 1_024) }
        _ = driver.create(objectID(5), size: 1_024)
        driver.finishWriting()
        driver.seal(5)
        for number in 2...5 { driver.pin(number) }
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        driver.receive(.tick, at: 20)
        return driver
    }

    @Test("A spilled object comes back into the file where the store is full of what is read")
    func restores() {
        let driver = restoring()
        #expect(driver.reserved.count == 1)
        #expect(!driver.log.contains { if case .readFile = $0 { true } else { false } }, "no blocks yet")
        driver.finishReserving(at: 21)
        driver.finishReading(at: 22)
        #expect(driver.core.contains(objectID(1)) && driver.core.fallbackUsed == 4_096)
        #expect(driver.core.spilled(objectID(1)) != nil, "the copy on disk stays of use")
        #expect(driver.violation == nil)
    }

    @Test("A spilled object that is freed while blocks are set aside is not read")
    func freedWhileReserving() {
        let driver = restoring()
        driver.receive(.free([objectID(1)]), at: 21)
        driver.finishReserving(at: 22)
        #expect(!driver.log.contains { if case .readFile = $0 { true } else { false } })
        #expect(driver.core.fallbackUsed == 0 && driver.discarded.count == 1)
        #expect(driver.violation == nil)
    }

    @Test("A writer that dies before its blocks are there leaves nothing", arguments: [nil, "full"])
    func writerDies(failure: String?) {
        let driver = ModelDriver.fullWithFile()
        _ = driver.create(objectID(5), size: 1_024, deadline: 1_000, client: 1)
        driver.receive(.tick, at: 20)
        driver.receive(.clientDied(StoreClient(index: 1)), at: 21)
        #expect(driver.discarded == [0..<4_096], "in the order of the disk's thread, behind the reservation")
        driver.finishReserving(at: 22, failure: failure)
        #expect(driver.offset(of: 5) == nil && driver.failures.isEmpty)
        #expect(driver.core.fallbackUsed == 0)
        #expect(driver.violation == nil)
    }

    @Test("What has no blocks yet cannot be sealed")
    func sealedTooEarly() {
        let driver = ModelDriver.fullWithFile()
        _ = driver.create(objectID(5), size: 1_024, deadline: 1_000)
        driver.receive(.tick, at: 20)
        driver.seal(5, at: 21)
        #expect(driver.log.contains { if case .rejected(_, objectID(5), _) = $0 { true } else { false } })
        driver.finishReserving(at: 22, failure: "full")
        #expect(!driver.core.contains(objectID(5)) && driver.core.fallbackUsed == 0)
        #expect(driver.violation == nil)
    }

    @Test("An answer that comes twice, or to nothing, changes nothing")
    func answeredTwice() {
        let driver = ModelDriver.fullWithFile()
        driver.putIntoFile(5, at: 0)
        #expect(driver.finishReserving(at: 30).isEmpty)
        #expect(driver.finishReserving(at: 30, failure: "full").isEmpty)
        #expect(driver.receive(.reserved(EntryHandle(index: 77, generation: 3), nil), at: 30).isEmpty)
        #expect(driver.core.contains(objectID(5)))
    }

    @Test("Random histories with a file and a disk that fills up keep the books right", arguments: 0..<40)
    func random(seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let driver = ModelDriver.withFile(objectsMax: 14)
        var now = 0
        for _ in 0..<400 {
            now += Int.random(in: 0...20, using: &generator)
            let number = Int.random(in: 1...12, using: &generator)
            let fails = Bool.random(using: &generator)
            switch Int.random(in: 0..<12, using: &generator) {
            case 0, 1, 2:
                _ = driver.create(
                    objectID(number), size: Int.random(in: 1...6_000, using: &generator),
                    isPrimary: Bool.random(using: &generator), deadline: now + 100, at: now)
            case 3: for number in 1...12 where driver.offset(of: number) != nil { driver.seal(number, at: now) }
            case 4: driver.receive(.free([objectID(number)]), at: now)
            case 5: if driver.published[objectID(number)] != nil { driver.pin(number) }
            case 6: driver.unpinAll()
            case 7: driver.receive(.restore(objectID(number), deadline: milliseconds(now + 100)), at: now)
            case 8: driver.finishWriting(at: now, failure: fails ? "full" : nil)
            case 9: driver.finishReading(at: now, error: fails ? RayError(.objectLost, "damaged") : nil)
            case 10:
                for (handle, _) in driver.reserved {
                    driver.receive(.reserved(handle, fails ? SpillFailure(reason: "full") : nil), at: now)
                }
            default: driver.receive(.tick, at: now)
            }
        }
        #expect(driver.violation == nil)
        driver.unpinAll()
        // Nobody waits any more, the disk has answered all, and writers and owners are gone.
        now += 1_000
        driver.receive(.tick, at: now)
        for (handle, _) in driver.reserved { driver.receive(.reserved(handle, nil), at: now) }
        driver.finishWriting(at: now)
        for case .readFile(let handle, _, _) in driver.log { driver.receive(.fileRead(handle, nil), at: now) }
        driver.receive(.clientDied(StoreClient(index: 0)), at: now)
        for number in 1...12 { driver.receive(.free([objectID(number)]), at: now) }
        driver.receive(.tick, at: now + 1_000)
        #expect(driver.core.fallbackUsed == 0 && driver.core.used == 0)
        #expect(driver.violation == nil)
    }
}
