//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Anyone to an actor's process: make an object of your own of this value. Answered by `HandedOver`.
///
/// The asker holds the value, and what it contains, until the answer.
package struct HandOver: Hashable, Sendable, WireCodable {
    /// Given back with the answer; unique for the asker.
    package var token: UInt64
    package var actor: ActorID
    /// How often the actor was started before.
    package var incarnation: UInt32
    /// The value itself where it is small, else where to get it.
    package var object: TaskArgument

    package init(token: UInt64, actor: ActorID, incarnation: UInt32, object: TaskArgument) {
        self.token = token
        self.actor = actor
        self.incarnation = incarnation
        self.object = object
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(actor)
        writer.write(incarnation)
        writer.write(object)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.uint64()
        actor = try reader.identifier()
        incarnation = try reader.uint32()
        object = try reader.value()
    }
}

/// The answer to `HandOver`: the new object, which counts the asker as a borrower already, or why there is none.
package struct HandedOver: Hashable, Sendable, WireCodable {
    package var token: UInt64
    package var object: ObjectReference?
    package var error: RayError?

    package init(token: UInt64, object: ObjectReference? = nil, error: RayError? = nil) {
        self.token = token
        self.object = object
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(optional: object)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.uint64()
        object = try reader.optionalValue()
        error = try reader.optionalValue()
    }
}

/// Worker to its raylet: let the bytes of one object be another one, too, which the worker owns. Nothing is copied.
/// Answered by `ObjectShared`.
package struct ShareObject: Hashable, Sendable, WireCodable {
    /// In the node's store.
    package var source: ObjectID
    /// The new one.
    package var object: ObjectID

    package init(source: ObjectID, object: ObjectID) {
        self.source = source
        self.object = object
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(source)
        writer.write(object)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        source = try reader.identifier()
        object = try reader.identifier()
    }
}

/// The answer to `ShareObject`.
package struct ObjectShared: Hashable, Sendable, WireCodable {
    /// The new object.
    package var object: ObjectID
    /// Bytes of its data.
    package var byteCount: Int
    /// The references inside it, as they lie behind it in the store.
    package var contained: [UInt8]
    /// Why there is none; `objectLost` if the source is not in the store.
    package var error: RayError?

    package init(object: ObjectID, byteCount: Int = 0, contained: [UInt8] = [], error: RayError? = nil) {
        self.object = object
        self.byteCount = byteCount
        self.contained = contained
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(byteCount)
        writer.write(contained)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        byteCount = try reader.count()
        contained = try reader.byteArray()
        error = try reader.optionalValue()
    }
}
