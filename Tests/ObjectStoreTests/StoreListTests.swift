//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import RayWire
import Testing

@Suite("What a store says of its objects") struct StoreListTests {
    @Test("What is in memory, on disk and being written is told, the largest first") func places() {
        let driver = ModelDriver.withSpilledObject()
        let all = driver.core.list(ListObjects(token: 3, limit: 10))
        #expect(all.token == 3 && all.omitted == 0)
        #expect(all.objects.map(\.id) == (1...5).map { objectID($0) })
        #expect(all.objects.map(\.place) == [.spilled, .stored, .stored, .stored, .stored])
        #expect(all.objects.allSatisfy { $0.byteCount == 1_024 && !$0.owner.isNone })
        driver.receive(.free([objectID(2), objectID(1)]))
        _ = driver.create(objectID(6), size: 512)
        let few = driver.core.list(ListObjects(token: 3, limit: 3))
        #expect(few.objects.map(\.id) == [3, 4, 5].map { objectID($0) } && few.omitted == 1)
        #expect(driver.core.list(ListObjects(token: 3, limit: 4)).objects.last?.place == .pending)
    }
}
