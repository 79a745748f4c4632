//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayWire

// Everything here runs on the reactor's leading thread only.
extension Connection {
    /// The first byte of every record of TLS that a handshake begins with (RFC 8446, section 5.1).
    private static let handshakeRecord: UInt8 = 22

    private static let wantsTLS = """
        the cluster speaks TLS and this process does not: set RAY_USE_TLS=1, RAY_TLS_SERVER_CERT, \
        RAY_TLS_SERVER_KEY and RAY_TLS_CA_CERT
        """

    /// Reads once from the socket, then all that this decrypts to: the socket does not tell of that again.
    func readSecured(_ tls: TLSSession) {
        let received = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room -> Int in
            let count = ray_socket_receive(descriptor, room.baseAddress, room.count)
            guard count > 0 else { return count }
            if !isSecured {
                if case .draining = phase { return -Int(EAGAIN) }
                guard room[0] == Self.handshakeRecord else { return refusePlain(first: room[0]) }
                isSecured = true
            }
            return tls.feed(UnsafeRawBufferPointer(rebasing: room[..<count])) ? count : -Int(ENOMEM)
        }
        if received > 0 {
            if case .securing(let peer) = phase { return continueHandshake(peer) }
            decrypt(tls)
        } else if received == 0 {
            closed()
        } else if received != -Int(EAGAIN) {
            endpoint.ended(self, reason: TransportError.text(Int32(-received)))
        }
    }

    /// Goes on with the handshake of the side that connects; the other side's is part of reading.
    func continueHandshake(_ peer: Peer) {
        guard let tls else { return }
        let progress = tls.handshake()
        watchWriting()
        switch progress {
        case .waiting: break
        case .done:
            endpoint.secured(self, peer)
            decrypt(tls)
        case .ended: closed()
        case .failed(let reason): endpoint.insecure(self, peer, reason)
        }
    }

    private func decrypt(_ tls: TLSSession) {
        while true {
            var progress = TLSSession.Progress.waiting
            _ = read { room in
                progress = tls.read(into: room)
                if case .done(let count) = progress { return count }
                return 0
            }
            switch progress {
            case .done:
                process()
                if case .ended = phase { return }
            case .waiting: return watchWriting()
            case .ended: return closed()
            case .failed(let reason):
                // The other side is told by an alert.
                _ = flush()
                if case .greeting(let peer) = phase { return endpoint.insecure(self, peer, reason) }
                return endpoint.ended(self, reason: "TLS failed: \(reason)")
            }
        }
    }

    /// What TLS itself says must get out, also when the socket is full.
    private func watchWriting() {
        if case .established(let peer) = phase { return peer.flush() }
        if !flush() { endpoint.reactor.modify(descriptor: descriptor, events: Self.writing) }
    }

    private func closed() {
        guard case .securing = phase else { return endpoint.ended(self, reason: "the peer closed the connection") }
        endpoint.ended(
            self, reason: "the peer closed the connection during TLS's handshake; does it use TLS (RAY_USE_TLS)?")
    }

    /// Answers a peer that speaks without TLS in its own way. Not a count of bytes: there is nothing to go on with.
    private func refusePlain(first: UInt8) -> Int {
        guard case .greeted = phase, first == UInt8(truncatingIfNeeded: FrameHeader.magic) else { return 0 }
        var payload = WireWriter()
        Refusal(.malformed, Self.wantsTLS).write(to: &payload)
        var bytes: [UInt8] = []
        FrameHeader(kind: LinkFrameKind.refused.rawValue, payloadLength: UInt32(payload.bytes.count))
            .append(to: &bytes)
        bytes.append(contentsOf: payload.bytes)
        _ = bytes.withUnsafeBytes { ray_socket_send(descriptor, $0.baseAddress, $0.count) }
        ray_socket_end_writing(descriptor)
        phase = .draining
        return -Int(EAGAIN)
    }
}
