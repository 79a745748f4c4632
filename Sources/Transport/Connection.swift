//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayWire
internal import Synchronization

/// One socket of an endpoint, from the first byte to the end.
///
///     connecting ─▶ (securing ─▶) greeting ─▶ established ─▶ ended
///     greeted ───────────────────────────────▶ established
///        └──▶ draining (refused, or this side said goodbye) ─▶ ended
///
/// Unchecked: everything but `descriptor` is touched by the reactor's leader only. `descriptor` is constant; it is
/// closed after the peer has forgotten this connection under its lock, so that nobody writes to a stranger.
final class Connection: ReactorSource, @unchecked Sendable {
    enum Phase {
        /// TCP's handshake is under way; leads to securing, greeting or ended.
        case connecting(Peer)
        /// The handshake of TLS is under way; leads to greeting or ended.
        case securing(Peer)
        /// Our hello is out; leads to established or ended.
        case greeting(Peer)
        /// Waits for the other side's hello; leads to established, draining or ended.
        case greeted
        /// Messages flow; leads to draining or ended.
        case established(Peer)
        /// Goodbye was said and not all is written yet; leads to draining.
        case leaving(Peer)
        /// Nothing is said any more; waits for the other side to close, up to a limit.
        case draining
        case ended
    }

    static let reading = UInt32(RAY_EVENT_READ | RAY_EVENT_READ_CLOSED)
    static let writing = UInt32(RAY_EVENT_READ | RAY_EVENT_READ_CLOSED | RAY_EVENT_WRITE)

    let descriptor: Int32
    let isUnix: Bool
    var phase: Phase
    /// When the connection is given up; only until it is established, and while it ends.
    var deadline: Instant
    private var decoder: FrameDecoder
    private var batch: [FrameDecoder.Frame] = []
    let endpoint: Endpoint
    let tls: TLSSession?
    /// Whether the first bytes were those of TLS.
    var isSecured = false
    /// Whether it was accepted and has not been found to be a peer's.
    var isStranger: Bool

    init(
        descriptor: Int32, isUnix: Bool, tls: TLSSession?, phase: Phase, deadline: Instant, endpoint: Endpoint
    ) {
        self.descriptor = descriptor
        self.isUnix = isUnix
        self.tls = tls
        self.phase = phase
        self.deadline = deadline
        self.endpoint = endpoint
        decoder = FrameDecoder(payloadBytesMax: Hello.payloadBytesMax)
        isStranger = if case .greeted = phase { true } else { false }
    }

    func ready(_ events: UInt32) {
        if case .connecting = phase {
            guard events & UInt32(RAY_EVENT_WRITE | RAY_EVENT_ERROR | RAY_EVENT_HANGUP) != 0 else { return }
            return endpoint.connectEnded(self, code: ray_socket_error(descriptor))
        }
        if events & UInt32(RAY_EVENT_WRITE) != 0 { writable() }
        if events & ~UInt32(RAY_EVENT_WRITE) != 0 { readable() }
    }

    func stopped() {
        switch phase {
        case .established(let peer), .leaving(let peer): endpoint.detach(peer)
        case .connecting, .securing, .greeting, .greeted, .draining, .ended: break
        }
        endpoint.close(self)
    }

    private func writable() {
        switch phase {
        case .established(let peer): peer.unblocked()
        case .leaving(let peer):
            peer.unblocked()
            endpoint.continueLeaving(self, peer)
        case .securing, .greeting, .greeted, .draining:
            if flush() { endpoint.reactor.modify(descriptor: descriptor, events: Self.reading) }
        case .connecting, .ended: break
        }
    }

    /// Reads once: the next turn comes back if there is more.
    private func readable() {
        if let tls { return readSecured(tls) }
        let received = decoder.read { room in
            let count = ray_socket_receive(descriptor, room.baseAddress, room.count)
            receiveError = count < 0 ? Int32(-count) : 0
            isAtEnd = count == 0
            return max(0, count)
        }
        if received > 0 {
            process()
        } else if isAtEnd {
            endpoint.ended(self, reason: "the peer closed the connection")
        } else if receiveError != EAGAIN {
            endpoint.ended(self, reason: TransportError.text(receiveError))
        }
    }

    private var receiveError: Int32 = 0
    private var isAtEnd = false

    /// Lends room behind the bytes that are not frames yet.
    func read(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int { decoder.read(fill) }

    /// Goes on with the frames at hand.
    func process() {
        do throws(WireError) {
            while true {
                switch phase {
                case .greeting(let peer):
                    guard let frame = try decoder.next() else { return }
                    decoder.withBuffer { buffer in
                        endpoint.answered(
                            self, peer, frame.header, UnsafeRawBufferPointer(rebasing: buffer[frame.payload]))
                    }
                    decoder.payloadBytesMax = Limits.framePayloadBytesMax
                case .greeted:
                    guard let frame = try decoder.next() else { return }
                    decoder.withBuffer { buffer in
                        endpoint.greeted(self, frame.header, UnsafeRawBufferPointer(rebasing: buffer[frame.payload]))
                    }
                    decoder.payloadBytesMax = Limits.framePayloadBytesMax
                case .established(let peer):
                    return try receiveMessages(from: peer)
                case .leaving, .draining:
                    decoder = FrameDecoder(payloadBytesMax: 0)
                    return
                case .connecting, .securing, .ended: return
                }
            }
        } catch {
            endpoint.ended(self, reason: "the peer sent bytes that are no frame: \(error)")
        }
    }

    /// Judges all frames at hand under one lock, then hands them on without it.
    private func receiveMessages(from peer: Peer) throws(WireError) {
        let now = endpoint.reactor.clock.now()
        batch.removeAll(keepingCapacity: true)
        var failure: WireError?
        var hasEffects = false
        var becameDirty = false
        var tickAt: Instant?
        peer.state.withLock { state in
            do throws(WireError) {
                while let frame = try decoder.next() {
                    let acceptance = decoder.withBuffer { buffer in
                        state.link.accept(
                            frame.header, payload: UnsafeRawBufferPointer(rebasing: buffer[frame.payload]), at: now)
                    }
                    if acceptance == .deliver { batch.append(frame) }
                }
            } catch {
                failure = error
            }
            hasEffects = state.link.hasEffects
            tickAt = state.link.tickAt
            if state.link.unsentBytes > 0, !state.isDirty {
                state.isDirty = true
                becameDirty = true
            }
        }
        if becameDirty { endpoint.reactor.flushAtTurnEnd(peer) }
        if let tickAt { endpoint.timer.set(about: tickAt) }
        let handler = endpoint.handler
        decoder.withBuffer { buffer in
            for frame in batch {
                handler.message(
                    kind: frame.header.kind, requestID: frame.header.requestID,
                    payload: UnsafeRawBufferPointer(rebasing: buffer[frame.payload]), from: peer.id)
            }
        }
        if !batch.isEmpty { handler.messagesEnd() }
        if hasEffects { endpoint.settle(peer) }
        if let failure { throw failure }
    }

    /// Writes a frame outside the link's stream: hello, welcome, refusal. False if it did not go out whole.
    func sendOutside(_ kind: LinkFrameKind, _ body: (inout WireWriter) -> Void) -> Bool {
        var payload = WireWriter()
        body(&payload)
        var bytes: [UInt8] = []
        FrameHeader(kind: kind.rawValue, payloadLength: UInt32(payload.bytes.count)).append(to: &bytes)
        bytes.append(contentsOf: payload.bytes)
        return bytes.withUnsafeBytes { send($0) == $0.count } && flush()
    }

    /// Writes; how many bytes were taken: 0 while the socket takes none. Under the lock of the peer, if there is one.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let tls { return tls.send(bytes, to: descriptor) }
        return max(0, ray_socket_send(descriptor, bytes.baseAddress, bytes.count))
    }

    /// Writes what was taken and not written; whether nothing is left.
    func flush() -> Bool { tls?.flush(to: descriptor) ?? true }
}
