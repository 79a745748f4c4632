//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

/// Random histories of a store, checked after every step by a model that knows who reads what.
@Suite struct ObjectStoreCoreHistoryTests {
    /// What a history of `steps` steps under `seed` breaks, or nothing.
    private func run(seed: UInt64, steps: Int, fault: ObjectStoreCore.PlantedFault? = nil) -> String? {
        var generator = SplitMix64(seed: seed)
        let driver = ModelDriver(capacity: 64 << 10, objectsMax: 40, fault: fault)
        driver.checkEvery = 10
        for step in 0..<steps {
            let number = Int.random(in: 0..<60, using: &generator)
            let client = StoreClient(index: UInt32.random(in: 0..<2, using: &generator))
            let id = objectID(number, job: UInt32(number % 3 + 1))
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<35:
                _ = driver.create(
                    id, size: Int.random(in: 0..<9_000, using: &generator),
                    isPrimary: Bool.random(using: &generator), deadline: step + 50, client: client.index,
                    owner: UInt64(number % 4), at: step)
            case 35..<60:
                driver.receive(.seal(id, client, metadataSize: 0, containedSize: 0), at: step)
            case 60..<64: driver.receive(.abort(id, client), at: step)
            case 64..<76: driver.receive(.free([id, objectID(number / 2, job: 1)]), at: step)
            case 76..<84:
                if let (handle, entry) = driver.published[id], driver.pins.count < 8 {
                    driver.pins.append((handle, entry.offset..<(entry.offset + entry.layout.dataSize)))
                }
            case 84..<90:
                if !driver.pins.isEmpty { driver.pins.remove(at: number % driver.pins.count) }
            case 90: driver.receive(.clientDied(client), at: step)
            case 91: driver.receive(.ownerDied(owner(UInt64(number % 4))), at: step)
            case 92: driver.receive(.jobEnded(JobID(UInt32(number % 3 + 1))), at: step)
            case 93: driver.receive(.share(id, as: objectID(number + 60), owner: owner(3), token: 1), at: step)
            case 94..<96: driver.receive(.setPrimary([id], Bool.random(using: &generator)), at: step)
            default: driver.receive(.tick, at: step)
            }
            if let violation = driver.violation { return "step \(step): \(violation)" }
        }
        return nil
    }

    @Test("Random histories break nothing", arguments: 1...12 as ClosedRange<UInt64>)
    func holds(seed: UInt64) {
        #expect(run(seed: seed, steps: 3_000) == nil)
    }

    @Test("A planted fault, reuse of what is still read, is found")
    func findsPlantedFault() {
        let found = (1...12 as ClosedRange<UInt64>).contains { seed in
            run(seed: seed, steps: 3_000, fault: .dropPinEarly)?.contains("is still read") == true
        }
        #expect(found)
    }

    @Test("The same seed gives the same effects")
    func isDeterministic() {
        func effects() -> ObjectStoreCore.Effects {
            let driver = ModelDriver(capacity: 16 << 10)
            for number in 0..<200 {
                driver.put(number, size: 700 + number * 7, isPrimary: number % 5 == 0, at: number)
                if number % 7 == 0 { driver.receive(.free([objectID(number - 14)]), at: number) }
            }
            driver.receive(.ownerDied(owner(1)), at: 300)
            return driver.log
        }
        #expect(effects() == effects())
    }
}
