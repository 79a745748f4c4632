//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Why a folder cannot be packed or a package not unpacked: a sentence that names the file.
package struct PackageError: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Limits of packages, so that no archive fills a disk or a memory.
package enum PackageLimits {
    /// Largest package, in bytes (Ray's limit for what a driver sends).
    package static let packageBytesMax = 512 << 20
    /// Files, folders and links in a package; the format has 16 bits for it.
    package static let entriesMax = 65_534
    /// What a package may become when it is unpacked, in bytes.
    package static let unpackedBytesMax = 4 << 30
    /// Longest path inside of a package, in bytes.
    package static let pathBytesMax = 1_024
}
