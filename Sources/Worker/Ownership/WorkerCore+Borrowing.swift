//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Borrowing: references of other owners (docs/internals/references.md has the protocol and why it has no gap).
extension WorkerCore {
    // MARK: The borrower's side

    /// Registers this process with the owner of an object that it holds, unless it is.
    mutating func borrow(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.isToBeBorrowed, let owner = entry.owner, entry.isHeld else { return }
        objects.update(id) { $0.registration = .held }
        guard entry.registration == .none else {
            references.returning[id] = nil  // The owner was not told yet.
            return
        }
        noteKnown(id, to: owner.worker)
        references.registrations[owner.worker, default: .init()].sent += 1
        effects.send(.borrowObjects(BorrowObjects(objects: [id])), to: owner)
    }

    /// The owner of an object hears of it from this process: the owner's loss concerns it.
    mutating func noteKnown(_ id: ObjectID, to owner: WorkerID) {
        guard objects[id]?.isKnown == false else { return }
        objects.update(id) { $0.isKnown = true }
        references.noteKnown(id, to: owner)
    }

    /// Tells the owner that a reference is not held here any more; whether it could be told at once.
    mutating func giveBack(_ id: ObjectID, _ entry: ObjectEntry, into effects: inout WorkerEffects) -> Bool {
        guard let owner = entry.owner, entry.registration == .held else { return false }
        if let barrier = barrier(before: owner.worker) {
            objects.update(id) { $0.registration = .returning }
            references.stepCount += 1
            references.returning[id] = references.stepCount
            deferStep(.giveBack(id, number: references.stepCount), barrier)
            return false
        }
        objects.update(id) { $0.registration = .none }
        effects.send(.returnObjects(ReturnObjects(objects: [id])), to: owner.worker)
        return true
    }

    /// The owner counts this process, or has not got the object any more.
    mutating func borrowNoted(_ message: BorrowNoted, from owner: WorkerID, into effects: inout WorkerEffects) {
        for id in message.missing {
            guard let entry = objects[id], entry.owner?.worker == owner else { continue }
            objects.update(id) { $0.registration = .none }
            references.returning[id] = nil
            if entry.exists {
                collect(id, into: &effects)
            } else {
                settle(id, .failed(Self.freed(id)), into: &effects)
            }
        }
        guard var registrations = references.registrations[owner] else { return }
        registrations.noted += 1
        let isLast = registrations.noted >= registrations.sent
        references.registrations[owner] = isLast ? nil : registrations
        runDeferred(behind: owner, isLast ? nil : registrations.noted, into: &effects)
    }

    /// What must be noted before `receiver` may hear something that lets it drop a count; nothing if it may now.
    func barrier(before receiver: WorkerID) -> ReferenceTable.Barrier? {
        configuration.plantsEarlyAnswer ? nil : references.barrier(before: receiver)
    }

    mutating func deferStep(_ step: ReferenceTable.Step, _ barrier: ReferenceTable.Barrier) {
        references.deferred.add(step, behind: barrier)
    }

    /// Takes the steps that waited for nothing but what `owner` has noted, in order.
    private mutating func runDeferred(behind owner: WorkerID, _ noted: UInt64?, into effects: inout WorkerEffects) {
        guard !references.deferred.isEmpty else { return }
        for step in references.deferred.pass(owner, noted) { take(step, into: &effects) }
    }

    private mutating func take(_ step: ReferenceTable.Step, into effects: inout WorkerEffects) {
        switch step {
        case .giveBack(let id, let number):
            guard references.returning[id] == number, let owner = objects[id]?.owner else { return }
            references.returning[id] = nil
            objects.update(id) { $0.registration = .none }
            effects.send(.returnObjects(ReturnObjects(objects: [id])), to: owner.worker)
            collect(id, into: &effects)
        case .reply(let task, let results, let error): sendReply(to: task, results, error, into: &effects)
        case .taken(let delivery, let maker):
            let message = ReferencesTaken(
                task: delivery.task, attempt: delivery.attempt, item: delivery.item)
            effects.send(.referencesTaken(message), to: maker)
        case .handedOver(let answer, let requester): effects.send(.handedOver(answer), to: requester)
        }
    }

    // MARK: The owner's side

    mutating func borrowed(_ message: BorrowObjects, by peer: WorkerID, into effects: inout WorkerEffects) {
        // What a lost link left of this peer ends before the new link's counts begin.
        if references.lostPeers.contains(where: { $0.peer == peer }) { forget(peer, into: &effects) }
        var missing: [ObjectID] = []
        for id in message.objects {
            guard let entry = objects[id], entry.owner == nil else {
                missing.append(id)
                continue
            }
            if references.addBorrower(peer, of: id) { objects[id]?.pins += 1 }
        }
        effects.send(.borrowNoted(BorrowNoted(missing: missing)), to: peer)
    }

    mutating func returned(_ message: ReturnObjects, by peer: WorkerID, into effects: inout WorkerEffects) {
        for id in message.objects { removeBorrower(peer, of: id, into: &effects) }
    }

    private mutating func removeBorrower(_ peer: WorkerID, of id: ObjectID, into effects: inout WorkerEffects) {
        if references.removeBorrower(peer, of: id) { unpin(id, into: &effects) }
    }

    // MARK: References inside results

    /// Holds the references inside a result until its receiver holds them, and tells it of them ahead of the reply.
    ///
    /// Called while the code that made the result still holds them.
    mutating func announce(_ results: [RayObject], of task: Execution.Received, into effects: inout WorkerEffects) {
        guard !task.isCallerLost, results.contains(where: { !$0.contained.isEmpty }) else { return }
        let delivery = ReferenceTable.Delivery(task: task.spec.id, attempt: UInt32(task.spec.attempt))
        guard references.transfers[delivery] == nil else { return }
        beginTransfer(delivery, results.flatMap(\.contained), to: task.caller, into: &effects)
        let message = ResultReferences(
            task: delivery.task, attempt: delivery.attempt, contained: results.map(\.contained))
        effects.send(.resultReferences(message), to: task.caller)
    }

    /// Holds references inside something that goes to `receiver` until that holds them.
    mutating func beginTransfer(
        _ delivery: ReferenceTable.Delivery, _ inside: [ObjectReference], to receiver: WorkerID,
        into effects: inout WorkerEffects
    ) {
        guard references.transfers[delivery] == nil else { return }
        for reference in inside { pin(reference, into: &effects) }
        references.transfers[delivery] = ReferenceTable.Transfer(receiver: receiver, objects: inside.map(\.id))
    }

    /// A result with references inside is about to come: holds them, then lets its maker go.
    mutating func resultReferences(
        _ message: ResultReferences, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        if let task = tasks[message.task], task.spec.attempt == Int(message.attempt) {
            for (id, contained) in zip(task.spec.returnIDs, message.contained)
            where !task.isRebuild || objects[id]?.exists != true {
                capture(contained, in: id, into: &effects)
            }
        }
        taken(.init(task: message.task, attempt: message.attempt), from: peer, into: &effects)
    }

    /// Tells the maker of results or an item that this process holds the references inside, as soon as that is so.
    mutating func taken(
        _ delivery: ReferenceTable.Delivery, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        let step = ReferenceTable.Step.taken(delivery, from: peer)
        if let barrier = barrier(before: peer) {
            deferStep(step, barrier)
        } else {
            take(step, into: &effects)
        }
    }

    mutating func referencesTaken(
        _ message: ReferencesTaken, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        let delivery = ReferenceTable.Delivery(
            task: message.task, attempt: message.attempt, item: message.item)
        guard references.transfers[delivery]?.receiver == peer else { return }
        endTransfer(delivery, into: &effects)
    }

    mutating func endTransfer(_ delivery: ReferenceTable.Delivery, into effects: inout WorkerEffects) {
        guard let transfer = references.transfers.removeValue(forKey: delivery) else { return }
        for id in transfer.objects { unpin(id, into: &effects) }
    }

    // MARK: Death

    /// A peer is gone. What it held is kept for a while: what it passed on may still be on its way here.
    mutating func referencePeerLost(_ peer: WorkerID, at now: Instant, into effects: inout WorkerEffects) {
        for id in references.known[peer, default: []].sorted() {
            guard let entry = objects[id], entry.registration != .none else { continue }
            objects.update(id) { $0.registration = .none }
            references.returning[id] = nil
            collect(id, into: &effects)
        }
        references.registrations[peer] = nil
        references.deferred.removeAll { step in
            switch step {
            case .taken(_, from: peer), .handedOver(_, to: peer): true
            default: false
            }
        }
        runDeferred(behind: peer, nil, into: &effects)
        letGo(of: peer, at: now.advanced(milliseconds: configuration.lostPeerMilliseconds))
    }

    /// The head knows that processes are dead, mostly long before links to them count as lost.
    mutating func processesDied(_ message: ProcessesDied, at now: Instant) {
        let due = now.advanced(milliseconds: configuration.deadPeerMilliseconds)
        for peer in message.processes { letGo(of: peer, at: due) }
    }

    /// What a peer holds is let go at this time, if not before.
    private mutating func letGo(of peer: WorkerID, at due: Instant) {
        guard !references.lostPeers.contains(where: { $0.peer == peer && $0.due <= due }),
            references.borrowedBy[peer] != nil
                || references.transfers.values.contains(where: { $0.receiver == peer })
        else { return }
        references.lostPeers.append(ReferenceTable.LostPeer(peer: peer, due: due))
        setAlarm(due)
    }

    mutating func expireLostPeers(at now: Instant, into effects: inout WorkerEffects) {
        for lost in references.lostPeers where lost.due <= now { forget(lost.peer, into: &effects) }
    }

    /// Lets go what a lost peer held.
    mutating func forget(_ peer: WorkerID, into effects: inout WorkerEffects) {
        references.lostPeers.removeAll { $0.peer == peer }
        for id in references.borrowedBy[peer, default: []].sorted() {
            removeBorrower(peer, of: id, into: &effects)
        }
        let transfers = references.transfers.filter { $0.value.receiver == peer }
        for delivery in transfers.keys.sorted() {
            endTransfer(delivery, into: &effects)
        }
    }
}
