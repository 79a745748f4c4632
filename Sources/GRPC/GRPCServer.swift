//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import NIOPosix
internal import RaySystem
internal import Synchronization

/// A gRPC server without opinions: calls of any method come out of `nextCall`, with their messages as bytes.
///
/// One event loop serves all connections; it waits for nobody, and the program's threads never run on it.
package final class GRPCServer: Sendable {
    private struct State {
        var calls = CircularBuffer<ServerCall>()
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: any Channel] = [:]
        var openStreams = 0
        var isStopped = false
    }

    /// How much a client may send before it hears that it was taken: an array of some megabytes in one go.
    private static let windowSize = 8 << 20
    private static let frameSizeMax = 1 << 20
    private static let callsPerConnection = 1_000
    /// How many odd frames a second are the ways of a client, and not an attack.
    private static let oddFramesPerSecond = 20_000

    private let routes = Routes()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let state = Mutex(State())
    private let changes = EventCount()
    private let messageMax: Int

    /// Messages of up to `messageMax` bytes are taken.
    package init(messageMax: Int) { self.messageMax = messageMax }

    /// Listens on an address as well, and tells the port, which is chosen if it is 0. Waits.
    package func bind(host: String, port: Int) throws -> Int {
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] in prepare($0) }
            .bind(host: host, port: port).wait()
        state.withLock { $0.listeners.append(channel) }
        return channel.localAddress?.port ?? port
    }

    /// The next call; nothing after `milliseconds`, or once stopped.
    package func nextCall(milliseconds: Int) -> ServerCall? {
        let seen = changes.current
        if let call = takeCall() { return call }
        if isStopped { return nil }
        changes.wait(after: seen, milliseconds: milliseconds)
        return takeCall()
    }

    /// Whether there will be no calls any more.
    package var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Takes no more calls, gives those that run `milliseconds` to end, and cuts off the rest. Waits.
    package func stop(milliseconds: Int) {
        let listeners = state.withLock { state -> [any Channel] in
            state.isStopped = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener.close(promise: nil) }
        changes.raise()
        awaitEnds(milliseconds: milliseconds)
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.close(promise: nil) }
        try? group.syncShutdownGracefully()
    }

    private func awaitEnds(milliseconds: Int) {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            let seen = changes.current
            let left = Int((deadline - .now) / .milliseconds(1))
            if left <= 0 || state.withLock({ $0.openStreams == 0 }) { return }
            changes.wait(after: seen, milliseconds: left)
        }
    }

    private func takeCall() -> ServerCall? { state.withLock { $0.isStopped ? nil : $0.calls.popFirst() } }

    private func accept(_ call: ServerCall) {
        if let upstream = routes.upstream(for: call) {
            return call.passOn(to: outgoing(call, to: upstream), keeping: nil)
        }
        // A server that is gone meanwhile answers nothing.
        if !ClientSessions.take(call, otherwise: { [weak self] in self?.leave(call) ?? call.cancel() }) { leave(call) }
    }

    /// Leaves a call to the program.
    private func leave(_ call: ServerCall) {
        let isTaken = state.withLock { state in
            if !state.isStopped { state.calls.append(call) }
            return !state.isStopped
        }
        if isTaken {
            changes.raise(waking: 1)
        } else {
            call.cancel()
        }
    }

    // MARK: Calls that are passed on

    /// Begins a client's call at another server, with what the client says of it.
    ///
    /// While the program holds the call, other calls of the client, whose value of `key` is the same, go there whole if
    /// they are of `service` (`/package.Service/`).
    package func begin(
        _ call: ServerCall, atHost host: String, port: Int, service: String, key: String
    ) -> OutgoingCall {
        let upstream = Upstream(host: host, port: port, on: group.next(), messageMax: messageMax)
        routes.add(call, service: service, key: key, to: upstream)
        return outgoing(call, to: upstream)
    }

    /// The program is done with a call: what was on its way to another server for its sake does not go there any more.
    package func forget(_ call: ServerCall) {
        call.cancel()
        routes.remove(call)?.close()
    }

    private func outgoing(_ call: ServerCall, to upstream: Upstream) -> OutgoingCall {
        let outgoing = OutgoingCall()
        upstream.open(outgoing, method: call.method, metadata: call.metadata)
        return outgoing
    }

    // MARK: Connections

    private func prepare(_ connection: any Channel) -> EventLoopFuture<Void> {
        guard remember(connection) else { return connection.close() }
        return keepAlive(connection).flatMap { [self] in
            connection.configureHTTP2Pipeline(
                mode: .server, connectionConfiguration: Self.connectionConfiguration(of: .server),
                streamConfiguration: Self.streamConfiguration
            ) { [self] stream in prepare(stream: stream) }.map { _ in }
        }
    }

    private func prepare(stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            try ServerCall.begin(
                on: stream, messageMax: messageMax, accept: { [weak self] in self?.accept($0) },
                closed: { [weak self] in self?.streamClosed() })
            state.withLock { $0.openStreams += 1 }
        }
    }

    private func streamClosed() {
        let isLast = state.withLock { state in
            state.openStreams -= 1
            return state.isStopped && state.openStreams == 0
        }
        if isLast { changes.raise() }
    }

    private func remember(_ connection: any Channel) -> Bool {
        let id = ObjectIdentifier(connection)
        let isWanted = state.withLock { state in
            if !state.isStopped { state.connections[id] = connection }
            return !state.isStopped
        }
        connection.closeFuture.whenComplete { [self] _ in
            _ = state.withLock { $0.connections.removeValue(forKey: id) }
        }
        return isWanted
    }

    /// Has the kernel notice clients whose machine or network is gone, within a minute and a half.
    private func keepAlive(_ connection: any Channel) -> EventLoopFuture<Void> {
        let options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
            (.socketOption(.so_keepalive), 1),
            (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), 30),
            (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), 10),
            (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 6),
        ]
        return .andAllSucceed(options.map { connection.setOption($0, value: $1) }, on: connection.eventLoop)
    }

    /// For a connection of ours in one of the two roles.
    static func connectionConfiguration(
        of role: NIOHTTP2Handler.ParserMode
    ) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .initialWindowSize, value: windowSize),
            HTTP2Setting(parameter: .maxFrameSize, value: frameSizeMax),
            role == .server
                ? HTTP2Setting(parameter: .maxConcurrentStreams, value: callsPerConnection)
                : HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HPACKDecoder.defaultMaxHeaderListSize),
        ]
        configuration.targetWindowSize = windowSize
        // gRPC's clients measure the network by pings, with what each answer brings.
        configuration.controlFrameRateLimit.maximumCount = oddFramesPerSecond
        configuration.controlFrameRateLimit.windowLength = .seconds(1)
        // They give room to calls that have just ended, which is counted as an error of theirs for as long as they stay.
        configuration.maximumConnectionGlitches = .max
        return configuration
    }

    static var streamConfiguration: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = windowSize
        configuration.streamResetFrameRateLimit.maximumCount = oddFramesPerSecond
        configuration.streamResetFrameRateLimit.windowLength = .seconds(1)
        configuration.streamErrorRateLimit.maximumCount = oddFramesPerSecond
        configuration.streamErrorRateLimit.windowLength = .seconds(1)
        return configuration
    }
}
