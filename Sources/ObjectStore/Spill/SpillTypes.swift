//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// When objects are written to disk.
package struct SpillPolicy: Hashable, Sendable {
    /// Share of the store that primary copies may take before the oldest of them are written ahead of need.
    package var threshold = 0.8
    /// Bytes that are written at a time if there are so many (at most an eighth of the store).
    package var batchBytesMin = 100 << 20
    /// Most objects in one file.
    package var batchObjectsMax = 2_000
    /// How long a creation waits for room while the disk takes nothing.
    package var graceMilliseconds = 2_000
    /// When writing is tried again after it failed.
    package var retryMilliseconds = 1_000

    package init() {}
}

/// Where the bytes of one object are in a file of spilled objects.
package struct SpilledObject: Hashable, Sendable {
    /// Which object.
    package var id: ObjectID
    /// The process that owns it.
    package var owner: WorkerID
    /// The sizes of its parts.
    package var layout: ObjectLayout
    /// Number of the file.
    package var file: UInt64
    /// Where its header begins in the file.
    package var offset: Int
    /// CRC-32C of each `blockBytes` of it.
    package var checksums: [UInt32]

    /// Bytes that have a checksum of their own, so that a piece can be read and checked without the rest.
    package static let blockBytes = 1 << 20

    package init(
        id: ObjectID, owner: WorkerID, layout: ObjectLayout, file: UInt64, offset: Int, checksums: [UInt32]
    ) {
        self.id = id
        self.owner = owner
        self.layout = layout
        self.file = file
        self.offset = offset
        self.checksums = checksums
    }
}

/// Why objects could not be written.
package struct SpillFailure: Error, Hashable, Sendable {
    /// What happened, as a sentence without an end; it names the folder.
    package var reason: String

    package init(reason: String) { self.reason = reason }
}

/// How much went to disk and came back since the store was made, and what is there now.
package struct SpillUsage: Hashable, Sendable {
    /// Bytes that were written.
    package var spilledBytes = 0
    /// Bytes that were read back into the store.
    package var restoredBytes = 0
    /// Objects on disk now.
    package var objectCount = 0
    /// Their bytes.
    package var bytesOnDisk = 0

    package init() {}
}

/// What is on disk and on its way there.
struct DiskState: Sendable {
    /// A file that is being written, with its objects in order.
    struct Writing: Hashable, Sendable {
        var file: UInt64
        var handles: [EntryHandle]
    }

    /// The disk takes nothing.
    struct Trouble: Hashable, Sendable {
        var reason: String
        var retryAt: Instant
    }

    var objects: [ObjectID: SpilledObject] = [:]
    /// Objects in each file that are still of use; a file without any is deleted.
    var liveCounts: [UInt64: Int] = [:]
    var filesMade: UInt64 = 0
    var writing: Writing?
    var trouble: Trouble?
    var usage = SpillUsage()
}

/// A range of the arena or the fallback file that a thread of its own reads or writes for the store.
///
/// Unchecked: the store lends the range until the answer to the request comes. An object that is written to disk is
/// held, so that its bytes stay; room that is read into is given to nobody else, whatever happens to its object.
/// `owner` and `mapping` keep the memory mapped.
package struct LentRange: @unchecked Sendable {
    package let bytes: UnsafeMutableRawBufferPointer
    private let owner: ArenaMapping
    private let mapping: FileMapping?

    init(_ bytes: UnsafeMutableRawBufferPointer, of owner: ArenaMapping, mapping: FileMapping?) {
        self.bytes = bytes
        self.owner = owner
        self.mapping = mapping
    }

    /// At most `count` bytes from `offset`, as many as there are.
    package func piece(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        let start = min(max(0, offset), bytes.count)
        let end = start + min(max(0, count), bytes.count - start)
        return UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
    }
}

/// What the store wants of the disk.
package enum SpillRequest: Sendable {
    /// Write the objects into a new file; answer with `ObjectStoreCore.Input.fileWritten`.
    case write(file: UInt64, [(entry: ObjectEntry, range: LentRange)])
    /// Read an object; answer with `ObjectStoreCore.Input.fileRead`.
    case read(EntryHandle, SpilledObject, into: LentRange)
    /// Delete a file.
    case delete(file: UInt64)
    /// Set blocks aside; answer with `ObjectStoreCore.Input.reserved`. In one order with `discard`.
    case reserve(EntryHandle, FallbackRange)
    /// Give blocks back.
    case discard(FallbackRange)
}
