//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Worker or driver to its raylet: it lives.
package struct WorkerReady: Hashable, Sendable, WireCodable {
    package var address: Address
    package var processID: Int32
    /// What the raylet gave it at its start; 0 for a driver.
    package var startToken: UInt64

    package init(address: Address, processID: Int32, startToken: UInt64) {
        self.address = address
        self.processID = processID
        self.startToken = startToken
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(address)
        writer.write(processID)
        writer.write(startToken)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        address = try reader.value()
        processID = try reader.int32()
        startToken = try reader.uint64()
    }
}

/// Raylet to worker or driver.
package struct WorkerAccepted: Hashable, Sendable, WireCodable {
    package var error: RayError?
    package var storeCapacity: Int
    /// What the worker was started with; its tasks' children inherit it.
    package var environment: RuntimeEnvironmentSpec?

    package init(error: RayError? = nil, storeCapacity: Int) {
        self.error = error
        self.storeCapacity = storeCapacity
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: error)
        writer.write(storeCapacity)
        if environment != nil { writer.write(optional: environment) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        error = try reader.optionalValue()
        storeCapacity = try reader.count()
        environment = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
            try reader.optionalValue()
        }
    }
}

/// To the raylet: room is wanted. Answered by `ObjectCreated` with the same request id.
package struct CreateObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var owner: WorkerID
    /// The store client's slot.
    package var slot: UInt32
    package var dataBytes: Int
    package var metadataBytes: Int
    package var containedBytes: Int

    package init(
        object: ObjectID, owner: WorkerID, slot: UInt32, dataBytes: Int, metadataBytes: Int, containedBytes: Int
    ) {
        self.object = object
        self.owner = owner
        self.slot = slot
        self.dataBytes = dataBytes
        self.metadataBytes = metadataBytes
        self.containedBytes = containedBytes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(owner)
        writer.write(slot)
        writer.write(dataBytes)
        writer.write(metadataBytes)
        writer.write(containedBytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        owner = try reader.identifier()
        slot = try reader.uint32()
        dataBytes = try reader.int()
        metadataBytes = try reader.int()
        containedBytes = try reader.int()
    }
}

/// From the raylet: where the room is, or why there is none.
package struct ObjectCreated: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var offset: UInt64
    package var error: RayError?

    package init(object: ObjectID, offset: UInt64, error: RayError? = nil) {
        self.object = object
        self.offset = offset
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(offset)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        offset = try reader.uint64()
        error = try reader.optionalValue()
    }
}

/// To the raylet: the object is written.
package struct SealObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID

    package init(object: ObjectID) {
        self.object = object
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
    }
}

/// To the raylet: the object will not be written.
package struct AbortObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID

    package init(object: ObjectID) {
        self.object = object
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
    }
}

/// Owner to raylets: nobody needs these any more.
package struct FreeObjects: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}

/// Owner to the GCS: nodes that may have copies which nobody told it of; they are to free them.
package struct FreeStrays: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]
    package var nodes: [NodeID]

    package init(objects: [ObjectID], nodes: [NodeID]) {
        self.objects = objects
        self.nodes = nodes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
        writer.write(list: nodes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
        nodes = try reader.identifiers()
    }
}

/// To the raylet: bring the object here. Answered by `ObjectLocal`.
package struct FetchObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var owner: WorkerID
    /// Raylets that hold it.
    package var locations: [Address]
    /// Where the owner is told of the copy.
    package var ownerAddress: Address

    package init(object: ObjectID, owner: WorkerID, locations: [Address], ownerAddress: Address = .none) {
        self.object = object
        self.owner = owner
        self.locations = locations
        self.ownerAddress = ownerAddress
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(owner)
        writer.write(list: locations)
        writer.write(ownerAddress)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        owner = try reader.identifier()
        locations = try reader.values()
        ownerAddress = try reader.added(.none) { (reader: inout WireReader) throws(WireError) in try reader.value() }
    }
}

/// From the raylet: it is in the node's store, or why not.
package struct ObjectLocal: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var error: RayError?
    /// Where it was looked for in vain.
    package var lost: [NodeID]

    package init(object: ObjectID, error: RayError? = nil, lost: [NodeID] = []) {
        self.object = object
        self.error = error
        self.lost = lost
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(optional: error)
        writer.write(list: lost)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        error = try reader.optionalValue()
        lost = try reader.added([]) { (reader: inout WireReader) throws(WireError) in try reader.identifiers() }
    }
}

/// Raylet to worker: end.
package struct ExitWorker: Hashable, Sendable, WireCodable {
    package var reason: String

    package init(reason: String) {
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        reason = try reader.string()
    }
}

/// Raylet or outside driver to a raylet that holds the object. Answered by `ObjectChunk`.
package struct PullChunk: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var offset: Int
    package var count: Int

    package init(object: ObjectID, offset: Int, count: Int) {
        self.object = object
        self.offset = offset
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(offset)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        offset = try reader.int()
        count = try reader.int()
    }
}

/// A piece of an object; data, metadata and contained references in one run of bytes.
package struct ObjectChunk: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var offset: Int
    package var dataBytes: Int
    package var metadataBytes: Int
    package var containedBytes: Int
    package var bytes: [UInt8]
    package var error: RayError?

    package init(
        object: ObjectID, offset: Int, dataBytes: Int, metadataBytes: Int, containedBytes: Int, bytes: [UInt8],
        error: RayError? = nil
    ) {
        self.object = object
        self.offset = offset
        self.dataBytes = dataBytes
        self.metadataBytes = metadataBytes
        self.containedBytes = containedBytes
        self.bytes = bytes
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(offset)
        writer.write(dataBytes)
        writer.write(metadataBytes)
        writer.write(containedBytes)
        writer.write(bytes)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        offset = try reader.int()
        dataBytes = try reader.int()
        metadataBytes = try reader.int()
        containedBytes = try reader.int()
        bytes = try reader.byteArray()
        error = try reader.optionalValue()
    }
}

/// Outside driver to a raylet: a piece of an object to keep. Answered by `ChunkStored`.
package struct PushChunk: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var owner: WorkerID
    package var offset: Int
    package var dataBytes: Int
    package var metadataBytes: Int
    package var containedBytes: Int
    package var bytes: [UInt8]

    package init(
        object: ObjectID, owner: WorkerID, offset: Int, dataBytes: Int, metadataBytes: Int, containedBytes: Int,
        bytes: [UInt8]
    ) {
        self.object = object
        self.owner = owner
        self.offset = offset
        self.dataBytes = dataBytes
        self.metadataBytes = metadataBytes
        self.containedBytes = containedBytes
        self.bytes = bytes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(owner)
        writer.write(offset)
        writer.write(dataBytes)
        writer.write(metadataBytes)
        writer.write(containedBytes)
        writer.write(bytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        owner = try reader.identifier()
        offset = try reader.int()
        dataBytes = try reader.int()
        metadataBytes = try reader.int()
        containedBytes = try reader.int()
        bytes = try reader.byteArray()
    }
}

/// Raylet: the piece is there; sealed when it was the last one.
package struct ChunkStored: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var offset: Int
    package var error: RayError?

    package init(object: ObjectID, offset: Int, error: RayError? = nil) {
        self.object = object
        self.offset = offset
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(offset)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        offset = try reader.int()
        error = try reader.optionalValue()
    }
}

/// Worker to raylet: it stays, because others depend on what it owns.
package struct ExitDeclined: Hashable, Sendable, WireCodable {
    package init() {}

    package func encode(into writer: inout WireWriter) {}

    package init(from reader: inout WireReader) throws(WireError) {}
}
