//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayTransport
import RayWire
import Synchronization
import Testing

/// What listeners and connections bear.
@Suite("Strangers", .timeLimit(.minutes(1)))
struct StrangerTests {
    /// A connection that nobody's endpoint made.
    private final class RawConnection {
        let descriptor: Int32
        private(set) var received = 0
        private(set) var isClosed = false

        init(port: UInt16) { descriptor = ray_tcp_connect("127.0.0.1", port) }

        deinit { ray_close(descriptor) }

        /// Whether TCP's handshake is over.
        var isConnected: Bool {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            return poll(&wanted, 1, 0) == 1 && ray_socket_error(descriptor) == 0
        }

        /// A frame that is no hello.
        func sayNonsense() {
            var bytes: [UInt8] = []
            FrameHeader(kind: LinkFrameKind.ping.rawValue, payloadLength: 0).append(to: &bytes)
            _ = ray_socket_send(descriptor, bytes, bytes.count)
        }

        func read() {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = ray_socket_receive(descriptor, &bytes, bytes.count)
            received += max(0, count)
            if count == 0 || count == -Int(ECONNRESET) { isClosed = true }
        }
    }

    private func connect(_ count: Int, to port: UInt16, _ reactor: Reactor) -> [RawConnection] {
        let connections = (0..<count).map { _ in RawConnection(port: port) }
        #expect(reactor.poll(microseconds: 10_000_000) { connections.allSatisfy(\.isConnected) })
        return connections
    }

    @Test("Silent connections over TCP keep nobody of this machine out")
    func silence() throws {
        let folder = TemporaryFolder()
        var settings = Endpoint.Settings()
        settings.greetingsMax = 8
        let (server, client) = (try TestEndpoint(2, settings: settings), try TestEndpoint(1))
        defer {
            client.close()
            server.close()
        }
        let port = try server.endpoint.listen(host: "127.0.0.1", port: 0)
        try server.endpoint.listen(unixPath: folder.path + "/socket")
        let silent = connect(20, to: port, client.reactor)
        #expect(
            client.reactor.poll(microseconds: 4_000_000) {
                for connection in silent where !connection.isClosed { connection.read() }
                return silent.count(where: \.isClosed) >= 12
            })
        withExtendedLifetime(silent) {
            client.endpoint.connect(to: server.address)
            #expect(client.wait { $0.ups.count == 1 })
        }
    }

    /// A server that eight connections have spoken nonsense to, which it has answered and keeps for a while.
    private func withRefused(
        milliseconds: Int, _ body: (TestEndpoint, TestEndpoint, UInt16) -> Void
    ) throws {
        var settings = Endpoint.Settings()
        settings.greetingsMax = 8
        settings.greetingMilliseconds = 60_000
        settings.refusedMilliseconds = milliseconds
        let (server, client) = (try TestEndpoint(2, settings: settings), try TestEndpoint(1))
        defer {
            client.close()
            server.close()
        }
        let port = try server.endpoint.listen(host: "127.0.0.1", port: 0)
        let refused = connect(8, to: port, client.reactor)
        for connection in refused { connection.sayNonsense() }
        #expect(
            client.reactor.poll(microseconds: 10_000_000) {
                for connection in refused { connection.read() }
                return refused.allSatisfy { $0.received > 0 }
            })
        // They stay open meanwhile.
        withExtendedLifetime(refused) { body(server, client, port) }
    }

    @Test("Refused connections that stay open count, too")
    func refused() throws {
        try withRefused(milliseconds: 60_000) { _, client, port in
            let next = connect(1, to: port, client.reactor)[0]
            next.sayNonsense()
            #expect(
                client.reactor.poll(microseconds: 10_000_000) {
                    next.read()
                    return next.isClosed
                })
            #expect(next.received == 0, "there was no room for it")
        }
    }

    @Test("Refused connections that stay open are closed long before the time that a greeting may take")
    func refusedGo() throws {
        try withRefused(milliseconds: 200) { server, client, _ in
            client.endpoint.connect(to: server.address)
            #expect(client.wait { $0.ups.count == 1 })
        }
    }

    @Test("Both ends of a connection over TCP find out when the other machine is gone")
    func keepAlive() throws {
        var port: UInt16 = 0
        let listener = ray_tcp_listen("127.0.0.1", 0, 1, &port)
        let caller = ray_tcp_connect("127.0.0.1", port)
        var wanted = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        #expect(poll(&wanted, 1, 10_000) == 1)
        let called = ray_accept(listener)
        defer { for descriptor in [listener, caller, called] { ray_close(descriptor) } }
        for descriptor in [caller, called] {
            #expect(option(descriptor, SOL_SOCKET, SO_KEEPALIVE) == 1)
            #expect(option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 60)
            #expect(option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT) == 3)
        }
    }

    private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : nil
    }

    /// A look-up of a name that takes as long as a test wants.
    private final class LookUp: Sendable {
        private typealias Answer = @Sendable (Result<String, TransportError>) -> Void
        private let question = Mutex<(host: String, answer: Answer)?>(nil)

        var host: String? { question.withLock { $0?.host } }

        func begin(_ host: String, _ answer: @escaping @Sendable (Result<String, TransportError>) -> Void) {
            question.withLock { $0 = (host, answer) }
        }

        func end(_ numeric: String) { question.withLock { $0?.answer }?(.success(numeric)) }
    }

    @Test("A name that is found when its link was given up makes no connection", arguments: [false, true])
    func lateName(isLinkedAnew: Bool) throws {
        let lookUp = LookUp()
        let acceptedCount = Atomic(0)
        var (own, others) = (Endpoint.Settings(), Endpoint.Settings())
        own.resolve = { lookUp.begin($0, $1) }
        others.accept = { listener in
            let descriptor = ray_accept(listener)
            if descriptor >= 0 { acceptedCount.add(1, ordering: .relaxed) }
            return descriptor
        }
        let (server, client) = (try TestEndpoint(2, settings: others), try TestEndpoint(1, settings: own))
        defer {
            client.close()
            server.close()
        }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        var named = server.address
        named.host = "server.example"
        client.endpoint.connect(to: named)
        #expect(client.wait { _ in lookUp.host == "server.example" })
        client.endpoint.disconnect(server.id, reason: "given up")
        if isLinkedAnew {
            let address = server.address
            client.reactor.perform { client.endpoint.connect(to: address) }
            #expect(client.wait { $0.ups.count == 1 })
        }
        lookUp.end("127.0.0.1")
        // What the answer leads to has begun before this link of another, and is accepted before it.
        let isDone = Atomic(false)
        client.reactor.perform { isDone.store(true, ordering: .releasing) }
        #expect(client.wait { _ in isDone.load(ordering: .acquiring) })
        let other = try TestEndpoint(3)
        defer { other.close() }
        other.endpoint.connect(to: server.address)
        #expect(other.wait { $0.ups.count == 1 })
        #expect(acceptedCount.load(ordering: .relaxed) == (isLinkedAnew ? 2 : 1))
        #expect(client.recorder.records.withLock { $0.ups.count } == (isLinkedAnew ? 1 : 0))
    }

    @Test("Over a Unix socket only the same user and root are callers, and root calls everybody")
    func users() {
        #expect(UnixPeer.mayCall(1_000, own: 1_000) && UnixPeer.mayCall(0, own: 1_000))
        #expect(!UnixPeer.mayCall(1_001, own: 1_000) && !UnixPeer.mayCall(1_001, own: 0))
        #expect(!UnixPeer.mayCall(-Int64(ENOTCONN), own: 1_000))
        #expect(UnixPeer.mayServe(1_000, own: 1_000) && UnixPeer.mayServe(0, own: 1_000))
        #expect(!UnixPeer.mayServe(1_001, own: 1_000) && UnixPeer.mayServe(1_001, own: 0))
    }
}
