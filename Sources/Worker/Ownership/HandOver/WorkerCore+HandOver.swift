//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Handing values over to actors: the side of who asks (docs/internals/ownership.md).
extension WorkerCore {
    /// Asks an actor's process to own an object of the same value; ends with the effect `completeRequest`.
    ///
    /// Its message is `handedOver`, with a reference that counts as one local reference.
    package mutating func handOver(
        _ reference: ObjectReference, to actor: ActorID, deadline: Instant?, from task: TaskID?, at now: Instant,
        into effects: inout WorkerEffects
    ) -> UInt64 {
        requestCounter += 1
        let token = requestCounter
        if let fatal {
            effects.append(.completeRequest(token, .failure(fatal)))
            return token
        }
        // It is held until the answer, and with it what it contains.
        addTaskUse(reference, into: &effects)
        follow(actor, into: &effects)
        handOvers.asked[token] = HandOverTable.Asked(
            reference: reference, actor: actor, task: task, deadline: deadline)
        if let deadline { setAlarm(deadline) }
        beginBlocking(task, into: &effects)
        if actors[actor]?.phase == .dead {
            failHandOver(token, into: &effects)
        } else if objects[reference.id]?.exists == true {
            valueExists(for: token, at: now, into: &effects)
        } else {
            wait(for: reference.id, .handOver(token), into: &effects)
        }
        return token
    }

    /// The value that is to be handed over is there, or failed: then nothing is handed over.
    mutating func valueExists(for token: UInt64, at now: Instant, into effects: inout WorkerEffects) {
        guard let asked = handOvers.asked[token], case .value = asked.phase else { return }
        if case .failed(let error)? = objects[asked.reference.id]?.value {
            return endHandOver(token, .failure(error), into: &effects)
        }
        awaitActor(for: token, at: now)
        sendHandOver(token, into: &effects)
    }

    private mutating func awaitActor(for token: UInt64, at now: Instant) {
        let limit = now.advanced(milliseconds: configuration.handOverMilliseconds)
        handOvers.asked[token]?.phase = .actor(until: limit)
        setAlarm(limit)
    }

    private mutating func sendHandOver(_ token: UInt64, into effects: inout WorkerEffects) {
        guard let asked = handOvers.asked[token], case .actor = asked.phase, let client = actors[asked.actor],
            client.phase == .alive, client.unavailableAt == nil
        else { return }
        let process = client.address.worker
        handOvers.asked[token]?.phase = .sent(process)
        handOvers.asked[token]?.triesLeft -= 1
        var object = TaskArgument.reference(asked.reference)
        if case .inline(let value)? = objects[asked.reference.id]?.value,
            value.data.count <= Limits.inlineObjectBytesMax
        {
            object = .value(value)
        }
        let message = HandOver(token: token, actor: asked.actor, incarnation: client.incarnation, object: object)
        if process == configuration.address.worker {
            handOverAsked(message, from: process, into: &effects)
        } else {
            effects.send(.handOver(message), to: client.address)
        }
    }

    private mutating func endHandOver(
        _ token: UInt64, _ result: Result<ObjectReference, RayError>, into effects: inout WorkerEffects
    ) {
        guard let asked = handOvers.asked.removeValue(forKey: token) else { return }
        objects[asked.reference.id]?.waiters.removeAll { $0 == .handOver(token) }
        removeTaskUse(asked.reference.id, into: &effects)
        let answer = result.map { Message.handedOver(HandedOver(token: token, object: $0)) }
        endBlocking(asked.task, .completeRequest(token, answer), into: &effects)
    }

    /// The actor's process has answered.
    mutating func handedOver(
        _ message: HandedOver, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let asked = handOvers.asked[message.token], asked.phase == .sent(peer) else {
            return returnUnwanted(message, from: peer, into: &effects)
        }
        if let error = message.error {
            // Where it lives now the GCS says, soon.
            guard error.type == .actorUnavailable, asked.triesLeft > 0 else {
                return endHandOver(asked, message.token, error, into: &effects)
            }
            return awaitActor(for: message.token, at: now)
        }
        guard let reference = message.object, reference.owner.worker == peer else {
            let error = RayError(.systemError, "the process of actor \(asked.actor) named no object of its own")
            return endHandOver(message.token, .failure(error), into: &effects)
        }
        if objects[reference.id] == nil {
            // The owner has counted this process before it answered.
            objects[reference.id] = ObjectEntry(owner: reference.owner, registration: .held)
            noteKnown(reference.id, to: peer)
        }
        objects.update(reference.id) { $0.localReferences += 1 }
        endHandOver(message.token, .success(reference), into: &effects)
    }

    /// Nobody waits for the new object any more: it goes.
    private mutating func returnUnwanted(
        _ message: HandedOver, from peer: WorkerID, into effects: inout WorkerEffects
    ) {
        guard let reference = message.object, reference.owner.worker == peer else { return }
        if peer == configuration.address.worker {
            collect(reference.id, into: &effects)
        } else if objects[reference.id] == nil {
            effects.send(.returnObjects(ReturnObjects(objects: [reference.id])), to: peer)
        }
    }

    // MARK: What becomes of the actor

    /// The actor lives: it is asked what waits for that.
    mutating func sendHandOvers(to actor: ActorID, into effects: inout WorkerEffects) {
        for token in handOvers.tokens(of: actor) { sendHandOver(token, into: &effects) }
    }

    /// The actor lives in another process now, or will: what the one before was asked it is asked anew.
    mutating func recallHandOvers(to actor: ActorID, into effects: inout WorkerEffects) {
        for token in handOvers.tokens(of: actor) { recall(token, at: clock, into: &effects) }
    }

    /// A process, or the link to it, is lost: what it was asked the actor is asked again, when the GCS says where.
    mutating func takerLost(_ peer: WorkerID, at now: Instant, into effects: inout WorkerEffects) {
        guard !handOvers.asked.isEmpty else { return }
        for token in handOvers.asked.filter({ $0.value.phase == .sent(peer) }).keys.sorted() {
            recall(token, at: now, into: &effects)
        }
    }

    private mutating func recall(_ token: UInt64, at now: Instant, into effects: inout WorkerEffects) {
        guard let asked = handOvers.asked[token], case .sent = asked.phase else { return }
        guard asked.triesLeft > 0 else {
            let error = RayError(.actorUnavailable, "its process was lost each time that it was asked")
            return endHandOver(asked, token, error, into: &effects)
        }
        awaitActor(for: token, at: now)
    }

    /// The actor is dead.
    mutating func failHandOvers(to actor: ActorID, into effects: inout WorkerEffects) {
        for token in handOvers.tokens(of: actor) { failHandOver(token, into: &effects) }
    }

    private mutating func failHandOver(_ token: UInt64, into effects: inout WorkerEffects) {
        guard let asked = handOvers.asked[token] else { return }
        let error = actors[asked.actor]?.error ?? RayError(.actorDied, "it is dead")
        endHandOver(asked, token, error, into: &effects)
    }

    private mutating func endHandOver(
        _ asked: HandOverTable.Asked, _ token: UInt64, _ error: RayError, into effects: inout WorkerEffects
    ) {
        var error = error
        guard error.type != .taskExecution else { return endHandOver(token, .failure(error), into: &effects) }
        let remedy =
            [.actorDied, .actorUnavailable, .outOfMemory].contains(error.type)
            ? ". The value is where it was: hand it to an actor that lives" : ""
        error.message =
            "object \(asked.reference.id) was not handed to actor \(asked.actor): \(error.message)\(remedy)"
        endHandOver(token, .failure(error), into: &effects)
    }

    mutating func expireHandOvers(at now: Instant, into effects: inout WorkerEffects) {
        guard !handOvers.asked.isEmpty else { return }
        for token in handOvers.asked.keys.sorted() {
            guard let asked = handOvers.asked[token] else { continue }
            if let deadline = asked.deadline, deadline <= now {
                let error = RayError(
                    .getTimeout, "the time is up; give it more, or see with 'ray explain' what is waited for")
                endHandOver(asked, token, error, into: &effects)
            } else if case .actor(let until) = asked.phase, until <= now {
                let seconds = configuration.handOverMilliseconds / 1_000
                let error = RayError(.actorUnavailable, "its process was waited for in vain for \(seconds) s")
                endHandOver(asked, token, error, into: &effects)
            }
        }
    }

    /// Nothing works any more.
    mutating func failAllHandOvers(_ error: RayError, into effects: inout WorkerEffects) {
        for token in handOvers.asked.keys.sorted() { endHandOver(token, .failure(error), into: &effects) }
    }
}

extension HandOverTable {
    /// What is asked of an actor, in order.
    fileprivate func tokens(of actor: ActorID) -> [UInt64] {
        asked.isEmpty ? [] : asked.filter { $0.value.actor == actor }.keys.sorted()
    }
}
