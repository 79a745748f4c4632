//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// The id of an object, 28 bytes in Ray's layout.
package struct ObjectKey: Hashable, Sendable {
    /// How many bytes an id has.
    package static let byteCount = 28
    private var words: (UInt64, UInt64, UInt64, UInt32) = (0, 0, 0, 0)

    /// Reads an id; nothing if it has not so many bytes.
    package init?(_ bytes: ByteBuffer) {
        guard bytes.readableBytes == Self.byteCount else { return nil }
        self = bytes.withUnsafeReadableBytes { Self(bytes: $0) }
    }

    /// Reads the first 28 of the bytes.
    package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= Self.byteCount)
        withUnsafeMutableBytes(of: &words) { words in
            UnsafeMutableRawBufferPointer(rebasing: words[..<Self.byteCount]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }

    /// Its bytes.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Self.byteCount])) }
    }

    /// Its bytes, in a buffer.
    package var buffer: ByteBuffer { withBytes { ByteBuffer(bytes: $0) } }

    package static func == (one: Self, other: Self) -> Bool { one.words == other.words }

    package func hash(into hasher: inout Hasher) {
        // Ids of one call differ in the last word, those of calls in the first two.
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.3)
    }
}
