//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
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
        /// Calls start in order and may interleave where they suspend; up to 1,000 at a time by default.
        case concurrent
    }

    /// How long an actor lives.
    public enum ActorLifetime: Sendable {
        /// Until the job that created it ends.
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

        /// - Parameter file: `Module/File.swift`.
        public init(name: String, file: String, isConcurrent: Bool) {
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

    /// Which actor a handle calls. Not for use by hand.
    public struct _ActorReference: Codable, Hashable, Sendable {
        /// The actor.
        package let id: ActorID
        /// Why the actor could not be created.
        package let failure: RayError?

        /// A reference to an actor, or to the reason why there is none.
        package init(id: ActorID, failure: RayError? = nil) {
            self.id = id
            self.failure = failure
        }

        /// References are equal if they name one actor.
        public static func == (lhs: Self, rhs: Self) -> Bool { lhs.id == rhs.id }
        /// Hashes the actor's id.
        public func hash(into hasher: inout Hasher) { hasher.combine(id) }

        /// Encodes the actor's id; only inside values that Ray sends.
        public func encode(to encoder: any Encoder) throws {
            guard let encoder = encoder as? ValueEncoder else {
                throw CodingFailure("an actor's handle can only be encoded inside a value that Ray sends")
            }
            if let failure { throw error(failure) }
            try encoder.write(id)
        }

        /// Decodes an actor's id.
        public init(from decoder: any Decoder) throws {
            guard let decoder = decoder as? ValueDecoder else {
                throw CodingFailure("an actor's handle can only be decoded from a value that Ray sent")
            }
            self.init(id: try decoder.actor())
        }

        /// Calls a method; what goes wrong arrives as an error of its results.
        public func call(_ declaration: _Declaration, _ arguments: _Arguments) -> _References {
            let count = declaration.returnCount
            do throws(RayError) {
                if let failure = failure ?? arguments.failure { throw failure }
                let worker = try arguments.worker.get()
                let call = Call(
                    function: declaration.descriptor, arguments: arguments.list, returnCount: count,
                    resources: ResourceSet())
                let caller = arguments.caller
                let references = arguments.whileAlive { worker.call(id, call, from: caller) }
                return _References(references, count: count, worker: worker, caller: caller)
            } catch {
                return _References(failure: error, count: count)
            }
        }
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
            do throws(RayError) {
                if let failure = arguments.failure { throw failure }
                try declaration.checkRecord()
                let worker = try arguments.worker.get()
                let concurrency = actor.concurrencyMax ?? (type.isConcurrent ? 1000 : 1)
                guard concurrency >= 1 else {
                    throw RayError(.invalidArgument, "maxConcurrency must be 1 or more, not \(concurrency)")
                }
                let call = Call(
                    function: declaration.descriptor, arguments: arguments.list,
                    // One CPU to be placed, none to live on, unless the user says so: Ray's rule.
                    resources: try options.resourceSet(defaultCPUs: 1),
                    strategy: options.isPlaceOpen ? arguments.captured ?? .hybrid : try options.schedulingStrategy(),
                    retriesMax: 0, name: "")
                var settings = ActorOptions()
                settings.name = options.name ?? ""
                settings.namespace = actor.namespace ?? ""
                settings.lifetime = actor.lifetime == .detached ? .detached : .job
                settings.restartsMax = actor.restartsMax ?? 0
                settings.taskRetriesMax = actor.taskRetriesMax ?? 0
                settings.concurrencyMax = concurrency
                settings.heldResources = try options.resourceSet(defaultCPUs: 0)
                let caller = arguments.caller
                let id = arguments.whileAlive { worker.createActor(call, settings, from: caller) }
                return _ActorReference(id: id)
            } catch {
                return _ActorReference(id: .none, failure: error)
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
}

extension ray._ActorFactory {
    /// The same factory with other options; those not given stay as they are.
    ///
    /// - Parameters:
    ///   - numCPUs: CPUs that the actor holds while it lives; without it, 1 to be placed and 0 afterwards.
    ///   - numGPUs: GPUs that the actor holds.
    ///   - memory: bytes of memory that the actor may use.
    ///   - resources: further named amounts.
    ///   - name: name under which `ray.actor` finds the actor.
    ///   - namespace: where the name is known; the job's namespace by default.
    ///   - lifetime: whether the actor outlives the job.
    ///   - maxRestarts: how often the actor is started again after its worker died; -1 without limit.
    ///   - maxTaskRetries: how often a call under way is then made again; -1 without limit.
    ///   - maxConcurrency: calls that may run at the same time.
    ///   - schedulingStrategy: where the actor should live.
    ///   - labelSelector: labels that its node must have: `v`, `!v`, `in(a,b)` or `!in(a,b)` by key.
    public func options(
        numCPUs: Double? = nil, numGPUs: Double? = nil, memory: Int? = nil, resources: [String: Double]? = nil,
        name: String? = nil, namespace: String? = nil, lifetime: ray.ActorLifetime? = nil, maxRestarts: Int? = nil,
        maxTaskRetries: Int? = nil, maxConcurrency: Int? = nil, schedulingStrategy: ray.SchedulingStrategy? = nil,
        labelSelector: [String: String]? = nil
    ) -> Self {
        var creation = _ray
        creation.options = creation.options.merged(
            CallOptions(
                numCPUs: numCPUs, numGPUs: numGPUs, memory: memory, resources: resources, name: name,
                strategy: schedulingStrategy, labelSelector: labelSelector))
        creation.actor = ActorSettings(
            namespace: namespace ?? creation.actor.namespace, lifetime: lifetime ?? creation.actor.lifetime,
            restartsMax: maxRestarts ?? creation.actor.restartsMax,
            taskRetriesMax: maxTaskRetries ?? creation.actor.taskRetriesMax,
            concurrencyMax: maxConcurrency ?? creation.actor.concurrencyMax)
        return Self(_ray: creation)
    }
}
