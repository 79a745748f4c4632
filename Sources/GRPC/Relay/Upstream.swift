//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import NIOHTTP2
internal import NIOPosix
internal import Synchronization

/// Another server of this machine, and the connection to it: made for the first call, and anew for one after it broke.
final class Upstream: Sendable {
    private typealias Multiplexer = NIOHTTP2Handler.StreamMultiplexer

    private struct State {
        var connection: (channel: EventLoopFuture<any Channel>, streams: EventLoopFuture<Multiplexer>)?
        var isClosed = false
    }

    private static let connectSeconds: Int64 = 10
    private let host: String
    private let port: Int
    private let eventLoop: any EventLoop
    private let messageMax: Int
    private let state = Mutex(State())

    /// Answers of up to `messageMax` bytes are taken.
    init(host: String, port: Int, on eventLoop: any EventLoop, messageMax: Int) {
        self.host = host
        self.port = port
        self.eventLoop = eventLoop
        self.messageMax = messageMax
    }

    /// Begins a call; where there is no connection to be had, the call ends with that.
    func open(_ call: OutgoingCall, method: String, metadata: [(name: String, value: String)]) {
        let ours = [
            (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "\(host):\(port)"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ]
        let headers = ours + metadata.filter { $0.name != "user-agent" }.map { ($0.name, $0.value) }
        let messageMax = messageMax
        guard let streams = streams() else {
            return call.ended(code: GRPCCode.unavailable, details: "the server is stopped")
        }
        let stream = streams.flatMap { [eventLoop] streams in
            let stream = eventLoop.makePromise(of: (any Channel).self)
            streams.createStreamChannel(promise: stream) { channel in
                channel.eventLoop.makeCompletedFuture { try call.listen(to: channel, messageMax: messageMax) }
            }
            return stream.futureResult
        }
        stream.whenComplete { result in
            switch result {
            case .success(let channel): call.opened(channel, headers)
            case .failure(let error):
                call.ended(code: GRPCCode.unavailable, details: "the server is not reached: \(error)")
            }
        }
    }

    /// Ends the connection, with the calls on it, and makes no other.
    func close() {
        let connection = state.withLock { state in
            state.isClosed = true
            defer { state.connection = nil }
            return state.connection
        }
        connection?.channel.whenSuccess { $0.close(promise: nil) }
    }

    private func streams() -> EventLoopFuture<Multiplexer>? {
        state.withLock { state in
            if state.isClosed { return nil }
            if let connection = state.connection { return connection.streams }
            let channel = connect()
            let streams = channel.flatMap { channel in
                channel.pipeline.handler(type: NIOHTTP2Handler.self).flatMap(\.multiplexer)
            }
            state.connection = (channel, streams)
            return streams
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let channel = ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(Self.connectSeconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Before it connects: nothing that the server begins with may come too early.
            .channelInitializer { channel in
                channel.configureHTTP2Pipeline(
                    mode: .client, connectionConfiguration: GRPCServer.connectionConfiguration(of: .client),
                    streamConfiguration: GRPCServer.streamConfiguration
                ) { $0.close() }.map { _ in }
            }
            .connect(host: host, port: port)
        // Its connection is closed by whoever made the route, or by the other server.
        channel.flatMap(\.closeFuture).whenComplete { [self] _ in state.withLock { $0.connection = nil } }
        return channel
    }
}
