//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Objects on a raylet's disk")
struct SpillTests {
    /// A raylet with object 1 on disk only, and a driver.
    private func spilled() -> (raylet: RayletHarness, driver: WorkerID) {
        var raylet = RayletHarness()
        let driver = raylet.driver()
        let create = CreateObject(
            object: object(1), owner: driver, slot: 1, dataBytes: 8, metadataBytes: 0, containedBytes: 0)
        raylet.send(.createObject(create), from: driver)
        raylet.send(.sealObject(SealObject(object: object(1))), from: driver)
        raylet.give(.objectUnloaded(object(1)))
        _ = raylet.take()
        return (raylet, driver)
    }

    private func fetch(_ raylet: inout RayletHarness, _ driver: WorkerID, locations: [Address] = [place(0)]) {
        raylet.send(
            .fetchObject(FetchObject(object: object(1), owner: driver, locations: locations)), from: driver)
    }

    @Test("A process that wants a spilled object has it brought back, and is told when it is here")
    func restores() {
        var (raylet, driver) = spilled()
        fetch(&raylet, driver)
        fetch(&raylet, driver)
        #expect(raylet.effects.filter { $0 == .storeRestore(object(1)) }.count == 1)
        #expect(raylet.local.isEmpty)
        raylet.give(.objectSealed(object(1)))
        #expect(raylet.local.map(\.value) == [ObjectLocal(object: object(1), error: nil)])
    }

    @Test("One that cannot be brought back is pulled from another node, or else the error says why")
    func lost() {
        let error = RayError(.objectLost, "file /x is damaged")
        var (raylet, driver) = spilled()
        fetch(&raylet, driver)
        raylet.give(.restoreFailed(object(1), error, isLost: true))
        #expect(raylet.local.map(\.value.error) == [error])
        (raylet, driver) = spilled()
        raylet.give(.peerUp(place(2)))
        fetch(&raylet, driver, locations: [place(0), place(2)])
        raylet.give(.restoreFailed(object(1), error, isLost: true))
        #expect(raylet.local.isEmpty && raylet.pulls.map(\.to) == [peerRaylet])
        (raylet, driver) = spilled()
        fetch(&raylet, driver)
        raylet.give(.restoreFailed(object(1), RayError(.objectStoreFull, "no room"), isLost: false))
        #expect(raylet.local.map(\.value.error?.type) == [.objectStoreFull])
        fetch(&raylet, driver)
        #expect(raylet.effects.contains(.storeRestore(object(1))), "it is still on disk")
    }

    @Test("Another node is given pieces of a spilled object as of one in the store")
    func serves() {
        var (raylet, _) = spilled()
        raylet.send(.pullChunk(PullChunk(object: object(1), offset: 0, count: 8)), from: peerRaylet)
        #expect(
            raylet.effects.contains(
                .sendChunk(object: object(1), offset: 0, count: 8, to: peerRaylet, requestID: 7)))
    }

    @Test("A spilled object is freed with its owner's word, and with its owner")
    func frees() {
        var (raylet, driver) = spilled()
        raylet.send(.freeObjects(FreeObjects(objects: [object(1)])), from: driver)
        raylet.send(.pullChunk(PullChunk(object: object(1), offset: 0, count: 8)), from: peerRaylet)
        #expect(!raylet.effects.contains { if case .sendChunk = $0 { true } else { false } })
        #expect(raylet.store.isEmpty)
    }

    @Test("A task that runs again replaces its spilled result")
    func replaced() {
        var (raylet, driver) = spilled()
        fetch(&raylet, driver)
        let create = CreateObject(
            object: object(1), owner: driver, slot: 1, dataBytes: 8, metadataBytes: 0, containedBytes: 0)
        raylet.send(.createObject(create), from: driver)
        // The restore of the older copy was under way.
        raylet.give(.restoreFailed(object(1), RayError(.objectLost, "gone"), isLost: true))
        #expect(raylet.local.isEmpty)
        raylet.send(.sealObject(SealObject(object: object(1))), from: driver)
        #expect(raylet.local.map(\.value) == [ObjectLocal(object: object(1), error: nil)])
    }
}

private let peerRaylet = WorkerID(raylet: node(2))
