//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import RayCore
import Testing

@Suite struct SHA256Tests {
    /// Vectors of FIPS 180-4's example papers and of NIST's collection.
    @Test(
        "Digests are those of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                    + "mnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ])
    func vectors(text: String, digest: String) {
        #expect(sha256(Array(text.utf8)) == digest)
    }

    @Test("A million times a")
    func million() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(sha256(bytes) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("Pieces of any size give the digest of the whole")
    func pieces() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for size in 1...130 {
            var state = ray_sha256_state()
            ray_sha256_start(&state)
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                ray_sha256_add(&state, piece, piece.count)
                rest = rest.dropFirst(size)
            }
            var digest = [UInt8](repeating: 0, count: 32)
            ray_sha256_finish(&state, &digest)
            #expect(digest.hex == sha256(bytes), "pieces of \(size)")
        }
    }

    @Test("Every length around the end of a block is padded right")
    func lengths() {
        // The digest of the digests of 0…130 times "x", checked with another implementation.
        var all: [UInt8] = []
        for count in 0...130 {
            all += [UInt8](hex: sha256([UInt8](repeating: UInt8(ascii: "x"), count: count))) ?? []
        }
        #expect(sha256(all) == "f5a018ad6f7a21c451c8d98b57699f4aeeb1976b88771c339c7ea60cd09c64ef")
    }
}

/// The digest of bytes, as hex.
func sha256(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    ray_sha256(bytes, bytes.count, &digest)
    return digest.hex
}
