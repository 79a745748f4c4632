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
        return .put(taskOutsideTasks(), returns: 0, attempt: 0, count: putCounter)
    }

    /// The task that puts outside of tasks count as: the driver's, and in a worker, on a thread of its own or after its
    /// task has ended, one that no other process has.
    private mutating func taskOutsideTasks() -> TaskID {
        guard !configuration.isDriver else { return .driver(job: configuration.job) }
        // An actor's process puts and owns in the name of the actor.
        let actor = execution.actor ?? .noActor(job: configuration.job)
        let task = ownTask ?? .actorTask(actor, using: &generator)
        ownTask = task
        return task
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
        hasStored = true
        objects[id] = ObjectEntry(
            value: .stored(at: [raylet], byteCount: byteCount), presence: isLocal ? .present : .unknown,
            localReferences: 1)
        capture(contained, in: id, into: &effects)
    }

    // MARK: Values arriving

    /// Sets the value of an entry and tells those who wait for it.
    mutating func settle(_ id: ObjectID, _ value: ObjectEntry.Value, into effects: inout WorkerEffects) {
        guard objects.update(id, { $0.value = value }) != nil else {
            if case .stored(let raylets, _) = value {
                for raylet in raylets { effects.send(.freeObjects(FreeObjects(objects: [id])), to: raylet) }
            }
            return
        }
        if case .stored = value { hasStored = true }
        notify(id, into: &effects)
    }

    /// Tells those waiters of `id` who now have what they want; the others go on waiting.
    mutating func notify(_ id: ObjectID, into effects: inout WorkerEffects) {
        // The first of several to be told must not let the entry go before the others are.
        guard let entry = objects.update(id, { $0.takeWaiters() }) ?? nil else { return }
        var waiting: [ObjectEntry.Waiter] = []
        for waiter in entry.waiters {
            guard entry.satisfies(waiter) else {
                waiting.append(waiter)
                continue
            }
            switch waiter {
            case .get(let request), .wait(let request), .fetch(let request):
                objectReady(request, hasFailed: entry.hasFailed, into: &effects)
            case .dependency(let task): dependencyReady(task, into: &effects)
            case .argument(let task): argumentReady(task, into: &effects)
            case .query(let peer):
                noteRead([id])
                answerQuery(id, entry, to: peer, into: &effects)
            case .handOver(let token): valueExists(for: token, at: clock, into: &effects)
            case .taking(let peer, let token):
                takeSource(of: HandOverTable.Key(requester: peer, token: token), into: &effects)
            }
        }
        objects.update(id) { entry in
            entry.argumentUses -= 1
            entry.waiters += waiting
        }
        if waiting.contains(where: \.wantsValue) { bringToHand(id, into: &effects) }
        collect(id, into: &effects)
    }

    /// Adds a waiter that is not yet satisfied and sets in motion what it waits for.
    mutating func wait(for id: ObjectID, _ waiter: ObjectEntry.Waiter, into effects: inout WorkerEffects) {
        objects.update(id) { $0.waiters.append(waiter) }
        switch waiter {
        case .get, .fetch, .taking: bringToHand(id, into: &effects)
        case .argument:
            bringToHand(id, into: &effects)
            // What this process makes again itself may need the worker that waits for it.
            guard !lineage.records.isEmpty, let entry = objects[id], !entry.exists,
                lineage.records[id.task]?.isRunning == true
            else { return }
            giveBackTasks(waitingFor: id, version: entry.version, at: [], into: &effects)
        case .wait, .dependency, .handOver: learn(id, into: &effects)
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
            objects.update(id) { $0.presence = .locating }
            effects.append(.locate(id))
        case (.pending, _): learn(id, into: &effects)
        case (.stored(let raylets, _), _): fetch(id, from: raylets, entry, into: &effects)
        case (.inline, _), (.failed, _): break
        }
    }

    /// Asks the owner of a borrowed object about it, once.
    mutating func learn(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], !entry.exists, !entry.isAsked else { return }
        ask(id, version: entry.version, lost: [], into: &effects)
    }

    /// Asks the owner of a borrowed object about it, and says where it was looked for in vain.
    mutating func ask(_ id: ObjectID, version: UInt32, lost: [NodeID], into effects: inout WorkerEffects) {
        guard let owner = objects[id]?.owner else { return }
        objects.update(id) { $0.isAsked = true }
        noteKnown(id, to: owner.worker)
        effects.send(.queryObject(QueryObject(object: id, version: version, lost: lost)), to: owner)
    }

    private mutating func fetch(
        _ id: ObjectID, from raylets: [Address], _ entry: ObjectEntry, into effects: inout WorkerEffects
    ) {
        objects.update(id) { $0.presence = .fetching }
        guard let raylet = configuration.raylet else {
            startPull(id, from: raylets, into: &effects)
            return
        }
        let owner = entry.owner ?? configuration.address
        let request = FetchObject(object: id, owner: owner.worker, locations: raylets, ownerAddress: owner)
        // The version comes back with the answer: a failure says nothing about a later making.
        effects.send(.fetchObject(request), to: raylet.worker, requestID: UInt64(entry.version))
    }

    mutating func located(_ id: ObjectID, isPresent: Bool, into effects: inout WorkerEffects) {
        // Other messages may have come between the question and this.
        guard let entry = objects[id], entry.presence == .locating else { return }
        objects.update(id) { $0.presence = isPresent ? .present : .absent }
        guard isPresent else {
            bringToHand(id, into: &effects)
            return
        }
        if !entry.exists { objects[id]?.value = .stored(at: [], byteCount: 0) }
        notify(id, into: &effects)
    }

    mutating func objectLocal(
        _ message: ObjectLocal, version: UInt32, at now: Instant, into effects: inout WorkerEffects
    ) {
        let id = message.object
        guard let entry = objects[id], entry.presence == .fetching else { return }
        guard let error = message.error else {
            // What is being made again is not taken from a copy whose owner did not hear of it in time.
            objects.update(id) { $0.presence = entry.exists ? .present : .unknown }
            return notify(id, into: &effects)
        }
        objects.update(id) { $0.presence = .unknown }
        if error.type == .objectLost, !message.lost.isEmpty {
            notFound(id, at: message.lost, version: version, error, at: now, into: &effects)
        } else if entry.exists {
            settle(id, .failed(error.type == .ownerDied ? ownerDied(id, error.message) : error), into: &effects)
        }
    }

    /// The driver found no bytes behind an outcome `.local`: the copy was evicted. Fetches it again.
    package mutating func missing(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.presence == .present else { return }
        hasLosses = true
        objects.update(id) { $0.presence = .absent }
        if case .stored(let raylets, _) = entry.value, raylets.isEmpty, entry.owner != nil {
            objects.update(id) { $0.value = .pending }
        }
    }

    // MARK: Between owner and borrower

    mutating func queried(
        _ message: QueryObject, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let id = message.object
        guard objects[id].map({ $0.owner == nil }) == true else {
            effects.send(.objectStatus(ObjectStatus(object: id, error: Self.freed(id))), to: peer)
            return
        }
        if !message.lost.isEmpty,
            let error = lookedForInVain(id, at: message.lost, version: message.version, at: now, into: &effects)
        {
            effects.send(.objectStatus(ObjectStatus(object: id, error: error)), to: peer)
            return
        }
        guard let entry = objects[id] else { return }
        noteRead([id])
        guard !entry.exists else { return answerQuery(id, entry, to: peer, into: &effects) }
        if lineage.records[id.task]?.isRunning == true {
            effects.send(.objectStatus(ObjectStatus(object: id)), to: peer)
        }
        if !entry.waiters.contains(.query(peer)) { wait(for: id, .query(peer), into: &effects) }
    }

    private func answerQuery(
        _ id: ObjectID, _ entry: ObjectEntry, to peer: WorkerID, into effects: inout WorkerEffects
    ) {
        var status = ObjectStatus(object: id, version: entry.version)
        switch entry.value {
        case .inline(let object): status.result = .inline(object)
        case .stored(let raylets, let byteCount):
            status.result = .stored(at: raylets.first ?? .none, byteCount: byteCount)
        case .failed(let error): status.error = error
        case .pending: preconditionFailure("a query is answered when the object exists")
        }
        effects.send(.objectStatus(status), to: peer)
    }

    mutating func objectStatus(_ message: ObjectStatus, at now: Instant, into effects: inout WorkerEffects) {
        let id = message.object
        guard let entry = objects[id], entry.isAsked, !entry.exists else { return }
        guard message.result != nil || message.error != nil else {
            // It is being made again, and the answer will come: no task holds a worker meanwhile.
            delayActor(waitingFor: id, into: &effects)
            return giveBackTasks(waitingFor: id, version: entry.version, at: [], into: &effects)
        }
        objects.update(id) { entry in
            entry.isAsked = false
            entry.version = message.version
        }
        switch (message.result, message.error) {
        case (_, let error?): settle(id, .failed(error), into: &effects)
        case (.inline(let object)?, _): settle(id, .inline(object), into: &effects)
        case (.stored(let raylet, _)?, _) where deadNodes[raylet.node] != nil:
            ask(id, version: message.version, lost: [raylet.node], into: &effects)
        case (.stored(let raylet, let byteCount)?, _):
            settle(id, .stored(at: [raylet], byteCount: byteCount), into: &effects)
        case (nil, nil): break
        }
    }

    /// The owner of borrowed objects died: what is not known of them will never be.
    mutating func ownerLost(_ peer: WorkerID, reason: String, into effects: inout WorkerEffects) {
        let orphans = references.known[peer, default: []].filter { id in
            objects[id].map { $0.isAsked && !$0.exists } ?? false
        }
        for id in orphans.sorted() { settle(id, .failed(ownerDied(id, reason)), into: &effects) }
    }

    /// What stands in the place of an object whose owner died; if that was an actor, or its process, with its name.
    private func ownerDied(_ id: ObjectID, _ reason: String) -> RayError {
        let actor = id.task.actor
        guard id.index > ObjectID.generatorReturnsMax, actor != .noActor(job: id.job) else {
            return RayError(.ownerDied, "object \(id) cannot be had: the process that owned it is gone (\(reason))")
        }
        let end = actors[actor]?.error.map { ": \($0.message)" } ?? ""
        return RayError(
            .ownerDied,
            "object \(id) cannot be had: the process of actor \(actor), which owned it, is gone (\(reason))\(end). "
                + "What an actor owns ends with its process, also when it is started again; hand values to an actor "
                + "that lives on, or to several")
    }
}
