//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// Another node or an outside driver wants a piece of an object.
    mutating func pullChunk(
        _ pull: PullChunk, requestID: UInt64, from peer: WorkerID, into effects: inout [RayletEffect]
    ) {
        let held = HeldPull(
            object: pull.object, offset: pull.offset, count: pull.count, peer: peer, requestID: requestID)
        guard pull.offset >= 0, pull.count >= 0 else {
            let error = RayError(.invalidArgument, "a piece of an object cannot begin before it")
            return refusePull(held, error, into: &effects)
        }
        if localObjects.contains(pull.object) || diskObjects.contains(pull.object) {
            sendPiece(held, into: &effects)
        } else if let creation = creations[pull.object], creation.pulls.count < Limits.listCountMax {
            creations[pull.object]?.pulls.append(held)
        } else {
            let error = RayError(.objectLost, "the node's store does not hold object \(pull.object)")
            refusePull(held, error, into: &effects)
        }
    }

    /// Has a piece of a sealed object sent.
    func sendPiece(_ pull: HeldPull, into effects: inout [RayletEffect]) {
        effects.append(
            .sendChunk(
                object: pull.object, offset: pull.offset, count: min(pull.count, settings.chunkBytes), to: pull.peer,
                requestID: pull.requestID))
    }

    /// Tells that there is no such piece, and why.
    func refusePull(_ pull: HeldPull, _ error: RayError, into effects: inout [RayletEffect]) {
        let chunk = ObjectChunk(
            object: pull.object, offset: pull.offset, dataBytes: 0, metadataBytes: 0, containedBytes: 0, bytes: [],
            error: error)
        effects.append(.send(.objectChunk(chunk), requestID: pull.requestID, to: pull.peer))
    }

    /// A process without a store sends a piece of an object to keep here.
    mutating func pushChunk(
        _ chunk: PushChunk, requestID: UInt64, from peer: WorkerID, into effects: inout [RayletEffect]
    ) {
        let object = chunk.object
        guard !localObjects.contains(object), !diskObjects.contains(object) else {
            return answerPush(object, offset: chunk.offset, requestID: requestID, to: peer, into: &effects)
        }
        guard
            let sizes = ObjectSizes(
                dataBytes: chunk.dataBytes, metadataBytes: chunk.metadataBytes,
                containedBytes: chunk.containedBytes, bytesMax: Int.max), creations[object] == nil
        else {
            let error = RayError(.invalidArgument, "object \(object) is being written, or its size is no size")
            return answerPush(object, offset: chunk.offset, requestID: requestID, to: peer, error, into: &effects)
        }
        if pushes[object] == nil, chunk.offset == 0 {
            yieldToCreation(object, into: &effects)
            let token = takeNumber()
            storeRequests[token] = StoreRequest(object: object)
            pushes[object] = Push(peer: peer, owner: chunk.owner, sizes: sizes, token: token)
            effects.append(
                .storeCreate(
                    StoreCreate(
                        token: token, object: object, owner: chunk.owner, slot: nil, sizes: sizes, isPrimary: true)))
        }
        guard let push = pushes[object], push.peer == peer, push.sizes == sizes, push.nextOffset == chunk.offset,
            chunk.bytes.count <= sizes.total - chunk.offset, !chunk.bytes.isEmpty || sizes.total == 0,
            !push.isComplete, push.held.count < settings.chunksInFlightMax
        else {
            let error = RayError(
                .invalidArgument, "pieces of object \(object) must come in order, a few at a time, from one process")
            return answerPush(object, offset: chunk.offset, requestID: requestID, to: peer, error, into: &effects)
        }
        pushes[object]?.nextOffset += chunk.bytes.count
        pushes[object]?.hasBegun = true
        pushes[object]?.held.append((chunk.offset, chunk.bytes, requestID))
        if push.hasRoom { writeHeldPieces(object, into: &effects) }
    }

    /// There is room for what is pushed.
    mutating func pushRoomReady(_ object: ObjectID, into effects: inout [RayletEffect]) {
        pushes[object]?.hasRoom = true
        writeHeldPieces(object, into: &effects)
    }

    private mutating func writeHeldPieces(_ object: ObjectID, into effects: inout [RayletEffect]) {
        guard var push = pushes[object] else { return }
        for piece in push.held where !piece.bytes.isEmpty {
            effects.append(.writeChunk(object: object, offset: piece.offset, bytes: piece.bytes))
        }
        // The answer to the last piece promises that the object can be read: it waits for the seal.
        let last = push.isComplete ? push.held.popLast() : nil
        for piece in push.held {
            answerPush(object, offset: piece.offset, requestID: piece.requestID, to: push.peer, into: &effects)
        }
        push.held = last.map { [($0.offset, [], $0.requestID)] } ?? []
        if push.isComplete { effects.append(.storeSeal(object, slot: nil, push.sizes)) }
        pushes[object] = push
    }

    /// The object that was pushed can be read.
    mutating func pushSealed(_ object: ObjectID, into effects: inout [RayletEffect]) {
        guard let push = pushes.removeValue(forKey: object) else { return }
        for piece in push.held {
            answerPush(object, offset: piece.offset, requestID: piece.requestID, to: push.peer, into: &effects)
        }
    }

    /// Gives the room back and tells the pusher for the pieces that it has no answer to.
    mutating func failPush(
        _ object: ObjectID, _ error: RayError, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let push = pushes.removeValue(forKey: object) else { return }
        storeRequests[push.token]?.isAbandoned = true
        if push.hasRoom { effects.append(push.isSealing ? .storeFree([object]) : .storeAbort(object, slot: nil)) }
        for piece in push.held {
            answerPush(
                object, offset: piece.offset, requestID: piece.requestID, to: push.peer, error, into: &effects)
        }
        resumeAfterCreation(object, at: now, into: &effects)
    }

    /// The pusher is gone: what it had not completed is given back.
    mutating func pushPeerLost(_ peer: WorkerID, at now: Instant, into effects: inout [RayletEffect]) {
        for object in pushes.keys.sorted() {
            guard let push = pushes[object], push.peer == peer, !push.isSealing else { continue }
            let error = RayError(.objectLost, "the process that sent object \(object) is gone")
            failPush(object, error, at: now, into: &effects)
        }
    }

    private func answerPush(
        _ object: ObjectID, offset: Int, requestID: UInt64, to peer: WorkerID, _ error: RayError? = nil,
        into effects: inout [RayletEffect]
    ) {
        let answer = ChunkStored(object: object, offset: offset, error: error)
        effects.append(.send(.chunkStored(answer), requestID: requestID, to: peer))
    }
}
