//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayNode
import Testing

@Suite struct WriteBehindTests {
    @Test("The disk is waited for by as much as it falls behind, each byte once; never for the last of it")
    func pieces() {
        let (piece, most) = (1 << 20, WriteBehind.bytesMax)
        var behind = WriteBehind()
        var waited = 0
        for end in stride(from: piece, through: 4 * most, by: piece) {
            let due = behind.awaited(after: end)
            #expect(due.lowerBound == waited)
            waited = due.upperBound
            #expect(waited == max(0, end - most))
        }
        #expect(behind.awaited(after: 4 * most).isEmpty)
    }

    @Test("A piece that is larger than what may be under way is waited for in part")
    func large() {
        var behind = WriteBehind()
        #expect(behind.awaited(after: 3 * WriteBehind.bytesMax) == 0..<2 * WriteBehind.bytesMax)
    }
}
