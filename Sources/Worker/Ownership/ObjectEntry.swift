//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What a process knows of one object that it owns or borrows.
///
///     owned:     pending ──▶ inline | stored | failed
///     borrowed:  pending ──(the node's store has it, or the owner answered)──▶ inline | stored | failed
package struct ObjectEntry: Sendable {
    /// Whether and where the value is.
    package enum Value: Sendable {
        /// Not made yet, or (borrowed) not known yet.
        case pending
        /// In this process.
        case inline(RayObject)
        /// In the stores of these raylets' nodes.
        case stored(at: [Address], byteCount: Int)
        /// It will never be there.
        case failed(RayError)
    }

    /// Whether the store of this process's own node holds it.
    package enum Presence: Sendable {
        /// Not looked yet.
        case unknown
        /// The driver is looking.
        case locating
        case absent
        /// The raylet was asked to bring it.
        case fetching
        case present
    }

    /// Whether the owner of a borrowed object counts this process.
    ///
    ///     none ──▶ held ──▶ none
    ///               ▲└──▶ returning ──▶ none
    ///               └──────────┘
    package enum Registration: Sendable {
        /// Not told. Next: held.
        case none
        /// Told. Next: returning, or none where that can be said at once.
        case held
        /// No longer held, but others must know more first. Next: none, or held again.
        case returning
    }

    /// What a stored value of this process can be made from again, should it be lost.
    package enum Origin: UInt8, Sendable {
        /// It was put, or is not in a store.
        case other
        /// The task, whose record is in the lineage table unless it was evicted.
        case task
        /// Nothing: its task is never run again.
        case retriesDisabled
        /// Nothing: its task was run again as often as it may.
        case retriesUsed
    }

    /// Who wants to hear when the entry changes.
    package enum Waiter: Hashable, Sendable {
        /// A `get`: wants the value at hand.
        case get(UInt64)
        /// A `wait`: wants to know that it exists.
        case wait(UInt64)
        /// A `wait` that brings objects to this node: wants the value at hand.
        case fetch(UInt64)
        /// A task not yet submitted, whose argument it is: wants to know that it exists.
        case dependency(TaskID)
        /// A task pushed to this worker: wants the value at hand.
        case argument(TaskID)
        /// A borrower.
        case query(WorkerID)
        /// The value is to be handed to an actor: wants to know that it exists.
        case handOver(UInt64)
        /// This process is to own an object of this value: wants it at hand. Who asked, and its token.
        case taking(WorkerID, UInt64)

        /// Whether the value is wanted at hand, and not only that it exists.
        package var wantsValue: Bool {
            switch self {
            case .get, .fetch, .argument, .taking: true
            case .wait, .dependency, .query, .handOver: false
            }
        }
    }

    /// The owner; nothing if it is this process.
    package var owner: Address?
    package var value = Value.pending
    package var presence = Presence.unknown
    /// The bytes of a stored value, fetched by a process without a store for the gets that wait for it.
    package var copy: RayObject?
    /// References held by the API's users in this process.
    package var localReferences = 0
    /// Tasks in flight, submitted here, that have it as an argument or inside one.
    package var taskUses = 0
    /// Tasks pushed here that have it as an argument: their callers hold it for them.
    package var argumentUses = 0
    /// What else holds it: see `ReferenceTable`.
    package var pins = 0
    /// Whether its owner counts this process.
    package var registration = Registration.none
    /// Whether the owner has been asked.
    package var isAsked = false
    /// Whether the owner was ever told or asked something: it then stands in `ReferenceTable.known`.
    var isKnown = false
    package var origin = Origin.other
    /// Which try of its task made a stored value; a borrower has it from the owner.
    package var version: UInt32 = 0
    package var waiters: [Waiter] = []

    /// Whether the value was made, or failed.
    package var exists: Bool {
        if case .pending = value { false } else { true }
    }

    /// Whether the value will never be there.
    package var hasFailed: Bool {
        if case .failed = value { true } else { false }
    }

    /// Whether the value can be read without a message.
    package var isAtHand: Bool {
        switch value {
        case .pending: false
        case .inline, .failed: true
        case .stored: presence == .present || copy != nil
        }
    }

    /// Whether it is as a waiter wants it.
    func satisfies(_ waiter: Waiter) -> Bool { waiter.wantsValue ? isAtHand : exists }

    /// Whether the owner is another process, which does not count this one yet.
    package var isToBeBorrowed: Bool { owner != nil && registration != .held }

    /// Counts one more local reference; whether its owner must be told.
    package mutating func retain() -> Bool {
        localReferences += 1
        return isToBeBorrowed
    }

    /// Gives one local reference back, if there is one; whether by that nothing here holds the object any more.
    package mutating func release() -> Bool {
        guard localReferences > 0 else { return false }
        localReferences -= 1
        return !isHeld
    }

    /// Takes out who waits, if somebody does; what is there keeps the entry meanwhile.
    mutating func takeWaiters() -> ObjectEntry? {
        guard !waiters.isEmpty else { return nil }
        let before = self
        waiters = []
        argumentUses += 1
        return before
    }

    /// Forgets that a request waits; whether nobody does any more, and bytes of the value were fetched for those who did.
    mutating func forget(_ request: UInt64) -> Bool {
        if !waiters.isEmpty {
            waiters.removeAll { $0 == .get(request) || $0 == .wait(request) || $0 == .fetch(request) }
        }
        return copy != nil && waiters.isEmpty
    }

    /// Whether this process holds the object, so that its owner must keep it.
    package var isHeld: Bool { localReferences > 0 || taskUses > 0 || pins > 0 }

    /// Bytes of the value, 0 while unknown.
    package var byteCount: Int {
        switch value {
        case .pending, .failed: 0
        case .inline(let object): object.data.count
        case .stored(_, let byteCount): byteCount
        }
    }
}
