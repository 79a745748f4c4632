//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Creator to GCS: nobody holds a handle of this actor any more. It ends when its calls have, unless it is detached.
package struct ReleaseActor: Hashable, Sendable, WireCodable {
    package var actor: ActorID

    package init(actor: ActorID) { self.actor = actor }

    package func encode(into writer: inout WireWriter) { writer.write(actor) }

    package init(from reader: inout WireReader) throws(WireError) { actor = try reader.identifier() }
}

/// Creator to GCS: this actor, of which others may have handles, will never be created.
package struct AbandonActor: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    package var error: RayError

    package init(actor: ActorID, error: RayError) {
        self.actor = actor
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        error = try reader.value()
    }
}

/// GCS to an actor's worker: begin no further calls after those that are here, and say when they have ended.
package struct DrainActor: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    package var incarnation: UInt32
    package var reason: String

    package init(actor: ActorID, incarnation: UInt32, reason: String) {
        self.actor = actor
        self.incarnation = incarnation
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(incarnation)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        incarnation = try reader.uint32()
        reason = try reader.string()
    }
}

/// An actor's worker to GCS: the actor has ended of its own will, for good.
package struct ActorExited: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    package var incarnation: UInt32
    package var reason: String

    package init(actor: ActorID, incarnation: UInt32, reason: String) {
        self.actor = actor
        self.incarnation = incarnation
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(incarnation)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        incarnation = try reader.uint32()
        reason = try reader.string()
    }
}

/// An actor's worker to GCS: the initialiser waits for an argument that is made again, which may need what the actor has
/// taken.
package struct ActorDelayed: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    package var incarnation: UInt32

    package init(actor: ActorID, incarnation: UInt32) {
        self.actor = actor
        self.incarnation = incarnation
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(incarnation)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        incarnation = try reader.uint32()
    }
}
