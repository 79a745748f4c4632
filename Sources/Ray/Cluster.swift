//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayWorker

extension ray {
    /// One machine of the cluster, or one raylet of several on a machine.
    public struct Node: Hashable, Sendable {
        /// The node's id as hex.
        public var id: String
        /// Whether the cluster hears from it.
        public var isAlive: Bool
        /// Name for people.
        public var name: String
        /// Its address.
        public var host: String
        /// Port of its raylet.
        public var port: Int
        /// Whether it runs the cluster's head.
        public var isHead: Bool
        /// All that the node has, by name.
        public var resources: [String: Double]
        /// What nobody holds at the moment.
        public var availableResources: [String: Double]
        /// What is written on it, by key.
        public var labels: [String: String]
        /// Bytes of the object store in use.
        public var objectStoreUsed: Int
        /// Bytes of the object store in all.
        public var objectStoreCapacity: Int

        /// The node as users see it.
        package init(_ node: ClusterView.Node) {
            id = node.id.hex
            isAlive = node.isAlive
            name = node.name
            host = node.host
            port = Int(node.port)
            isHead = node.isHead
            resources = node.total.dictionary
            availableResources = node.available.dictionary
            labels = node.labels
            objectStoreUsed = node.storeUsed
            objectStoreCapacity = node.storeCapacity
        }
    }

    /// Who runs this code.
    public struct Context: Hashable, Sendable {
        /// The job's id as hex.
        public var jobID: String
        /// The node's id as hex.
        public var nodeID: String
        /// This process's id in the cluster, as hex.
        public var workerID: String
        /// `host:port` of this process.
        public var address: String
        /// Where names of actors are looked up.
        public var namespace: String
        /// The task under way as hex; nil in the driver.
        public var taskID: String?
        /// The actor whose call this is, as hex; nil elsewhere.
        public var actorID: String?
        /// Which try of the task this is, from 0.
        public var attempt: Int
        /// The accelerators that this process holds, by resource: `["GPU": ["0"], "TPU": []]` and so on; see `ray.gpuIDs`.
        public var acceleratorIDs: [String: [String]]
        /// The runtime environment of this process, which what it submits inherits.
        public var runtimeEnv: RuntimeEnvironment
    }

    /// Who runs this code.
    ///
    /// - Throws: `ray.SystemError` before `ray.init()`.
    public static var context: Context {
        get throws {
            let worker = try currentWorker()
            let task = TaskContext.current
            return Context(
                jobID: worker.job.hex, nodeID: worker.address.node.hex, workerID: worker.address.worker.hex,
                address: "\(worker.address.host):\(worker.address.port)", namespace: worker.namespace,
                taskID: task?.task.hex, actorID: task?.actor?.hex, attempt: task?.attempt ?? 0,
                acceleratorIDs: worker.accelerators.namesByResource,
                runtimeEnv: RuntimeEnvironment(worker.environment))
        }
    }

    /// The ids of the GPUs that the task or actor under way holds, of each a whole or a part; none in a driver.
    ///
    /// Numbers from 0 on its node; where the node was started with `CUDA_VISIBLE_DEVICES`, entries of that list:
    /// numbers or UUIDs. CUDA is shown the same ones, and numbers them from 0 in the process.
    ///
    /// - Throws: `ray.SystemError` before `ray.init()`.
    public static var gpuIDs: [String] { get throws { try currentWorker().accelerators.names(of: .gpu) } }

    /// The nodes of the cluster, dead ones included.
    public static nonisolated(nonsending) func nodes() async throws -> [Node] {
        try await clusterView().nodes.map(Node.init)
    }

    /// All resources of the living nodes, by name.
    public static nonisolated(nonsending) func clusterResources() async throws -> [String: Double] {
        try await clusterView().nodes.filter(\.isAlive).reduce(into: ResourceSet()) { $0 = $0 + $1.total }.dictionary
    }

    /// The resources of the living nodes that nobody holds at the moment, by name.
    public static nonisolated(nonsending) func availableResources() async throws -> [String: Double] {
        try await clusterView().nodes.filter(\.isAlive).reduce(into: ResourceSet()) { $0 = $0 + $1.available }
            .dictionary
    }

    /// Ends an actor at once; its calls fail with `ray.SystemError.actorDied`.
    ///
    /// - Parameter noRestart: false lets it start again if it has restarts left.
    public static nonisolated(nonsending) func kill(
        _ handle: some ActorHandle, noRestart: Bool = true
    ) async throws {
        try await kill(handle._ray, noRestart: noRestart)
    }

    static nonisolated(nonsending) func kill(_ reference: _ActorReference, noRestart: Bool) async throws {
        if let failure = reference.failure { throw error(failure) }
        let worker = try currentWorker()
        let result = await withCheckedContinuation { continuation in
            worker.kill(reference.id, restart: !noRestart) { continuation.resume(returning: $0) }
        }
        if case .failure(let failure) = result { throw error(failure) }
    }

    /// Looks an actor up by its name.
    ///
    /// - Parameter namespace: where the name is known; the job's namespace if nil.
    /// - Throws: `ray.SystemError.notFound` if there is none, `.invalidArgument` if it is of another type.
    public static nonisolated(nonsending) func actor<Actor: RemoteActor>(
        _ type: Actor.Type, named name: String, namespace: String? = nil
    ) async throws -> Actor.Handle {
        let (found, worker) = try await find(name, namespace)
        do throws(RayError) { try Actor.Factory._rayClass.check(found, name: name) } catch { throw ray.error(error) }
        return Actor.Handle(_ray: _ActorReference(found, worker))
    }

    /// What the cluster knows of a named actor.
    static nonisolated(nonsending) func find(
        _ name: String, _ namespace: String?
    ) async throws -> (found: FoundActor, worker: any WorkerAPI) {
        let worker = try currentWorker()
        let result = await withCheckedContinuation { continuation in
            worker.actor(named: name, namespace: namespace ?? worker.namespace) { continuation.resume(returning: $0) }
        }
        switch result {
        case .failure(let failure): throw error(failure)
        case .success(let found): return (found, worker)
        }
    }

    private static nonisolated(nonsending) func clusterView() async throws -> ClusterView {
        let worker = try currentWorker()
        let result = await withCheckedContinuation { continuation in
            worker.clusterView { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let view): return view
        case .failure(let failure): throw error(failure)
        }
    }

    static func currentWorker() throws -> any WorkerAPI {
        do throws(RayError) { return try Session.current.worker() } catch { throw ray.error(error) }
    }
}

extension ResourceSet {
    /// The amounts by name.
    var dictionary: [String: Double] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.amount.value) })
    }
}
