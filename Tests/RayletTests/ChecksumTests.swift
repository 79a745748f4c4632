//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Testing

@Suite("Checksums of spilled objects")
struct ChecksumTests {
    @Test("CRC-32C of the catalogue's check and of RFC 3720's examples")
    func knownValues() {
        let check = Array("123456789".utf8)
        #expect(ray_crc32c(check, check.count) == 0xe306_9283)
        #expect(ray_crc32c([UInt8](repeating: 0, count: 32), 32) == 0x8a91_36aa)
        #expect(ray_crc32c([UInt8](repeating: 0xff, count: 32), 32) == 0x62a8_ab43)
        #expect(ray_crc32c([UInt8](0..<32), 32) == 0x46dd_794e)
    }
}
