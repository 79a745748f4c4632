//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode
internal import RayTransport
internal import RayWire
package import RayWorker
internal import Synchronization

/// Brings the processes of a cluster up and down for `Session`.
package enum Bootstrap {
    /// The processes that `start` started, to be taken down by `stop`.
    private static let embedded = Mutex<EmbeddedCluster?>(nil)

    /// Whether this process was started as a worker.
    package static var isWorkerProcess: Bool { WorkerProcess.isWorker }

    /// Joins or starts a cluster and gives this process's runtime; in a worker it never returns.
    ///
    /// - Throws: `ray.SystemError` with the remedy.
    package static nonisolated(nonsending) func start(_ options: InitOptions) async throws -> any WorkerAPI {
        if isWorkerProcess { await WorkerLife.run() }
        do throws(RayError) {
            if let environment = options.runtimeEnv { try EnvironmentResolver.shared.check(environment) }
            if let address = try ClusterAddress.find(options.address) {
                return try join(address, options)
            }
            return try startEmbedded(options)
        } catch {
            throw ray.SystemError(error)
        }
    }

    /// Disconnects and takes down what `start` has started.
    package static nonisolated(nonsending) func stop(_ worker: any WorkerAPI) async {
        (worker as? Worker)?.finish()
        let cluster = embedded.withLock { cluster in
            defer { cluster = nil }
            return cluster
        }
        cluster?.stop()
    }

    // MARK: Joining

    private static func join(_ address: ClusterAddress, _ options: InitOptions) throws(RayError) -> any WorkerAPI {
        guard options.numCPUs == nil, options.numGPUs == nil, options.resources.isEmpty,
            options.objectStoreMemory == nil
        else {
            throw RayError(
                .invalidArgument,
                "numCPUs, numGPUs, resources and objectStoreMemory are settings of a new cluster; "
                    + "'\(address.host):\(address.port)' exists already, so leave them out")
        }
        var connection = DriverConnection.Options(headHost: address.host, headPort: address.port)
        connection.token = try address.token()
        connection.namespace = options.namespace ?? ""
        connection.program = try OwnProgram.describe(isHashed: true)
        return try open(connection, options.runtimeEnv)
    }

    private static func open(
        _ options: DriverConnection.Options, _ environment: ray.RuntimeEnvironment?
    ) throws(RayError) -> any WorkerAPI {
        var options = options
        options.warn = { DriverConsole.warn($0) }
        options.showLog = { DriverConsole.show($0) }
        let worker = try DriverConnection.open(options)
        guard let environment else { return worker }
        do throws(RayError) {
            worker.adopt(try EnvironmentResolver.shared.resolve(environment, worker))
        } catch {
            worker.finish()
            throw error
        }
        return worker
    }

    // MARK: A cluster of our own

    private static func startEmbedded(_ options: InitOptions) throws(RayError) -> any WorkerAPI {
        var node = NodeStartOptions()
        node.isHead = true
        node.port = 0
        node.clientPort = nil
        node.cpus = options.numCPUs
        node.gpus = options.numGPUs
        node.resources = options.resources
        node.objectStoreMemory = options.objectStoreMemory
        node.endsWithParent = true
        node.token = try AuthenticationToken.isDisabledByMode() == true ? .open : .generate()
        let starter = try RoleStarter()
        let started = try NodeLauncher.start(node, with: starter)
        let cluster = EmbeddedCluster(starter: starter, session: started.session)
        embedded.withLock { $0 = cluster }
        var connection = DriverConnection.Options(headHost: started.headHost, headPort: started.headPort)
        connection.headSocket = started.session.sockets + "/gcs.sock"
        connection.token = started.token
        connection.namespace = options.namespace ?? ""
        connection.program = try OwnProgram.describe(isHashed: false)
        do throws(RayError) {
            let worker = try open(connection, options.runtimeEnv)
            atexit { Bootstrap.stopAtExit() }
            return worker
        } catch {
            stopAtExit()
            throw error
        }
    }

    /// At the end of a program that did not call `shutdown`: its processes go with it.
    private static func stopAtExit() {
        let cluster = embedded.withLock { cluster in
            defer { cluster = nil }
            return cluster
        }
        cluster?.stop()
    }
}

/// The head and raylet of `ray.init()` without an address.
private struct EmbeddedCluster: Sendable {
    let starter: RoleStarter
    let session: SessionDirectory

    func stop() {
        starter.stop()
        session.remove()
    }
}
