//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What the raylet keeps for each process of its node that reported.
struct StoreClientState: Sendable {
    /// Objects for which it has room or asked for room.
    var creations: Set<ObjectID> = []
    /// Its slot in the arena, once it has asked for room.
    var slot: UInt32?
    /// Its slot once it has ended: it goes when all is read that it said.
    var leftSlot: UInt32?
}

/// An object that a process of this node is writing.
///
///     asking ──▶ writing ──▶ sealing ──▶ (sealed)
///        └──────────┴──▶ (aborted)
struct ObjectCreation: Sendable {
    /// Where the object is in its making.
    enum State: Hashable, Sendable {
        /// The store was asked for room. Next: writing, or gone.
        case asking
        /// The client writes. Next: sealing, or gone.
        case writing
        /// The store was told; its word is awaited. Next: gone.
        case sealing
    }

    var client: WorkerID
    var owner: WorkerID
    /// The client's slot in the arena.
    var slot: UInt32
    var requestID: UInt64
    var sizes: ObjectSizes
    var state = State.asking
    /// The owner let it go while it is being written; its room is given back only when the writer is done with it.
    var isUnwanted = false
    /// Processes that want to write the object after this one: attempts of its task that came later.
    var successors: [HeldCreation] = []
    /// Pieces that others asked for before it was sealed: a reply can overtake the seal on another link.
    var pulls: [HeldPull] = []
}

/// A wish to write an object that another process is writing.
struct HeldCreation: Sendable {
    var create: CreateObject
    var requestID: UInt64
    var client: WorkerID
}

/// Room that the store was asked for and has not answered about.
struct StoreRequest: Sendable {
    var object: ObjectID
    /// The writer's slot; nothing if the raylet writes.
    var slot: UInt32?
    /// Nobody wants the room any more: it goes back as soon as it is given.
    var isAbandoned = false
}

/// A request for a piece of an object that is not sealed yet.
struct HeldPull: Sendable {
    var object: ObjectID
    var offset: Int
    var count: Int
    var peer: WorkerID
    var requestID: UInt64
}
