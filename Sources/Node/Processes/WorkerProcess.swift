//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayObjectStore
internal import RayTransport
internal import RayWire
package import RayWorker

/// The life of a worker process: what its raylet put into its environment, links, loop, end.
package enum WorkerProcess {
    /// Whether this process was started as a worker.
    package static var isWorker: Bool { environment("SWIFT_RAY_ROLE") == "worker" }

    /// Connects this process to its raylet and the GCS.
    ///
    /// - Throws: why that is impossible; the process should then end, its last words go to the log.
    package static func open(
        executor: any TaskExecutor, language: LanguageHooks = LanguageHooks()
    ) throws(RayError) -> Worker {
        do throws(TransportError) {
            _ = try ParentWatch.startFromEnvironment()
        } catch {
            throw RayError(.systemError, "\(error)")
        }
        let worker = try join(executor, language, try Reactor.started())
        ray_settle_on_crash()
        return worker
    }

    private static func join(
        _ executor: any TaskExecutor, _ language: LanguageHooks, _ reactor: Reactor
    ) throws(RayError) -> Worker {
        let session = SessionDirectory(path: try required("SWIFT_RAY_SESSION_DIR"))
        guard let node = NodeID(hex: try required("SWIFT_RAY_NODE_ID")),
            let job = UInt32(try required("SWIFT_RAY_JOB_ID")),
            let startToken = UInt64(try required("SWIFT_RAY_START_TOKEN"))
        else { throw RayError(.systemError, "the environment of this worker is damaged") }
        let host = environment("SWIFT_RAY_NODE_HOST") ?? "127.0.0.1"
        let token = AuthenticationToken(value: environment("RAY_AUTH_TOKEN") ?? "", source: "the raylet")
        let store = try StoreConnection.open(
            socketPath: try required("SWIFT_RAY_STORE_SOCKET"), token: token.value)
        var generator = SystemRandomNumberGenerator()
        let identity = WorkerID.random(using: &generator)
        let relay = HandlerRelay()
        let endpoint = Endpoint(
            Hello(
                role: .worker, identity: identity, incarnation: generator.next(),
                address: Address(node: node, worker: identity, host: host, port: 0, socketPath: "")),
            credentials: try token.credentials(isWanted: true), reactor: reactor, handler: relay)
        do throws(TransportError) {
            try endpoint.listen(unixPath: session.sockets + "/" + identity.hex.prefix(16) + ".sock")
            try endpoint.listen(host: host, port: 0)
        } catch {
            throw RayError(.systemError, "\(error)")
        }
        let raylet = Address(
            node: node, worker: WorkerID(raylet: node), host: "", port: 0,
            socketPath: try required("SWIFT_RAY_RAYLET_SOCKET"))
        var core = WorkerCore.Configuration(
            address: endpoint.hello.address, raylet: nil, job: JobID(job),
            namespace: environment("SWIFT_RAY_NAMESPACE") ?? "", isDriver: false, processID: getpid())
        core.raylet = raylet
        core.raylet?.host = host
        core.raylet?.port = environment("SWIFT_RAY_RAYLET_PORT").flatMap { UInt16($0) } ?? 0
        core.storeSlot = store.client.index
        core.gcs = try gcsAddress()
        core.reconnectMilliseconds = environment("SWIFT_RAY_RECONNECT_MS").flatMap { Int($0) } ?? 0
        let gcs = core.gcs
        try core.tune(environment)
        var configuration = Worker.Configuration(core: core)
        configuration.accelerators = assignedAccelerators
        configuration.warn = { warn($0) }
        configuration.exit = { leave($0) }
        configuration.language = language
        let worker = Worker(configuration, endpoint: endpoint, store: store, executor: executor)
        relay.pass(to: worker)
        endpoint.connect(to: gcs)
        try worker.introduce(to: raylet, startToken: startToken)
        return worker
    }

    private static func gcsAddress() throws(RayError) -> Address {
        if let path = environment("SWIFT_RAY_GCS_SOCKET"), !path.isEmpty, access(path, R_OK | W_OK) == 0 {
            return Address(node: .none, worker: .gcs, host: "", port: 0, socketPath: path)
        }
        let text = try required("SWIFT_RAY_GCS_ADDRESS")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw RayError(.systemError, "SWIFT_RAY_GCS_ADDRESS is '\(text)', not host:port")
        }
        return Address(node: .none, worker: .gcs, host: String(text[..<colon]), port: port, socketPath: "")
    }

    private static var assignedAccelerators: AssignedAccelerators {
        func list(_ name: String) -> [Substring] { (environment(name) ?? "").split(separator: ",") }
        return AssignedAccelerators(
            ids: list("SWIFT_RAY_ACCELERATOR_IDS").compactMap { AcceleratorID($0) },
            names: list("SWIFT_RAY_ACCELERATOR_NAMES").compactMap { AssignedAccelerators.Name($0) })
    }

    private static func required(_ name: String) throws(RayError) -> String {
        guard let value = environment(name), !value.isEmpty else {
            throw RayError(.systemError, "\(name) is not set: a worker is started by its raylet, not by hand")
        }
        return value
    }

    private static func warn(_ text: String) {
        var line = "(ray) " + text + "\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Leaves without running exit handlers: user code must not hold up the end. Processes that user code has
    /// started go too; the raylet cannot see to it if it is gone itself.
    package static func leave(_ reason: String) -> Never { ParentWatch.leaveWithoutFailure() }
}
