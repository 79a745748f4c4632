//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import RayObjectStore

/// What stands before each object in a file of spilled objects, all numbers little-endian:
///
///     "RAYO"  version  id  owner  data size  metadata size  contained size  blocks   checksums    checksum of these
///     4       4        28  28     8          4              4               4        4 per block  4
///
/// A block is a MiB of the object, the last one may be shorter. The checksums are CRC-32C.
enum SpillHeader {
    private static let fixedBytes = 84
    private static let magic: UInt32 = 0x4f59_4152
    private static let version: UInt32 = 1

    /// Bytes of the object's header.
    static func size(of object: SpilledObject) -> Int { fixedBytes + object.checksums.count * 4 + 4 }

    /// The header of an object.
    static func bytes(of object: SpilledObject) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size(of: object))
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(magic)
        append(version)
        bytes += object.id.bytes
        bytes += object.owner.bytes
        append(UInt64(object.layout.dataSize))
        append(UInt32(object.layout.metadataSize))
        append(UInt32(object.layout.containedSize))
        append(UInt32(object.checksums.count))
        for checksum in object.checksums { append(checksum) }
        append(bytes.withUnsafeBytes { checksum(of: $0) })
        return bytes
    }

    /// Whether the file has the header that was written for the object.
    static func read(_ object: SpilledObject, from descriptor: Int32) -> Bool {
        let expected = bytes(of: object)
        var found = [UInt8](repeating: 0, count: expected.count)
        let isRead = found.withUnsafeMutableBytes { SpillFiles.read($0, from: descriptor, at: object.offset) }
        return isRead && found == expected
    }

    /// The checksum of each block.
    static func checksums(of bytes: UnsafeRawBufferPointer) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: SpilledObject.blockBytes).map { start in
            let end = min(start + SpilledObject.blockBytes, bytes.count)
            return checksum(of: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    private static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        bytes.baseAddress.map { ray_crc32c($0, bytes.count) } ?? 0
    }
}
