//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// An actor as its callers must know it.
package struct ActorState: Hashable, Sendable, WireCodable {
    package var id: ActorID
    package var phase: ActorPhase
    /// Where it runs, while alive.
    package var address: Address
    /// How often it was started before.
    package var incarnation: UInt32
    /// Why it is dead.
    package var error: RayError?
    package var className: FunctionDescriptor
    package var taskRetriesMax: Int
    package var name: String
    package var namespace: String

    package init(
        id: ActorID, phase: ActorPhase, address: Address, incarnation: UInt32, error: RayError? = nil,
        className: FunctionDescriptor, taskRetriesMax: Int, name: String, namespace: String
    ) {
        self.id = id
        self.phase = phase
        self.address = address
        self.incarnation = incarnation
        self.error = error
        self.className = className
        self.taskRetriesMax = taskRetriesMax
        self.name = name
        self.namespace = namespace
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(phase)
        writer.write(address)
        writer.write(incarnation)
        writer.write(optional: error)
        writer.write(className)
        writer.write(taskRetriesMax)
        writer.write(name)
        writer.write(namespace)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = try reader.identifier()
        phase = try reader.value()
        address = try reader.value()
        incarnation = try reader.uint32()
        error = try reader.optionalValue()
        className = try reader.value()
        taskRetriesMax = try reader.int()
        name = try reader.string()
        namespace = try reader.string()
    }
}

/// Creator to GCS. Repeating it is harmless. Answered by `ActorUpdate`s.
package struct CreateActor: Hashable, Sendable, WireCodable {
    package var spec: ActorSpec

    package init(spec: ActorSpec) {
        self.spec = spec
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(spec)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spec = try reader.value()
    }
}

/// Caller to GCS: send the state now and when it changes.
package struct SubscribeActor: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    /// The process that creates it, or will when the initialiser's arguments exist; none if that is not known.
    package var creator: WorkerID

    package init(actor: ActorID, creator: WorkerID = .none) {
        self.actor = actor
        self.creator = creator
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        if !creator.isNone { writer.write(creator) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        creator = try reader.added(.none) { (reader: inout WireReader) throws(WireError) in try reader.identifier() }
    }
}

/// GCS to subscribers.
package struct ActorUpdate: Hashable, Sendable, WireCodable {
    package var state: ActorState
    /// Calls that one caller may have under way; -1 without limit.
    package var pendingCallsMax: Int
    /// Whether calls may begin before earlier ones of their caller that wait for their arguments.
    package var isUnordered: Bool

    package init(state: ActorState, pendingCallsMax: Int = -1, isUnordered: Bool = false) {
        self.state = state
        self.pendingCallsMax = pendingCallsMax
        self.isUnordered = isUnordered
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(state)
        writer.write(pendingCallsMax)
        if isUnordered { writer.write(isUnordered) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        state = try reader.value()
        pendingCallsMax = try reader.added(-1) { (reader: inout WireReader) throws(WireError) in try reader.int() }
        isUnordered = try reader.added(false) { (reader: inout WireReader) throws(WireError) in try reader.bool() }
    }
}

/// Anyone to GCS: a named actor. Answered by `ActorFound` with the same request id.
package struct LookUpActor: Hashable, Sendable, WireCodable {
    package var name: String
    package var namespace: String

    package init(name: String, namespace: String) {
        self.name = name
        self.namespace = namespace
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(namespace)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        name = try reader.string()
        namespace = try reader.string()
    }
}

/// GCS: the actor, or nothing.
package struct ActorFound: Hashable, Sendable, WireCodable {
    package var state: ActorState?
    /// The process that keeps the count of the actor's handles.
    package var creator: Address

    package init(state: ActorState? = nil, creator: Address = .none) {
        self.state = state
        self.creator = creator
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: state)
        writer.write(creator)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        state = try reader.optionalValue()
        creator = try reader.added(Address.none) { (reader: inout WireReader) throws(WireError) in try reader.value() }
    }
}

/// Anyone to GCS. Answered by `Done` with the same request id.
package struct KillActor: Hashable, Sendable, WireCodable {
    package var actor: ActorID
    /// Whether it may be started again.
    package var restart: Bool

    package init(actor: ActorID, restart: Bool) {
        self.actor = actor
        self.restart = restart
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(restart)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        restart = try reader.bool()
    }
}

/// Answer to a request that returns nothing: success or why not.
package struct Done: Hashable, Sendable, WireCodable {
    package var error: RayError?

    package init(error: RayError? = nil) {
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        error = try reader.optionalValue()
    }
}

/// GCS to worker: run the initialiser and live.
package struct StartActor: Hashable, Sendable, WireCodable {
    package var spec: ActorSpec
    package var incarnation: UInt32
    package var lease: LeaseID

    package init(spec: ActorSpec, incarnation: UInt32, lease: LeaseID) {
        self.spec = spec
        self.incarnation = incarnation
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(spec)
        writer.write(incarnation)
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spec = try reader.value()
        incarnation = try reader.uint32()
        lease = try reader.identifier()
    }
}

/// Worker to GCS: the initialiser ended, or threw.
package struct ActorStarted: Hashable, Sendable, WireCodable {
    /// Bytes of what an actor says it is that are kept.
    package static let shownNameBytesMax = 500

    package var actor: ActorID
    package var incarnation: UInt32
    package var error: RayError?
    /// How the actor shows itself, if its class says how; else empty.
    package var shownName: String

    package init(actor: ActorID, incarnation: UInt32, error: RayError? = nil, shownName: String = "") {
        self.actor = actor
        self.incarnation = incarnation
        self.error = error
        self.shownName = shownName
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(actor)
        writer.write(incarnation)
        writer.write(optional: error)
        writer.write(shownName)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        actor = try reader.identifier()
        incarnation = try reader.uint32()
        error = try reader.optionalValue()
        shownName = try reader.added("") { (reader: inout WireReader) throws(WireError) in try reader.string() }
    }
}

/// Where an actor is in its life.
///
///     pending ──▶ alive ──▶ restarting ──▶ alive
///        │          │            │
///        └──────────┴────────────┴──────▶ dead
package enum ActorPhase: UInt8, Hashable, Sendable, WireCodable {
    /// Waits for a worker or for its initialiser. Next: alive, dead.
    case pending = 0
    /// Takes calls. Next: restarting, dead.
    case alive = 1
    /// Its worker died; another is being started. Next: alive, dead.
    case restarting = 2
    /// Takes no calls ever again.
    case dead = 3

    package func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let phase = ActorPhase(rawValue: number) else { throw .unknownCase("ActorPhase", Int(number)) }
        self = phase
    }
}
