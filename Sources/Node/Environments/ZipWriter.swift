//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// Writes a zip archive in memory, without compression, as Ray's packages are.
///
/// The same entries give the same bytes: times are all 1980-01-01, and of the mode only the right to execute is kept.
///
///     local header, data ┐ for each entry, in the order of the calls
///     …                  ┘
///     central header       for each entry
///     end of the directory
package struct ZipWriter {
    /// What an entry is.
    package enum Kind: UInt32, Sendable {
        case file = 0o100644
        case executable = 0o100755
        case folder = 0o040755
        /// Its data is where it leads.
        case link = 0o120777
    }

    static let localSignature: UInt32 = 0x0403_4b50
    static let centralSignature: UInt32 = 0x0201_4b50
    static let endSignature: UInt32 = 0x0605_4b50
    /// Names are UTF-8.
    static let nameFlag: UInt16 = 1 << 11
    private static let date: UInt16 = 1 << 5 | 1
    private static let madeByUnix: UInt16 = 3 << 8 | 20

    package private(set) var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    /// An archive without entries.
    package init() {}

    /// Appends an entry; the name of a folder ends with a slash.
    package mutating func add(_ name: String, _ kind: Kind, _ data: [UInt8] = []) {
        let offset = bytes.count
        let checksum = data.withUnsafeBytes { ray_crc32($0.baseAddress, $0.count) }
        var common: [UInt8] = []
        common.append(little: UInt16(20))
        common.append(little: Self.nameFlag)
        common.append(little: UInt16(0))
        common.append(little: UInt16(0))
        common.append(little: Self.date)
        common.append(little: checksum)
        common.append(little: UInt32(data.count))
        common.append(little: UInt32(data.count))
        common.append(little: UInt16(name.utf8.count))
        common.append(little: UInt16(0))
        bytes.append(little: Self.localSignature)
        bytes += common
        bytes += name.utf8
        bytes += data
        directory.append(little: Self.centralSignature)
        directory.append(little: Self.madeByUnix)
        directory += common
        directory.append(little: UInt16(0))
        directory.append(little: UInt16(0))
        directory.append(little: UInt16(0))
        directory.append(little: kind.rawValue << 16 | (kind == .folder ? 0x10 : 0))
        directory.append(little: UInt32(offset))
        directory += name.utf8
        count += 1
    }

    /// Ends the archive and gives it.
    package consuming func finish() -> [UInt8] {
        let offset = bytes.count
        bytes += directory
        bytes.append(little: Self.endSignature)
        bytes.append(little: UInt16(0))
        bytes.append(little: UInt16(0))
        bytes.append(little: UInt16(count))
        bytes.append(little: UInt16(count))
        bytes.append(little: UInt32(directory.count))
        bytes.append(little: UInt32(offset))
        bytes.append(little: UInt16(0))
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append<Value: FixedWidthInteger>(little value: Value) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
