//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import Logging
package import RayCore
internal import RayObjectStore
internal import RayRaylet
internal import RayTransport
internal import RayWire

/// The raylet of one node as a process: sockets, store and children around `RayletCore`.
///
///     let raylet = try RayletServer(configuration: configuration)
///     let reason = raylet.run()
///
/// To be made before the process starts other threads: it keeps SIGTERM for itself, and SIGINT (`SignalWait`).
package final class RayletServer: Sendable {
    /// Where other nodes and the processes of this one reach the raylet, with the port that was bound.
    package let address: Address
    package let nodeID: NodeID
    /// Unix socket on which processes of the node get the store; see `attachStore`.
    package let storeSocketPath: String

    private let reactor: Reactor
    private let endpoint: Endpoint
    private let launcher: Launcher
    private let watch: DescriptorWatch
    private let driver: RayletDriver

    /// Makes the store and the sockets; nothing is started before `run`.
    ///
    /// - Throws: `systemError` if the machine refuses memory, sockets or folders, `invalidArgument` for settings that
    ///   cannot be; the message names the remedy.
    package init(configuration: RayletConfiguration) throws(RayError) {
        SignalWait.block()
        let gcs = try configuration.gcsTarget()
        try Self.makeFolders(configuration.sessionDirectory)
        // The node is known by the name that it was given, if that is no number.
        let listening = try numericHost(configuration.bindHost ?? configuration.host, of: "node")
        let store = try Self.makeStore(configuration)
        let credentials = try AuthenticationToken(value: configuration.token, source: configuration.tokenSource)
            .credentials(isWanted: true)
        do throws(TransportError) {
            reactor = try Reactor()
            launcher = try Launcher(reapsOrphans: true, forks: true)
            watch = try DescriptorWatch()
            let driver = RayletDriver(configuration, reactor: reactor, launcher: launcher, watch: watch, store: store)
            let own = Address(
                node: configuration.nodeID, worker: WorkerID(raylet: configuration.nodeID), host: configuration.host,
                port: 0, socketPath: "")
            let hello = Hello(role: .raylet, identity: own.worker, incarnation: .random(in: 1 ... .max), address: own)
            endpoint = Endpoint(
                hello,
                credentials: credentials,
                reactor: reactor, handler: driver)
            try endpoint.listen(unixPath: configuration.socketPath)
            try endpoint.listen(host: listening, port: configuration.port)
            address = endpoint.hello.address
            driver.prepare(endpoint: endpoint, address: address, gcs: gcs)
            try driver.serveStore()
            try driver.serveDisk()
            try driver.servePackages()
            self.driver = driver
        } catch {
            throw RayError(.systemError, "the raylet cannot start: \(error)")
        }
        nodeID = configuration.nodeID
        storeSocketPath = configuration.storeSocketPath
    }

    /// Serves until SIGTERM, SIGINT (`SignalWait`), `stop`, the head's order or the loss of the control store; the reason.
    ///
    /// When it returns, all processes that the raylet started are killed and its sockets are closed.
    ///
    /// - Parameter ready: told once, when the head has taken the node.
    @discardableResult
    package func run(ready: () -> Void = {}) -> String {
        do throws(TransportError) {
            try reactor.start()
        } catch {
            driver.left(reason: "\(error)")
        }
        reactor.perform { self.driver.begin() }
        // Short while the start or the end waits for it, long in between.
        var milliseconds = 2
        var isReady = false
        while driver.leaveReason == nil {
            if !isReady, driver.isRegistered {
                isReady = true
                milliseconds = 100
                ready()
            }
            if let signal = SignalWait.next(milliseconds: milliseconds) {
                stop(reason: "it was asked to end (\(signal))")
                milliseconds = 2
            }
        }
        return finish()
    }

    /// Has the node leave the cluster; any thread.
    package func stop(reason: String) { reactor.perform { self.driver.give(.stop(reason: reason)) } }

    private func finish() -> String {
        let reason = driver.leaveReason ?? ""
        // Peers hear the reason if they read soon; nothing depends on it.
        endpoint.shutdown(reason: reason, waitingMilliseconds: 100)
        reactor.stop()
        watch.stop()
        launcher.stop()
        driver.stopDisk()
        unlink(storeSocketPath)
        removeWorkerSockets()
        return reason
    }

    /// The node's workers end with it and drivers lose it: their sockets lead nowhere.
    private func removeWorkerSockets() {
        guard let slash = storeSocketPath.lastIndex(of: "/") else { return }
        let folder = String(storeSocketPath[..<slash])
        for name in listDirectory(folder) where name.utf8.count == 16 + ".sock".utf8.count {
            unlink(folder + "/" + name)
        }
    }

    private static func makeFolders(_ session: String) throws(RayError) {
        for folder in [session, session + "/logs", session + "/links"] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw RayError(
                    .systemError,
                    "the folder \(folder) cannot be made: \(TransportError.text(errno)); "
                        + "choose another one with --temp-dir")
            }
        }
    }

    private static func makeStore(_ configuration: RayletConfiguration) throws(RayError) -> ObjectStoreServer {
        var store = ObjectStoreServer.Configuration(capacity: configuration.storeCapacity)
        store.spilling = configuration.spilling
        store.fallback = configuration.fallback
        do throws(ObjectStoreError) {
            let file = makeFallbackFile(configuration)
            return try ObjectStoreServer(store, nonce: .random(in: 1 ... .max), fallbackFile: file)
        } catch {
            let remedy = if case .invalidConfiguration = error { "choose another size" } else { "choose a smaller one" }
            throw RayError(
                .systemError,
                "the object store of \(configuration.storeCapacity) bytes cannot be made: \(error); "
                    + "\(remedy) with --object-store-memory")
        }
    }

    /// A node does without the file where its disk takes none: then objects that do not fit wait, and fail.
    private static func makeFallbackFile(_ configuration: RayletConfiguration) -> FallbackFile? {
        let folder = configuration.diskDirectory
        mkdir(folder, 0o700)
        do throws(ObjectStoreError) {
            return try FallbackFile(folder: folder)
        } catch {
            Logger(label: "ray.raylet").warning(
                """
                objects that do not fit into the object store will fail, as there is no file for them: \(error); \
                choose another folder with --object-spilling-directory
                """)
            return nil
        }
    }
}
