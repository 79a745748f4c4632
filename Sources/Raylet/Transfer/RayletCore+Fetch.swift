//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// A process of the node wants an object here.
    mutating func fetchObject(
        _ request: FetchObject, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        let object = request.object
        guard clients[peer] != nil else {
            let error = RayError(.invalidArgument, "objects are brought only for processes of the node that reported")
            return sendLocal(object, error: error, to: .init(worker: peer, requestID: requestID), into: &effects)
        }
        let waiter = Fetch.Waiter(worker: peer, requestID: requestID)
        guard !localObjects.contains(object) else { return sendLocal(object, error: nil, to: waiter, into: &effects) }
        var fetch = fetches[object] ?? Fetch(object: object, owner: request.owner)
        let isNew = fetches[object] == nil
        if !fetch.waiters.contains(waiter) { fetch.waiters.append(waiter) }
        if fetch.ownerAddress == .none { fetch.ownerAddress = request.ownerAddress }
        for location in request.locations
        where location.worker != settings.info.address.worker && !fetch.tried.contains(location.worker)
            && !fetch.locations.contains(where: { $0.worker == location.worker })
        {
            fetch.locations.append(location)
        }
        let isOnDisk = diskObjects.contains(object)
        if isNew, !isOnDisk, request.locations.contains(where: { $0.worker == settings.info.address.worker }) {
            fetch.failures.append("this node: its store does not hold it any more")
            fetch.tried.insert(settings.info.address.worker)
        }
        fetches[object] = fetch
        guard isNew else { return }
        if creations[object] != nil || pushes[object] != nil {
            fetches[object]?.state = .local
        } else if isOnDisk {
            fetches[object]?.state = .restoring
            effects.append(.storeRestore(object))
        } else {
            queuedFetches.append(object)
            startFetches(at: now, into: &effects)
        }
    }

    /// Begins queued fetches as far as the limit of bytes allows; one at least.
    mutating func startFetches(at now: Instant, into effects: inout [RayletEffect]) {
        while let object = queuedFetches.first {
            let active = fetches.values.reduce(0) { $0 + $1.budgetBytes(chunkBytes: settings.chunkBytes) }
            guard active == 0 || active + settings.chunkBytes <= settings.fetchBytesMax else { return }
            queuedFetches.removeFirst()
            tryNextLocation(object, at: now, into: &effects)
        }
    }

    /// Turns to the next location, or gives up.
    mutating func tryNextLocation(_ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]) {
        guard var fetch = fetches[object] else { return }
        for (requestID, piece) in fetch.pieces.sorted(by: { $0.value.offset < $1.value.offset }) {
            chunkRequests[requestID] = nil
            if fetch.hasRoom { fetch.owed.append(piece) }
        }
        fetch.pieces = [:]
        fetch.current = nil
        guard !fetch.locations.isEmpty else {
            fetches[object] = fetch
            let message =
                fetch.failures.isEmpty
                ? "object \(object) is in no node's store" : "object \(object) could not be brought to this node"
            let error = RayError(.objectLost, message, causes: fetch.failures)
            return finishFetch(object, error: error, at: now, into: &effects)
        }
        let location = fetch.locations.removeFirst()
        fetch.tried.insert(location.worker)
        fetch.current = location
        fetch.askedAt = fetch.askedAt ?? now
        fetch.source = location.node
        let isConnected = peers.contains(location.worker)
        if !isConnected {
            fetch.state = .connecting(until: now.advanced(milliseconds: settings.connectMillisecondsMax))
            effects.append(.connect(location))
        }
        fetches[object] = fetch
        if isConnected { askCurrentLocation(object, at: now, into: &effects) }
    }

    /// The link to a location is up: the fetches that waited for it go on.
    mutating func askConnectedLocation(
        _ peer: WorkerID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        for object in fetches.keys.sorted() {
            guard let fetch = fetches[object], fetch.current?.worker == peer, case .connecting = fetch.state
            else { continue }
            askCurrentLocation(object, at: now, into: &effects)
        }
    }

    private mutating func askCurrentLocation(
        _ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let fetch = fetches[object] else { return }
        if fetch.hasRoom {
            fetches[object]?.state = .pulling
            askForPieces(object, at: now, into: &effects)
        } else {
            fetches[object]?.state = .asking
            ask(object, offset: 0, count: settings.chunkBytes, at: now, into: &effects)
        }
    }

    private mutating func ask(
        _ object: ObjectID, offset: Int, count: Int, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let location = fetches[object]?.current else { return }
        let requestID = takeNumber()
        let deadline = now.advanced(milliseconds: settings.chunkMillisecondsMax)
        fetches[object]?.pieces[requestID] = .init(offset: offset, count: count, deadline: deadline)
        chunkRequests[requestID] = object
        let pull = PullChunk(object: object, offset: offset, count: count)
        effects.append(.send(.pullChunk(pull), requestID: requestID, to: location.worker))
    }

    /// Keeps the allowed number of pieces under way; seals when nothing is missing.
    private mutating func askForPieces(
        _ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        while let fetch = fetches[object], let sizes = fetch.sizes,
            fetch.pieces.count < settings.chunksInFlightMax
        {
            if let piece = fetch.owed.first {
                fetches[object]?.owed.removeFirst()
                ask(object, offset: piece.offset, count: piece.count, at: now, into: &effects)
            } else if fetch.nextOffset < sizes.total {
                let count = min(settings.chunkBytes, sizes.total - fetch.nextOffset)
                fetches[object]?.nextOffset += count
                ask(object, offset: fetch.nextOffset, count: count, at: now, into: &effects)
            } else {
                break
            }
        }
        guard let fetch = fetches[object], fetch.pieces.isEmpty, fetch.receivedBytes == fetch.sizes?.total
        else { return }
        fetches[object]?.state = .sealing
        guard let sizes = fetch.sizes else { return }
        effects.append(.storeSeal(object, slot: nil, sizes))
    }

    /// A piece came, or the location has none.
    mutating func objectChunk(
        _ chunk: ObjectChunk, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        guard let object = chunkRequests[requestID], let fetch = fetches[object],
            let piece = fetch.pieces[requestID], fetch.current?.worker == peer
        else { return }
        if let error = chunk.error {
            return locationFailed(object, error.message, at: now, into: &effects)
        }
        guard chunk.object == object, chunk.offset == piece.offset,
            let sizes = ObjectSizes(
                dataBytes: chunk.dataBytes, metadataBytes: chunk.metadataBytes,
                containedBytes: chunk.containedBytes, bytesMax: Int.max),
            fetch.sizes == nil || fetch.sizes == sizes,
            chunk.bytes.count == min(piece.count, sizes.total - piece.offset)
        else {
            return locationFailed(object, "it sent a piece of another size than asked for", at: now, into: &effects)
        }
        chunkRequests[requestID] = nil
        fetches[object]?.pieces[requestID] = nil
        fetches[object]?.receivedBytes += chunk.bytes.count
        if fetch.hasRoom {
            write(chunk.bytes, to: object, offset: piece.offset, into: &effects)
            askForPieces(object, at: now, into: &effects)
        } else {
            wantRoom(object, sizes: sizes, firstPiece: chunk.bytes, into: &effects)
        }
    }

    private mutating func wantRoom(
        _ object: ObjectID, sizes: ObjectSizes, firstPiece: [UInt8], into effects: inout [RayletEffect]
    ) {
        let token = takeNumber()
        storeRequests[token] = StoreRequest(object: object)
        fetches[object]?.sizes = sizes
        fetches[object]?.firstPiece = firstPiece
        fetches[object]?.nextOffset = firstPiece.count
        fetches[object]?.roomToken = token
        fetches[object]?.state = .room
        effects.append(
            .storeCreate(
                StoreCreate(
                    token: token, object: object, owner: fetches[object]?.owner ?? .none, slot: nil, sizes: sizes,
                    isPrimary: false)))
    }

    /// There is room: the first piece goes there, and the others are asked for.
    mutating func fetchRoomReady(_ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]) {
        guard let fetch = fetches[object] else { return }
        fetches[object]?.roomToken = nil
        fetches[object]?.hasRoom = true
        fetches[object]?.state = .pulling
        fetches[object]?.firstPiece = []
        write(fetch.firstPiece, to: object, offset: 0, into: &effects)
        let isComplete = fetch.receivedBytes == fetch.sizes?.total
        guard fetch.current != nil || isComplete else { return tryNextLocation(object, at: now, into: &effects) }
        askForPieces(object, at: now, into: &effects)
    }

    private func write(_ bytes: [UInt8], to object: ObjectID, offset: Int, into effects: inout [RayletEffect]) {
        guard !bytes.isEmpty else { return }
        effects.append(.writeChunk(object: object, offset: offset, bytes: bytes))
    }
}
