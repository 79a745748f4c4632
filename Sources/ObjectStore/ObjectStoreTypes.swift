//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A process that uses the store: the index of its slot in the arena, or the raylet itself.
package struct StoreClient: Hashable, Sendable, CustomStringConvertible {
    /// Index of the slot.
    package let index: UInt32

    package init(index: UInt32) { self.index = index }

    /// The raylet: it writes objects that come from other nodes or from disk, and has no slot.
    package static let raylet = StoreClient(index: .max)

    /// The raylet's reader of spilled objects: apart from the raylet, so that neither ends what the other writes.
    package static let disk = StoreClient(index: .max - 1)

    /// For messages.
    package var description: String {
        switch self {
        case .raylet: "the raylet"
        case .disk: "the reader of spilled objects"
        default: "client \(index)"
        }
    }
}

/// One use of a table entry: the entry's index and how often it was used before.
///
/// An old handle never means a later object in the same entry.
package struct EntryHandle: Hashable, Sendable {
    /// Index in the table.
    package var index: UInt32
    /// Grows by one with each use of the entry.
    package var generation: UInt64

    package init(index: UInt32, generation: UInt64) {
        self.index = index
        self.generation = generation
    }
}

/// The parts of an object in one range of the arena: data, then metadata, then contained references.
package struct ObjectLayout: Hashable, Sendable {
    /// Bytes of data, from the beginning of the range.
    package var dataSize: Int
    /// Bytes of metadata, directly after the data.
    package var metadataSize: Int
    /// Bytes of the encoded contained references, directly after the metadata.
    package var containedSize: Int

    package init(dataSize: Int, metadataSize: Int = 0, containedSize: Int = 0) {
        self.dataSize = dataSize
        self.metadataSize = metadataSize
        self.containedSize = containedSize
    }

    /// Bytes in all, or nothing if a part is negative or too large for the table.
    package var totalSize: Int? {
        guard dataSize >= 0, metadataSize >= 0, containedSize >= 0,
            metadataSize <= Int(UInt32.max), containedSize <= Int(UInt32.max)
        else { return nil }
        let (total, overflow) = dataSize.addingReportingOverflow(metadataSize + containedSize)
        return overflow ? nil : total
    }
}

/// A sealed object as the table shows it.
package struct ObjectEntry: Hashable, Sendable {
    /// Which object.
    package var id: ObjectID
    /// The process that owns it.
    package var owner: WorkerID
    /// Where the object begins, from the beginning of the data part.
    package var offset: Int
    /// The sizes of its parts.
    package var layout: ObjectLayout

    package init(id: ObjectID, owner: WorkerID, offset: Int, layout: ObjectLayout) {
        self.id = id
        self.owner = owner
        self.offset = offset
        self.layout = layout
    }
}

/// Why an object is no longer in the store.
package enum RemovalReason: Hashable, Sendable {
    /// Its owner let it go.
    case freed
    /// A copy that others have made room for something else.
    case evicted
    /// Its owner died.
    case ownerDied
    /// Its job ended.
    case jobEnded
    /// Its writer gave up or died before it was sealed.
    case aborted
}
