//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite struct InstantTests {
    @Test("What is too far away for the clock is the distant future, what was before is now")
    func advanced() {
        let now = Instant(nanoseconds: 5)
        #expect(now.advanced(milliseconds: 2) == Instant(nanoseconds: 2_000_005))
        #expect(now.advanced(milliseconds: -2) == now)
        #expect(now.advanced(milliseconds: .min) == now)
        for milliseconds in [Int.max, Int(UInt64.max / 1_000_000) + 1, 1 << 60] {
            #expect(now.advanced(milliseconds: milliseconds) == .distantFuture)
        }
    }
}
