//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The name of a package, as Ray gives it: `gcs://_ray_pkg_<hash>.zip`.
package struct PackageURI: Hashable, Sendable, CustomStringConvertible {
    /// Lower-case hex. 64 digits are the SHA-256 of the package, which then lies in the head's archive; fewer are
    /// another hash of Ray's own, and the package is the value of its name in the key-value store.
    package let hash: String

    /// The name of the package with this SHA-256.
    package init(sha256 hash: String) { self.hash = hash }

    /// Reads a name; nothing if it is none.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.hasSuffix(Self.suffix) else { return nil }
        let hash = text.dropFirst(Self.prefix.utf8.count).dropLast(Self.suffix.utf8.count)
        let isHex = hash.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
        }
        guard (8...64).contains(hash.utf8.count), isHex else { return nil }
        self.hash = String(hash)
    }

    private static let prefix = "gcs://_ray_pkg_"
    private static let suffix = ".zip"

    /// Whether the name says what the content must be.
    package var namesContent: Bool { hash.utf8.count == 64 }
    package var description: String { Self.prefix + hash + Self.suffix }
}
