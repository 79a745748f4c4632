//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Logging
internal import RayCore
internal import RayGCS
internal import RayTransport
internal import RayWire

/// Feeds `GCSCore` with what happens and performs what it wants.
///
///     links (reactor) ──▶ inputs ──▶ GCSCore ──▶ effects ──▶ (journal) ──▶ links
///                 └─ StoreBlob, FetchBlob ──▶ ProgramArchive ◀─ deleteFile
///
/// Unchecked: everything that changes is touched by the reactor's leading thread only, or before the reactor is
/// started.
final class GCSDriver: EndpointHandler, @unchecked Sendable {
    private let reactor: Reactor
    private let logger = Logger(label: "ray.gcs")
    /// What outlives this process; nothing in a cluster that ends with a program.
    private let journal: (any Journal)?
    /// Told when the journal fails: nothing can be acknowledged any more.
    private let failed: @Sendable (String) -> Void
    private var core: GCSCore?
    private var effects = GCSEffects()
    private var archive: ProgramArchive
    private var endpoint: Endpoint?
    private var timer: ReactorTimer?
    /// What follows changes that are not durable yet.
    private var held = HeldEffects<GCSEffect>()
    /// Links that were lost in this turn: one that the peer replaced is back at its end.
    private var losses: [(peer: WorkerID, reason: String)] = []

    init(
        reactor: Reactor, archive: ProgramArchive, journal: (any Journal)?,
        failed: @escaping @Sendable (String) -> Void
    ) {
        self.reactor = reactor
        self.archive = archive
        self.journal = journal
        self.failed = failed
    }

    /// Makes the core, now that the address is known.
    ///
    /// - Throws: `systemError` if the journal cannot be understood.
    func prepare(
        endpoint: Endpoint, clusterName: String, records: [JournalRecord], reconnectMilliseconds: Int,
        fileGraceMilliseconds: Int, spillNoticeBytes: Int, spreadThreshold: Double, isOpen: Bool, trace: TraceSettings
    ) throws(RayError) {
        self.endpoint = endpoint
        let seed = UInt64.random(in: .min ... .max)
        var settings = GCSSettings(address: endpoint.hello.address, clusterName: clusterName, seed: seed)
        settings.isOpen = isOpen
        settings.trace = trace
        settings.isDurable = journal != nil
        settings.reconnectMilliseconds = reconnectMilliseconds
        settings.fileGraceMilliseconds = fileGraceMilliseconds
        settings.spillNoticeBytes = spillNoticeBytes
        settings.spreadThreshold = spreadThreshold
        core = try GCSCore(settings: settings, records: records, at: reactor.clock.now())
        if let journal, !records.contains(where: { $0.clusterName != nil }) {
            journal.append([.clusterName(clusterName)])
            held.appended()
        }
        for hash in archive.hashes { give(.fileStored(hash: hash, by: nil)) }
    }

    /// Starts the ticks. On the leading thread.
    func begin() {
        let timer = reactor.makeTimer { self.tick($0) }
        self.timer = timer
        timer.set(reactor.clock.now())
    }

    /// Ends the ticks and what the archive has begun. On the leading thread.
    func end() {
        if let timer { reactor.remove(timer) }
        timer = nil
        archive.close()
        endpoint = nil
    }

    private func tick(_ now: Instant) {
        archive.tick(at: now)
        if journal != nil, let trouble = held.trouble(at: now) { failed(trouble) }
        give(.tick)
    }

    private func give(_ input: GCSInput) {
        core?.receive(input, at: reactor.clock.now(), into: &effects)
        for effect in effects.items {
            if case .persist(let records) = effect {
                guard let journal else { continue }
                journal.append(records)
                held.appended()
            } else if !held.hold(effect) {
                perform(effect)
            }
        }
        effects.removeAll()
        commit()
        if let wake = core?.nextWake { timer?.set(noLaterThan: wake) }
    }

    /// Has the journal make durable what it was given.
    private func commit() {
        guard let journal, let count = held.begin() else { return }
        journal.commit { error in
            self.reactor.perform { self.committed(count, error) }
        }
    }

    private func committed(_ count: UInt64, _ error: RayError?) {
        if let error { return failed(error.message) }
        for effect in held.committed(count) { perform(effect) }
        commit()
    }

    private func perform(_ effect: GCSEffect) {
        switch effect {
        case .send(let message, let requestID, let peer): send(message, requestID: requestID, to: peer)
        case .connect(let address): endpoint?.connect(to: address)
        case .disconnect(let peer, let reason): endpoint?.disconnect(peer, reason: reason)
        case .log(.info, let text): logger.info("\(text)")
        case .log(.warning, let text): logger.warning("\(text)")
        case .log(.error, let text): logger.error("\(text)")
        case .deleteFile(let hash): if core?.keepsFile(hash) != true { archive.remove(hash) }
        case .persist: break  // Done by `give`.
        }
    }

    private func send(_ message: Message, requestID: UInt64, to peer: WorkerID) {
        KillPoint.current?.pass(message, .sending)
        // A peer without a link is lost, or about to be reported as lost: nothing is to be done here.
        let payload = message.payload
        if endpoint?.send(kind: message.kind, requestID: requestID, payload: payload, to: peer) == .tooLarge {
            logger.error(
                "a message of kind \(message.kind) with \(payload.count) bytes is too large to be sent to \(peer)")
        }
        KillPoint.current?.pass(message, .sent)
    }

    // MARK: Links

    func peerUp(_ peer: WorkerID, _ hello: Hello) {
        // A process that made a new link is still there; it says anew what it has.
        losses.removeAll { $0.peer == peer }
        give(.peerUp(peer, role: hello.role, address: hello.address))
    }

    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        do throws(WireError) {
            switch try Message(kind: kind, payload: payload) {
            case .storeBlob(let piece): store(piece, requestID: requestID, from: peer)
            case .fetchBlob(let wanted): fetch(wanted, requestID: requestID, from: peer)
            case let message:
                KillPoint.current?.pass(message, .received)
                give(.message(message, requestID: requestID, from: peer))
                KillPoint.current?.pass(message, .handled)
            }
        } catch {
            logger.warning("ignored a message of kind \(kind) from \(peer): \(error)")
        }
    }

    func peerLost(_ peer: WorkerID, _ reason: String) {
        archive.peerLost(peer)
        losses.append((peer, reason))
        reactor.perform { self.giveLosses() }
    }

    private func giveLosses() {
        while !losses.isEmpty {
            let (peer, reason) = losses.removeFirst()
            give(.peerLost(peer, reason: reason))
        }
    }

    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) { peerLost(peer, reason) }

    func warn(_ text: String) { logger.warning("\(text)") }

    private func fetch(_ wanted: FetchBlob, requestID: UInt64, from peer: WorkerID) {
        let chunk = archive.fetch(wanted)
        if wanted.offset == 0, chunk.error == nil { give(.fileStored(hash: wanted.hash, by: peer)) }
        send(.blobChunk(chunk), requestID: requestID, to: peer)
    }

    private func store(_ piece: StoreBlob, requestID: UInt64, from peer: WorkerID) {
        var reply = BlobStored()
        do throws(RayError) {
            let isComplete = try archive.store(piece, from: peer, at: reactor.clock.now())
            if isComplete { give(.fileStored(hash: piece.hash, by: peer)) }
        } catch {
            logger.error("a program could not be stored: \(error.message)")
            reply.error = error
        }
        send(.blobStored(reply), requestID: requestID, to: peer)
    }
}
