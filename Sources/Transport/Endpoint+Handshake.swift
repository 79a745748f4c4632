//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayWire
internal import Synchronization

// Everything here runs on the reactor's leading thread only.
extension Endpoint {
    /// Starts an attempt to connect.
    func dial(_ peer: Peer) {
        let (address, isWaiting) = peer.state.withLock { state in
            (state.address, state.link.state == .waiting && state.link.configuration.connects)
        }
        guard let address, isWaiting, !isShutDown else { return }
        guard address.socketPath.isEmpty else { return dialUnix(peer, address.socketPath) }
        guard !address.host.isEmpty, address.port != 0 else {
            return failed(peer, "the peer listens nowhere: its address has neither a socket nor a port")
        }
        dialTCP(peer, host: address.host, numeric: address.host, port: address.port)
    }

    private func dialUnix(_ peer: Peer, _ path: String) {
        let descriptor = ray_unix_connect(path)
        if descriptor == -EAGAIN {
            // The listener's queue is full: the process is there, and busy.
            let at = reactor.clock.now().advanced(milliseconds: 5)
            peer.state.withLock { $0.connectAt = at }
            return timer.set(noLaterThan: at)
        }
        guard descriptor >= 0 else {
            return failed(peer, "cannot connect to \(path): \(TransportError.text(-descriptor))")
        }
        guard UnixPeer.mayServe(ray_peer_user(descriptor)) else {
            ray_close(descriptor)
            return failed(
                peer,
                "another user serves \(path), and is not told the token; remove that folder, or choose another one with "
                    + "RAY_TMPDIR")
        }
        let connection = open(descriptor, isUnix: true, nil, .greeting(peer), events: Connection.reading)
        if let connection { greet(connection, peer) }
    }

    private func dialTCP(_ peer: Peer, host: String, numeric: String, port: UInt16) {
        // A name may have been looked up for so long that the link was given up, and there is a new one.
        guard peers.withLock({ $0[peer.id] === peer }), peer.state.withLock({ $0.link.state == .waiting }) else {
            return
        }
        let descriptor = ray_tcp_connect(numeric, port)
        if descriptor == -EINVAL, host == numeric { return resolve(peer, host, port) }
        guard descriptor >= 0 else {
            return failed(peer, "cannot connect to \(host):\(port): \(TransportError.text(-descriptor))")
        }
        let tls = credentials.tls?.makeSession(host: host)
        guard credentials.tls == nil || tls != nil else {
            ray_close(descriptor)
            return failed(peer, "no TLS session can be made for the host \(host)")
        }
        open(
            descriptor, isUnix: false, tls, .connecting(peer), events: Connection.writing,
            milliseconds: settings.connectMilliseconds)
    }

    private func resolve(_ peer: Peer, _ host: String, _ port: UInt16) {
        settings.resolve(host) { [self] result in
            reactor.perform {
                switch result {
                case .success(let numeric): self.dialTCP(peer, host: host, numeric: numeric, port: port)
                case .failure(let error): self.failed(peer, "\(error)")
                }
            }
        }
    }

    @discardableResult
    private func open(
        _ descriptor: Int32, isUnix: Bool, _ tls: TLSSession?, _ phase: Connection.Phase, events: UInt32,
        milliseconds: Int? = nil
    ) -> Connection? {
        let limit = milliseconds ?? settings.greetingMilliseconds
        let connection = Connection(
            descriptor: descriptor, isUnix: isUnix, tls: tls, phase: phase,
            deadline: reactor.clock.now().advanced(milliseconds: limit), endpoint: self)
        guard reactor.add(connection, descriptor: descriptor, events: events) >= 0 else {
            ray_close(descriptor)
            connection.phase = .ended
            return nil
        }
        watch(connection)
        return connection
    }

    /// TCP's handshake is over.
    func connectEnded(_ connection: Connection, code: Int32) {
        guard case .connecting(let peer) = connection.phase else { return }
        guard code == 0 else { return ended(connection, reason: TransportError.text(code)) }
        reactor.modify(descriptor: connection.descriptor, events: Connection.reading)
        connection.deadline = reactor.clock.now().advanced(milliseconds: settings.greetingMilliseconds)
        timer.set(noLaterThan: connection.deadline)
        if connection.tls == nil { return secured(connection, peer) }
        connection.phase = .securing(peer)
        connection.continueHandshake(peer)
    }

    /// The connection is ready for the hello.
    func secured(_ connection: Connection, _ peer: Peer) {
        connection.phase = .greeting(peer)
        greet(connection, peer)
    }

    /// TLS failed before the link was established: trying again would not help.
    func insecure(_ connection: Connection, _ peer: Peer, _ reason: String) {
        refused(
            connection, peer,
            Refusal(
                .malformed, "no TLS with \(describe(peer)): \(reason); see RAY_TLS_CA_CERT and RAY_TLS_SERVER_CERT"))
    }

    /// This process's hello with its next number.
    private func nextHello() -> Hello {
        serial += 1
        var hello = hello
        hello.serial = serial
        return hello
    }

    /// Says hello.
    private func greet(_ connection: Connection, _ peer: Peer) {
        var hello = nextHello()
        peer.state.withLock { state in
            hello.link = state.linkID
            hello.isResumption = state.link.wasUp
            hello.highestReceived = state.link.highestReceived
        }
        if !connection.sendOutside(.hello, { hello.write(to: &$0) }) {
            ended(connection, reason: "the hello could not be sent")
        }
    }

    /// The answer to our hello.
    func answered(
        _ connection: Connection, _ peer: Peer, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer
    ) {
        var reader = WireReader(payload)
        do throws(WireError) {
            switch LinkFrameKind(rawValue: header.kind) {
            case .welcome: welcomed(connection, peer, try Welcome(from: &reader).hello)
            case .refused: refused(connection, peer, try Refusal(from: &reader))
            default: ended(connection, reason: "the peer answered with a frame of kind \(header.kind)")
            }
        } catch {
            ended(connection, reason: "the peer's answer cannot be read: \(error)")
        }
    }

    private func welcomed(_ connection: Connection, _ peer: Peer, _ hello: Hello) {
        let (incarnation, isWaiting) = peer.state.withLock { ($0.incarnation, $0.link.state == .waiting) }
        guard isWaiting else { return close(connection) }
        guard hello.identity == peer.id else {
            close(connection)
            return lose(peer, "another process answers at \(describe(peer)): \(hello.identity)")
        }
        guard incarnation == nil || incarnation == hello.incarnation else {
            close(connection)
            return lose(peer, "the process was started again")
        }
        establish(connection, peer, hello)
    }

    private func refused(_ connection: Connection, _ peer: Peer, _ refusal: Refusal) {
        close(connection)
        switch refusal.code {
        case .crossed:
            // The other side's connection is on its way; if it does not come, ours is tried again.
            let at = reactor.clock.now().advanced(milliseconds: 100)
            peer.state.withLock { $0.connectAt = at }
            timer.set(noLaterThan: at)
        case .linkUnknown: lose(peer, refusal.sentence)
        case .tokenMissing, .tokenWrong, .version, .wrongProcess, .malformed:
            let address = peer.state.withLock { state -> Address in
                state.link.abandon()
                return state.address ?? .none
            }
            guard forget(peer) else { return }
            var sentence = refusal.sentence
            if refusal.code == .tokenWrong {
                let source = credentials.source.isEmpty ? "" : " (from \(credentials.source))"
                sentence = "the token given\(source) is wrong: it is not the token of the cluster at \(describe(peer))"
            }
            handler.refused(peer.id, address, sentence)
        }
    }

    private func lose(_ peer: Peer, _ reason: String) {
        peer.state.withLock { $0.link.end(reason) }
        settle(peer)
    }

    /// Puts a connection to use; the first one of a link is reported.
    private func establish(_ connection: Connection, _ peer: Peer, _ hello: Hello) {
        let now = reactor.clock.now()
        unsettled.removeAll { $0 === connection }
        connection.phase = .established(peer)
        connection.isStranger = false
        let (old, isFirst) = peer.state.withLock { state -> (Connection?, Bool) in
            let old = state.connection
            let isFirst = !state.link.wasUp
            state.connection = connection
            state.isBlocked = false
            state.incarnation = hello.incarnation
            state.serial = hello.serial
            state.connectAt = nil
            state.link.connected(peerHighestReceived: hello.highestReceived, at: now)
            if !isFirst { peer.write(&state) }
            return (old, isFirst)
        }
        if let old { close(old) }
        if isFirst { handler.peerUp(peer.id, hello) }
        peer.flush()
        settle(peer)
    }

    /// A connection was accepted.
    func accepted(_ descriptor: Int32, isUnix: Bool) {
        // Who knocks at the port does not keep those of this machine out.
        let waiting = unsettled.count { $0.isStranger && $0.isUnix == isUnix }
        guard waiting < settings.greetingsMax, !isShutDown else { return ray_close(descriptor) }
        guard !isUnix || UnixPeer.mayCall(ray_peer_user(descriptor)) else { return ray_close(descriptor) }
        let tls = isUnix ? nil : credentials.tls?.makeSession(host: nil)
        guard isUnix || credentials.tls == nil || tls != nil else { return ray_close(descriptor) }
        open(descriptor, isUnix: isUnix, tls, .greeted, events: Connection.reading)
    }

    /// The first frame of a connection that was accepted.
    func greeted(_ connection: Connection, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        guard header.kind == LinkFrameKind.hello.rawValue else {
            return refuse(connection, Refusal(.malformed, "the first frame is no hello"))
        }
        switch policy.judge(payload) {
        case .failure(let failure): refuse(connection, failure.refusal)
        case .success((let hello, let version)): admit(connection, hello, version)
        }
    }

    private func admit(_ connection: Connection, _ hello: Hello, _ version: UInt16) {
        let own = self.hello
        guard hello.identity != own.identity else {
            return refuse(connection, Refusal(.wrongProcess, "the process has the identity of the one it calls"))
        }
        if let known = peer(hello.identity) {
            let (linkID, incarnation, wasUp, serial) = known.state.withLock {
                ($0.linkID, $0.incarnation, $0.link.wasUp, $0.serial)
            }
            guard incarnation != hello.incarnation || hello.serial > serial else {
                // Said before what we know of the peer: the connection of a hello that crossed ours, read late.
                return refuse(connection, Refusal(.crossed, "another connection is in use already"))
            }
            if wasUp, linkID == hello.link, incarnation == hello.incarnation {
                return welcome(connection, known, hello, version)
            }
            if !wasUp, !hello.isResumption {
                guard own.identity > hello.identity else {
                    return refuse(connection, Refusal(.crossed, "both sides connect; the other connection is kept"))
                }
                adopt(connection, known, hello)
                return welcome(connection, known, hello, version)
            }
            if !hello.isResumption {
                let isSame = incarnation == hello.incarnation
                lose(known, isSame ? "the peer began a new link" : "the process was started again")
            }
        }
        guard !hello.isResumption else {
            return refuse(
                connection, Refusal(.linkUnknown, "the other side has given the link up, or was started again"))
        }
        let configuration = connection.isUnix ? settings.sameNode : settings.acrossNodes
        let peer = makePeer(
            hello.identity, LinkCore(configuration, at: reactor.clock.now()), linkID: hello.link, address: nil)
        let isFirst = peers.withLock { peers -> Bool in
            guard peers[hello.identity] == nil else { return false }
            peers[hello.identity] = peer
            return true
        }
        // Another thread has begun to connect to the process meanwhile: both sides do.
        guard isFirst else { return admit(connection, hello, version) }
        welcome(connection, peer, hello, version)
    }

    /// Uses the other side's connection for a link that both sides were making.
    private func adopt(_ connection: Connection, _ peer: Peer, _ hello: Hello) {
        let own = unsettled.first {
            switch $0.phase {
            case .connecting(let other), .securing(let other), .greeting(let other): other === peer
            default: false
            }
        }
        if let own { close(own) }
        peer.state.withLock { state in
            state.linkID = hello.link
            state.address = nil
            state.connectAt = nil
            state.link.adopt(connection.isUnix ? settings.sameNode : settings.acrossNodes)
        }
    }

    private func welcome(_ connection: Connection, _ peer: Peer, _ hello: Hello, _ version: UInt16) {
        var own = nextHello()
        own.token = []
        own.link = hello.link
        own.highestReceived = peer.state.withLock { $0.link.highestReceived }
        guard connection.sendOutside(.welcome, { Welcome(version: version, hello: own).write(to: &$0) }) else {
            return ended(connection, reason: "the welcome could not be sent")
        }
        establish(connection, peer, hello)
    }

    /// Says why a connection is not wanted, and ends it.
    private func refuse(_ connection: Connection, _ refusal: Refusal) {
        _ = connection.sendOutside(.refused) { refusal.write(to: &$0) }
        ray_socket_end_writing(connection.descriptor)
        connection.phase = .draining
        let limit = reactor.clock.now().advanced(milliseconds: settings.refusedMilliseconds)
        connection.deadline = min(connection.deadline, limit)
        timer.set(noLaterThan: connection.deadline)
    }
}
