//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayNode
import RayObjectStore
import RayTransport
import RayWire
import Synchronization
import Testing

/// One process of a cluster as a test plays it.
final class PlayedPeer: EndpointHandler {
    struct State {
        var received: [(message: Message, requestID: UInt64, from: WorkerID)] = []
        var up: Set<WorkerID> = []
    }

    let reactor: Reactor
    let state = Mutex(State())

    init() throws {
        reactor = try Reactor()
        try reactor.start()
    }

    func endpoint(_ role: ProcessRole, _ identity: WorkerID, node: NodeID = .none, token: String) -> Endpoint {
        let address = Address(node: node, worker: identity, host: "", port: 0, socketPath: "")
        return Endpoint(
            Hello(role: role, identity: identity, incarnation: 1, address: address),
            credentials: Credentials(token: Array(token.utf8), source: "test", isTokenWanted: true), reactor: reactor,
            handler: self)
    }

    func peerUp(_ peer: WorkerID, _ hello: Hello) { state.withLock { _ = $0.up.insert(peer) } }
    func peerLost(_ peer: WorkerID, _ reason: String) { state.withLock { _ = $0.up.remove(peer) } }
    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {}

    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        guard let message = try? Message(kind: kind, payload: payload) else { return }
        state.withLock { $0.received.append((message, requestID, peer)) }
    }

    /// Waits for a message that `match` takes, up to 20 s.
    func wait<Value>(_ match: (Message) -> Value?) throws -> Value { try waitForEntry { match($0.message) } }

    /// Waits for a message with its request id.
    func waitForEntry<Value>(
        _ match: ((message: Message, requestID: UInt64, from: WorkerID)) -> Value?
    ) throws -> Value {
        var found: Value?
        _ = reactor.poll(microseconds: 20_000_000) {
            for entry in state.withLock({ $0.received }) {
                found = match(entry)
                if found != nil { return true }
            }
            return false
        }
        return try #require(found)
    }
}

/// A raylet with a control store that the test plays.
final class PlayedCluster: Sendable {
    let session: String
    let control: PlayedPeer
    let endpoint: Endpoint
    let raylet: RayletServer
    let end = Mutex<String?>(nil)
    let token = "secret"

    init(storeCapacity: Int = 64 << 20) throws {
        session = "/tmp/raylet-test-\(UInt32.random(in: 0 ... .max))"
        mkdir(session, 0o700)
        mkdir(session + "/sockets", 0o700)
        control = try PlayedPeer()
        endpoint = control.endpoint(.gcs, .gcs, token: token)
        try endpoint.listen(unixPath: session + "/sockets/gcs.sock")
        raylet = try Self.makeRaylet(session, token, storeCapacity: storeCapacity)
        let (raylet, me) = (raylet, Unowned(cluster: self))
        try PlainThread.start("raylet") {
            let reason = raylet.run()
            me.cluster?.end.withLock { $0 = reason }
        }
        let info = try control.wait { if case .registerNode(let value) = $0 { value.info } else { nil } }
        #expect(info.address.port != 0)
        send(.nodeRegistered(NodeRegistered(clusterName: "c")))
    }

    static func makeRaylet(
        _ session: String, _ token: String, storeCapacity: Int = 64 << 20
    ) throws -> RayletServer {
        var generator = SystemRandomNumberGenerator()
        return try RayletServer(
            configuration: RayletConfiguration(
                sessionDirectory: session, nodeID: .random(using: &generator), nodeName: "n", host: "127.0.0.1",
                gcsSocketPath: session + "/sockets/gcs.sock", token: token, tokenSource: "test",
                resources: ResourceSet([(ResourceSet.cpu, 2)]), storeCapacity: storeCapacity))
    }

    struct Unowned: @unchecked Sendable {
        weak var cluster: PlayedCluster?
    }

    func send(_ message: Message) {
        endpoint.send(kind: message.kind, requestID: 0, payload: message.payload, to: raylet.address.worker)
    }

    func assign(_ number: UInt32, script: String, environment: RuntimeEnvironmentSpec? = nil) {
        let program = Program(
            hash: "", path: "/bin/sh", byteCount: 0, arguments: ["-c", script], environment: ["GREETING=hello"],
            workingDirectory: "/tmp")
        var assign = AssignLease(lease: lease(number), job: JobID(1), owner: .none, program: program)
        assign.environment = environment
        send(.assignLease(assign))
    }

    /// Answers questions for a file of the archive, whichever, with `bytes`, until a lease fails.
    func serve(_ bytes: [UInt8], until number: UInt32) throws -> RayError {
        var answered = 0
        var error: RayError?
        _ = control.reactor.poll(microseconds: 20_000_000) {
            let received = control.state.withLock { $0.received }
            for entry in received[min(answered, received.count)...] {
                if case .leaseFailed(let value) = entry.message, value.lease == lease(number) { error = value.error }
                guard case .fetchBlob(let value) = entry.message else { continue }
                let end = min(bytes.count, value.offset + value.count)
                let chunk = Message.blobChunk(
                    BlobChunk(
                        hash: value.hash, offset: value.offset, total: bytes.count,
                        bytes: Array(bytes[value.offset..<end])))
                endpoint.send(
                    kind: chunk.kind, requestID: entry.requestID, payload: chunk.payload, to: raylet.address.worker)
            }
            answered = received.count
            return error != nil
        }
        return try #require(error)
    }

    /// The first printed line that begins with `prefix`, without it.
    func line(_ prefix: String) throws -> String {
        try control.wait { message in
            guard case .logLines(let value) = message else { return nil }
            return value.lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) }
        }
    }

    func stop() -> String {
        raylet.stop(reason: "the test is over")
        var reason: String?
        _ = control.reactor.poll(microseconds: 20_000_000) {
            reason = end.withLock { $0 }
            return reason != nil
        }
        endpoint.shutdown(reason: "end")
        control.reactor.stop()
        removeTree(session)
        return reason ?? "it did not end"
    }
}

/// Set by one thread, seen by another.
final class Flag: Sendable {
    let isSet = Mutex(false)
}

/// Serialized: each test has a raylet that collects the children of this process.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RayletServerTests {
    @Test("A program that exits early fails its lease with what it printed, which the control store hears, too")
    func earlyExit() throws {
        let cluster = try PlayedCluster()
        cluster.assign(
            1, script: "echo \"$GREETING $SWIFT_RAY_JOB_ID $SWIFT_RAY_ROLE in $(pwd)\"; echo oops >&2; exit 3")
        let failed = try cluster.control.wait { if case .leaseFailed(let value) = $0 { value } else { nil } }
        #expect(failed.error.message.contains("ended with exit code 3"))
        #expect(failed.error.message.contains("oops"))
        #expect(try cluster.line("hello ") == "1 worker in /tmp")
        #expect(cluster.stop() == "the test is over")
    }

    @Test("Variables of an environment may name the node's, and cannot change where the worker belongs")
    func environmentVariables() throws {
        let cluster = try PlayedCluster()
        let variables = [
            "A": "<$GREETING>", "B": "${HOME}${NO_SUCH}|$NO_SUCH|$", "PATH": "${PATH}:/x", "GREETING": "hi",
        ]
        cluster.assign(
            1, script: "echo \"vars $A $B $GREETING ${PATH##*:} $SWIFT_RAY_JOB_ID\"; sleep 100",
            environment: RuntimeEnvironmentSpec(
                variables: variables.map { RuntimeEnvironmentSpec.Variable($0.key, $0.value) }
                    + [RuntimeEnvironmentSpec.Variable("SWIFT_RAY_JOB_ID", "9")]))
        let home = environment("HOME") ?? ""
        #expect(try cluster.line("vars ") == "<$GREETING> \(home)|$NO_SUCH|$ hi /x 1")
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A package is fetched in pieces, checked, and is the worker's folder; a false one fails the lease")
    func package() throws {
        var writer = ZipWriter()
        writer.add("data/text", .file, Array("content".utf8))
        writer.add("large", .file, [UInt8](repeating: 1, count: 3 << 20))
        let bytes = writer.finish()
        var digest = [UInt8](repeating: 0, count: 32)
        ray_sha256(bytes, bytes.count, &digest)
        let cluster = try PlayedCluster()
        let name = PackageURI(sha256: digest.hex).description
        let script = "echo \"text $(cat data/text) $(stat -c %s large)\"; exit 5"
        cluster.assign(1, script: script, environment: RuntimeEnvironmentSpec(workingDirectory: name))
        let failed = try cluster.serve(bytes, until: 1)
        #expect(failed.message.contains("ended with exit code 5"))
        #expect(try cluster.line("text ") == "content \(3 << 20)")
        let other = PackageURI(sha256: String(repeating: "0", count: 64)).description
        cluster.assign(2, script: script, environment: RuntimeEnvironmentSpec(workingDirectory: other))
        let refused = try cluster.serve(bytes, until: 2)
        #expect(refused.type == .runtimeEnvSetupFailed)
        #expect(refused.message.contains("is not gcs://_ray_pkg_0000"))
        let folder = cluster.session + "/runtime_resources"
        #expect(!listDirectory(folder).isEmpty)
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A package with another hash is the value of its name in the key-value store") func packageAsValue() throws {
        var writer = ZipWriter()
        writer.add("text", .file, Array("content".utf8))
        let cluster = try PlayedCluster()
        let name = "gcs://_ray_pkg_0123456789abcdef.zip"
        cluster.assign(
            1, script: "echo \"text $(cat text)\"; sleep 100",
            environment: RuntimeEnvironmentSpec(workingDirectory: name))
        let (key, requestID) = try cluster.control.waitForEntry { entry in
            if case .keyValueRequest(let request) = entry.message { (request.key, entry.requestID) } else { nil }
        }
        #expect(key == Array(name.utf8))
        let reply = Message.keyValueReply(KeyValueReply(value: writer.finish(), keys: [], count: 1))
        cluster.endpoint.send(
            kind: reply.kind, requestID: requestID, payload: reply.payload, to: cluster.raylet.address.worker)
        #expect(try cluster.line("text ") == "content")
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A package's value may lead to the archive: that file is fetched and must be what the value says")
    func packageInArchive() throws {
        var writer = ZipWriter()
        writer.add("text", .file, Array("content".utf8))
        writer.add("large", .file, [UInt8](repeating: 1, count: 3 << 20))
        let bytes = writer.finish()
        var digest = [UInt8](repeating: 0, count: 32)
        ray_sha256(bytes, bytes.count, &digest)
        let cluster = try PlayedCluster()
        func failure(_ number: UInt32, _ name: String, _ content: ArchivedPackage) throws -> RayError {
            let environment = RuntimeEnvironmentSpec(workingDirectory: name)
            cluster.assign(number, script: "echo \"text $(cat text)\"; exit 5", environment: environment)
            let requestID = try cluster.control.waitForEntry { entry -> UInt64? in
                guard case .keyValueRequest(let request) = entry.message, request.key == Array(name.utf8) else {
                    return nil
                }
                return entry.requestID
            }
            let reply = Message.keyValueReply(KeyValueReply(value: content.value, keys: [], count: 1))
            cluster.endpoint.send(
                kind: reply.kind, requestID: requestID, payload: reply.payload, to: cluster.raylet.address.worker)
            return try cluster.serve(bytes, until: number)
        }
        let ran = try failure(1, "gcs://_ray_pkg_0123456789abcdef.zip", ArchivedPackage(sha256: digest.hex))
        #expect(ran.message.contains("ended with exit code 5"))
        #expect(try cluster.line("text ") == "content")
        let other = ArchivedPackage(sha256: String(repeating: "0", count: 64))
        let refused = try failure(2, "gcs://_ray_pkg_0123456789abcde0.zip", other)
        #expect(refused.type == .runtimeEnvSetupFailed)
        #expect(refused.message.contains("is not gcs://_ray_pkg_0123456789abcde0.zip"))
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A worker reports, uses the store, and is killed with its whole process group")
    func life() throws {
        let cluster = try PlayedCluster()
        cluster.assign(1, script: "echo token=$SWIFT_RAY_START_TOKEN pid=$$; sleep 500 & echo child=$!; sleep 500")
        let text = try cluster.line("token=").split(separator: " ")
        let token = try #require(UInt64(text[0]))
        let child = try #require(pid_t(try cluster.line("child=")))
        let worker = try PlayedPeer()
        let id = process(1)
        let endpoint = worker.endpoint(.worker, id, node: cluster.raylet.nodeID, token: cluster.token)
        let link = endpoint.connect(to: cluster.raylet.address)
        func send(_ message: Message, _ requestID: UInt64) {
            link.send(kind: message.kind, requestID: requestID, payload: message.payload)
        }
        send(.workerReady(WorkerReady(address: endpoint.hello.address, processID: 1, startToken: token)), 1)
        let accepted = try worker.wait { if case .workerAccepted(let value) = $0 { value } else { nil } }
        #expect(accepted.error == nil)
        let ready = try cluster.control.wait { if case .leaseReady(let value) = $0 { value } else { nil } }
        #expect(ready.worker.worker == id)
        #expect(text[1] == "pid=\(ready.processID)")

        let attachment = try attachStore(
            socketPath: cluster.raylet.storeSocketPath, token: Array(cluster.token.utf8))
        let client = try ObjectStoreClient(
            fileDescriptor: attachment.descriptor, client: StoreClient(index: attachment.slot))
        let create = CreateObject(
            object: object(1), owner: id, slot: attachment.slot, dataBytes: 100, metadataBytes: 3, containedBytes: 0)
        send(.createObject(create), 2)
        let created = try worker.wait { if case .objectCreated(let value) = $0 { value } else { nil } }
        #expect(created.error == nil)
        send(.sealObject(SealObject(object: object(1))), 0)
        send(.fetchObject(FetchObject(object: object(1), owner: id, locations: [])), 3)
        let local = try worker.wait { if case .objectLocal(let value) = $0 { value } else { nil } }
        #expect(local.error == nil)
        #expect(try client.lookup(object(1)) != nil)
        send(.pullChunk(PullChunk(object: object(1), offset: 0, count: 1_000)), 4)
        let chunk = try worker.wait { if case .objectChunk(let value) = $0 { value } else { nil } }
        #expect(chunk.bytes.count == 103 && chunk.metadataBytes == 3)

        cluster.send(.killWorker(KillWorker(lease: lease(1), reason: "test")))
        let exited = try cluster.control.wait { if case .workerExited(let value) = $0 { value } else { nil } }
        #expect(exited.signal == SIGKILL && exited.lease == lease(1) && exited.intended)
        let isGone = worker.reactor.poll(microseconds: 10_000_000) { kill(child, 0) != 0 }
        #expect(isGone)
        close(attachment.connection)
        #expect(cluster.stop() == "the test is over")
        endpoint.shutdown(reason: "end")
        worker.reactor.stop()
    }

    @Test(
        "An object that an outside driver pushed to one node is brought to another over TCP, also if no store holds it",
        arguments: [64 << 20, 8 << 20])
    func transfer(storeCapacity: Int) throws {
        let cluster = try PlayedCluster(storeCapacity: storeCapacity)
        let second = try PlayedCluster.makeRaylet(cluster.session, cluster.token, storeCapacity: storeCapacity)
        let flag = Flag()
        try PlainThread.start("raylet") {
            second.run()
            flag.isSet.withLock { $0 = true }
        }
        let bytes = TransferTests.bytes(20_000_000)
        let driver = try PlayedPeer()
        let endpoint = driver.endpoint(.driver, process(1), token: cluster.token)
        var target = cluster.raylet.address
        target.socketPath = ""
        let link = endpoint.connect(to: target)
        for offset in stride(from: 0, to: bytes.count, by: Limits.chunkBytes) {
            let end = min(bytes.count, offset + Limits.chunkBytes)
            let push = Message.pushChunk(
                PushChunk(
                    object: object(1), owner: process(1), offset: offset, dataBytes: bytes.count - 4,
                    metadataBytes: 4, containedBytes: 0, bytes: Array(bytes[offset..<end])))
            link.send(kind: push.kind, requestID: 1, payload: push.payload)
            let stored = try driver.wait { message -> ChunkStored? in
                if case .chunkStored(let value) = message, value.offset == offset { value } else { nil }
            }
            #expect(stored.error == nil)
        }
        let local = driver.endpoint(.driver, process(2), node: second.nodeID, token: cluster.token)
        let near = local.connect(to: second.address)
        let hello = Message.workerReady(WorkerReady(address: local.hello.address, processID: 1, startToken: 0))
        near.send(kind: hello.kind, requestID: 1, payload: hello.payload)
        let fetch = Message.fetchObject(
            FetchObject(object: object(1), owner: process(1), locations: [cluster.raylet.address]))
        near.send(kind: fetch.kind, requestID: 2, payload: fetch.payload)
        let arrived = try driver.wait { if case .objectLocal(let value) = $0 { value } else { nil } }
        #expect(arrived.error == nil)
        let attachment = try attachStore(
            socketPath: second.storeSocketPath, token: Array(cluster.token.utf8))
        let client = try ObjectStoreClient(
            fileDescriptor: attachment.descriptor, fallbackDescriptor: attachment.fallbackDescriptor,
            client: StoreClient(index: attachment.slot))
        let found = try client.lookup(object(1))
        #expect(found?.withBytes { $0.elementsEqual(bytes.dropLast(4)) } == true)
        second.stop(reason: "over")
        #expect(cluster.control.reactor.poll(microseconds: 10_000_000) { flag.isSet.withLock { $0 } })
        close(attachment.connection)
        endpoint.shutdown(reason: "end")
        local.shutdown(reason: "end")
        driver.reactor.stop()
        #expect(cluster.stop() == "the test is over")
    }

    @Test("What a worker prints is all in its log; what is passed on is bounded")
    func flood() throws {
        let cluster = try PlayedCluster()
        cluster.assign(1, script: "seq 1 300000; printf 'no end of line'; exit 1")
        let failed = try cluster.control.wait { if case .leaseFailed(let value) = $0 { value } else { nil } }
        #expect(failed.error.message.contains("    300000\n    no end of line"))
        #expect(!failed.error.message.contains("    299980\n"))
        let passed = cluster.control.state.withLock { state in
            state.received.reduce(0) { sum, entry in
                guard case .logLines(let value) = entry.message else { return sum }
                return sum + value.lines.reduce(0) { $0 + $1.utf8.count + 1 }
            }
        }
        #expect(passed > 0 && passed < 1_500_000)
        let logs = cluster.session + "/logs"
        let folder = try #require(opendir(logs))
        defer { closedir(folder) }
        var sizes: [Int] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            if name.hasSuffix(".out"), stat(logs + "/" + name, &status) == 0 { sizes.append(Int(status.st_size)) }
        }
        #expect(sizes == [1_988_895 + 14])
        #expect(cluster.stop() == "the test is over")
    }

    @Test("What a worker has printed is passed on before the answer to who asks for it")
    func flush() throws {
        let cluster = try PlayedCluster()
        let line = "\(UInt64.random(in: 0 ... .max))"
        cluster.assign(1, script: "echo \(line); touch \(cluster.session)/printed; sleep 1000")
        let isPrinted = cluster.control.reactor.poll(microseconds: 10_000_000) {
            access(cluster.session + "/printed", F_OK) == 0
        }
        #expect(isPrinted)
        cluster.send(.flushLines(FlushLines(job: JobID(1))))
        _ = try cluster.control.wait { message in
            if case .logLines(let value) = message, value.lines.isEmpty { true } else { nil }
        }
        let batches = cluster.control.state.withLock { state in
            state.received.compactMap { entry in if case .logLines(let value) = entry.message { value } else { nil } }
        }
        #expect(batches.map(\.lines) == [[line], []])
        #expect(batches.allSatisfy { $0.job == JobID(1) && $0.host == "127.0.0.1" })
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A node may be named by its host's name, which must be known")
    func hostNames() throws {
        let folder = "/tmp/raylet-test-\(UInt32.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        defer { removeTree(folder) }
        func make(_ host: String) throws -> RayletServer {
            try RayletServer(
                configuration: RayletConfiguration(
                    sessionDirectory: folder, nodeID: NodeID(1, 1, 1, 1), nodeName: "n", host: host,
                    gcsSocketPath: folder + "/gcs.sock", resources: ResourceSet([(ResourceSet.cpu, 1)]),
                    storeCapacity: 64 << 20))
        }
        let error = #expect(throws: RayError.self) { _ = try make("no.such.host.invalid") }
        #expect(error?.message.contains("--node-ip-address") == true)
        let raylet = try make("localhost")
        #expect(raylet.address.host == "localhost" && raylet.address.port != 0)
        raylet.stop(reason: "the test is over")
        #expect(raylet.run() == "the test is over")
    }

    @Test("A process with a wrong token does not get the store, and hears why")
    func wrongToken() throws {
        let cluster = try PlayedCluster()
        let error = #expect(throws: TransportError.self) {
            try attachStore(socketPath: cluster.raylet.storeSocketPath, token: Array("wrong!".utf8))
        }
        #expect(error?.description.contains("RAY_AUTH_TOKEN") == true)
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A program that is not there fails its lease with its path")
    func noProgram() throws {
        let cluster = try PlayedCluster()
        let program = Program(
            hash: "", path: "/nowhere/app", byteCount: 0, arguments: [], environment: [], workingDirectory: "")
        cluster.send(
            .assignLease(
                AssignLease(lease: lease(1), job: JobID(1), owner: .none, program: program)))
        let failed = try cluster.control.wait { if case .leaseFailed(let value) = $0 { value } else { nil } }
        #expect(failed.error.type == .runtimeEnvSetupFailed)
        #expect(failed.error.message.contains("/nowhere/app"))
        #expect(cluster.stop() == "the test is over")
    }

    @Test("A program that only the control store has is brought here in pieces, kept and run; a false one is not")
    func fetchedProgram() throws {
        let bytes =
            Array("#!/bin/sh\necho fetched\nexit 4\n".utf8)
            + [[UInt8]](repeating: Array("# padding\n".utf8), count: 150_000).joined()
        let hash = "46b7b5b6059f8eefff39aaa5cee10a4402faeea8520e97ace9a9160a35290220"
        let cluster = try PlayedCluster()
        let program = Program(
            hash: hash, path: "/nowhere/app", byteCount: bytes.count, arguments: [], environment: [],
            workingDirectory: "")
        func assign(_ number: UInt32) {
            cluster.send(
                .assignLease(
                    AssignLease(lease: lease(number), job: JobID(1), owner: .none, program: program)))
        }
        func answer(_ bytes: [UInt8], until number: UInt32) throws -> RayError {
            var answered = 0
            var error: RayError?
            _ = cluster.control.reactor.poll(microseconds: 20_000_000) {
                let received = cluster.control.state.withLock { $0.received }
                for entry in received[min(answered, received.count)...] {
                    if case .leaseFailed(let value) = entry.message, value.lease == lease(number) {
                        error = value.error
                    }
                    guard case .fetchBlob(let value) = entry.message else { continue }
                    let end = min(bytes.count, value.offset + value.count)
                    let chunk = Message.blobChunk(
                        BlobChunk(
                            hash: hash, offset: value.offset, total: bytes.count,
                            bytes: Array(bytes[value.offset..<end])))
                    cluster.endpoint.send(
                        kind: chunk.kind, requestID: entry.requestID, payload: chunk.payload,
                        to: cluster.raylet.address.worker)
                }
                answered = received.count
                return error != nil
            }
            cluster.control.state.withLock { $0.received = [] }
            return try #require(error)
        }
        assign(1)
        var falsified = bytes
        falsified[100] ^= 1
        let refused = try answer(falsified, until: 1)
        #expect(refused.type == .runtimeEnvSetupFailed && refused.message.contains("not what was sent"))
        assign(2)
        let ran = try answer(bytes, until: 2)
        #expect(ran.message.contains("ended with exit code 4") && ran.message.contains("fetched"))
        assign(3)
        let again = try cluster.control.wait { if case .leaseFailed(let value) = $0 { value } else { nil } }
        #expect(again.error.message.contains("fetched"))
        #expect(cluster.stop() == "the test is over")
    }

    @Test("The raylet ends its workers when the control store is gone")
    func controlStoreLost() throws {
        let cluster = try PlayedCluster()
        cluster.assign(1, script: "echo child=$$; sleep 500")
        let child = try #require(pid_t(try cluster.line("child=")))
        cluster.endpoint.shutdown(reason: "crashed")
        var reason: String?
        _ = cluster.control.reactor.poll(microseconds: 20_000_000) {
            reason = cluster.end.withLock { $0 }
            return reason != nil
        }
        #expect(reason?.contains("control store") == true)
        #expect(cluster.control.reactor.poll(microseconds: 5_000_000) { kill(child, 0) != 0 })
        cluster.control.reactor.stop()
        removeTree(cluster.session)
    }
}
