//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Owning what others hand over: the side of the actor's process (docs/internals/ownership.md).
///
///     HandOver ──▶ (the value is brought here) ──▶ small: own object
///                                                  large: ShareObject ──▶ raylet ──ObjectShared──▶ own object
///     own object ──who asked is a borrower, what is inside is registered──▶ HandedOver
extension WorkerCore {
    mutating func handOverAsked(_ message: HandOver, from peer: WorkerID, into effects: inout WorkerEffects) {
        let key = HandOverTable.Key(requester: peer, token: message.token)
        guard handOvers.taken[key] == nil else { return }  // A repetition.
        // What a lost link left of this peer ends before the new link's counts begin.
        if references.lostPeers.contains(where: { $0.peer == peer }) { forget(peer, into: &effects) }
        guard message.actor == execution.actor, message.incarnation == execution.incarnation else {
            return refuse(key, RayError(.actorUnavailable, "it does not live in this process any more"), into: &effects)
        }
        if let reason = execution.leaving {
            return refuse(key, RayError(.actorDied, "it ends: \(reason)"), into: &effects)
        }
        switch message.object {
        case .value(let object): own(nextPutID(of: nil), .inline(object), object.contained, for: key, into: &effects)
        case .reference(let reference):
            handOvers.taken[key] = HandOverTable.Taken(source: reference.id)
            // Who asked holds it meanwhile.
            addArgumentUse(reference)
            if objects[reference.id]?.isAtHand == true {
                takeSource(of: key, into: &effects)
            } else {
                wait(for: reference.id, .taking(peer, message.token), into: &effects)
            }
        }
    }

    /// The value is at hand, or failed.
    mutating func takeSource(of key: HandOverTable.Key, into effects: inout WorkerEffects) {
        guard let taken = handOvers.taken[key], let entry = objects[taken.source] else { return }
        switch entry.value {
        case .failed(let error): refuse(key, error, into: &effects)
        case .inline(let object):
            own(nextPutID(of: nil), .inline(object), object.contained, for: key, into: &effects)
        case .stored, .pending:
            guard let raylet = configuration.raylet else {
                let error = RayError(.systemError, "its process has no object store")
                return refuse(key, error, into: &effects)
            }
            let id = nextPutID(of: nil)
            handOvers.sharing[id] = key
            effects.send(.shareObject(ShareObject(source: taken.source, object: id)), to: raylet.worker)
        }
    }

    /// The raylet made a second object of the value's bytes, or says why not.
    mutating func objectShared(_ message: ObjectShared, into effects: inout WorkerEffects) {
        guard let key = handOvers.sharing.removeValue(forKey: message.object), let raylet = configuration.raylet else {
            return
        }
        let isMade = message.error == nil
        guard let taken = handOvers.taken[key] else {
            // Who asked is gone.
            if isMade { freeUnwanted(message.object, at: raylet, into: &effects) }
            return
        }
        if let error = message.error {
            guard error.type == .objectLost, taken.triesLeft > 0 else { return refuse(key, error, into: &effects) }
            // It was evicted meanwhile, and is brought here again.
            handOvers.taken[key]?.triesLeft -= 1
            missing(taken.source, into: &effects)
            return wait(for: taken.source, .taking(key.requester, key.token), into: &effects)
        }
        guard let contained = message.contained.withUnsafeBytes({ RayObject.references(in: $0) }) else {
            freeUnwanted(message.object, at: raylet, into: &effects)
            let error = RayError(.systemError, "the references inside it are damaged")
            return refuse(key, error, into: &effects)
        }
        let value = ObjectEntry.Value.stored(at: [raylet], byteCount: message.byteCount)
        own(message.object, value, contained, for: key, into: &effects)
    }

    /// Enters the new object, with who asked for it as its borrower, and answers when it holds what is inside.
    private mutating func own(
        _ id: ObjectID, _ value: ObjectEntry.Value, _ contained: [ObjectReference], for key: HandOverTable.Key,
        into effects: inout WorkerEffects
    ) {
        objects[id] = ObjectEntry(value: value)
        if case .stored = value { objects[id]?.presence = .present }
        let isOwnWish = key.requester == configuration.address.worker
        if !isOwnWish {
            _ = references.addBorrower(key.requester, of: id)
            objects.update(id) { $0.pins = 1 }
        }
        capture(contained, in: id, into: &effects)
        let answer = HandedOver(
            token: key.token, object: ObjectReference(id: id, owner: configuration.address))
        endTaking(key, into: &effects)
        if isOwnWish {
            handedOver(answer, from: key.requester, at: clock, into: &effects)
        } else if let barrier = barrier(before: key.requester) {
            deferStep(.handedOver(answer, to: key.requester), barrier)
        } else {
            effects.send(.handedOver(answer), to: key.requester)
        }
    }

    private mutating func refuse(_ key: HandOverTable.Key, _ error: RayError, into effects: inout WorkerEffects) {
        endTaking(key, into: &effects)
        let answer = HandedOver(token: key.token, error: error)
        if key.requester == configuration.address.worker {
            handedOver(answer, from: key.requester, at: clock, into: &effects)
        } else {
            effects.send(.handedOver(answer), to: key.requester)
        }
    }

    /// Lets the value go that was brought here.
    private mutating func endTaking(_ key: HandOverTable.Key, into effects: inout WorkerEffects) {
        guard let taken = handOvers.taken.removeValue(forKey: key) else { return }
        objects[taken.source]?.waiters.removeAll { $0 == .taking(key.requester, key.token) }
        removeArgumentUse(taken.source, into: &effects)
    }

    /// Who asked is gone: nobody wants what is being made for it. What was made is a matter of its borrower's death.
    mutating func requesterLost(_ peer: WorkerID, into effects: inout WorkerEffects) {
        guard !handOvers.taken.isEmpty else { return }
        for key in handOvers.taken.keys.filter({ $0.requester == peer }).sorted() { endTaking(key, into: &effects) }
    }
}
