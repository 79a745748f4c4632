//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

/// A driver without memory: pins are a list, and what is granted is remembered to find overlaps.
final class ModelDriver {
    var core: ObjectStoreCore
    /// What readers pin: the entry and where its object lies.
    var pins: [(handle: EntryHandle, range: Range<Int>)] = []
    var published: [ObjectID: (handle: EntryHandle, entry: ObjectEntry)] = [:]
    var log: ObjectStoreCore.Effects = []
    /// The first time that room was given out that somebody still reads.
    var violation: String?
    var token: UInt64 = 0
    var received = 0
    /// How many inputs pass between two looks at all the bookkeeping, which cost far more than the inputs.
    var checkEvery = 1

    init(
        capacity: Int, objectsMax: Int = 100, spilling: SpillPolicy? = nil, fallback: FallbackPolicy? = nil,
        fault: ObjectStoreCore.PlantedFault? = nil
    ) {
        core = ObjectStoreCore(
            ObjectStoreCore.Configuration(
                capacity: capacity, objectsMax: objectsMax, spilling: spilling, fallback: fallback,
                plantedFault: fault))
    }

    /// Performs the input and everything that follows from it.
    @discardableResult
    func receive(_ input: ObjectStoreCore.Input, at now: Int = 0) -> ObjectStoreCore.Effects {
        var effects: ObjectStoreCore.Effects = []
        core.receive(input, at: milliseconds(now), into: &effects)
        var next = 0
        while next < effects.count {
            switch effects[next] {
            case .publish(let handle, let entry): published[entry.id] = (handle, entry)
            case .retract(let handles):
                published = published.filter { !handles.contains($0.value.handle) }
                let pinned = handles.filter { handle in pins.contains { $0.handle == handle } }
                core.receive(.retracted(handles, pinned: pinned), at: milliseconds(now), into: &effects)
            case .scanPins: core.receive(.pins(pins.map(\.handle)), at: milliseconds(now), into: &effects)
            case .created(_, _, let id, let offset):
                if let unsealed = core.unsealed(id, by: StoreClient(index: 0)) {
                    let range = offset..<(offset + unsealed.layout.dataSize)
                    if pins.contains(where: { $0.range.overlaps(range) }) {
                        violation = violation ?? "the room of \(id) is still read"
                    }
                }
            default: break
            }
            next += 1
        }
        log += effects
        received += 1
        if received.isMultiple(of: checkEvery), let broken = core.violation { violation = violation ?? broken }
        return effects
    }

    func create(
        _ id: ObjectID, size: Int, isPrimary: Bool = true, deadline: Int = 100, client: UInt32 = 0,
        owner who: UInt64 = 1, at now: Int = 0
    ) -> ObjectStoreCore.Effects {
        token += 1
        return receive(
            .create(
                ObjectStoreCore.Creation(
                    token: token, id: id, owner: owner(who), client: StoreClient(index: client),
                    layout: ObjectLayout(dataSize: size), isPrimary: isPrimary, deadline: milliseconds(deadline))),
            at: now)
    }

    @discardableResult
    func put(
        _ number: Int, size: Int, isPrimary: Bool = true, owner who: UInt64 = 1, at now: Int = 0
    ) -> Bool {
        let id = objectID(number)
        let effects = create(id, size: size, isPrimary: isPrimary, owner: who, at: now)
        guard effects.contains(where: { if case .created(_, _, id, _) = $0 { true } else { false } }) else {
            return false
        }
        receive(.seal(id, StoreClient(index: 0), metadataSize: 0, containedSize: 0), at: now)
        return true
    }

    func pin(_ number: Int) {
        guard let (handle, entry) = published[objectID(number)] else { preconditionFailure("not published") }
        pins.append((handle, entry.offset..<(entry.offset + entry.layout.dataSize)))
    }

    func unpinAll() { pins = [] }
}

@Suite struct ObjectStoreCoreTests {
    private let writer = StoreClient(index: 0)

    @Test("Least recently used copies that nobody reads make room; primary copies never do")
    func evictsSecondaryCopies() {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 1_024)
        for number in 2...4 { driver.put(number, size: 1_024, isPrimary: false) }
        driver.receive(.touched([objectID(2)]))
        #expect(driver.put(5, size: 1_024))
        #expect(driver.log.contains(.removed(objectID(3), .evicted)))
        driver.pin(4)
        #expect(driver.put(6, size: 1_024))
        #expect(driver.core.contains(objectID(4)))
        #expect(!driver.core.contains(objectID(2)))
        #expect(driver.core.contains(objectID(1)))
        #expect(driver.violation == nil)
    }

    @Test("A full store lets a creation wait, asks for spilling, and fails it with a reason")
    func waitsThenFails() throws {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 3_072)
        let effects = driver.create(objectID(2), size: 2_048, deadline: 100)
        #expect(effects.contains(.roomWanted(bytes: 2_048)))
        #expect(driver.core.spillCandidates(bytes: 2_048) == [objectID(1)])
        #expect(!driver.receive(.tick, at: 99).contains { if case .failed = $0 { true } else { false } })
        let late = driver.receive(.tick, at: 100)
        let error = late.lazy.compactMap { if case .failed(_, _, let error) = $0 { error } else { nil } }.first
        let found = try #require(error)
        #expect(found.type == .objectStoreFull)
        #expect(found.message.contains("3.0 kB of 4.0 kB are in use"))
        #expect(found.message.contains("1 in scope (3.0 kB)"))
        #expect(found.message.contains("object_store_memory"))
        #expect(driver.core.waitingCount == 0)
    }

    @Test("Those who wait are served in order as room is freed")
    func servesInOrder() {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 4_096)
        _ = driver.create(objectID(2), size: 3_000)
        _ = driver.create(objectID(3), size: 64)
        #expect(driver.core.waitingCount == 2)
        let effects = driver.receive(.free([objectID(1)]))
        let created = effects.compactMap { if case .created(_, _, let id, _) = $0 { id } else { nil } }
        #expect(created == [objectID(2), objectID(3)])
    }

    @Test("A spilled primary copy that became secondary makes room")
    func spilledMakesRoom() {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 4_096)
        _ = driver.create(objectID(2), size: 1_000)
        let effects = driver.receive(.setPrimary([objectID(1)], false))
        #expect(effects.contains(.removed(objectID(1), .evicted)))
        #expect(effects.contains { if case .created(_, _, objectID(2), _) = $0 { true } else { false } })
    }

    @Test("More than the store has is refused at once")
    func tooLarge() {
        let driver = ModelDriver(capacity: 4_096)
        let effects = driver.create(objectID(1), size: 5_000)
        #expect(
            effects.contains { if case .failed(_, _, let error) = $0 { error.type == .objectStoreFull } else { false } }
        )
        #expect(driver.core.waitingCount == 0)
    }

    @Test("A freed object that is read keeps its room until no pin is left")
    func zombie() {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 4_096)
        driver.pin(1)
        driver.receive(.free([objectID(1)]))
        #expect(driver.core.zombieCount == 1)
        #expect(!driver.core.contains(objectID(1)))
        #expect(!driver.put(2, size: 4_096))
        driver.receive(.tick, at: 10)
        #expect(driver.core.used == 4_096)
        driver.unpinAll()
        let effects = driver.receive(.tick, at: 20)
        #expect(effects.contains { if case .created(_, _, objectID(2), 0) = $0 { true } else { false } })
        #expect(driver.violation == nil)
    }

    @Test("An object freed while it is written stays until its writer stops")
    func doomed() {
        let driver = ModelDriver(capacity: 4_096)
        _ = driver.create(objectID(1), size: 4_096)
        driver.receive(.free([objectID(1)]))
        #expect(driver.core.used == 4_096)
        // The same object may be wanted again, by a task that runs again.
        #expect(driver.create(objectID(1), size: 64).contains { if case .roomWanted = $0 { true } else { false } })
        let effects = driver.receive(.seal(objectID(1), writer, metadataSize: 0, containedSize: 0))
        #expect(effects.contains { if case .created(_, _, objectID(1), 0) = $0 { true } else { false } })
        #expect(!driver.core.contains(objectID(1)))
        #expect(driver.violation == nil)
    }

    @Test("A client's death takes its unfinished objects and wishes, and nothing else")
    func clientDied() {
        let driver = ModelDriver(capacity: 8_192)
        driver.put(1, size: 1_024)
        _ = driver.create(objectID(2), size: 1_024)
        _ = driver.create(objectID(3), size: 1_024)
        driver.receive(.free([objectID(3)]))
        _ = driver.create(objectID(4), size: 8_192)
        _ = driver.create(objectID(5), size: 4_096, client: 1)
        let effects = driver.receive(.clientDied(writer))
        #expect(driver.core.contains(objectID(1)))
        #expect(effects.contains(.removed(objectID(2), .aborted)))
        #expect(effects.contains { if case .created(_, _, objectID(5), _) = $0 { true } else { false } })
        #expect(driver.core.used == 1_024 + 4_096)
        #expect(driver.core.waitingCount == 0)
    }

    @Test("Objects go with their owner and with their job")
    func ownerAndJob() {
        let driver = ModelDriver(capacity: 8_192)
        driver.put(1, size: 64, owner: 1)
        driver.put(2, size: 64, owner: 2)
        driver.receive(.ownerDied(owner(1)))
        #expect(!driver.core.contains(objectID(1)))
        #expect(driver.core.contains(objectID(2)))
        driver.receive(.jobEnded(JobID(1)))
        #expect(driver.core.sealedCount == 0)
        #expect(driver.core.used == 0)
    }

    @Test("What the raylet holds is neither evicted nor reused")
    func holds() throws {
        let driver = ModelDriver(capacity: 4_096)
        driver.put(1, size: 4_096, isPrimary: false)
        let holding = driver.core.hold(objectID(1))
        let held = try #require(holding)
        #expect(!driver.put(2, size: 64))
        driver.receive(.free([objectID(1)]))
        #expect(driver.core.used == 4_096)
        let effects = driver.receive(.unhold(held))
        #expect(effects.contains { if case .created(_, _, objectID(2), _) = $0 { true } else { false } })
    }

    @Test("An object that exists is not created twice, and a full table is a reason to wait")
    func existsAndTable() {
        let driver = ModelDriver(capacity: 1 << 20, objectsMax: 2)
        driver.put(1, size: 64)
        let again = driver.create(objectID(1), size: 64)
        #expect(again.contains { if case .exists(_, _, _, isSealed: true) = $0 { true } else { false } })
        driver.put(2, size: 64)
        #expect(!driver.put(3, size: 64))
        #expect(driver.core.waitingCount == 1)
    }

    @Test("A seal that does not fit, or of an unknown object, is refused with a sentence")
    func refusesSeals() {
        let driver = ModelDriver(capacity: 4_096)
        _ = driver.create(objectID(1), size: 64)
        let large = driver.receive(.seal(objectID(1), writer, metadataSize: 65, containedSize: 0))
        #expect(
            large.contains { if case .rejected(_, _, let error) = $0 { error.type == .invalidArgument } else { false } }
        )
        let unknown = driver.receive(.seal(objectID(2), writer, metadataSize: 0, containedSize: 0))
        #expect(unknown.contains { if case .rejected(_, _, let error) = $0 { error.type == .notFound } else { false } })
    }
}
