//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Copies of objects of other nodes") struct CopyTests {
    /// On another node.
    private let owner = Address(node: node(5), worker: process(50), host: "h5", port: 5, socketPath: "")

    /// A raylet that has fetched object 1.
    private func fetched() -> RayletHarness {
        var harness = RayletHarness()
        let driver = harness.driver()
        harness.give(.peerUp(place(2)))
        let request = FetchObject(
            object: object(1), owner: owner.worker, locations: [place(2)], ownerAddress: owner)
        harness.send(.fetchObject(request), from: driver)
        #expect(TransferTests.serve(&harness, 2, TransferTests.bytes(100)) == 1)
        return harness
    }

    private func told(_ harness: inout RayletHarness) -> [Message] {
        harness.take().compactMap {
            if case .send(let message, _, owner.worker) = $0 { message } else { nil }
        }
    }

    @Test("The owner is told of a copy that was fetched, and frees it") func freed() {
        var harness = fetched()
        #expect(harness.effects.contains(.connect(owner)))
        let raylet = Address(node: node(0), worker: raylet(0), host: "h0", port: 1, socketPath: "")
        #expect(told(&harness) == [.objectCopied(ObjectCopied(object: object(1), raylet: raylet))])
        harness.send(.freeObjects(FreeObjects(objects: [object(1)])), from: owner.worker)
        #expect(harness.store.isEmpty)
        #expect(told(&harness).isEmpty, "what the owner frees is no news for it")
    }

    @Test("The owner is told of a copy that was evicted") func evicted() {
        var harness = fetched()
        _ = told(&harness)
        harness.give(.objectsRemoved([object(1)]))
        #expect(told(&harness) == [.copiesGone(CopiesGone(objects: [object(1)]))])
    }

    @Test("Copies go with the link over which they would be freed") func linkLost() {
        var harness = fetched()
        harness.give(.peerUp(owner))
        harness.give(.peerLost(owner.worker, reason: "no connection for 5 s"))
        #expect(harness.store.isEmpty)
    }

    @Test("What is written on this node is no copy") func written() {
        var harness = RayletHarness()
        let driver = harness.driver()
        let create = CreateObject(
            object: object(1), owner: owner.worker, slot: 1, dataBytes: 9, metadataBytes: 1, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        harness.send(.sealObject(SealObject(object: object(1))), from: driver)
        #expect(harness.store[object(1)]?.isSealed == true)
        #expect(told(&harness).isEmpty)
        harness.give(.peerLost(owner.worker, reason: "gone"))
        #expect(harness.store[object(1)]?.isSealed == true)
    }
}
