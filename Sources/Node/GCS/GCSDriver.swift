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
///     links (reactor) ──▶ inputs ──▶ GCSCore ──▶ effects ──▶ links
///                 └─ StoreBlob, FetchBlob ──▶ ProgramArchive
///
/// Unchecked: everything that changes is touched by the reactor's leading thread only, or before the reactor is
/// started.
final class GCSDriver: EndpointHandler, @unchecked Sendable {
    private let reactor: Reactor
    private let logger = Logger(label: "ray.gcs")
    private var core: GCSCore?
    private var effects = GCSEffects()
    private var archive: ProgramArchive
    private var endpoint: Endpoint?
    private var timer: ReactorTimer?

    init(reactor: Reactor, archive: ProgramArchive) {
        self.reactor = reactor
        self.archive = archive
    }

    /// Makes the core, now that the address is known.
    func prepare(endpoint: Endpoint, clusterName: String, isOpen: Bool) {
        self.endpoint = endpoint
        let seed = UInt64.random(in: .min ... .max)
        var settings = GCSSettings(address: endpoint.hello.address, clusterName: clusterName, seed: seed)
        settings.isOpen = isOpen
        core = GCSCore(settings: settings)
        for hash in archive.hashes { give(.programStored(hash: hash)) }
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
        give(.tick)
    }

    private func give(_ input: GCSInput) {
        core?.receive(input, at: reactor.clock.now(), into: &effects)
        for effect in effects.items { perform(effect) }
        effects.removeAll()
        if let wake = core?.nextWake { timer?.set(noLaterThan: wake) }
    }

    private func perform(_ effect: GCSEffect) {
        switch effect {
        case .send(let message, let requestID, let peer): send(message, requestID: requestID, to: peer)
        case .connect(let address): endpoint?.connect(to: address)
        case .disconnect(let peer, let reason): endpoint?.disconnect(peer, reason: reason)
        case .log(.info, let text): logger.info("\(text)")
        case .log(.warning, let text): logger.warning("\(text)")
        case .log(.error, let text): logger.error("\(text)")
        }
    }

    private func send(_ message: Message, requestID: UInt64, to peer: WorkerID) {
        KillPoint.current?.pass(message, .sending)
        // A peer without a link is lost, or about to be reported as lost: nothing is to be done here.
        _ = endpoint?.send(kind: message.kind, requestID: requestID, payload: message.payload, to: peer)
        KillPoint.current?.pass(message, .sent)
    }

    // MARK: Links

    func peerUp(_ peer: WorkerID, _ hello: Hello) {
        give(.peerUp(peer, role: hello.role, address: hello.address))
    }

    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        do throws(WireError) {
            switch try Message(kind: kind, payload: payload) {
            case .storeBlob(let piece): store(piece, requestID: requestID, from: peer)
            case .fetchBlob(let wanted): send(.blobChunk(archive.fetch(wanted)), requestID: requestID, to: peer)
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
        give(.peerLost(peer, reason: reason))
    }

    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) { peerLost(peer, reason) }

    private func store(_ piece: StoreBlob, requestID: UInt64, from peer: WorkerID) {
        var reply = BlobStored()
        do throws(RayError) {
            let isComplete = try archive.store(piece, from: peer, at: reactor.clock.now())
            if isComplete { give(.programStored(hash: piece.hash)) }
        } catch {
            logger.error("a program could not be stored: \(error.message)")
            reply.error = error
        }
        send(.blobStored(reply), requestID: requestID, to: peer)
    }
}
