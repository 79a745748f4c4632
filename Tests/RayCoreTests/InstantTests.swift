//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("Points in time") struct InstantTests {
    @Test("A wait that is too long to be counted never ends", arguments: [18_446_744_074_000, .max])
    func endless(milliseconds: Int) {
        #expect(Instant(nanoseconds: 1).advanced(milliseconds: milliseconds) == .distantFuture)
    }

    @Test("A wait is counted from the instant, and a negative one is none") func counted() {
        let instant = Instant(nanoseconds: 5)
        #expect(instant.advanced(milliseconds: 2).nanoseconds == 2_000_005)
        #expect(instant.advanced(milliseconds: -2) == instant)
    }
}
