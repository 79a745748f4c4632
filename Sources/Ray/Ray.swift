//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// The name is the API: `ray.init()`, `ray.get(…)`, as Ray's users know it.
// swift-format-ignore: TypeNamesShouldBeCapitalized
/// Ray: tasks, actors and objects across processes and machines.
public struct ray {
    /// Joins a cluster, or starts one on this machine and takes it down with the program.
    ///
    /// Call this first in the program. In a worker it never returns.
    ///
    /// - Parameters:
    ///   - address: `ray://host:10001` of a cluster; without one, one is started here, unless `RAY_ADDRESS` names one.
    ///   - numCPUs: CPUs of the cluster started here; all of the machine's if nil.
    ///   - numGPUs: GPUs of the cluster started here; all of the machine's if nil.
    ///   - resources: further named amounts of the cluster started here.
    ///   - objectStoreMemory: bytes of its object store; a share of the machine's memory if nil.
    ///   - namespace: where names of actors are looked up; one of its own if nil.
    ///   - runtimeEnv: what the job's workers have that others have not: variables, files, another executable.
    /// - Throws: `ray.SystemError` if no cluster can be reached or started.
    @discardableResult
    public init(
        address: String? = nil, numCPUs: Double? = nil, numGPUs: Double? = nil, resources: [String: Double] = [:],
        objectStoreMemory: Int? = nil, namespace: String? = nil, runtimeEnv: RuntimeEnvironment? = nil
    ) async throws {
        try await Session.current.begin(
            InitOptions(
                address: address, numCPUs: numCPUs, numGPUs: numGPUs, resources: resources,
                objectStoreMemory: objectStoreMemory, namespace: namespace, runtimeEnv: runtimeEnv))
    }

    /// Leaves the cluster; one that `ray.init()` started is taken down. References become unusable.
    public static func shutdown() async { await Session.current.end() }

    /// Whether this process is a worker; can be read before `ray.init()`.
    public static var isWorker: Bool { Session.isWorkerProcess }

    /// Whether `ray.init()` has been called and `ray.shutdown()` not yet.
    public static var isInitialized: Bool { (try? Session.current.worker()) != nil }

    /// Picks the overload of a remote function that makes calls; not for use by hand.
    public struct Lookup: Sendable {}

    /// The callable form of a function marked `@Remote`.
    public static func remote<Function: _RemoteFunction>(_ function: (Lookup) -> Function) -> Function {
        function(Lookup())
    }

    /// The factory of an actor marked `@RemoteActor`.
    public static func remote<Actor: RemoteActor>(_ type: Actor.Type) -> Actor.Factory {
        Actor.Factory(_ray: _ActorCreation(Actor.Factory._rayClass))
    }

    /// Tells what is missing where a plain function or type is given.
    @_disfavoredOverload
    @available(*, unavailable, message: "put '@Remote' on the function, or '@RemoteActor' on the type")
    public static func remote<Other>(_ other: Other) -> _NotRemote { _NotRemote() }

    /// What `remote` would give for something that is not remote, so that one error is reported and not two.
    @dynamicCallable
    public struct _NotRemote: Sendable {
        /// Accepts any arguments; never called.
        public func dynamicallyCall(withKeywordArguments arguments: KeyValuePairs<String, Any>) -> _NotRemote { self }
    }
}
