//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// A process of the node wants to write an object.
    mutating func createObject(
        _ create: CreateObject, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        let object = create.object
        let sizes = ObjectSizes(
            dataBytes: create.dataBytes, metadataBytes: create.metadataBytes,
            containedBytes: create.containedBytes, bytesMax: Int.max)
        guard clients[peer] != nil, let sizes else {
            let error = RayError(
                .invalidArgument, "room in the store is given only to processes of the node that reported")
            return refuseCreation(object, requestID: requestID, to: peer, error, into: &effects)
        }
        if let creation = creations[object] {
            // An earlier attempt of the task, whose worker is dead or given up. Its owner may know that first; the room
            // cannot be had before the writer is done with it, or is known to be gone.
            let isAnswered = creation.client == peer && creation.state != .sealing
            let isRepeated = isAnswered || creation.successors.contains { $0.client == peer }
            if !isRepeated {
                let held = HeldCreation(create: create, requestID: requestID, client: peer)
                creations[object]?.successors.append(held)
            }
            return
        }
        guard pushes[object] == nil else {
            let error = RayError(.invalidArgument, "object \(object) is being written by another process")
            return refuseCreation(object, requestID: requestID, to: peer, error, into: &effects)
        }
        if localObjects.remove(object) != nil || diskObjects.remove(object) != nil {
            // A task that ran before runs again, since its results were not heard of: the later copy counts.
            copies[object] = nil
            effects.append(.storeFree([object]))
        }
        yieldToCreation(object, into: &effects)
        let token = takeNumber()
        storeRequests[token] = StoreRequest(object: object, slot: create.slot)
        creations[object] = ObjectCreation(
            client: peer, owner: create.owner, slot: create.slot, requestID: requestID, sizes: sizes)
        clients[peer]?.creations.insert(object)
        clients[peer]?.slot = create.slot
        effects.append(
            .storeCreate(
                StoreCreate(
                    token: token, object: object, owner: create.owner, slot: create.slot, sizes: sizes,
                    isPrimary: true)))
    }

    /// The store gave room: whoever asked for it goes on.
    mutating func storeCreated(
        _ token: UInt64, offset: UInt64, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let request = storeRequests.removeValue(forKey: token) else { return }
        let object = request.object
        guard !request.isAbandoned else {
            return effects.append(.storeAbort(object, slot: request.slot))
        }
        if let creation = creations[object], creation.state == .asking {
            creations[object]?.state = .writing
            let created = ObjectCreated(object: object, offset: offset)
            effects.append(.send(.objectCreated(created), requestID: creation.requestID, to: creation.client))
        } else if pushes[object]?.token == token {
            pushRoomReady(object, into: &effects)
        } else if fetches[object]?.roomToken == token {
            fetchRoomReady(object, at: now, into: &effects)
        }
    }

    /// The store gave no room: whoever asked for it hears why.
    mutating func storeFailed(
        _ token: UInt64, _ error: RayError, at now: Instant, into effects: inout [RayletEffect]
    ) {
        if storeShared(token, .failure(error), into: &effects) { return }
        guard let request = storeRequests.removeValue(forKey: token), !request.isAbandoned else { return }
        let object = request.object
        if let creation = creations[object], creation.state == .asking {
            refuseCreation(object, requestID: creation.requestID, to: creation.client, error, into: &effects)
            endCreation(object, error, at: now, into: &effects)
        } else if pushes[object]?.token == token {
            failPush(object, error, at: now, into: &effects)
        } else if fetches[object]?.roomToken == token {
            finishFetch(object, error: error, at: now, into: &effects)
        }
    }

    /// The writer is done.
    mutating func sealObject(
        _ object: ObjectID, from peer: WorkerID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let creation = creations[object], creation.client == peer, creation.state == .writing else { return }
        guard !creation.isUnwanted else {
            return abortCreation(object, reason: "its owner freed it", at: now, into: &effects)
        }
        creations[object]?.state = .sealing
        effects.append(.storeSeal(object, slot: creation.slot, creation.sizes))
    }

    /// The store refused a seal: its owner is gone, or the store and this core disagree.
    mutating func storeRejected(
        _ object: ObjectID, _ error: RayError, at now: Instant, into effects: inout [RayletEffect]
    ) {
        if creations[object]?.state == .sealing { endCreation(object, error, at: now, into: &effects) }
        if let push = pushes[object], push.isSealing { failPush(object, error, at: now, into: &effects) }
        if fetches[object]?.state == .sealing { finishFetch(object, error: error, at: now, into: &effects) }
    }

    /// The writer gives up.
    mutating func abortObject(
        _ object: ObjectID, from peer: WorkerID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let creation = creations[object], creation.client == peer, creation.state != .sealing else { return }
        abortCreation(object, reason: "its writer gave it up", at: now, into: &effects)
    }

    /// The object can be read: all that wait for it hear of it.
    mutating func objectSealed(_ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]) {
        // A seal of an earlier copy, which made way for the one being written, says nothing about this one.
        if let creation = creations[object], creation.state != .sealing { return }
        if let push = pushes[object], !push.isSealing { return }
        localObjects.insert(object)
        diskObjects.remove(object)
        if let fetch = fetches[object], fetch.state == .sealing { noteCopy(object, of: fetch, into: &effects) }
        pushSealed(object, into: &effects)
        if let creation = creations.removeValue(forKey: object) {
            clients[creation.client]?.creations.remove(object)
            for pull in creation.pulls { sendPiece(pull, into: &effects) }
            if creation.isUnwanted {
                localObjects.remove(object)
                effects.append(.storeFree([object]))
                let error = RayError(.objectFreed, "object \(object) was freed by its owner")
                finishFetch(object, error: error, at: now, into: &effects)
                return startSuccessors(of: creation, object, at: now, into: &effects)
            }
            finishFetch(object, error: nil, at: now, into: &effects)
            return startSuccessors(of: creation, object, at: now, into: &effects)
        }
        finishFetch(object, error: nil, at: now, into: &effects)
    }

    /// A creation has ended: those who wait to write the object have their turn.
    private mutating func startSuccessors(
        of creation: ObjectCreation, _ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        for held in creation.successors {
            createObject(held.create, requestID: held.requestID, from: held.client, at: now, into: &effects)
        }
    }

    /// The owner lets objects go.
    mutating func freeObjects(_ objects: [ObjectID], at now: Instant, into effects: inout [RayletEffect]) {
        var freed: [ObjectID] = []
        for object in objects {
            if creations[object] != nil { creations[object]?.isUnwanted = true }
            if fetches[object] != nil {
                let error = RayError(.objectFreed, "object \(object) was freed by its owner")
                finishFetch(object, error: error, at: now, into: &effects)
            }
            if pushes[object] != nil {
                let error = RayError(.objectFreed, "object \(object) was freed by its owner")
                failPush(object, error, at: now, into: &effects)
            }
            copies[object] = nil
            if localObjects.remove(object) != nil || diskObjects.remove(object) != nil { freed.append(object) }
        }
        if !freed.isEmpty { effects.append(.storeFree(freed)) }
    }

    /// The owner of objects died: what it owned is of no use.
    mutating func ownerGone(_ owner: WorkerID, at now: Instant, into effects: inout [RayletEffect]) {
        for object in copies.filter({ $0.value.worker == owner }).keys { copies[object] = nil }
        effects.append(.storeReleaseOwner(owner))
        for object in creations.keys.sorted() where creations[object]?.owner == owner {
            creations[object]?.isUnwanted = true
        }
        for object in fetches.keys.sorted() where fetches[object]?.owner == owner {
            let error = RayError(.ownerDied, "object \(object) is lost because the process that owned it died")
            finishFetch(object, error: error, at: now, into: &effects)
        }
        for object in pushes.keys.sorted() where pushes[object]?.owner == owner {
            failPush(object, RayError(.ownerDied, "the owner of object \(object) died"), at: now, into: &effects)
        }
        forgetWaiter(owner, at: now, into: &effects)
    }

    /// A process has left the store. The seal of what it was writing may be on its way here: then its slot goes behind that.
    mutating func storeClientGone(_ slot: UInt32, into effects: inout [RayletEffect]) {
        let writer = clients.first {
            $0.value.slot == slot && !$0.value.creations.isEmpty && peers.contains($0.key)
        }
        guard let writer, !settings.plantsHastyEnd else { return detach(slot, into: &effects) }
        clients[writer.key]?.leftSlot = slot
    }

    /// Takes a slot back: the store forgets what its process waits for, without an answer.
    private mutating func detach(_ slot: UInt32, into effects: inout [RayletEffect]) {
        storeRequests = storeRequests.filter { $0.value.slot != slot }
        effects.append(.storeDetach(slot: slot))
    }

    /// A process of this node died: what it was writing is given back, what it waited for is not brought.
    mutating func clientGone(_ client: WorkerID, at now: Instant, into effects: inout [RayletEffect]) {
        if let state = clients.removeValue(forKey: client) {
            for object in state.creations.sorted() where creations[object]?.state != .sealing {
                // Room that it waits for is given back when it comes: its slot may be another's already, and stay.
                abortCreation(object, reason: "the process that wrote it died", at: now, into: &effects)
            }
            if let slot = state.leftSlot { detach(slot, into: &effects) }
            // The GCS may have said that it is gone before it made its last objects.
            ownerGone(client, at: now, into: &effects)
        }
        forgetWaiter(client, at: now, into: &effects)
    }

    private mutating func abortCreation(
        _ object: ObjectID, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        if let creation = creations[object], creation.state == .writing {
            effects.append(.storeAbort(object, slot: creation.slot))
        }
        let error = RayError(.objectLost, "object \(object) was never completed: \(reason)")
        endCreation(object, error, at: now, into: &effects)
    }

    /// Takes an object that will not be sealed out of the tables, and answers those that waited for it.
    private mutating func endCreation(
        _ object: ObjectID, _ error: RayError, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let creation = creations.removeValue(forKey: object) else { return }
        if creation.state == .asking { abandonStoreRequest(of: object) }
        clients[creation.client]?.creations.remove(object)
        for pull in creation.pulls { refusePull(pull, error, into: &effects) }
        startSuccessors(of: creation, object, at: now, into: &effects)
        if creations[object] == nil { resumeAfterCreation(object, at: now, into: &effects) }
    }

    /// Room that the store may still give for the object goes back at once.
    mutating func abandonStoreRequest(of object: ObjectID) {
        for token in storeRequests.filter({ $0.value.object == object }).keys {
            storeRequests[token]?.isAbandoned = true
        }
    }

    private func refuseCreation(
        _ object: ObjectID, requestID: UInt64, to peer: WorkerID, _ error: RayError,
        into effects: inout [RayletEffect]
    ) {
        let answer = ObjectCreated(object: object, offset: 0, error: error)
        effects.append(.send(.objectCreated(answer), requestID: requestID, to: peer))
    }
}
