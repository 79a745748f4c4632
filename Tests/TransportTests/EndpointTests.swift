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

@Suite("Endpoint", .timeLimit(.minutes(1)))
struct EndpointTests {
    private func pair(isUnix: Bool, folder: borrowing TemporaryFolder) throws -> (TestEndpoint, TestEndpoint) {
        let server = try TestEndpoint(2)
        let client = try TestEndpoint(1)
        if isUnix {
            try server.endpoint.listen(unixPath: folder.path + "/socket")
        } else {
            try server.endpoint.listen(host: "127.0.0.1", port: 0)
        }
        client.endpoint.connect(to: server.address)
        return (server, client)
    }

    @Test("Messages go there and back", arguments: [true, false])
    func roundTrips(isUnix: Bool) throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: isUnix, folder: folder)
        defer {
            client.close()
            server.close()
        }
        for number in 1...500 as ClosedRange<UInt64> {
            client.endpoint.send(kind: 16, requestID: number, payload: Array("hello \(number)".utf8), to: server.id)
        }
        #expect(client.wait { $0.messages.count == 500 })
        let messages = client.recorder.records.withLock { $0.messages }
        #expect(messages.map(\.requestID) == Array(1...500))
        #expect(messages.allSatisfy { $0.kind == 17 && $0.payload == Array("hello \($0.requestID)".utf8) })
        #expect(client.recorder.records.withLock { $0.ups.map(\.identity) } == [server.id])
        #expect(server.recorder.records.withLock { $0.ups.map(\.identity) } == [client.id])
    }

    @Test("After messages that came together, and only then, their end is told")
    func endsOfMessages() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { !$0.ups.isEmpty })
        for number in 1...100 as ClosedRange<UInt64> {
            client.endpoint.send(kind: 18, requestID: number, payload: [1], to: server.id, at: .gathered)
        }
        #expect(server.wait { $0.counts.last == 100 })
        let counts = server.recorder.records.withLock { $0.counts }
        #expect(counts.first != 0 && Set(counts).count == counts.count && counts == counts.sorted())
    }

    /// Has the server send 1,000 messages, one each 20 us, and gives what the client's background thread heard of them.
    private func heard(_ server: TestEndpoint, _ client: TestEndpoint, between: () -> Void) -> Recorder.Records {
        let clock = MonotonicClock()
        for number in 1...1_000 as ClosedRange<UInt64> {
            server.endpoint.send(kind: 18, requestID: number, payload: [2], to: client.id, at: .atOnce)
            between()
            let next = clock.now().nanoseconds + 20_000
            while clock.now().nanoseconds < next {}
        }
        let limit = clock.now().advanced(milliseconds: 30_000)
        // Not `client.wait`, which leads: then nobody naps.
        while client.recorder.records.withLock({ $0.messages.count < 1_000 }), clock.now() < limit { usleep(1_000) }
        return client.recorder.records.withLock { $0 }
    }

    @Test(
        "Who has its hands full hears what comes several messages at a time, also while it gathers output", .serialized,
        arguments: [true, false])
    func hearsInNaps(isGathering: Bool) throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { !$0.ups.isEmpty } && server.wait { !$0.ups.isEmpty })
        client.reactor.setPace(.busy)
        let heard = heard(server, client) {
            guard isGathering else { return }
            client.endpoint.send(kind: 18, requestID: 0, payload: [1], to: server.id, at: .gathered)
        }
        #expect(heard.messages.map(\.requestID) == Array(1...1_000))
        // Some 100 times; without naps 750 to 970.
        #expect(heard.counts.count < 500)
    }

    @Test("Jobs, timers, callers and the end of the reactor do not wait for a nap that is deaf")
    func endsNaps() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer { server.close() }
        #expect(client.wait { !$0.ups.isEmpty } && server.wait { !$0.ups.isEmpty })
        let reactor = client.reactor
        reactor.setPace(.busy)
        let done = Atomic<Int>(0)
        let timer = reactor.makeTimer { _ in done.wrappingAdd(1, ordering: .sequentiallyConsistent) }
        for round in 1...100 {
            server.endpoint.send(kind: 18, requestID: UInt64(round), payload: [2], to: client.id, at: .atOnce)
            reactor.perform { done.wrappingAdd(1, ordering: .sequentiallyConsistent) }
            timer.set(reactor.clock.now())
            #expect(
                reactor.poll(microseconds: 10_000_000) {
                    done.load(ordering: .sequentiallyConsistent) >= 2 * round
                        && client.recorder.records.withLock { $0.messages.count == round }
                })
        }
        // It would wait for 2 s.
        let start = reactor.clock.now()
        client.close()
        #expect(reactor.clock.now().milliseconds(since: start) < 2_000)
    }

    @Test("Large messages pass both ways while both sides send", arguments: [true, false])
    func largeMessages(isUnix: Bool) throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: isUnix, folder: folder)
        defer {
            client.close()
            server.close()
        }
        let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for number in 1...6 as ClosedRange<UInt64> {
            client.endpoint.send(kind: 16, requestID: number, payload: payload, to: server.id)
        }
        #expect(client.wait { $0.messages.count == 6 })
        #expect(client.recorder.records.withLock { $0.messages.allSatisfy { $0.payload == payload } })
    }

    @Test("A shutdown waits until the peers have heard it, and no longer", arguments: [true, false])
    func goodbye(isUnix: Bool) throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: isUnix, folder: folder)
        defer { client.close() }
        let payload = [UInt8](repeating: 7, count: 3_000_000)
        client.endpoint.send(kind: 16, requestID: 1, payload: payload, to: server.id)
        #expect(client.wait { $0.messages.count == 1 })
        server.endpoint.send(kind: 18, requestID: 2, payload: payload, to: client.id)
        let start = server.reactor.clock.now()
        server.endpoint.shutdown(reason: "it is over", waitingMilliseconds: 20_000)
        #expect(server.reactor.clock.now() < start.advanced(milliseconds: 10_000))
        server.reactor.stop()
        #expect(client.wait { $0.lost.count == 1 })
        let records = client.recorder.records.withLock { $0 }
        #expect(records.messages.map(\.requestID) == [1, 2])
        #expect(records.lost[0].contains("it is over"))
        // Nobody is left to be waited for.
        server.endpoint.shutdown(reason: "again", waitingMilliseconds: 20_000)
    }

    @Test("Gathered messages go out without another call", arguments: [true, false])
    func gathered(isUnix: Bool) throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: isUnix, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { $0.ups.count == 1 })
        for number in 1...5 as ClosedRange<UInt64> {
            client.endpoint.send(kind: 18, requestID: number, payload: [1], to: server.id, at: .gathered)
        }
        #expect(server.wait { $0.messages.count == 5 })
    }

    @Test("What is sent at once is heard while its sender's turn goes on, and what was sent before it, too")
    func atOnce() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { $0.ups.count == 1 })
        let heard = Mutex<[UInt64]?>(nil)
        client.reactor.perform {
            for (number, time) in [(1, SendTime.gathered), (2, .soon), (3, .atOnce)] as [(UInt64, SendTime)] {
                client.endpoint.send(kind: 18, requestID: number, payload: [1], to: server.id, at: time)
            }
            _ = server.wait { $0.messages.count == 3 }
            heard.withLock { $0 = server.recorder.records.withLock { $0.messages.map(\.requestID) } }
        }
        #expect(client.reactor.poll(microseconds: 20_000_000) { heard.withLock { $0 != nil } })
        #expect(heard.withLock { $0 } == [1, 2, 3])
    }

    @Test("Both sides may connect at once", arguments: [true, false])
    func crossed(isUnix: Bool) throws {
        for _ in 0..<50 {
            let folder = TemporaryFolder()
            let (first, second) = (try TestEndpoint(1), try TestEndpoint(2))
            defer {
                first.close()
                second.close()
            }
            for (index, side) in [first, second].enumerated() {
                if isUnix {
                    try side.endpoint.listen(unixPath: folder.path + "/\(index)")
                } else {
                    try side.endpoint.listen(host: "127.0.0.1", port: 0)
                }
            }
            first.endpoint.connect(to: second.address)
            second.endpoint.connect(to: first.address)
            first.endpoint.send(kind: 18, requestID: 1, payload: [1], to: second.id)
            second.endpoint.send(kind: 18, requestID: 2, payload: [2], to: first.id)
            #expect(first.wait { $0.messages.count == 1 })
            #expect(second.wait { $0.messages.count == 1 })
            #expect(first.recorder.records.withLock { $0.lost } == [])
            #expect(second.recorder.records.withLock { $0.lost } == [])
        }
    }

    @Test("Tokens: missing and wrong ones are refused with the remedy, the right one passes")
    func tokens() throws {
        let server = try TestEndpoint(2, token: "secret", isTokenWanted: true)
        defer { server.close() }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        for (token, expected) in [("", "RAY_AUTH_TOKEN_PATH"), ("wrong", "the token given (from a test) is wrong")] {
            let client = try TestEndpoint(1, token: token)
            defer { client.close() }
            client.endpoint.connect(to: server.address)
            #expect(client.wait { !$0.refused.isEmpty })
            #expect(client.recorder.records.withLock { $0.refused.first?.contains(expected) } == true)
            #expect(client.endpoint.peer(server.id) == nil)
        }
        let client = try TestEndpoint(1, token: "secret")
        defer { client.close() }
        client.endpoint.connect(to: server.address)
        #expect(client.wait { $0.ups.count == 1 })
        #expect(server.wait { $0.ups.count == 1 })
    }

    @Test("Sides without a common version part with a sentence")
    func versions() throws {
        let server = try TestEndpoint(2, versions: 3...4)
        let client = try TestEndpoint(1, versions: 1...2)
        defer {
            client.close()
            server.close()
        }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        client.endpoint.connect(to: server.address)
        #expect(client.wait { !$0.refused.isEmpty })
        #expect(client.recorder.records.withLock { $0.refused.first?.contains("1...2") } == true)
    }

    @Test("Garbage ends its connection and disturbs nobody")
    func garbage() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer {
            client.close()
            server.close()
        }
        let descriptor = ray_unix_connect(folder.path + "/socket")
        #expect(descriptor >= 0)
        let bytes = [UInt8](repeating: 0x55, count: 100)
        #expect(ray_socket_send(descriptor, bytes, bytes.count) == 100)
        let isClosed = server.reactor.poll(microseconds: 10_000_000) {
            var byte: UInt8 = 0
            let count = ray_socket_receive(descriptor, &byte, 1)
            return count == 0 || count == -Int(ECONNRESET)
        }
        #expect(isClosed)
        ray_close(descriptor)
        client.endpoint.send(kind: 16, requestID: 1, payload: [1], to: server.id)
        #expect(client.wait { $0.messages.count == 1 })
    }

    @Test("A connection that does not say who it is ends after its time")
    func silentConnection() throws {
        var settings = Endpoint.Settings()
        settings.greetingMilliseconds = 50
        let server = try TestEndpoint(2, settings: settings)
        defer { server.close() }
        let port = try server.endpoint.listen(host: "127.0.0.1", port: 0)
        let descriptor = ray_tcp_connect("127.0.0.1", port)
        defer { ray_close(descriptor) }
        let isClosed = server.reactor.poll(microseconds: 10_000_000) {
            var byte: UInt8 = 0
            return ray_socket_receive(descriptor, &byte, 1) == 0
        }
        #expect(isClosed)
    }

    @Test("Of a head that stands still is told though nothing was sent to it; of others not", arguments: [true, false])
    func silentHead(isHead: Bool) throws {
        let server = try isHead ? TestEndpoint(id: .gcs) : TestEndpoint(2)
        defer { server.close() }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        var settings = Endpoint.Settings()
        settings.acrossNodes.pingMilliseconds = 50
        settings.acrossNodes.silenceMilliseconds = 200
        settings.acrossNodes.lossMilliseconds = 200
        let client = try TestEndpoint(1, settings: settings)
        defer { client.close() }
        client.endpoint.connect(to: server.address)
        #expect(client.wait { $0.ups.count == 1 })
        let goesOn = Atomic(false)
        server.reactor.perform { while !goesOn.load(ordering: .relaxed) { usleep(1_000) } }
        defer { goesOn.store(true, ordering: .relaxed) }
        if isHead {
            #expect(client.wait { $0.lost.first?.contains("silent") == true })
        } else {
            usleep(1_000_000)
            #expect(client.recorder.records.withLock { $0.lost } == [])
        }
    }

    @Test("Over a Unix socket the end of a peer is reported at once, after its last messages")
    func peerDeath() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer { server.close() }
        #expect(client.wait { $0.ups.count == 1 })
        for number in 1...100 as ClosedRange<UInt64> {
            client.endpoint.send(kind: 18, requestID: number, payload: [1], to: server.id)
        }
        client.endpoint.breakConnection(to: server.id)
        #expect(server.wait { !$0.lost.isEmpty })
        #expect(server.recorder.records.withLock { $0.messages.count } == 100)
        #expect(server.endpoint.send(kind: 18, requestID: 1, payload: [], to: client.id) == .noLink)
        client.close()
    }

    @Test("Goodbye is reported with its reason, after what was queued")
    func goodbye() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: false, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { $0.ups.count == 1 })
        let payload = [UInt8](repeating: 1, count: 2_000_000)
        client.endpoint.send(kind: 18, requestID: 1, payload: payload, to: server.id)
        client.endpoint.disconnect(server.id, reason: "the work is done")
        #expect(server.wait { !$0.lost.isEmpty })
        #expect(server.recorder.records.withLock { $0.messages.count } == 1)
        #expect(server.recorder.records.withLock { $0.lost.first?.contains("the work is done") } == true)
    }

    @Test("Over TCP a connection that breaks resumes: order kept, delivered once")
    func resumption() throws {
        let folder = TemporaryFolder()
        let (server, client) = try pair(isUnix: false, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(client.wait { $0.ups.count == 1 })
        for number in 1...3_000 as ClosedRange<UInt64> {
            client.endpoint.send(
                kind: 16, requestID: number, payload: [UInt8](repeating: 3, count: Int(number % 3_000)), to: server.id)
            if number % 500 == 0 {
                #expect(client.wait { $0.messages.count > Int(number) - 400 })
                (number % 1_000 == 0 ? client : server).endpoint
                    .breakConnection(to: number % 1_000 == 0 ? server.id : client.id)
            }
        }
        #expect(client.wait { $0.messages.count >= 3_000 })
        #expect(server.recorder.records.withLock { $0.messages.map(\.requestID) } == Array(1...3_000))
        #expect(client.recorder.records.withLock { $0.messages.map(\.requestID) } == Array(1...3_000))
        #expect(client.recorder.records.withLock { $0.lost } == [])
        #expect(client.recorder.records.withLock { $0.ups.count } == 1)
    }

    @Test("A process that was started again is another: the old link is lost, a new one begins")
    func restart() throws {
        let server = try TestEndpoint(2)
        defer { server.close() }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        let first = try TestEndpoint(1, incarnation: 1)
        first.endpoint.connect(to: server.address)
        #expect(first.wait { $0.ups.count == 1 })
        let second = try TestEndpoint(1, incarnation: 2)
        second.endpoint.connect(to: server.address)
        #expect(second.wait { $0.ups.count == 1 })
        #expect(server.wait { $0.lost.count == 1 && $0.ups.count == 2 })
        #expect(first.wait { $0.lost.count == 1 })
        first.close()
        second.close()
    }

    @Test("Where nobody listens the loss is reported with the reason")
    func nobodyListens() throws {
        var settings = Endpoint.Settings()
        settings.acrossNodes.lossMilliseconds = 200
        let client = try TestEndpoint(1, settings: settings)
        defer { client.close() }
        var bound: UInt16 = 0
        let descriptor = ray_tcp_listen("127.0.0.1", 0, 1, &bound)
        ray_close(descriptor)
        let node = NodeID.none
        for address in [
            Address(node: node, worker: WorkerID(5, 0, 0, 0), host: "127.0.0.1", port: bound, socketPath: ""),
            Address(node: node, worker: WorkerID(6, 0, 0, 0), host: "", port: 0, socketPath: "/tmp/ray-nobody/s"),
            Address(node: node, worker: WorkerID(7, 0, 0, 0), host: "no.such.invalid", port: 1, socketPath: ""),
        ] { client.endpoint.connect(to: address) }
        #expect(client.wait { $0.lost.count == 3 })
        let reasons = client.recorder.records.withLock { $0.lost }
        #expect(reasons.contains { $0.contains("127.0.0.1:\(bound): Connection refused") })
        #expect(reasons.contains { $0.contains("/tmp/ray-nobody/s: No such file") })
        #expect(reasons.contains { $0.contains("no.such.invalid cannot be resolved") })
    }

    @Test("Host names are resolved")
    func hostNames() throws {
        let folder = TemporaryFolder()
        _ = folder.path
        let (server, client) = (try TestEndpoint(2), try TestEndpoint(1))
        defer {
            client.close()
            server.close()
        }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        var address = server.address
        address.host = "localhost"
        client.endpoint.connect(to: address)
        #expect(client.wait { $0.ups.count == 1 })
    }

    @Test("Socket paths may be longer than the kernel's 107 bytes")
    func longPath() throws {
        let folder = TemporaryFolder(nameLength: 120)
        let (server, client) = try pair(isUnix: true, folder: folder)
        defer {
            client.close()
            server.close()
        }
        #expect(server.address.socketPath.utf8.count > 107)
        #expect(client.wait { $0.ups.count == 1 })
    }

    @Test("A socket or port in use is named")
    func inUse() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/socket"
        let (first, second) = (try TestEndpoint(1), try TestEndpoint(2))
        defer {
            first.close()
            second.close()
        }
        let port = try first.endpoint.listen(host: "127.0.0.1", port: 0)
        try first.endpoint.listen(unixPath: path)
        #expect(throws: TransportError.portInUse(host: "127.0.0.1", port: port)) {
            try second.endpoint.listen(host: "127.0.0.1", port: port)
        }
        #expect(throws: TransportError.socketInUse(path: path)) { try second.endpoint.listen(unixPath: path) }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
}
