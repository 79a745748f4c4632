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
    func makePeer(_ id: WorkerID, _ link: LinkCore, linkID: UInt64, address: Address?) -> Peer {
        Peer(
            id: id, state: Peer.State(link: link, address: address, linkID: linkID), reactor: reactor, timer: timer,
            settle: { [weak self] peer in self?.settleSoon(peer) })
    }

    /// Has the effects of a link performed by the leader. Any thread.
    private func settleSoon(_ peer: Peer) { reactor.perform { self.settle(peer) } }

    /// Performs what a link wants done.
    func settle(_ peer: Peer) {
        let effects = peer.state.withLock { state -> [LinkCore.Effect] in
            var effects: [LinkCore.Effect] = []
            state.link.drain(into: &effects)
            return effects
        }
        for effect in effects {
            switch effect {
            case .connect(let at):
                peer.state.withLock { $0.connectAt = at }
                timer.set(noLaterThan: at)
            case .close: detach(peer)
            case .lost(let reason):
                detach(peer)
                let wasKnown = forget(peer)
                if wasKnown { handler.peerLost(peer.id, reason) }
            case .transmit, .deliver: preconditionFailure("the driver sends and delivers without effects")
            }
        }
        if let at = peer.state.withLock({ $0.link.tickAt }) { timer.set(about: at) }
    }

    /// Removes a peer from the table; whether it was there.
    func forget(_ peer: Peer) -> Bool {
        peers.withLock { peers in
            guard peers[peer.id] === peer else { return false }
            peers[peer.id] = nil
            return true
        }
    }

    /// Time passes: links, attempts to connect, and connections that take too long.
    func tick(_ now: Instant) {
        var due: [Peer] = []
        // Of thousands of links few are due: the others cost a look.
        for peer in peers.withLock({ Array($0.values) }) {
            let (tickAt, connectAt) = peer.state.withLock { ($0.link.tickAt, $0.connectAt) }
            if min(tickAt ?? .distantFuture, connectAt ?? .distantFuture) <= now {
                due.append(peer)
            } else {
                wake(tickAt: tickAt, connectAt: connectAt)
            }
        }
        for peer in due.sorted(by: { $0.id < $1.id }) { tick(peer, now) }
        for connection in unsettled where connection.deadline <= now { expired(connection) }
        if let next = unsettled.map(\.deadline).min() { timer.set(noLaterThan: next) }
        if !resting.isEmpty { restsUntil <= now ? acceptAgain() : timer.set(noLaterThan: restsUntil) }
    }

    private func tick(_ peer: Peer, _ now: Instant) {
        let (hasEffects, isDue) = peer.state.withLock { state -> (Bool, Bool) in
            state.link.tick(at: now)
            peer.write(&state)
            let isDue = state.connectAt.map { $0 <= now } ?? false
            if isDue { state.connectAt = nil }
            return (state.link.hasEffects, isDue)
        }
        if hasEffects { settle(peer) }
        if isDue { dial(peer) }
        let (tickAt, connectAt) = peer.state.withLock { ($0.link.tickAt, $0.connectAt) }
        wake(tickAt: tickAt, connectAt: connectAt)
    }

    private func wake(tickAt: Instant?, connectAt: Instant?) {
        if let tickAt { timer.set(about: tickAt) }
        if let connectAt { timer.set(noLaterThan: connectAt) }
    }

    /// No descriptor is left for a new connection: a listener is left alone for a while.
    func rest(_ listener: Listener, code: Int32) {
        let now = reactor.clock.now()
        reactor.modify(descriptor: listener.descriptor, events: 0)
        resting.append(listener)
        restsUntil = now.advanced(milliseconds: Scarcity.restMilliseconds)
        timer.set(noLaterThan: restsUntil)
        guard now >= nextWarning else { return }
        nextWarning = now.advanced(milliseconds: 60_000)
        handler.warn(
            "new connections have to wait: \(TransportError.text(code)); allow this process more open files (ulimit -n)"
        )
    }

    private func acceptAgain() {
        let waiting = resting
        resting = []
        for listener in waiting where listeners.withLock({ $0.contains { $0 === listener } }) {
            reactor.modify(descriptor: listener.descriptor, events: UInt32(RAY_EVENT_READ))
        }
    }

    /// Remembers a connection that must make progress until its deadline.
    func watch(_ connection: Connection) {
        unsettled.append(connection)
        timer.set(noLaterThan: connection.deadline)
    }

    /// Ends the link after what is queued.
    func leave(_ peer: Peer, _ reason: String) {
        guard forget(peer) else { return }
        let connection = peer.state.withLock { state -> Connection? in
            guard let connection = state.connection, state.link.state == .up else {
                state.link.abandon()
                return nil
            }
            state.link.sayGoodbye(reason)
            peer.write(&state)
            return connection
        }
        guard let connection else { return detach(peer) }
        connection.phase = .leaving(peer)
        connection.deadline = reactor.clock.now().advanced(milliseconds: 1_000)
        watch(connection)
        continueLeaving(connection, peer)
    }

    /// Closes the sending side once all is written, then waits for the peer to close.
    func continueLeaving(_ connection: Connection, _ peer: Peer) {
        let isDone = peer.state.withLock { state -> Bool in
            guard state.link.unsentBytes == 0, connection.flush() else { return false }
            state.link.abandon()
            state.connection = nil
            return true
        }
        guard isDone else { return }
        ray_socket_end_writing(connection.descriptor)
        connection.phase = .draining
    }

    /// A connection is at its end; its link is told.
    func ended(_ connection: Connection, reason: String) {
        switch connection.phase {
        case .connecting(let peer), .securing(let peer), .greeting(let peer):
            close(connection)
            failed(peer, "cannot connect to \(describe(peer)): \(reason)")
        case .established(let peer):
            // First the peer forgets it: other threads send to the peer meanwhile.
            let isCurrent = peer.state.withLock { state -> Bool in
                guard state.connection === connection else { return false }
                state.connection = nil
                state.link.disconnected(
                    reason: reason, isProcessGone: false, at: reactor.clock.now())
                return true
            }
            close(connection)
            if isCurrent { settle(peer) }
        case .leaving(let peer):
            peer.state.withLock {
                $0.link.abandon()
                $0.connection = nil
            }
            close(connection)
        case .greeted, .draining, .ended: close(connection)
        }
    }

    /// An attempt to connect failed.
    func failed(_ peer: Peer, _ reason: String) {
        peer.state.withLock { state in
            guard state.link.state == .waiting else { return }
            state.link.disconnected(reason: reason, isProcessGone: false, at: reactor.clock.now())
        }
        settle(peer)
    }

    /// Takes the connection from a peer and closes it.
    func detach(_ peer: Peer) {
        let connection = peer.state.withLock { state -> Connection? in
            let connection = state.connection
            state.connection = nil
            return connection
        }
        if let connection { close(connection) }
    }

    /// Closes a connection that no peer has any more: the next socket, whosever it is, gets the same descriptor.
    func close(_ connection: Connection) {
        switch connection.phase {
        case .ended: return
        case .established(let peer), .leaving(let peer):
            precondition(
                peer.state.withLock { $0.connection !== connection }, "a peer sends on a connection that is closed")
        case .connecting, .securing, .greeting, .greeted, .draining: break
        }
        connection.phase = .ended
        unsettled.removeAll { $0 === connection }
        reactor.remove(descriptor: connection.descriptor)
        ray_close(connection.descriptor)
        noteSilence()
    }

    private func expired(_ connection: Connection) {
        switch connection.phase {
        case .connecting, .securing, .greeting: ended(connection, reason: "no answer in time")
        case .leaving, .draining, .greeted, .ended, .established: ended(connection, reason: "it took too long")
        }
    }

    func describe(_ peer: Peer) -> String {
        guard let address = peer.state.withLock({ $0.address }) else { return "the peer" }
        return address.socketPath.isEmpty ? "\(address.host):\(address.port)" : address.socketPath
    }
}
