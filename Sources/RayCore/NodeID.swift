//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A node of the cluster: 28 random bytes.
package struct NodeID: WideIdentifier {
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
}
