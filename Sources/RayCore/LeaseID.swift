//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A lease on a worker: 28 bytes, a little-endian counter and the first bytes of the caller's worker id.
package struct LeaseID: WideIdentifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64
    @usableFromInline package let word2: UInt64
    @usableFromInline package let tail: UInt32

    @inlinable package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ tail: UInt32) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.tail = tail
    }

    /// The id of lease number `counter` asked for by `owner`.
    package static func number(_ counter: UInt32, owner: WorkerID) -> LeaseID {
        LeaseID(
            UInt64(counter) | owner.word0 << 32, owner.word0 >> 32 | owner.word1 << 32,
            owner.word1 >> 32 | owner.word2 << 32, UInt32(truncatingIfNeeded: owner.word2 >> 32))
    }
}
