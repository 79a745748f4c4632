//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A call that a process wants made; `WorkerAPI.submit` turns it into a task with an id.
package struct Call: Sendable {
    /// What is called and how. Of a call on an actor `resources` are ignored, and what its worker must have is the
    /// actor's; of others nothing is inherited from this process where `environment` is given.
    package var shared: Shared<TaskCall>
    package var arguments: [TaskArgument]
    /// Which errors of user code make it run again, too.
    package var retryExceptions = RetryExceptions.none

    package init(
        function: FunctionDescriptor, arguments: [TaskArgument] = [], returnCount: Int = 1,
        resources: ResourceSet = ResourceSet([(ResourceSet.cpu, 1)]), strategy: SchedulingStrategy = .hybrid,
        retriesMax: Int = 3, name: String = ""
    ) {
        shared = Shared(
            TaskCall(
                function: function, returnCount: returnCount, resources: resources, strategy: strategy,
                retriesMax: retriesMax, name: name))
        self.arguments = arguments
    }
}

/// Which errors that user code throws make a call run again, as long as it has retries.
package enum RetryExceptions: Hashable, Sendable {
    case none
    case all
    /// Those of these types, by full name.
    case types([String])

    /// Whether an error of this type is tried again.
    package func contains(_ typeName: String) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .types(let names): names.contains(typeName)
        }
    }
}

/// How an actor is created beside its initialiser's call.
package struct ActorOptions: Sendable {
    package var name = ""
    /// Empty means the namespace of the caller's job.
    package var namespace = ""
    package var lifetime = ActorLifetime.job
    package var restartsMax = 0
    package var taskRetriesMax = 0
    package var concurrencyMax = 1
    /// What the actor holds while it lives. The call's `resources` are what it needs to be placed.
    package var heldResources = ResourceSet()
    /// Groups of calls with limits of their own.
    package var concurrencyGroups: [ConcurrencyGroup] = []
    /// Calls that one caller may have under way; -1 without limit.
    package var pendingCallsMax = -1
    /// Whether a call may begin before earlier ones of its caller that wait for their arguments.
    package var isUnordered = false

    package init() {}
}

/// An object that was fetched: its bytes stay valid while this value lives.
package protocol FetchedObject: AnyObject, Sendable {
    /// What kind of bytes; see `RayObject.metadata`.
    var metadata: [UInt8] { get }
    /// References found inside the bytes.
    var contained: [ObjectReference] { get }
    /// Number of data bytes.
    var byteCount: Int { get }
    /// Lends the data bytes; in shared memory they begin at an address divisible by 64.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

/// Room for an object that is being written, in shared memory where it is large.
///
/// Exactly one of `seal` and `abort` must be called.
package protocol UnsealedObject: AnyObject, Sendable {
    /// Lends the room for the data; `body` must fill it.
    func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result
    /// Ends writing: the object exists from now on, with one local reference held by the caller.
    func seal() throws(RayError) -> ObjectReference
    /// Gives the room back.
    func abort()
}

/// What is asked of a process's runtime: synchronous, callback-based, callable from any thread.
///
/// Every reference returned by `submit`, `call`, `put` or `seal` counts as one local reference, which the
/// caller gives back with `release`. Completions run on an arbitrary thread, outside all locks, exactly once.
package protocol WorkerAPI: AnyObject, Sendable {
    /// This process as its peers know it.
    var address: Address { get }
    /// The job that this process works for.
    var job: JobID { get }
    /// The namespace of the job.
    var namespace: String { get }
    /// The devices of which this process has a whole or a part; none in a driver.
    var accelerators: AssignedAccelerators { get }
    /// The runtime environment of this process, which what it submits inherits.
    var environment: RuntimeEnvironmentSpec? { get }
    /// Makes sure that the head's archive has a file, named by its SHA-256; blocks until it has.
    ///
    /// - Parameter read: gives the bytes at an offset, as many as asked for.
    func store(
        blob hash: String, byteCount: Int, read: (_ offset: Int, _ count: Int) throws(RayError) -> [UInt8]
    ) throws(RayError)

    /// Submits a task; its results' references, one for each return. Failures arrive as errors of the results.
    func submit(_ call: Call, from task: TaskID?) -> [ObjectReference]
    /// Creates an actor. Failures (name taken, initialiser threw) arrive as errors of calls on it.
    func createActor(_ call: Call, _ options: ActorOptions, from task: TaskID?) -> ActorID
    /// Counts one more handle of an actor in this process; `creator` keeps the count of all processes.
    ///
    /// The id that `createActor` returns comes with one.
    func retain(_ actor: ActorID, creator: Address)
    /// Gives one handle back: an actor without handles ends when its calls have, unless it is detached.
    func release(_ actor: ActorID)
    /// Ends the actor whose method `task` is, when its calls under way have ended.
    func exitActor(_ task: TaskID) throws(RayError)
    /// Calls a method of an actor, in the order of these calls; its results' references.
    func call(_ actor: ActorID, _ call: Call, from task: TaskID?) -> [ObjectReference]

    /// Cancels the task that makes the object: its results fail with `taskCancelled`, unless it has ended.
    ///
    /// - Throws: if `force` is asked for a call on an actor.
    func cancel(_ reference: ObjectReference, force: Bool, recursive: Bool) throws(RayError)
    /// Whether a task that runs in this process was cancelled.
    func isCancelled(_ task: TaskID) -> Bool

    /// The next item of a generator that this process called, whether it exists already or not; nothing past its end.
    func nextItem(of task: TaskID) -> ObjectReference?
    /// Nobody reads the items of a generator any more: it is cancelled.
    func dropStream(_ task: TaskID)
    /// Sends the next item of a generator that runs here; calls back when the next one may be made, or should not.
    func yield(_ object: RayObject, from task: TaskID, completion: @escaping @Sendable (RayError?) -> Void)

    /// Stores an object and returns its reference. Up to `Limits.inlineObjectBytesMax` it stays in this process.
    func put(_ object: RayObject, from task: TaskID?) throws(RayError) -> ObjectReference
    /// Room for an object of `byteCount` bytes, which will be of the kind `metadata` and contain these references.
    /// Blocks up to a limit while the store is full.
    func createObject(
        byteCount: Int, metadata: [UInt8], contained: [ObjectReference], from task: TaskID?
    ) throws(RayError) -> any UnsealedObject

    /// The objects if all are at hand in this process or its node's store, without waiting for anything.
    func getNow(_ references: [ObjectReference]) -> [Result<any FetchedObject, RayError>]?
    /// Fetches objects in order, each a value or the error that stands in its place.
    ///
    /// Past `deadline` the missing ones are errors of type `getTimeout`. While `task` waits it counts as blocked.
    func get(
        _ references: [ObjectReference], deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void)
    /// Waits until `count` of the objects exist or failed, or `deadline`; tells for each whether it is ready, and nothing
    /// at all if the runtime ends meanwhile (`RayError.runtimeEnded`).
    func wait(
        _ references: [ObjectReference], count: Int, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Bool]) -> Void)
    /// Has the process of an actor own an object of the same value, which outlives this process. The new object's
    /// reference counts as one local reference. Waits for the value, for the actor up to a limit, and at most until
    /// `deadline`; while `task` waits it counts as blocked.
    func handOver(
        _ reference: ObjectReference, to actor: ActorID, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable (Result<ObjectReference, RayError>) -> Void)
    /// Handles incoming messages on the caller's thread until `isDone` or the budget is used up.
    ///
    /// Spares the wake-up of another thread where an answer is near. Returns whether `isDone`.
    func poll(microseconds: Int, until isDone: () -> Bool) -> Bool

    /// Counts one more local reference, for instance one decoded from a value.
    func retain(_ reference: ObjectReference)
    /// Gives one local reference back; the last one lets the object go.
    func release(_ id: ObjectID)

    /// Ends an actor; with `restart` it may be started again if it has restarts left.
    func kill(_ actor: ActorID, restart: Bool, completion: @escaping @Sendable (Result<Void, RayError>) -> Void)
    /// Looks a named actor up; the creator keeps the count of its handles.
    func actor(
        named name: String, namespace: String,
        completion: @escaping @Sendable (Result<FoundActor, RayError>) -> Void)
    /// Creates, removes, finds or awaits placement groups; gives those concerned, none after removing or waiting.
    func placementGroups(
        _ operation: PlacementGroupOperation,
        completion: @escaping @Sendable (Result<[PlacementGroupState], RayError>) -> Void)
    /// The nodes of the cluster with their resources.
    func clusterView(completion: @escaping @Sendable (Result<ClusterView, RayError>) -> Void)
    /// Notes for the timeline that an argument was decoded from `start` until now, if that is worth it.
    func traceDecoding(byteCount: Int, of task: TaskID?, since start: Instant)
    /// The clock of `deadline`.
    func now() -> Instant
}

/// A named actor that was looked up.
package struct FoundActor: Hashable, Sendable {
    package var id: ActorID
    package var className: FunctionDescriptor
    package var creator: Address

    package init(id: ActorID, className: FunctionDescriptor, creator: Address) {
        self.id = id
        self.className = className
        self.creator = creator
    }
}

/// What the cluster consists of at one moment.
package struct ClusterView: Hashable, Sendable {
    /// One node.
    package struct Node: Hashable, Sendable {
        package var id: NodeID
        package var isAlive: Bool
        package var name: String
        package var host: String
        package var port: UInt16
        package var isHead: Bool
        package var total: ResourceSet
        package var available: ResourceSet
        package var labels: [String: String]
        /// Bytes of the object store in use and in all.
        package var storeUsed: Int
        package var storeCapacity: Int

        package init(
            id: NodeID, isAlive: Bool, name: String, host: String, port: UInt16, isHead: Bool,
            total: ResourceSet, available: ResourceSet, labels: [String: String] = [:], storeUsed: Int = 0,
            storeCapacity: Int = 0
        ) {
            self.id = id
            self.isAlive = isAlive
            self.name = name
            self.host = host
            self.port = port
            self.isHead = isHead
            self.total = total
            self.available = available
            self.labels = labels
            self.storeUsed = storeUsed
            self.storeCapacity = storeCapacity
        }
    }

    package var nodes: [Node]

    package init(nodes: [Node]) { self.nodes = nodes }
}

extension RayError {
    /// Why nothing comes any more.
    package static let runtimeEnded = RayError(
        .systemError, "ray.shutdown() was called while this waited: end what waits before that, or catch this")
}
