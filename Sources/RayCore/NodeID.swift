//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A node of the cluster: 28 random bytes.
package struct NodeID: Identifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64
    @usableFromInline package let word2: UInt64
    @usableFromInline package let tail: UInt32

    package static let byteCount = 28

    @inlinable package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ tail: UInt32) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.tail = tail
    }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 28, "a NodeID has 28 bytes")
        word0 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        word1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        word2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        tail = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
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
    package static func < (lhs: NodeID, rhs: NodeID) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0.byteSwapped < rhs.word0.byteSwapped }
        if lhs.word1 != rhs.word1 { return lhs.word1.byteSwapped < rhs.word1.byteSwapped }
        if lhs.word2 != rhs.word2 { return lhs.word2.byteSwapped < rhs.word2.byteSwapped }
        return lhs.tail.byteSwapped < rhs.tail.byteSwapped
    }

    /// A fresh random id.
    package static func random(using generator: inout some RandomNumberGenerator) -> NodeID {
        NodeID(
            generator.next(), generator.next(), generator.next(),
            UInt32(truncatingIfNeeded: generator.next()))
    }
}
