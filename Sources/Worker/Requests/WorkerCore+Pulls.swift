//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// An object that a driver outside the cluster reads from a raylet, in chunks.
struct RemotePull: Sendable {
    var sources: [Address]
    /// Which making of the object it is.
    var version: UInt32
    /// Nodes that could not give it.
    var tried: Set<NodeID> = []
    /// Sources that took a request and did not answer it in time: each is asked once more, after the others.
    var silent: Set<WorkerID> = []
    /// What the source's first chunk has told.
    var sizes: Sizes?
    var bytes: [UInt8] = []
    /// Bytes asked for so far.
    var requested = 0
    var received = 0
    /// Where the chunks that came begin: one that comes again counts once.
    var offsets: Set<Int> = []
    var reasons: [String] = []
    /// When the present source is given up; nothing until the next tick after it was asked for its first chunk.
    var deadline: Instant?

    /// The parts of an object, one behind the other.
    struct Sizes: Hashable, Sendable {
        var dataBytes: Int
        var metadataBytes: Int
        var containedBytes: Int

        /// Those that a chunk tells; nothing if one is negative or all are more than a number can be.
        init?(_ chunk: ObjectChunk) {
            (dataBytes, metadataBytes, containedBytes) = (chunk.dataBytes, chunk.metadataBytes, chunk.containedBytes)
            guard [dataBytes, metadataBytes, containedBytes].allSatisfy((0...Limits.objectBytesMax).contains) else {
                return nil
            }
        }

        var total: Int { dataBytes + metadataBytes + containedBytes }
    }

    /// All bytes, if the source has told.
    var total: Int { sizes?.total ?? 0 }

    /// What became of a chunk.
    enum Outcome {
        case taken
        /// It was here already.
        case repeated
        /// The source cannot be believed.
        case flawed(String)
    }

    /// Copies a chunk to its place; the first one tells the sizes, which no other may change.
    mutating func take(_ chunk: ObjectChunk) -> Outcome {
        guard let told = Sizes(chunk) else { return .flawed("it tells impossible sizes") }
        if sizes == nil {
            sizes = told
            bytes = [UInt8](repeating: 0, count: told.total)
        }
        guard told == sizes else { return .flawed("it tells other sizes than before") }
        guard chunk.offset >= 0, chunk.offset <= total - chunk.bytes.count else {
            return .flawed("a chunk lies outside the object")
        }
        guard offsets.insert(chunk.offset).inserted else { return .repeated }
        bytes.replaceSubrange(chunk.offset..<chunk.offset + chunk.bytes.count, with: chunk.bytes)
        received += chunk.bytes.count
        return .taken
    }
}

/// Fetching for drivers without a raylet: the object comes into the process's own memory.
extension WorkerCore {
    /// For the first chunk as long as raylets wait for each other's: it may have to be read from a disk, or its seal may
    /// be on its way. A source that answers its link and not this is no better than one that is gone.
    private static let firstChunkMilliseconds = 30_000
    private static let chunkMilliseconds = 10_000

    mutating func startPull(_ id: ObjectID, from sources: [Address], into effects: inout WorkerEffects) {
        guard pulls[id] == nil, let version = objects[id]?.version else { return }
        pulls[id] = RemotePull(sources: sources, version: version)
        askFirstChunk(id, at: .zero, into: &effects)
    }

    /// The first chunk tells the sizes; the others follow several at a time.
    private mutating func askFirstChunk(_ id: ObjectID, at now: Instant, into effects: inout WorkerEffects) {
        guard let pull = pulls[id] else { return }
        guard let source = pull.sources.first else {
            pulls[id] = nil
            objects.update(id) { $0.presence = .unknown }
            let error = RayError(.objectLost, "object \(id) cannot be fetched", causes: pull.reasons)
            notFound(id, at: pull.tried.sorted(), version: pull.version, error, at: now, into: &effects)
            return
        }
        pulls[id]?.sizes = nil
        pulls[id]?.bytes = []
        pulls[id]?.received = 0
        pulls[id]?.offsets = []
        pulls[id]?.requested = Limits.chunkBytes
        pulls[id]?.deadline = nil
        setAlarm(.zero)
        let request = PullChunk(object: id, offset: 0, count: Limits.chunkBytes)
        effects.send(.pullChunk(request), to: source)
    }

    private mutating func sourceFailed(
        _ id: ObjectID, _ reason: String, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let pull = pulls[id], let source = pull.sources.first else { return }
        pulls[id]?.reasons.append("\(source.host):\(source.port): \(reason)")
        pulls[id]?.tried.insert(source.node)
        pulls[id]?.sources.removeFirst()
        askFirstChunk(id, at: now, into: &effects)
    }

    mutating func chunkReceived(
        _ message: ObjectChunk, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let id = message.object
        guard pulls[id]?.sources.first?.worker == peer else { return }
        if let error = message.error { return sourceFailed(id, error.message, at: now, into: &effects) }
        // Out of the table, so that the bytes are written in place and not into a copy of all of them.
        guard var pull = pulls.removeValue(forKey: id) else { return }
        let outcome = pull.take(message)
        if case .taken = outcome {
            let deadline = now.advanced(milliseconds: Self.chunkMilliseconds)
            pull.deadline = deadline
            setAlarm(deadline)
            askRest(of: message, pull, peer, into: &effects)
            let ahead = pull.received + Limits.chunkBytes * Limits.chunksInFlightMax
            while pull.requested < min(pull.total, ahead) {
                let request = PullChunk(object: id, offset: pull.requested, count: Limits.chunkBytes)
                pull.requested += Limits.chunkBytes
                effects.send(.pullChunk(request), to: peer)
            }
            guard pull.received < pull.total else { return finishPull(id, pull, into: &effects) }
        }
        pulls[id] = pull
        if case .flawed(let flaw) = outcome { sourceFailed(id, flaw, at: now, into: &effects) }
    }

    /// A source may send less at a time than was asked for; what is left of the piece is asked for again.
    private func askRest(
        of chunk: ObjectChunk, _ pull: RemotePull, _ peer: WorkerID, into effects: inout WorkerEffects
    ) {
        let end = chunk.offset + chunk.bytes.count
        let pieceEnd = min((chunk.offset / Limits.chunkBytes + 1) * Limits.chunkBytes, pull.total)
        guard end < pieceEnd, !chunk.bytes.isEmpty else { return }
        let request = PullChunk(object: chunk.object, offset: end, count: pieceEnd - end)
        effects.send(.pullChunk(request), to: peer)
    }

    private mutating func finishPull(_ id: ObjectID, _ pull: RemotePull, into effects: inout WorkerEffects) {
        guard let sizes = pull.sizes else { return }
        let metadataEnd = sizes.dataBytes + sizes.metadataBytes
        let contained = pull.bytes[metadataEnd...].withUnsafeBytes { RayObject.references(in: $0) }
        let object = RayObject(
            data: Array(pull.bytes[..<sizes.dataBytes]), metadata: Array(pull.bytes[sizes.dataBytes..<metadataEnd]),
            contained: contained ?? [])
        guard let entry = objects[id] else { return }
        // The owner keeps the copy in the store as the one that others fetch.
        guard entry.owner == nil, case .stored = entry.value else {
            settle(id, .inline(object), into: &effects)
            return
        }
        objects.update(id) { entry in
            entry.copy = object
            entry.presence = .unknown
        }
        notify(id, into: &effects)
        dropCopy(id)
    }

    mutating func pullSourceLost(_ peer: WorkerID, at now: Instant, into effects: inout WorkerEffects) {
        for id in pulls.filter({ $0.value.sources.first?.worker == peer }).keys.sorted() {
            sourceFailed(id, "the node is gone", at: now, into: &effects)
        }
    }

    mutating func expirePulls(at now: Instant, into effects: inout WorkerEffects) {
        for (id, pull) in pulls.sorted(by: { $0.key < $1.key }) {
            guard let deadline = pull.deadline else {
                pulls[id]?.deadline = now.advanced(milliseconds: Self.firstChunkMilliseconds)
                continue
            }
            guard deadline <= now else { continue }
            let limit = pull.sizes == nil ? Self.firstChunkMilliseconds : Self.chunkMilliseconds
            // Nobody has said that the object is not there: before it counts as lost, the source is asked once more.
            if let source = pull.sources.first, pulls[id]?.silent.insert(source.worker).inserted == true {
                pulls[id]?.sources.append(source)
            }
            sourceFailed(id, "no answer for \(limit / 1000) s", at: now, into: &effects)
        }
    }
}
