//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayTransport
import RayWire
import Synchronization
import Testing

/// The server in this process, over real sockets.
@Suite struct GCSServerTests {
    @Test("Peers reach the server by all three doors, and need the token", .timeLimit(.minutes(1)))
    func doors() throws {
        let folder = try TemporaryFolder()
        var configuration = GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0, clientPort: 0)
        configuration.token = "secret"
        let server = try RunningServer(configuration)
        let status = Message.queryCluster(QueryCluster())
        let unix = try TestPeer(server.unixAddress, token: "secret")
        #expect(unix.ask(status)?.isStatus == true)
        let main = try TestPeer(server.address(port: server.server.port), token: "secret")
        #expect(main.ask(status)?.isStatus == true)
        let client = try TestPeer(server.address(port: try #require(server.server.clientPort)), token: "secret")
        #expect(client.ask(status)?.isStatus == true)
        let stranger = try TestPeer(server.address(port: server.server.port), token: "guess")
        #expect(stranger.ask(status) == nil)
        #expect(stranger.refusal?.contains("token") == true)
    }

    @Test("A program that one driver sends is known to the next", .timeLimit(.minutes(1)))
    func programs() throws {
        let folder = try TemporaryFolder()
        let server = try RunningServer(GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0))
        let bytes = [UInt8](repeating: 7, count: 100_000)
        let hash = sha256(bytes)
        let driver = try TestPeer(server.unixAddress, role: .driver)
        #expect(driver.register(hash)?.hasProgram == false)
        let stored = driver.ask(.storeBlob(StoreBlob(hash: hash, offset: 0, total: bytes.count, bytes: bytes)))
        #expect(stored == .blobStored(BlobStored()))
        let raylet = try TestPeer(server.unixAddress)
        let chunk = raylet.ask(.fetchBlob(FetchBlob(hash: hash, offset: 10, count: 5)))
        let expected = BlobChunk(hash: hash, offset: 10, total: bytes.count, bytes: [7, 7, 7, 7, 7])
        #expect(chunk == .blobChunk(expected))
        let next = try TestPeer(server.unixAddress, role: .driver)
        let answer = next.register(hash)
        #expect(answer?.hasProgram == true)
        #expect(answer?.job == JobID(2))
        let bad = next.ask(.storeBlob(StoreBlob(hash: "x", offset: 0, total: 1, bytes: [1])))
        guard case .blobStored(let refused)? = bad else {
            Issue.record("no answer")
            return
        }
        #expect(refused.error?.type == .invalidArgument)
    }

    @Test("A program that no job uses any more is deleted from the disk", .timeLimit(.minutes(1)))
    func unusedPrograms() throws {
        let folder = try TemporaryFolder()
        var configuration = GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0)
        configuration.fileGraceMilliseconds = 0
        let server = try RunningServer(configuration)
        let bytes = [UInt8](repeating: 7, count: 1_000)
        let path = configuration.programsDirectory + "/" + sha256(bytes)
        let store = Message.storeBlob(StoreBlob(hash: sha256(bytes), offset: 0, total: bytes.count, bytes: bytes))
        let first = try TestPeer(server.unixAddress, role: .driver)
        #expect(first.register(sha256(bytes))?.hasProgram == false)
        _ = first.ask(store)
        let second = try TestPeer(server.unixAddress, role: .driver)
        #expect(second.register(sha256(bytes))?.hasProgram == true)
        _ = first.ask(.finishJob(FinishJob()))
        #expect(access(path, F_OK) == 0)
        _ = second.ask(.finishJob(FinishJob()))
        let limit = ContinuousClock.now.advanced(by: .seconds(20))
        while access(path, F_OK) == 0, ContinuousClock.now < limit { usleep(20_000) }
        #expect(access(path, F_OK) != 0)
        let third = try TestPeer(server.unixAddress, role: .driver)
        #expect(third.register(sha256(bytes))?.hasProgram == false)
    }

    @Test("The loss of a driver's link ends its job", .timeLimit(.minutes(1)))
    func driverLost() throws {
        let folder = try TemporaryFolder()
        let server = try RunningServer(GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0))
        let observer = try TestPeer(server.unixAddress)
        let driver = try TestPeer(server.unixAddress, role: .driver)
        _ = driver.register("")
        #expect(observer.jobs == 1)
        driver.end()
        let ended = observer.reactor.clock.now().advanced(milliseconds: 10_000)
        while observer.jobs != 0, observer.reactor.clock.now() < ended {}
        #expect(observer.jobs == 0)
    }

    @Test("A port that is taken is an error that names it")
    func portTaken() throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        let server = try RunningServer(GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0))
        let port = server.server.port
        let error = #expect(throws: RayError.self) {
            try GCSServer(configuration: GCSConfiguration(sessionDirectory: other.path, host: "127.0.0.1", port: port))
        }
        #expect(error?.message.contains("port \(port)") == true)
    }
}

/// A server on a thread of its own, until the end of the test.
final class RunningServer {
    let server: GCSServer
    private let isDone: DoneFlag

    init(_ configuration: GCSConfiguration) throws {
        let server = try GCSServer(configuration: configuration)
        let isDone = DoneFlag()
        self.server = server
        self.isDone = isDone
        try PlainThread.start("test.gcs") {
            server.run()
            isDone.set()
        }
    }

    deinit {
        server.stop(reason: "the test ended")
        while !isDone.isSet { usleep(1_000) }
    }

    var unixAddress: Address {
        Address(node: .none, worker: .gcs, host: "", port: 0, socketPath: server.address.socketPath)
    }

    func address(port: UInt16) -> Address {
        Address(node: .none, worker: .gcs, host: "127.0.0.1", port: port, socketPath: "")
    }
}

private final class DoneFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    func set() { flag.store(true, ordering: .releasing) }
    var isSet: Bool { flag.load(ordering: .acquiring) }
}

/// A process of the cluster that asks one question after the other.
final class TestPeer {
    final class Inbox: EndpointHandler {
        let answers = Mutex<[UInt64: Message]>([:])
        let refusal = Mutex<String?>(nil)

        func peerUp(_ peer: WorkerID, _ hello: Hello) {}

        func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
            guard let message = try? Message(kind: kind, payload: payload) else { return }
            answers.withLock { $0[requestID] = message }
        }

        func peerLost(_ peer: WorkerID, _ reason: String) { refusal.withLock { $0 = reason } }
        func refused(_ peer: WorkerID, _ address: Address, _ reason: String) { refusal.withLock { $0 = reason } }
    }

    let reactor: Reactor
    private let inbox = Inbox()
    private let endpoint: Endpoint
    private let address: Address
    private var requestID: UInt64 = 0

    init(_ gcs: Address, role: ProcessRole = .commandLine, token: String = "") throws {
        var generator = SystemRandomNumberGenerator()
        let id = WorkerID.random(using: &generator)
        address = Address(node: .none, worker: id, host: "", port: 0, socketPath: "")
        reactor = try Reactor()
        let hello = Hello(role: role, identity: id, incarnation: generator.next(), address: address)
        endpoint = Endpoint(
            hello, credentials: Credentials(token: Array(token.utf8), source: "the test"), reactor: reactor,
            handler: inbox)
        endpoint.connect(to: gcs)
    }

    deinit { end() }

    func end() {
        endpoint.shutdown(reason: "done")
        _ = reactor.poll(microseconds: 20_000) { false }
    }

    var refusal: String? { inbox.refusal.withLock { $0 } }

    /// The answer, or nothing if there is none within ten seconds or the link is refused.
    func ask(_ message: Message) -> Message? {
        requestID += 1
        endpoint.send(kind: message.kind, requestID: requestID, payload: message.payload, to: .gcs)
        var answer: Message?
        _ = reactor.poll(microseconds: 10_000_000) {
            answer = inbox.answers.withLock { $0[requestID] }
            return answer != nil || refusal != nil
        }
        return answer
    }

    func register(_ hash: String) -> JobRegistered? {
        let program = Program(
            hash: hash, path: "/p", byteCount: 1, arguments: [], environment: [], workingDirectory: "/")
        let info = JobInfo(driver: address, processID: 1, namespace: "", entrypoint: "test", program: program)
        guard case .jobRegistered(let answer)? = ask(.registerJob(RegisterJob(info: info))) else { return nil }
        return answer
    }

    /// How many jobs the cluster says to have.
    var jobs: Int? {
        guard case .clusterStatus(let status)? = ask(.queryCluster(QueryCluster())) else { return nil }
        return status.jobs
    }
}

extension Message {
    fileprivate var isStatus: Bool { if case .clusterStatus = self { true } else { false } }
}
