//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Ownership (Wang et al., NSDI'21): the process that creates a reference keeps its count and location.
extension WorkerCore {
    // MARK: Making objects

    /// The id of the next `put` of `task`.
    package mutating func nextPutID(of task: TaskID?) -> ObjectID {
        putCounter += 1
        if let task, let running = execution.running[task] {
            return .put(
                task, returns: running.spec.returnCount, attempt: running.spec.attempt, count: putCounter)
        }
        return .put(.driver(job: configuration.job), returns: 0, attempt: 0, count: putCounter)
    }

    /// Takes an object into this process, with one local reference.
    package mutating func put(
        _ object: RayObject, from task: TaskID?, into effects: inout WorkerEffects
    ) -> ObjectID {
        let id = nextPutID(of: task)
        objects[id] = ObjectEntry(value: .inline(object), localReferences: 1)
        capture(object.contained, in: id, into: &effects)
        return id
    }

    /// Notes that an object of this process was sealed in the store of `raylet`, with one local reference.
    package mutating func sealed(
        _ id: ObjectID, byteCount: Int, contained: [ObjectReference] = [], at raylet: Address, isLocal: Bool,
        into effects: inout WorkerEffects
    ) {
        objects[id] = ObjectEntry(
            value: .stored(at: [raylet], byteCount: byteCount), presence: isLocal ? .present : .unknown,
            localReferences: 1)
        capture(contained, in: id, into: &effects)
    }

    // MARK: Values arriving

    /// Sets the value of an entry and tells those who wait for it.
    mutating func settle(_ id: ObjectID, _ value: ObjectEntry.Value, into effects: inout WorkerEffects) {
        guard objects[id] != nil else {
            if case .stored(let raylets, _) = value {
                for raylet in raylets { effects.send(.freeObjects(FreeObjects(objects: [id])), to: raylet) }
            }
            return
        }
        objects[id]?.value = value
        notify(id, into: &effects)
    }

    /// Tells those waiters of `id` who now have what they want; the others go on waiting.
    func satisfied(_ waiter: ObjectEntry.Waiter, by entry: ObjectEntry) -> Bool {
        switch waiter {
        case .get, .argument: entry.isAtHand
        case .wait, .dependency, .query: entry.exists
        }
    }

    mutating func notify(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], !entry.waiters.isEmpty else { return }
        objects[id]?.waiters = []
        // The first of several to be told must not let the entry go before the others are.
        objects[id]?.argumentUses += 1
        var waiting: [ObjectEntry.Waiter] = []
        for waiter in entry.waiters {
            guard satisfied(waiter, by: entry) else {
                waiting.append(waiter)
                continue
            }
            switch waiter {
            case .get(let request), .wait(let request): objectReady(request, into: &effects)
            case .dependency(let task): dependencyReady(task, into: &effects)
            case .argument(let task): argumentReady(task, into: &effects)
            case .query(let peer): answerQuery(id, entry, to: peer, into: &effects)
            }
        }
        objects[id]?.argumentUses -= 1
        objects[id]?.waiters += waiting
        if waiting.contains(where: { if case .get = $0 { true } else if case .argument = $0 { true } else { false } }) {
            bringToHand(id, into: &effects)
        }
        collect(id, into: &effects)
    }

    /// Adds a waiter that is not yet satisfied and sets in motion what it waits for.
    mutating func wait(for id: ObjectID, _ waiter: ObjectEntry.Waiter, into effects: inout WorkerEffects) {
        objects[id]?.waiters.append(waiter)
        switch waiter {
        case .get, .argument: bringToHand(id, into: &effects)
        case .wait, .dependency: learn(id, into: &effects)
        case .query: break
        }
    }

    /// Takes the next step towards reading the object here.
    mutating func bringToHand(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], !entry.isAtHand else { return }
        if let fatal {
            settle(id, .failed(fatal), into: &effects)
            return
        }
        switch (entry.value, entry.presence) {
        case (.pending, _) where entry.owner == nil: break  // Its task is under way.
        case (_, .locating), (_, .fetching): break
        case (_, .unknown) where configuration.raylet != nil:
            objects[id]?.presence = .locating
            effects.append(.locate(id))
        case (.pending, _): learn(id, into: &effects)
        case (.stored(let raylets, let byteCount), _): fetch(id, from: raylets, byteCount, entry, into: &effects)
        case (.inline, _), (.failed, _): break
        }
    }

    /// Asks the owner of a borrowed object about it, once.
    mutating func learn(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], let owner = entry.owner, !entry.exists, !entry.isAsked else { return }
        objects[id]?.isAsked = true
        effects.send(.queryObject(QueryObject(object: id)), to: owner)
    }

    private mutating func fetch(
        _ id: ObjectID, from raylets: [Address], _ byteCount: Int, _ entry: ObjectEntry,
        into effects: inout WorkerEffects
    ) {
        objects[id]?.presence = .fetching
        guard let raylet = configuration.raylet else {
            startPull(id, from: raylets, byteCount, into: &effects)
            return
        }
        let owner = entry.owner ?? configuration.address
        let request = FetchObject(object: id, owner: owner.worker, locations: raylets, ownerAddress: owner)
        effects.send(.fetchObject(request), to: raylet.worker)
    }

    mutating func located(_ id: ObjectID, isPresent: Bool, into effects: inout WorkerEffects) {
        guard let entry = objects[id] else { return }
        objects[id]?.presence = isPresent ? .present : .absent
        guard isPresent else {
            bringToHand(id, into: &effects)
            return
        }
        if !entry.exists { objects[id]?.value = .stored(at: [], byteCount: 0) }
        notify(id, into: &effects)
    }

    mutating func objectLocal(_ message: ObjectLocal, into effects: inout WorkerEffects) {
        guard let entry = objects[message.object], entry.presence == .fetching else { return }
        if let error = message.error {
            objects[message.object]?.presence = .unknown
            settle(message.object, .failed(error), into: &effects)
        } else {
            objects[message.object]?.presence = .present
            notify(message.object, into: &effects)
        }
    }

    /// The driver found no bytes behind an outcome `.local`: the copy was evicted. Fetches it again.
    package mutating func missing(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.presence == .present else { return }
        objects[id]?.presence = .absent
        if case .stored(let raylets, _) = entry.value, raylets.isEmpty, entry.owner != nil {
            objects[id]?.value = .pending
        }
    }

    // MARK: Between owner and borrower

    mutating func queried(_ id: ObjectID, from peer: WorkerID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.owner == nil else {
            effects.send(.objectStatus(ObjectStatus(object: id, error: Self.freed(id))), to: peer)
            return
        }
        if entry.exists {
            answerQuery(id, entry, to: peer, into: &effects)
        } else if !entry.waiters.contains(.query(peer)) {
            wait(for: id, .query(peer), into: &effects)
        }
    }

    private func answerQuery(
        _ id: ObjectID, _ entry: ObjectEntry, to peer: WorkerID, into effects: inout WorkerEffects
    ) {
        let status =
            switch entry.value {
            case .inline(let object): ObjectStatus(object: id, result: .inline(object))
            case .stored(let raylets, let byteCount):
                ObjectStatus(object: id, result: .stored(at: raylets.first ?? .none, byteCount: byteCount))
            case .failed(let error): ObjectStatus(object: id, error: error)
            case .pending: preconditionFailure("a query is answered when the object exists")
            }
        effects.send(.objectStatus(status), to: peer)
    }

    mutating func objectStatus(_ message: ObjectStatus, into effects: inout WorkerEffects) {
        guard let entry = objects[message.object], entry.isAsked else { return }
        objects[message.object]?.isAsked = false
        guard !entry.exists else { return }
        switch (message.result, message.error) {
        case (_, let error?): settle(message.object, .failed(error), into: &effects)
        case (.inline(let object)?, _): settle(message.object, .inline(object), into: &effects)
        case (.stored(let raylet, let byteCount)?, _):
            settle(message.object, .stored(at: [raylet], byteCount: byteCount), into: &effects)
        case (nil, nil): break
        }
    }

    /// The owner of borrowed objects died: what is not known of them will never be.
    mutating func ownerLost(_ peer: WorkerID, reason: String, into effects: inout WorkerEffects) {
        let orphans = objects.filter { $0.value.owner?.worker == peer && $0.value.isAsked && !$0.value.exists }
        for id in orphans.keys.sorted() {
            let error = RayError(
                .ownerDied, "object \(id) cannot be had: the process that owned it is gone (\(reason))")
            settle(id, .failed(error), into: &effects)
        }
    }
}
