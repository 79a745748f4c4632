//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
package import RayWire
internal import Synchronization

/// What an endpoint tells its owner, on the reactor's leading thread and outside all locks.
///
/// Calls of one endpoint never overlap. A handler must not block; it may call everything of the endpoint.
package protocol EndpointHandler: AnyObject, Sendable {
    /// The link to a peer is up for the first time. Resumptions are not reported.
    func peerUp(_ peer: WorkerID, _ hello: Hello)
    /// A message; the payload is valid during the call only.
    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID)
    /// The messages that came together have all been told: what is best done for several at once is to be done now.
    func messagesEnd()
    /// The link is gone, with all that was not delivered. Ends a link, as `refused` does: exactly one of them comes.
    func peerLost(_ peer: WorkerID, _ reason: String)
    /// The peer did not want us: token, version or another process at its address. Trying again is pointless.
    func refused(_ peer: WorkerID, _ address: Address, _ reason: String)
    /// Something that an operator should know, as a sentence; now and then at most.
    func warn(_ text: String)
}

extension EndpointHandler {
    /// Most have nobody to tell it to.
    package func warn(_ text: String) {}
    /// Most handle each message as it comes.
    package func messagesEnd() {}
}

/// The token of a process, and what its peers must have.
package struct Credentials: Sendable {
    /// What this process says; empty if it knows no token.
    package var token: [UInt8]
    /// Where the token comes from, for messages: "RAY_AUTH_TOKEN", a path.
    package var source: String
    /// Whether peers must say the same token.
    package var isTokenWanted: Bool
    /// If there is one, all connections over TCP use TLS. Unix sockets do not: the kernel says who is there.
    package var tls: TLSContext?

    /// Credentials of a process; by default as `open`.
    package init(
        token: [UInt8] = [], source: String = "", isTokenWanted: Bool = false, tls: TLSContext? = nil
    ) {
        self.token = token
        self.source = source
        self.isTokenWanted = isTokenWanted
        self.tls = tls
    }

    /// No token is said, and none is wanted.
    package static let open = Credentials()
}

/// The links of one process.
///
/// Unchecked: what is marked "leader only" is touched by the reactor's leader only; the rest is constant or under a mutex.
package final class Endpoint: @unchecked Sendable {
    /// Limits of connections that are not yet links.
    package struct Settings: Sendable {
        /// Connections over TCP that have not said who they are, and as many over Unix sockets.
        package var greetingsMax = 256
        /// How long a connection may take to say it.
        package var greetingMilliseconds = 5_000
        /// How long a connection that was refused may take to read why.
        package var refusedMilliseconds = 1_000
        /// How long TCP may take to connect.
        package var connectMilliseconds = 3_000
        /// Habits of links over Unix sockets.
        package var sameNode = LinkCore.Configuration.sameNode(connects: false)
        /// Habits of links over TCP.
        package var acrossNodes = LinkCore.Configuration.acrossNodes(connects: false)
        /// Takes a connection from a listener: its descriptor, or -errno.
        package var accept: @Sendable (Int32) -> Int32 = { ray_accept($0) }
        /// Looks a host's name up without blocking, and tells its numeric address; on any thread.
        package var resolve: @Sendable (String, @escaping @Sendable (Result<String, TransportError>) -> Void) -> Void =
            {
                HostName.resolve($0, $1)
            }

        /// The limits that are meant for production.
        package init() {}
    }

    /// The reactor on which everything happens.
    package let reactor: Reactor
    let settings: Settings
    let credentials: Credentials
    let policy: HelloPolicy
    let identity: Mutex<Hello>
    let peers = Mutex<[WorkerID: Peer]>([:])
    let listeners = Mutex<[Listener]>([])
    /// Leader only: number of the last hello or welcome that was said.
    var serial: UInt64 = 0
    /// Leader only: connections that are not established, or no more.
    var unsettled: [Connection] = []
    /// Leader only: listeners that are not looked at for want of descriptors, until when, and when that is said again.
    var resting: [Listener] = []
    var restsUntil = Instant.zero
    var nextWarning = Instant.zero
    /// Leader only.
    var isShutDown = false
    /// Whether it is shut down, and nobody is left who has not heard it.
    private let isSilent = Atomic<Bool>(false)
    /// Leader only: replaced at the shutdown, so that owner and endpoint do not keep each other.
    private(set) var handler: any EndpointHandler
    let timer: ReactorTimer

    /// - Parameters:
    ///   - hello: Who this process is; token and link are filled in here.
    ///   - handler: Is told what happens; held until `shutdown`.
    package init(
        _ hello: Hello, credentials: Credentials, settings: Settings = Settings(), reactor: Reactor,
        handler: any EndpointHandler
    ) {
        self.reactor = reactor
        self.settings = settings
        self.credentials = credentials
        self.handler = handler
        policy = HelloPolicy(
            token: credentials.isTokenWanted ? credentials.token : nil, versions: hello.versionMin...hello.versionMax)
        var hello = hello
        hello.token = credentials.token
        identity = Mutex(hello)
        let target = TickTarget()
        timer = reactor.makeTimer { target.endpoint.withLock { $0.endpoint }?.tick($0) }
        target.endpoint.withLock { $0.endpoint = self }
    }

    deinit { reactor.remove(timer) }

    /// This process as its peers know it, with the addresses of its listeners.
    package var hello: Hello { identity.withLock { $0 } }

    /// Listens on a Unix socket that only this user can reach.
    ///
    /// - Throws: `folderNotPrivate`, `socketInUse` or `system`.
    package func listen(unixPath path: String) throws(TransportError) {
        try Self.makePrivateFolder(of: path)
        let descriptor = ray_unix_listen(path, 512)
        if descriptor == -EADDRINUSE { throw .socketInUse(path: path) }
        guard descriptor >= 0 else { throw .system(operation: "listening on \(path)", code: -descriptor) }
        try start(Listener(descriptor: descriptor, isUnix: true, path: path, endpoint: self))
        identity.withLock { $0.address.socketPath = path }
    }

    /// Listens on TCP; the port that was bound, which matters if `port` is 0.
    ///
    /// - Parameter host: A numeric address, IPv4 or IPv6.
    /// - Throws: `portInUse` or `system`.
    @discardableResult
    package func listen(host: String, port: UInt16) throws(TransportError) -> UInt16 {
        var bound: UInt16 = 0
        let descriptor = ray_tcp_listen(host, port, 512, &bound)
        if descriptor == -EADDRINUSE { throw .portInUse(host: host, port: port) }
        guard descriptor >= 0 else {
            throw .system(operation: "listening on \(host) port \(port)", code: -descriptor)
        }
        try start(Listener(descriptor: descriptor, isUnix: false, path: "", endpoint: self))
        identity.withLock {
            if $0.address.host.isEmpty { $0.address.host = host }
            $0.address.port = bound
        }
        return bound
    }

    /// The link to the process at `address`, made if there is none; messages may be sent at once.
    ///
    /// Success is told by `peerUp`, failure by `peerLost` or `refused`.
    @discardableResult
    package func connect(to address: Address) -> Peer {
        let now = reactor.clock.now()
        let own = hello.address
        let isUnix = !address.socketPath.isEmpty && (address.node == own.node || address.host.isEmpty)
        var configuration = isUnix ? settings.sameNode : settings.acrossNodes
        configuration.connects = true
        // What is awaited from the head may never come if its machine is gone, and nothing else would say so.
        if address.worker == .gcs, configuration.retainsUntilAcknowledged { configuration.keepsAlive = true }
        let (peer, isNew) = peers.withLock { peers -> (Peer, Bool) in
            if let peer = peers[address.worker] { return (peer, false) }
            var target = address
            if !isUnix { target.socketPath = "" }
            let peer = makePeer(
                address.worker, LinkCore(configuration, at: now), linkID: .random(in: 1 ... .max), address: target)
            peers[address.worker] = peer
            return (peer, true)
        }
        if isNew { reactor.perform { self.dial(peer) } }
        return peer
    }

    /// The link to a process, if there is one.
    package func peer(_ id: WorkerID) -> Peer? { peers.withLock { $0[id] } }

    /// Sends a message over an existing link; see `Peer.send`.
    @discardableResult
    package func send(
        kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, to id: WorkerID, at time: SendTime = .soon
    ) -> SendOutcome {
        guard let peer = peer(id) else { return .noLink }
        return peer.send(kind: kind, requestID: requestID, payload: payload, at: time)
    }

    /// Sends a message whose payload is an array.
    @discardableResult
    package func send(
        kind: UInt16, requestID: UInt64, payload: [UInt8], to id: WorkerID, at time: SendTime = .soon
    ) -> SendOutcome {
        payload.withUnsafeBytes { send(kind: kind, requestID: requestID, payload: $0, to: id, at: time) }
    }

    /// Ends the link to a peer after what is queued; the peer is told `reason`. Nothing is reported on this side.
    package func disconnect(_ id: WorkerID, reason: String) {
        reactor.perform { if let peer = self.peer(id) { self.leave(peer, reason) } }
    }

    /// Breaks the connection to a peer as a failing network would, for tests; the link resumes if it can.
    package func breakConnection(to id: WorkerID) {
        peer(id)?.state.withLock { if let connection = $0.connection { ray_socket_break(connection.descriptor) } }
    }

    /// A callback on the leading thread at wanted times, for the tick of a core.
    package func makeTimer(_ fire: @escaping @Sendable (Instant) -> Void) -> ReactorTimer { reactor.makeTimer(fire) }

    /// Says goodbye to all peers and closes all sockets; `completion` runs when that is under way.
    package func shutdown(reason: String, completion: @escaping @Sendable () -> Void = {}) {
        reactor.perform {
            self.isShutDown = true
            for listener in self.listeners.withLock({ $0 }) { self.close(listener) }
            for peer in self.peers.withLock({ $0.values.sorted { $0.id < $1.id } }) { self.leave(peer, reason) }
            self.handler = SilentHandler()
            self.noteSilence()
            completion()
        }
    }

    /// Says goodbye to all peers and waits until they have heard it, `milliseconds` at most. Not for the reactor's own
    /// threads.
    package func shutdown(reason: String, waitingMilliseconds milliseconds: Int) {
        shutdown(reason: reason)
        let deadline = reactor.clock.now().advanced(milliseconds: milliseconds)
        reactor.runAsLeader(until: { isSilent.load(ordering: .acquiring) }, deadline: deadline)
    }

    /// Looks whether the last peer has heard the goodbye. By the leader only.
    func noteSilence() {
        guard isShutDown else { return }
        let isHeard = unsettled.allSatisfy {
            switch $0.phase {
            case .leaving, .draining: false
            case .connecting, .securing, .greeting, .greeted, .established, .ended: true
            }
        }
        if isHeard { isSilent.store(true, ordering: .releasing) }
    }

    private func start(_ listener: Listener) throws(TransportError) {
        let status = reactor.add(listener, descriptor: listener.descriptor, events: UInt32(RAY_EVENT_READ))
        guard status >= 0 else {
            ray_close(listener.descriptor)
            throw .system(operation: "watching a socket", code: -status)
        }
        listeners.withLock { $0.append(listener) }
    }

    /// Closes a listener and removes its socket. By the leader only.
    func close(_ listener: Listener) {
        let isOpen = listeners.withLock { listeners in
            let count = listeners.count
            listeners.removeAll { $0 === listener }
            return listeners.count < count
        }
        guard isOpen else { return }
        reactor.remove(descriptor: listener.descriptor)
        ray_close(listener.descriptor)
        if listener.isUnix { unlink(listener.path) }
    }

    private static func makePrivateFolder(of path: String) throws(TransportError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let folder = String(path[..<slash])
        if mkdir(folder, 0o700) == 0 { return }
        var status = stat()
        guard stat(folder, &status) == 0 else { throw .system(operation: "opening \(folder)", code: errno) }
        let isShared = status.st_mode & 0o022 != 0 && status.st_mode & 0o1000 == 0
        guard !isShared else { throw .folderNotPrivate(path: folder) }
    }
}

/// Lets a timer find its endpoint without keeping it.
private final class TickTarget: Sendable {
    struct Reference {
        weak var endpoint: Endpoint?
    }

    let endpoint = Mutex(Reference())
}

/// The handler of an endpoint that was shut down.
private final class SilentHandler: EndpointHandler {
    func peerUp(_ peer: WorkerID, _ hello: Hello) {}
    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {}
    func peerLost(_ peer: WorkerID, _ reason: String) {}
    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {}
}
