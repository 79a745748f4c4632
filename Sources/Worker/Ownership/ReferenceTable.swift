//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What holds objects beside local references and tasks: borrowers, values that contain them, results on their way.
///
/// Each of these counts as one pin of the object's entry, so that tables are looked at only where something is in
/// them: a process that sends no references inside values has nothing here.
struct ReferenceTable: Sendable {
    /// The results, or one item, that a task and its try made.
    struct Delivery: Hashable, Comparable, Sendable {
        var task: TaskID
        var attempt: UInt32
        /// 0 for the results, n + 1 for item n of a generator.
        var item: UInt32 = 0

        static func < (lhs: Self, rhs: Self) -> Bool {
            (lhs.task, lhs.attempt, lhs.item) < (rhs.task, rhs.attempt, rhs.item)
        }
    }

    /// References inside sent results, held until the receiver says that it holds them itself.
    struct Transfer: Sendable {
        var receiver: WorkerID
        var objects: [ObjectID]
    }

    /// Registrations as a borrower with one owner, over the present link.
    struct Registrations: Sendable {
        var sent: UInt64 = 0
        var noted: UInt64 = 0
    }

    /// Registrations that must have been noted before something is sent.
    typealias Barrier = [WorkerID: UInt64]

    /// What waits for a barrier: each lets its receiver drop a count that covers references found here.
    enum Step: Sendable {
        /// Tell the owner that this process borrows the object no more, unless a later step of this number does.
        case giveBack(ObjectID, number: UInt64)
        /// Send a task's reply.
        case reply(Execution.Received, [TaskResult], RayError?)
        /// Tell who made a result that its references are held here.
        case taken(Delivery, from: WorkerID)
        /// Tell who handed a value over that this process owns it.
        case handedOver(HandedOver, to: WorkerID)
    }

    struct LostPeer: Sendable {
        var peer: WorkerID
        /// When what it held is let go.
        var due: Instant
    }

    /// Who borrows an object of this process.
    private(set) var borrowers: [ObjectID: [WorkerID]] = [:]
    /// The same by borrower: what its loss concerns.
    private(set) var borrowedBy: [WorkerID: Set<ObjectID>] = [:]
    /// Objects of others whose owners were told or asked something, by owner: what its loss concerns.
    private(set) var known: [WorkerID: Set<ObjectID>] = [:]
    /// The references inside the values of this process's objects.
    var contained: [ObjectID: [ObjectID]] = [:]
    /// Nodes that may have a copy of an object of this process, though it was looked for there in vain, or nobody said so.
    var strays: [ObjectID: [NodeID]] = [:]
    /// What the head is to be told of such copies when it is back.
    var unsentStrays: [FreeStrays] = []
    var transfers: [Delivery: Transfer] = [:]
    /// By owner, only while some are not noted.
    var registrations: [WorkerID: Registrations] = [:]
    var deferred = DeferredSteps()
    /// The last step that gives an object back.
    var returning: [ObjectID: UInt64] = [:]
    var stepCount: UInt64 = 0
    var lostPeers: [LostPeer] = []

    /// What must be noted before a message to `receiver` may leave; nothing if it may leave at once.
    ///
    /// Registrations with the receiver itself go ahead of the message over the same link.
    func barrier(before receiver: WorkerID) -> Barrier? {
        guard !registrations.isEmpty else { return nil }
        let barrier = registrations.filter { $0.key != receiver }.mapValues(\.sent)
        return barrier.isEmpty ? nil : barrier
    }

    /// Notes a borrower; whether it was none before.
    mutating func addBorrower(_ peer: WorkerID, of id: ObjectID) -> Bool {
        guard borrowedBy[peer, default: []].insert(id).inserted else { return false }
        borrowers[id, default: []].append(peer)
        return true
    }

    /// Forgets a borrower; whether it was one.
    mutating func removeBorrower(_ peer: WorkerID, of id: ObjectID) -> Bool {
        guard borrowedBy[peer]?.remove(id) != nil else { return false }
        if borrowedBy[peer]?.isEmpty == true { borrowedBy[peer] = nil }
        borrowers[id]?.removeAll { $0 == peer }
        if borrowers[id]?.isEmpty == true { borrowers[id] = nil }
        return true
    }

    /// The owner of an object hears of it from this process.
    mutating func noteKnown(_ id: ObjectID, to owner: WorkerID) { known[owner, default: []].insert(id) }

    /// This process has nothing to do with an object of another owner any more.
    mutating func forgetKnown(_ id: ObjectID, to owner: WorkerID) {
        known[owner]?.remove(id)
        if known[owner]?.isEmpty == true { known[owner] = nil }
    }

    /// Whether others depend on this process.
    var isDependedOn: Bool { !borrowers.isEmpty || !transfers.isEmpty || !deferred.isEmpty }
}
