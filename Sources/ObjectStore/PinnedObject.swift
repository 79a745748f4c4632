//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// A stored object that this process reads: its bytes stay in place and unchanged while this value lives.
///
/// Sendable, though it holds a pointer: the bytes behind it are never written while the pin stands, and the pin stands
/// until `deinit`. The store, and with it the mapping, lives at least as long; `mapping` changes in `deinit` only.
package final class PinnedObject: @unchecked Sendable {
    private let store: ObjectStoreClient
    private let pinPosition: Int
    private let pinWord: UInt64
    /// What maps the bytes if they are not in the arena.
    private var mapping: FileMapping?
    /// Data, metadata and contained references.
    private let bytes: UnsafeRawBufferPointer
    /// The sizes of the parts.
    package let layout: ObjectLayout
    /// Where the object begins in the data part; two objects that are alive never share it.
    package let offset: Int

    init(
        store: ObjectStoreClient, pinPosition: Int, pinWord: UInt64, bytes: UnsafeRawBufferPointer,
        mapping: FileMapping?, layout: ObjectLayout, offset: Int
    ) {
        precondition(bytes.count == layout.totalSize, "the bytes of the whole object")
        self.store = store
        self.pinPosition = pinPosition
        self.pinWord = pinWord
        self.bytes = bytes
        self.mapping = mapping
        self.layout = layout
        self.offset = offset
    }

    deinit {
        mapping = nil
        store.dropPin(pinPosition, pinWord)
    }

    /// Number of data bytes.
    package var byteCount: Int { layout.dataSize }

    /// What kind of bytes.
    package var metadata: [UInt8] { Array(bytes[layout.dataSize..<(layout.dataSize + layout.metadataSize)]) }

    /// The encoded contained references, as their writer gave them.
    package var contained: [UInt8] { Array(bytes[(layout.dataSize + layout.metadataSize)...]) }

    /// Lends the data bytes, which begin at an address divisible by 64.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        // Without this the object could be let go, and its bytes reused, while `body` still reads them.
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(rebasing: bytes[..<layout.dataSize])) }
    }
}

/// A number that several threads may read and write; a lost write does no harm.
final class PinHint: Sendable {
    private let atomic = Atomic<Int>(0)

    var value: Int {
        get { atomic.load(ordering: .relaxed) }
        set { atomic.store(newValue, ordering: .relaxed) }
    }
}
