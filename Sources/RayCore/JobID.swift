//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A job: one driver program. 4 bytes, a little-endian counter given out by the GCS.
package struct JobID: Identifier {
    @usableFromInline package let value: UInt32

    package static let byteCount = 4

    package init(_ value: UInt32) { self.value = value }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 4, "a job id has 4 bytes")
        value = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
    }

    @inlinable package func store(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: value.littleEndian, as: UInt32.self)
    }

    @inlinable package var digest: UInt64 { UInt64(value) }

    package static func < (lhs: JobID, rhs: JobID) -> Bool { lhs.value < rhs.value }
}
