//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A placement group: 14 random bytes, then the 4 bytes of the job that created it.
package struct PlacementGroupID: Identifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64
    @usableFromInline package let tail: UInt16

    /// The words, mixed into one.
    @inlinable package var digest: UInt64 {
        word0 ^ (word1 &* 0x9e37_79b9_7f4a_7c15) ^ (UInt64(tail) &* 0xc2b2_ae3d_27d4_eb4f)
    }

    package static let byteCount = 18

    @inlinable package init(_ word0: UInt64, _ word1: UInt64, _ tail: UInt16) {
        self.word0 = word0
        self.word1 = word1
        self.tail = tail
    }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 18, "a PlacementGroupID has 18 bytes")
        word0 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        word1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        tail = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
    }

    @inlinable package func store(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: word0.littleEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: word1.littleEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: tail.littleEndian, toByteOffset: 16, as: UInt16.self)
    }

    /// Orders by bytes, so that sorting does not depend on the machine.
    package static func < (lhs: PlacementGroupID, rhs: PlacementGroupID) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0.byteSwapped < rhs.word0.byteSwapped }
        if lhs.word1 != rhs.word1 { return lhs.word1.byteSwapped < rhs.word1.byteSwapped }
        return lhs.tail.byteSwapped < rhs.tail.byteSwapped
    }

    /// A fresh id in `job`.
    package static func random(
        job: JobID, using generator: inout some RandomNumberGenerator
    ) -> PlacementGroupID {
        let word0 = generator.next()
        let low = generator.next() & 0xffff_ffff_ffff
        let value = UInt64(job.value)
        return PlacementGroupID(word0, low | value << 48, UInt16(truncatingIfNeeded: value >> 16))
    }

    /// The job that created the group.
    package var job: JobID { JobID(UInt32(truncatingIfNeeded: word1 >> 48 | UInt64(tail) << 16)) }
}
