//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What stands under a package's name in the key-value store if the package itself lies in the head's archive.
///
/// Packages that are larger than one piece go there, so that no message and no value of the store has their size.
/// `gcs_client.py` writes and reads the same words.
package struct ArchivedPackage: Hashable, Sendable {
    /// The SHA-256 of the package in lower-case hex, by which the archive has it.
    package let hash: String

    package init(sha256 hash: String) { self.hash = hash }

    /// Reads a value; nothing if it is a package itself, or anything else.
    package init?(value: [UInt8]) {
        guard value.count == Self.prefix.utf8.count + 64, value.starts(with: Self.prefix.utf8) else { return nil }
        hash = String(decoding: value.dropFirst(Self.prefix.utf8.count), as: UTF8.self)
    }

    /// The value for the key-value store.
    package var value: [UInt8] { Array((Self.prefix + hash).utf8) }

    private static let prefix = "swift-ray-archive:"
}
