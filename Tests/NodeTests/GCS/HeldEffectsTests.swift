//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import Testing

@Suite("What waits for the journal") struct HeldEffectsTests {
    private func at(_ seconds: Int) -> Instant { Instant.zero.advanced(milliseconds: seconds * 1_000) }

    @Test("Effects wait for the changes before them, in order, and for no others")
    func order() {
        var held = HeldEffects<Int>()
        #expect(held.hold(0) == false, "nothing is to be made durable")
        held.appended()
        #expect(held.hold(1) == true)
        let first = held.begin()
        #expect(first == 1)
        held.appended()
        #expect(held.hold(2) == true)
        #expect(held.hold(3) == true)
        #expect(held.begin() == nil, "one commit at a time")
        #expect(held.committed(1) == [1])
        #expect(held.hold(4) == true)
        #expect(held.begin() == 2)
        #expect(held.committed(2) == [2, 3, 4])
        #expect(held.begin() == nil)
        #expect(held.hold(5) == false)
    }

    @Test("A commit that does not end is trouble after its time, also if few messages wait")
    func standsStill() {
        var held = HeldEffects<Int>(commitMillisecondsMax: 10_000)
        for second in 0..<100 { #expect(held.trouble(at: at(second)) == nil, "nothing is under way") }
        held.appended()
        _ = held.hold(1)
        _ = held.begin()
        for second in 100..<109 { #expect(held.trouble(at: at(second)) == nil) }
        #expect(held.trouble(at: at(110))?.contains("RAY_gcs_storage_path") == true)
    }

    @Test("Too many messages behind one commit are trouble")
    func tooMany() {
        var held = HeldEffects<Int>(countMax: 100)
        held.appended()
        _ = held.begin()
        for number in 0..<100 { _ = held.hold(number) }
        #expect(held.trouble(at: at(1)) == nil)
        _ = held.hold(100)
        #expect(held.trouble(at: at(1))?.contains("stands still") == true)
    }

    @Test("A process that stood still itself does not blame the disk")
    func pause() {
        var held = HeldEffects<Int>(commitMillisecondsMax: 10_000)
        held.appended()
        _ = held.begin()
        #expect(held.trouble(at: at(1)) == nil)
        #expect(held.trouble(at: at(1_000)) == nil)
    }
}
