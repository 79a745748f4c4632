//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// An object that is brought to this node because processes of it wait for it.
///
///     queued ──▶ connecting ──▶ asking ──▶ room ──▶ pulling ──▶ sealing ──▶ (local)
///       │            └────────────┴────────────────────┘  next location, or none left: (failed)
///       ├── local: a process of this node writes the object; if it gives up, the fetch is queued again
///       └── restoring: it comes from this node's disk; if it is damaged there, the fetch is queued
struct Fetch: Sendable {
    /// Where the fetch is.
    enum State: Hashable, Sendable {
        /// Too much is being pulled. Next: connecting, asking, local.
        case queued
        /// Waits for a link to the location. Next: asking, pulling, connecting.
        case connecting(until: Instant)
        /// Waits for the first piece, which tells the sizes. Next: room, connecting.
        case asking
        /// Waits for room in the store. Next: pulling.
        case room
        /// Pieces are under way. Next: sealing, connecting.
        case pulling
        /// All bytes are there; waits for the store. Next: gone.
        case sealing
        /// Waits for a process of this node to seal it. Next: queued, gone.
        case local
        /// Waits for the store to read it from disk. Next: queued, gone.
        case restoring
    }

    /// A process that waits, and for which request.
    struct Waiter: Hashable, Sendable {
        var worker: WorkerID
        var requestID: UInt64
    }

    /// A piece that was asked for.
    struct Piece: Sendable {
        var offset: Int
        var count: Int
        var deadline: Instant
    }

    var object: ObjectID
    var owner: WorkerID
    /// Where the owner is told of the copy; `Address.none` if the asker did not say.
    var ownerAddress = Address.none
    var waiters: [Waiter] = []
    var state = State.queued
    /// Locations not tried yet, the next one first.
    var locations: [Address] = []
    /// Locations that were tried or are being tried.
    var tried: Set<WorkerID> = []
    /// Locations that took a request and did not answer it in time: each is asked once more, after the others.
    var silent: Set<WorkerID> = []
    var current: Address?
    /// Why each location could not give it.
    var failures: [String] = []
    /// Known from the first piece.
    var sizes: ObjectSizes?
    /// The first piece, until there is room for it.
    var firstPiece: [UInt8] = []
    var roomToken: UInt64?
    /// Whether the store holds room for it.
    var hasRoom = false
    /// Pieces under way, by request id.
    var pieces: [UInt64: Piece] = [:]
    /// Pieces that a lost location owed.
    var owed: [Piece] = []
    var nextOffset = 0
    var receivedBytes = 0
    /// When a node was asked first, and the one that was asked last.
    var askedAt: Instant?
    var source: NodeID?

    /// Bytes that count against the limit of what is pulled at a time.
    func budgetBytes(chunkBytes: Int) -> Int {
        switch state {
        case .queued, .local, .restoring: 0
        default: sizes?.total ?? chunkBytes
        }
    }
}

/// An object that a process without a store pushes here.
struct Push: Sendable {
    var peer: WorkerID
    var owner: WorkerID
    var sizes: ObjectSizes
    /// The request for room.
    var token: UInt64
    var hasRoom = false
    /// Pieces that came before there was room.
    var held: [(offset: Int, bytes: [UInt8], requestID: UInt64)] = []
    /// Where the next piece must begin.
    var nextOffset = 0
    /// Whether all pieces came.
    var isComplete: Bool { nextOffset == sizes.total && hasBegun }
    /// Whether the first piece came; an empty object has one, too.
    var hasBegun = false
    /// Whether the store was told to seal it.
    var isSealing: Bool { hasRoom && isComplete }
}
