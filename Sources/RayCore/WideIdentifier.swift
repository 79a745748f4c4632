//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// An identifier of 28 bytes: Ray's `UniqueID`, and what is as long.
package protocol WideIdentifier: Identifier {
    /// The first 24 bytes, little-endian.
    var word0: UInt64 { get }
    var word1: UInt64 { get }
    var word2: UInt64 { get }
    /// The last 4 bytes, little-endian.
    var tail: UInt32 { get }
    /// An identifier of these words.
    init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ tail: UInt32)
}

extension WideIdentifier {
    @inlinable package static var byteCount: Int { 28 }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 28, "this kind of identifier has 28 bytes")
        self.init(
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)))
    }

    @inlinable package func store(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: word0.littleEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: word1.littleEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: word2.littleEndian, toByteOffset: 16, as: UInt64.self)
        bytes.storeBytes(of: tail.littleEndian, toByteOffset: 24, as: UInt32.self)
    }

    /// The words, mixed into one.
    @inlinable package var digest: UInt64 {
        word0
            ^ (word1 &* 0x9e37_79b9_7f4a_7c15)
            ^ (word2 &* 0x9e37_79b9_7f4a_7c15)
            ^ (UInt64(tail) &* 0xc2b2_ae3d_27d4_eb4f)
    }

    /// Orders by bytes, so that sorting does not depend on the machine.
    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0.byteSwapped < rhs.word0.byteSwapped }
        if lhs.word1 != rhs.word1 { return lhs.word1.byteSwapped < rhs.word1.byteSwapped }
        if lhs.word2 != rhs.word2 { return lhs.word2.byteSwapped < rhs.word2.byteSwapped }
        return lhs.tail.byteSwapped < rhs.tail.byteSwapped
    }

    /// A fresh random id.
    package static func random(using generator: inout some RandomNumberGenerator) -> Self {
        Self(
            generator.next(), generator.next(), generator.next(),
            UInt32(truncatingIfNeeded: generator.next()))
    }
}
