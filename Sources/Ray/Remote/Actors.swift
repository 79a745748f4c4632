//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// A type whose instances live in processes of their own; `@RemoteActor` makes a type one.
    public protocol RemoteActor: AnyObject {
        /// Calls the actor.
        associatedtype Handle: ActorHandle
        /// Creates the actor.
        associatedtype Factory: _ActorFactory
    }

    /// Calls an actor from any process; can be sent to others inside values.
    public protocol ActorHandle: Codable, Hashable, Sendable {
        /// The type of the actor.
        associatedtype RemoteType: RemoteActor
        /// Which actor.
        var _ray: _ActorReference { get }
        init(_ray: _ActorReference)
    }

    /// How the calls of an actor follow each other.
    public enum ActorMode: Sendable {
        /// A call starts when the one before it has ended, even where it suspends.
        case ordered
        /// Calls start in order and may interleave where they suspend, or run on threads beside each other where they
        /// are synchronous and guard their own state (see `maxConcurrency`); up to 1,000 at a time by default.
        case concurrent
    }

    /// How long an actor lives.
    public enum ActorLifetime: Sendable {
        /// Until no handle is left, or the job or the process that created it ends.
        case job
        /// Until it is killed.
        case detached
    }

    /// A remote actor's type as the runtime names it. Not for use by hand.
    public struct _ActorClass: Sendable {
        /// The type with those around it, joined by dots.
        package let name: String
        /// The module that declares it.
        package let module: String
        /// Whether calls may interleave.
        package let isConcurrent: Bool
        /// Groups of calls and how many calls of each may run at the same time.
        package let groups: [String: Int]

        /// - Parameter file: `Module/File.swift`.
        public init(name: String, file: String, isConcurrent: Bool, groups: [String: Int] = [:]) {
            self.groups = groups
            self.name = name
            module = String(file.prefix { $0 != "/" })
            self.isConcurrent = isConcurrent
        }
    }

    /// Creates an actor. Not for use by hand.
    public protocol _ActorFactory: Sendable {
        /// The type of the actors.
        static var _rayClass: _ActorClass { get }
        /// What is created and how.
        var _ray: _ActorCreation { get }
        init(_ray: _ActorCreation)
    }

    /// An actor about to be created, with its options. Not for use by hand.
    public struct _ActorCreation: Sendable {
        let type: _ActorClass
        var options = CallOptions()
        var actor = ActorSettings()

        /// The type with its default options.
        package init(_ type: _ActorClass) { self.type = type }

        /// Creates the actor; what goes wrong arrives as an error of calls on it.
        public func create(_ declaration: _Declaration, _ arguments: _Arguments) -> _ActorReference {
            do throws(RayError) { try declaration.checkRecord() } catch { return _ActorReference(failure: error) }
            return create(declaration.descriptor, arguments)
        }

        /// Creates the actor by the function that is its initialiser.
        func create(_ initializer: FunctionDescriptor, _ arguments: _Arguments) -> _ActorReference {
            do throws(RayError) {
                if let failure = arguments.failure { throw failure }
                let worker = try arguments.worker.get()
                let concurrency = actor.concurrencyMax ?? (type.isConcurrent ? 1000 : 1)
                guard concurrency >= 1 else {
                    throw RayError(.invalidArgument, "maxConcurrency must be 1 or more, not \(concurrency)")
                }
                let groups = try concurrencyGroups()
                var call = Call(
                    function: initializer, arguments: arguments.list,
                    // One CPU to be placed, none to live on, unless the user says so: Ray's rule.
                    resources: try options.resourceSet(defaultCPUs: 1),
                    strategy: options.isPlaceOpen ? arguments.captured ?? .hybrid : try options.schedulingStrategy(),
                    retriesMax: 0, name: "")
                call.shared.value.environment = try EnvironmentResolver.shared.resolve(options, worker)
                var settings = ActorOptions()
                settings.name = options.name ?? ""
                settings.namespace = actor.namespace ?? ""
                settings.lifetime = actor.lifetime == .detached ? .detached : .job
                settings.restartsMax = actor.restartsMax ?? 0
                settings.taskRetriesMax = actor.taskRetriesMax ?? 0
                settings.concurrencyMax = concurrency
                settings.heldResources = try options.resourceSet(defaultCPUs: 0)
                settings.concurrencyGroups = groups
                settings.pendingCallsMax = actor.pendingCallsMax ?? -1
                let caller = arguments.caller
                func make() -> ActorHandleStorage {
                    let id = arguments.whileAlive { worker.createActor(call, settings, from: caller) }
                    return ActorHandleStorage(id: id, creator: worker.address, worker: worker)
                }
                guard actor.getIfExists == true else { return _ActorReference(storage: make()) }
                return _ActorReference(storage: try getOrMake(settings, worker, make))
            } catch {
                return _ActorReference(failure: error)
            }
        }
    }
}

/// The options of an actor that functions do not have.
struct ActorSettings: Sendable {
    var namespace: String?
    var lifetime: ray.ActorLifetime?
    var restartsMax: Int?
    var taskRetriesMax: Int?
    var concurrencyMax: Int?
    var pendingCallsMax: Int?
    var getIfExists: Bool?

    /// These settings, replaced by those that `later` gives.
    func merged(_ later: ActorSettings) -> ActorSettings {
        ActorSettings(
            namespace: later.namespace ?? namespace, lifetime: later.lifetime ?? lifetime,
            restartsMax: later.restartsMax ?? restartsMax, taskRetriesMax: later.taskRetriesMax ?? taskRetriesMax,
            concurrencyMax: later.concurrencyMax ?? concurrencyMax,
            pendingCallsMax: later.pendingCallsMax ?? pendingCallsMax,
            getIfExists: later.getIfExists ?? getIfExists)
    }
}

extension ray._ActorFactory {
    /// The same factory with other options; those not given stay as they are.
    ///
    /// - Parameters:
    ///   - numCPUs: CPUs that the actor holds while it lives; without it, 1 to be placed and 0 afterwards.
    ///   - numGPUs: GPUs that the actor holds: whole ones for itself, or less than one and then a part of one; see
    ///     `ray.gpuIDs`.
    ///   - acceleratorType: the type of GPU that the node must have, `T4` for instance.
    ///   - memory: bytes of memory that the actor may use.
    ///   - resources: further named amounts.
    ///   - name: name under which `ray.actor` finds the actor.
    ///   - namespace: where the name is known; the job's namespace by default.
    ///   - lifetime: whether the actor outlives the job.
    ///   - maxRestarts: how often the actor is started again after its worker died; -1 without limit.
    ///   - maxTaskRetries: how often a call under way is then made again; -1 without limit. At 0, the default, calls fail
    ///     with `ray.SystemError.actorUnavailable` if the actor is not back within a second.
    ///   - maxConcurrency: calls that may run at the same time, apart from those in groups. Synchronous methods then
    ///     run on that many threads where they guard their own state: those of a final class that says that it is
    ///     `Sendable`, and `nonisolated` ones of an actor. Others take turns, and interleave where they suspend.
    ///   - maxPendingCalls: calls that one process may have under way; further ones fail at once with
    ///     `ray.SystemError.pendingCallsLimitExceeded`. -1, the default, is without limit.
    ///   - getIfExists: give a handle of the actor of that name if there is one, whatever the other options say.
    ///   - schedulingStrategy: where the actor should live.
    ///   - labelSelector: labels that its node must have: `v`, `!v`, `in(a,b)` or `!in(a,b)` by key.
    ///   - fallbackStrategy: what is tried, in this order, where no node with those labels has room.
    ///   - runtimeEnv: what its worker has that others have not, over what is inherited. Files are packed and sent on
    ///     the thread that creates the actor.
    public func options(
        numCPUs: Double? = nil, numGPUs: Double? = nil, acceleratorType: String? = nil, memory: Int? = nil,
        resources: [String: Double]? = nil, name: String? = nil, namespace: String? = nil,
        lifetime: ray.ActorLifetime? = nil, maxRestarts: Int? = nil,
        maxTaskRetries: Int? = nil, maxConcurrency: Int? = nil, maxPendingCalls: Int? = nil,
        getIfExists: Bool? = nil, schedulingStrategy: ray.SchedulingStrategy? = nil,
        labelSelector: [String: String]? = nil, fallbackStrategy: [ray.Fallback]? = nil,
        runtimeEnv: ray.RuntimeEnvironment? = nil
    ) -> Self {
        var creation = _ray
        creation.options = creation.options.merged(
            CallOptions(
                numCPUs: numCPUs, numGPUs: numGPUs, acceleratorType: acceleratorType, memory: memory,
                resources: resources, name: name,
                strategy: schedulingStrategy, labelSelector: labelSelector, fallbackStrategy: fallbackStrategy,
                runtimeEnv: runtimeEnv))
        creation.actor = creation.actor.merged(
            ActorSettings(
                namespace: namespace, lifetime: lifetime, restartsMax: maxRestarts, taskRetriesMax: maxTaskRetries,
                concurrencyMax: maxConcurrency, pendingCallsMax: maxPendingCalls, getIfExists: getIfExists))
        return Self(_ray: creation)
    }
}
