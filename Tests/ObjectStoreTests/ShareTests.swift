//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

@Suite("Objects that share their bytes") struct ShareTests {
    private func share(_ driver: ModelDriver, _ source: Int, as number: Int, owner who: UInt64 = 2) -> RayError? {
        let effects = driver.receive(.share(objectID(source), as: objectID(number), owner: owner(who), token: 7))
        for case .failed(7, _, let error) in effects { return error }
        #expect(effects.contains { if case .shared(7, let entry) = $0 { entry.id == objectID(number) } else { false } })
        return nil
    }

    @Test("A second object takes no room, and the bytes stay until both are gone, in either order", arguments: [1, 2])
    func lives(first: Int) {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 2_048)
        let used = driver.core.used
        #expect(share(driver, 1, as: 2) == nil)
        #expect(driver.core.used == used && driver.core.sealedCount == 2)
        #expect(driver.published[objectID(1)]?.entry.offset == driver.published[objectID(2)]?.entry.offset)
        #expect(driver.core.owners == [owner(1), owner(2)])
        driver.receive(.free([objectID(first)]))
        #expect(driver.core.used == used && driver.core.contains(objectID(3 - first)))
        driver.receive(.free([objectID(3 - first)]))
        #expect(driver.core.used == 0 && driver.violation == nil)
    }

    @Test("Each ends with its own owner, and one that is read keeps the bytes") func owners() {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 2_048)
        #expect(share(driver, 1, as: 2) == nil)
        driver.pin(2)
        driver.receive(.ownerDied(owner(2)))
        #expect(driver.core.contains(objectID(1)) && !driver.core.contains(objectID(2)))
        driver.receive(.ownerDied(owner(1)))
        #expect(driver.core.used == 2_048 && driver.core.zombieCount == 1)
        driver.unpinAll()
        driver.receive(.tick)
        driver.receive(.tick)
        #expect(driver.core.used == 0 && driver.violation == nil)
    }

    @Test("What is not there, exists already or finds no entry is an error that says so") func refusals() {
        let driver = ModelDriver(capacity: 4_096, objectsMax: 2)
        driver.put(1, size: 64)
        #expect(share(driver, 5, as: 6)?.type == .objectLost)
        #expect(share(driver, 1, as: 1)?.type == .invalidArgument)
        _ = driver.create(objectID(2), size: 64)
        #expect(share(driver, 2, as: 3)?.type == .objectLost, "it is being written")
        #expect(share(driver, 1, as: 3)?.type == .objectStoreFull)
        #expect(driver.violation == nil)
    }

    @Test("Both go to disk before their room is free, and each comes back to a range of its own") func spilled() {
        let driver = ModelDriver.spilling()
        driver.put(1, size: 1_024)
        #expect(share(driver, 1, as: 6) == nil)
        for number in 2...4 { driver.put(number, size: 1_024) }
        func isCreated() -> Bool {
            driver.log.contains { if case .created(_, _, objectID(7), _) = $0 { true } else { false } }
        }
        _ = driver.create(objectID(7), size: 1_024, deadline: 10_000, at: 100)
        for _ in 0..<8 where !isCreated() { driver.finishWriting(at: 100) }
        #expect(isCreated())
        #expect(driver.core.spilled(objectID(1)) != nil && driver.core.spilled(objectID(6)) != nil)
        driver.receive(.free([2, 3, 4, 7].map { objectID($0) }), at: 100)
        for number in [1, 6] {
            driver.receive(.restore(objectID(number), deadline: milliseconds(10_000)), at: 100)
            driver.finishReading(at: 100)
        }
        #expect(driver.published[objectID(1)]?.entry.offset != driver.published[objectID(6)]?.entry.offset)
        driver.receive(.free([1, 6].map { objectID($0) }), at: 100)
        driver.receive(.abort(objectID(7), StoreClient(index: 0)), at: 100)
        #expect(driver.core.used == 0 && driver.violation == nil)
    }

    @Test("The bytes and the references inside are read under both ids, over the arena") func bytes() throws {
        let node = try TestNode(capacity: 1 << 20)
        let data = pattern(5, count: 1_001)
        try node.put(objectID(1), data, contained: [1, 2, 3])
        node.server.receive(.share(objectID(1), as: objectID(2), owner: owner(2), token: 9), at: .zero)
        let contained = node.server.takeEvents().compactMap { event -> [UInt8]? in
            if case .shared(9, _, let contained) = event { contained } else { nil }
        }
        #expect(contained == [[1, 2, 3]])
        let object = try #require(try node.second.lookup(objectID(2)))
        node.server.free([objectID(1), objectID(2)], at: .zero)
        try node.put(objectID(3), pattern(6, count: 1_001))
        #expect(object.metadata == ObjectMetadata.raw && object.contained == [1, 2, 3])
        object.withBytes { #expect(Array($0) == data) }
        node.server.checkInvariants()
    }
}
