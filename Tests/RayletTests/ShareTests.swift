//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Second objects of the same bytes") struct ShareTests {
    /// A raylet with a driver that has written object 1.
    private func written() -> (RayletHarness, WorkerID) {
        var harness = RayletHarness()
        let driver = harness.driver()
        let create = CreateObject(
            object: object(1), owner: driver, slot: 3, dataBytes: 10, metadataBytes: 0, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        harness.send(.sealObject(SealObject(object: object(1))), from: driver)
        _ = harness.take()
        return (harness, driver)
    }

    private func answers(_ harness: inout RayletHarness) -> [ObjectShared] {
        harness.take().compactMap {
            if case .send(.objectShared(let answer), _, _) = $0 { answer } else { nil }
        }
    }

    @Test("The asker owns it, hears its size and what is inside, and it goes with the asker") func shared() {
        var (harness, _) = written()
        let other = harness.driver(901)
        harness.send(.shareObject(ShareObject(source: object(1), object: object(2))), from: other)
        #expect(answers(&harness) == [ObjectShared(object: object(2), byteCount: 10, contained: [7])])
        #expect(harness.store[object(2)]?.owner == other)
        harness.send(.freeObjects(FreeObjects(objects: [object(1)])), from: process(900))
        harness.give(.peerLost(other, reason: "killed"))
        #expect(harness.store.isEmpty)
    }

    @Test("What is not here, is being written or comes from nobody that reported is refused") func refused() {
        var (harness, driver) = written()
        harness.send(.shareObject(ShareObject(source: object(8), object: object(2))), from: driver)
        #expect(answers(&harness).map(\.error?.type) == [.objectLost])
        harness.send(.shareObject(ShareObject(source: object(1), object: object(2))), from: process(77))
        #expect(answers(&harness).map(\.error?.type) == [.invalidArgument])
        let create = CreateObject(
            object: object(3), owner: driver, slot: 3, dataBytes: 10, metadataBytes: 0, containedBytes: 0)
        harness.send(.createObject(create), from: driver)
        _ = harness.take()
        harness.send(.shareObject(ShareObject(source: object(1), object: object(3))), from: driver)
        #expect(answers(&harness).map(\.error?.type) == [.invalidArgument])
    }
}
