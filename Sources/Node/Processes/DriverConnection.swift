//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayObjectStore
package import RayTransport
package import RayWire
internal import RayWorker

/// Joins a cluster as a driver: introduces the job, finds the node's raylet, attaches its store.
package enum DriverConnection {
    /// Which cluster, and as what.
    package struct Options: Sendable {
        package var headHost: String
        package var headPort: UInt16
        /// The GCS's Unix socket, where the head is on this machine; empty if not known.
        package var headSocket = ""
        /// The Unix socket of the raylet to be served by; empty for the head's, or any on this machine.
        package var rayletSocket = ""
        package var token = AuthenticationToken.open
        package var namespace = ""
        package var program = Program(
            hash: "", path: "", byteCount: 0, arguments: [], environment: [], workingDirectory: "")
        /// Settings of the cluster by their variables (`RAY_max_lineage_bytes`), which override those of the environment.
        package var settings: [String: String] = [:]
        package var warn: @Sendable (String) -> Void = { _ in }
        package var showLog: @Sendable (LogLines) -> Void = { _ in }
        package var language = LanguageHooks()

        package init(headHost: String, headPort: UInt16) {
            self.headHost = headHost
            self.headPort = headPort
        }
    }

    private static let answerMilliseconds = 10_000

    /// Connects; the worker returned is ready for calls.
    ///
    /// - Throws: `clusterUnreachable`, `authenticationFailed`, or what the cluster says.
    package static func open(_ options: Options) throws(RayError) -> Worker {
        // A driver has a link to each of its workers and actors.
        ray_raise_descriptor_limit()
        let reactor = try Reactor.started()
        do throws(RayError) {
            return try join(options, reactor)
        } catch {
            reactor.stop()
            throw error
        }
    }

    private static func join(_ options: Options, _ reactor: Reactor) throws(RayError) -> Worker {
        var generator = SystemRandomNumberGenerator()
        let identity = WorkerID.random(using: &generator)
        let relay = HandlerRelay()
        let rendezvous = Rendezvous(reactor: reactor)
        relay.pass(to: rendezvous)
        let host = localAddress(towards: options.headHost)
        let hello = Hello(
            role: .driver, identity: identity, incarnation: generator.next(),
            address: Address(node: .none, worker: identity, host: host, port: 0, socketPath: ""))
        let endpoint = Endpoint(
            hello, credentials: try options.token.credentials(isWanted: true), reactor: reactor, handler: relay)
        do throws(TransportError) {
            try endpoint.listen(host: host, port: 0)
        } catch {
            throw RayError(.systemError, "\(error)")
        }
        let gcs = Address(
            node: .none, worker: .gcs, host: options.headSocket.isEmpty ? options.headHost : "",
            port: options.headPort, socketPath: options.headSocket)
        endpoint.connect(to: gcs)
        let info = JobInfo(
            driver: endpoint.hello.address, processID: getpid(), namespace: options.namespace,
            entrypoint: commandLine(), program: options.program)
        let request = Message.registerJob(RegisterJob(info: info))
        endpoint.send(kind: request.kind, requestID: 1, payload: request.payload, to: .gcs)
        let answer = try rendezvous.message(
            from: .gcs, at: "\(options.headHost):\(options.headPort)", milliseconds: answerMilliseconds
        ) { message, _ in if case .jobRegistered = message { true } else { false } }
        guard case .jobRegistered(let job) = answer else {
            throw RayError(.systemError, "the head gave no job")
        }
        if !job.hasProgram, !options.program.hash.isEmpty {
            try upload(options.program, endpoint, rendezvous)
        }
        return try attach(job, options, gcs, endpoint, relay)
    }

    /// Attaches to the store of a raylet on this machine, if there is one, and makes the worker.
    private static func attach(
        _ job: JobRegistered, _ options: Options, _ gcs: Address, _ endpoint: Endpoint, _ relay: HandlerRelay
    ) throws(RayError) -> Worker {
        // Of several nodes on this machine the head's: the cluster ends with it anyway.
        let nodes = job.nodes.filter { isOnThisMachine($0) }
        let local =
            nodes.first { $0.address.socketPath == options.rayletSocket } ?? nodes.first(where: \.isHead) ?? nodes.first
        var store: ObjectStoreClient?
        var address = endpoint.hello.address
        if let local {
            let directory = SessionDirectory(path: local.sessionDirectory)
            store = try StoreConnection.open(
                socketPath: directory.storeSocket(of: local.address.node), token: options.token.value)
            let path = directory.sockets + "/" + address.worker.hex.prefix(16) + ".sock"
            do throws(TransportError) {
                try endpoint.listen(unixPath: path)
            } catch {
                throw RayError(.systemError, "\(error)")
            }
            address = endpoint.hello.address
            address.node = local.address.node
            endpoint.settle(node: address.node)
        }
        var core = WorkerCore.Configuration(
            address: address, raylet: local?.address, job: job.job, namespace: job.namespace, isDriver: true,
            processID: getpid())
        core.storeSlot = store?.client.index ?? 0
        core.gcs = gcs
        core.clusterName = job.clusterName
        core.reconnectMilliseconds = job.reconnectMilliseconds
        try core.tune { options.settings[$0] ?? environment($0) }
        var configuration = Worker.Configuration(core: core)
        configuration.warn = options.warn
        configuration.showLog = options.showLog
        configuration.language = options.language
        let worker = Worker(configuration, endpoint: endpoint, store: store, executor: nil)
        // The store was attached meanwhile, which can take seconds.
        relay.pass(to: worker, of: endpoint, missing: .gcs)
        if let local { try worker.introduce(to: local.address, startToken: 0) }
        return worker
    }

    private static func isOnThisMachine(_ node: NodeInfo) -> Bool {
        !node.address.socketPath.isEmpty && access(node.address.socketPath, R_OK | W_OK) == 0
    }

    /// Sends the driver's executable, in pieces, for workers on other machines.
    private static func upload(
        _ program: Program, _ endpoint: Endpoint, _ rendezvous: Rendezvous
    ) throws(RayError) {
        let file = Glibc.open(program.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw RayError(.systemError, "the program's executable \(program.path) cannot be read")
        }
        defer { close(file) }
        var offset = 0
        var buffer = [UInt8](repeating: 0, count: Limits.chunkBytes)
        while offset < program.byteCount {
            let count = pread(file, &buffer, buffer.count, offset)
            guard count > 0 else { throw RayError(.systemError, "\(program.path) changed while it was read") }
            let message = Message.storeBlob(
                StoreBlob(
                    hash: program.hash, offset: offset, total: program.byteCount, bytes: Array(buffer[..<count])))
            endpoint.send(kind: message.kind, requestID: 2, payload: message.payload, to: .gcs)
            let answer = try rendezvous.message(from: .gcs, at: "the head", milliseconds: answerMilliseconds) {
                message, _ in if case .blobStored = message { true } else { false }
            }
            if case .blobStored(let stored) = answer, let error = stored.error { throw error }
            offset += count
        }
    }

    private static func commandLine() -> String {
        let bytes = readBytes("/proc/self/cmdline") ?? []
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// The address of this machine that peers of `host` can reach: that of the interface that leads there.
    static func localAddress(towards host: String) -> String {
        var own = [CChar](repeating: 0, count: 64)
        guard let numeric = try? HostName.resolve(host), ray_local_address(numeric, &own, own.count) == 0 else {
            return "127.0.0.1"
        }
        return own.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "127.0.0.1" }
    }
}

extension AuthenticationToken {
    /// The token as an endpoint wants it.
    ///
    /// - Throws: as `TLSContext.fromEnvironment`.
    package func credentials(isWanted: Bool) throws(RayError) -> Credentials {
        Credentials(
            token: Array(value.utf8), source: source, isTokenWanted: isWanted && !value.isEmpty,
            tls: try .fromEnvironment())
    }
}
