//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
package import RayWire

/// How one object of a finished `get` is to be had.
package enum ObjectOutcome: Sendable {
    case inline(RayObject)
    /// In the node's store, under this id.
    case local(ObjectID)
    case failed(RayError)
}

/// What a worker's driver does for its core, in the order given.
package enum WorkerEffect: Sendable {
    /// Make a link to this peer, unless there is one.
    case connect(Address)
    case send(Message, requestID: UInt64, to: WorkerID)
    /// What was sent before leaves this process now, even if it is being gathered.
    case flush
    /// Look into the node's store; answer with `located`.
    case locate(ObjectID)
    /// A `get` has ended.
    case completeGet(UInt64, [ObjectOutcome])
    /// A `wait` has ended.
    case completeWait(UInt64, [Bool])
    /// An answer to `request`, or why there is none.
    case completeRequest(UInt64, Result<Message, RayError>)
    /// Run a task; answer with `finished`.
    case execute(TaskSpec)
    /// Ask a task to end, or do not begin it at all; it still answers with `finished`.
    case cancelExecution(TaskID)
    /// Copy the object to the room at `offset` in the node's store.
    case write(ObjectID, RayObject, offset: UInt64)
    /// Tell the user something.
    case warn(String)
    /// A task of this process failed, and nobody will ever know.
    case unreadError(RayError)
    /// The actor's calls have ended, and so does it: the executor does what it wants to; answer with `farewellSaid`.
    case farewell
    /// The process has to end.
    case exit(reason: String)
    /// The process has nothing left to do: its loop ends, and it in its own way.
    case leave(reason: String)
    /// Free what nobody refers to any more; it may hold references to objects.
    case collectGarbage
}

/// The effects of a step, in order; the buffer is reused.
package struct WorkerEffects: Sendable {
    private var queue: Deque<WorkerEffect> = []
    /// Whether the head is away: what is said to it now is said again, or anew, when it is back.
    var isHeadAway = false

    package init() {}

    /// All that are to be performed, copied.
    package var items: [WorkerEffect] { Array(queue) }
    package var isEmpty: Bool { queue.isEmpty }

    package mutating func append(_ effect: consuming WorkerEffect) { queue.append(effect) }

    /// Takes out the first one, to be performed before what follows from that is appended.
    package mutating func next() -> WorkerEffect? { queue.popFirst() }

    /// Sends to a peer that is known to have a link.
    mutating func send(_ message: consuming Message, to peer: WorkerID, requestID: UInt64 = 0) {
        if isHeadAway, peer == .gcs { return }
        queue.append(.send(message, requestID: requestID, to: peer))
    }

    /// Sends to a peer, making a link first where there is none.
    mutating func send(_ message: consuming Message, to address: Address, requestID: UInt64 = 0) {
        queue.append(.connect(address))
        queue.append(.send(message, requestID: requestID, to: address.worker))
    }
}
