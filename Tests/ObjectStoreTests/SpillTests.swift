//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

/// A disk that the test plays: what is to be written and read waits for `finish…`.
extension ModelDriver {
    /// A store for four objects of 1,024 bytes that spills one at a time.
    static func spilling(threshold: Double = 1, objectsMax: Int = 100) -> ModelDriver {
        var policy = SpillPolicy()
        policy.threshold = threshold
        policy.batchBytesMin = 0
        policy.graceMilliseconds = 20
        policy.retryMilliseconds = 10
        return ModelDriver(capacity: 4_096, objectsMax: objectsMax, spilling: policy)
    }

    /// The last file that is to be written.
    var wantedFile: (number: UInt64, objects: [ObjectEntry])? {
        for effect in log.reversed() {
            if case .writeFile(let number, let objects) = effect { return (number, objects) }
        }
        return nil
    }

    var filesWanted: Int { log.count { if case .writeFile = $0 { true } else { false } } }

    /// Answers the last write.
    @discardableResult
    func finishWriting(at now: Int = 0, failure: String? = nil) -> [ObjectID] {
        guard let (number, objects) = wantedFile else { return [] }
        let written = objects.map {
            SpilledObject(id: $0.id, owner: $0.owner, layout: $0.layout, file: number, offset: 0, checksums: [])
        }
        let result: Result<[SpilledObject], SpillFailure> =
            failure.map { .failure(SpillFailure(reason: $0)) } ?? .success(written)
        receive(.fileWritten(number, result), at: now)
        return objects.map(\.id)
    }

    /// Answers the last read.
    func finishReading(at now: Int = 0, error: RayError? = nil) {
        for case .readFile(let handle, _, _) in log.reversed() {
            receive(.fileRead(handle, error), at: now)
            return
        }
    }

    /// Puts objects 1 to 5 into a store for four, so that object 1 goes to disk.
    static func withSpilledObject() -> ModelDriver {
        let driver = ModelDriver.spilling()
        for number in 1...4 { driver.put(number, size: 1_024) }
        _ = driver.create(objectID(5), size: 1_024)
        driver.finishWriting()
        driver.receive(.seal(objectID(5), StoreClient(index: 0), metadataSize: 0, containedSize: 0))
        return driver
    }
}

@Suite struct SpillTests {
    private func isCreated(_ driver: ModelDriver, _ number: Int) -> Bool {
        driver.log.contains { if case .created(_, _, objectID(number), _) = $0 { true } else { false } }
    }

    @Test("A full store writes the oldest primary copy that nobody reads, and gives its room when it is written")
    func spillsForRoom() {
        let driver = ModelDriver.spilling()
        for number in 1...4 { driver.put(number, size: 1_024) }
        driver.pin(1)
        _ = driver.create(objectID(5), size: 1_024)
        #expect(driver.wantedFile?.objects.map(\.id) == [objectID(2)])
        #expect(!isCreated(driver, 5))
        #expect(driver.core.contains(objectID(2)), "it can be read while it is written")
        driver.finishWriting()
        #expect(isCreated(driver, 5))
        #expect(driver.log.contains(.unloaded(objectID(2))))
        #expect(driver.core.spilled(objectID(2)) != nil && !driver.core.contains(objectID(2)))
        #expect(driver.core.spillUsage.bytesOnDisk == 1_024)
        #expect(driver.violation == nil)
    }

    @Test("Small objects share a file, as many as the policy allows")
    func fuses() {
        var policy = SpillPolicy()
        policy.batchObjectsMax = 3
        let driver = ModelDriver(capacity: 4_096, spilling: policy)
        for number in 1...64 { driver.put(number, size: 64) }
        _ = driver.create(objectID(100), size: 1_024)
        #expect(driver.wantedFile?.objects.map(\.id) == (1...3).map { objectID($0) })
    }

    @Test("A restored copy is read back once and evicted without being written again")
    func restores() {
        let driver = ModelDriver.withSpilledObject()
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        // The store is full: another one has to go first.
        #expect(driver.finishWriting() == [objectID(2)])
        driver.finishReading()
        #expect(driver.core.contains(objectID(1)))
        #expect(driver.core.spillUsage.restoredBytes == 1_024)
        let files = driver.filesWanted
        _ = driver.create(objectID(6), size: 1_024, at: 100)
        #expect(isCreated(driver, 6))
        #expect(driver.filesWanted == files)
        #expect(driver.core.spilled(objectID(1)) != nil && !driver.core.contains(objectID(1)))
        #expect(driver.violation == nil)
    }

    @Test("A copy that was brought for a reader stays until that reader had time to pin it")
    func keepsForReader() {
        let driver = ModelDriver.withSpilledObject()
        for number in 2...5 { driver.pin(number) }
        driver.unpinAll()
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        driver.finishWriting()
        driver.finishReading()
        for number in [3, 4, 5] { driver.pin(number) }
        _ = driver.create(objectID(6), size: 1_024, deadline: 1_000, at: 10)
        #expect(driver.core.contains(objectID(1)) && !isCreated(driver, 6))
        driver.receive(.tick, at: 60)
        #expect(!driver.core.contains(objectID(1)) && isCreated(driver, 6))
    }

    @Test("A file is deleted with the last of its objects, wherever they are")
    func deletesFiles() {
        let driver = ModelDriver.withSpilledObject()
        driver.receive(.free([objectID(1)]))
        #expect(driver.log.contains(.deleteFile(1)))
        #expect(driver.log.contains(.removed(objectID(1), .freed)))
        #expect(driver.core.spillUsage.objectCount == 0)
        for (input, reason) in [
            (ObjectStoreCore.Input.ownerDied(owner(1)), RemovalReason.ownerDied), (.jobEnded(JobID(1)), .jobEnded),
        ] {
            let driver = ModelDriver.withSpilledObject()
            driver.receive(input)
            #expect(driver.log.contains(.deleteFile(1)) && driver.log.contains(.removed(objectID(1), reason)))
            #expect(driver.violation == nil)
        }
    }

    @Test("An object that is freed while it is written leaves no file")
    func freedWhileWritten() {
        let driver = ModelDriver.spilling()
        for number in 1...4 { driver.put(number, size: 1_024) }
        _ = driver.create(objectID(5), size: 1_024)
        driver.receive(.free([objectID(1)]))
        #expect(!isCreated(driver, 5), "its bytes are still being read")
        driver.finishWriting()
        driver.receive(.tick, at: 10)
        #expect(driver.log.contains(.deleteFile(1)) && isCreated(driver, 5))
        #expect(driver.violation == nil)
    }

    @Test("An object that is freed while it is read back leaves its room when the reading ends")
    func freedWhileRead() {
        let driver = ModelDriver.withSpilledObject()
        driver.receive(.free([objectID(5)]))
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        driver.receive(.free([objectID(1)]))
        _ = driver.create(objectID(6), size: 1_024)
        #expect(!isCreated(driver, 6) || driver.core.used == 4_096, "the room is not given away while it is written")
        driver.finishReading()
        #expect(!driver.core.contains(objectID(1)))
        #expect(driver.violation == nil)
    }

    @Test("A damaged object is lost with its reason, and its room is free again")
    func damaged() {
        let driver = ModelDriver.withSpilledObject()
        driver.receive(.free([objectID(5)]))
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        let error = RayError(.objectLost, "file x")
        driver.finishReading(error: error)
        #expect(driver.log.contains(.restoreFailed(objectID(1), error, isLost: true)))
        #expect(driver.core.spilled(objectID(1)) == nil && driver.core.used == 3_072)
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)))
        guard case .restoreFailed(objectID(1), _, isLost: true)? = driver.log.last else {
            Issue.record("a second try is answered, too")
            return
        }
        #expect(driver.violation == nil)
    }

    @Test("When the disk takes nothing, those who put are told after the grace, and those who read wait on")
    func fullDisk() {
        let driver = ModelDriver.withSpilledObject()
        _ = driver.create(objectID(6), size: 1_024, deadline: 1_000)
        driver.finishWriting(failure: "the disk is full")
        driver.receive(.restore(objectID(1), deadline: milliseconds(1_000)), at: 5)
        driver.receive(.tick, at: 12)
        driver.finishWriting(at: 13, failure: "the disk is full")
        let failures = driver.receive(.tick, at: 22).compactMap { effect -> RayError? in
            if case .failed(_, _, let error) = effect { error } else { nil }
        }
        #expect(failures.map(\.type) == [.outOfDisk])
        #expect(failures.first?.message.contains("the disk is full") == true)
        #expect(driver.core.waitingCount == 1, "the reader goes on waiting")
        driver.receive(.free([objectID(2)]), at: 30)
        driver.finishReading(at: 30)
        #expect(driver.core.contains(objectID(1)))
        #expect(driver.violation == nil)
    }

    @Test("What is beyond the threshold is written ahead of need")
    func threshold() {
        let driver = ModelDriver.spilling(threshold: 0.5)
        for number in 1...3 { driver.put(number, size: 1_024) }
        #expect(driver.filesWanted == 0)
        driver.receive(.tick)
        #expect(driver.wantedFile?.objects.map(\.id) == [objectID(1)])
        driver.finishWriting()
        driver.receive(.tick)
        #expect(driver.filesWanted == 1)
        #expect(driver.core.contains(objectID(1)), "it stays in the store while there is room")
        driver.put(4, size: 1_024)
        driver.put(5, size: 1_024)
        #expect(driver.core.contains(objectID(5)))
    }

    @Test("One that needs more than can be freed does not hold up those who need what is free")
    func noDeadlock() {
        let driver = ModelDriver.spilling()
        for number in 1...3 { driver.put(number, size: 1_024) }
        for number in 1...3 { driver.pin(number) }
        _ = driver.create(objectID(5), size: 2_048, deadline: 1_000)
        _ = driver.create(objectID(6), size: 1_024, deadline: 1_000)
        #expect(!isCreated(driver, 5))
        driver.receive(.tick, at: 1)
        #expect(isCreated(driver, 6))
        driver.unpinAll()
        driver.receive(.tick, at: 2)
        driver.finishWriting(at: 2)
        driver.receive(.tick, at: 3)
        #expect(isCreated(driver, 5))
        #expect(driver.violation == nil)
    }

    @Test("An object larger than the store fails at once")
    func tooLarge() {
        let driver = ModelDriver.spilling()
        let effects = driver.create(objectID(1), size: 8_192)
        guard case .failed(_, _, let error)? = effects.last else {
            Issue.record("no failure")
            return
        }
        #expect(error.type == .objectStoreFull && error.message.contains("object store, which has 4.0 kB in all"))
    }

    @Test("Random histories with a disk that is slow and fails keep the books right", arguments: 0..<40)
    func random(seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let driver = ModelDriver.spilling(threshold: 0.7)
        var now = 0
        for _ in 0..<400 {
            now += Int.random(in: 0...20, using: &generator)
            let number = Int.random(in: 1...12, using: &generator)
            switch Int.random(in: 0..<9, using: &generator) {
            case 0, 1:
                _ = driver.create(
                    objectID(number), size: Int.random(in: 1...2_000, using: &generator), deadline: now + 100, at: now)
                driver.receive(
                    .seal(objectID(number), StoreClient(index: 0), metadataSize: 0, containedSize: 0), at: now)
            case 2: driver.receive(.free([objectID(number)]), at: now)
            case 3: if driver.published[objectID(number)] != nil { driver.pin(number) }
            case 4: driver.unpinAll()
            case 5: driver.receive(.restore(objectID(number), deadline: milliseconds(now + 100)), at: now)
            case 6: driver.finishWriting(at: now, failure: Bool.random(using: &generator) ? nil : "full")
            case 7:
                driver.finishReading(
                    at: now, error: Bool.random(using: &generator) ? nil : RayError(.objectLost, "damaged"))
            default: driver.receive(.tick, at: now)
            }
        }
        #expect(driver.violation == nil)
        for number in 1...12 { driver.receive(.free([objectID(number)]), at: now) }
        driver.finishWriting(at: now)
        driver.unpinAll()
        #expect(driver.core.spillUsage.objectCount == 0 && driver.core.spillUsage.bytesOnDisk == 0)
        #expect(driver.violation == nil)
    }
}
