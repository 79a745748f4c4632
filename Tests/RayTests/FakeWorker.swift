//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray
import RayCore
import RayWorker
import Synchronization

/// A runtime in this process: calls run at once, in order, through a `SwiftTaskExecutor`.
final class FakeWorker: WorkerAPI {
    struct State {
        var generator = SystemRandomNumberGenerator()
        var objects: [ObjectID: Result<RayObject, RayError>] = [:]
        var counts: [ObjectID: Int] = [:]
        var waiters: [@Sendable () -> Bool] = []
        var calls: [Call] = []
        var actors: [ActorID: (options: ActorOptions, descriptor: FunctionDescriptor)] = [:]
        var killed: [ActorID] = []
        var made: [TaskID: Int] = [:]
        var read: [TaskID: Int] = [:]
        var dropped: [TaskID] = []
        var handles: [ActorID: Int] = [:]
        var exits: [TaskID] = []
        var cancelled: Set<TaskID> = []
        var sequence: UInt64 = 0
        var puts: UInt32 = 0
        var environment: RuntimeEnvironmentSpec?
        var hasEnded = false
        var accelerators = AssignedAccelerators()
        /// Files in the archive, and how often one was sent.
        var blobs: [String: [UInt8]] = [:]
        var blobCount = 0
        /// Bytes of the arguments whose decoding is timed.
        var decoded: [Int] = []
    }

    let address = Address(
        node: NodeID(1, 2, 3, 4), worker: WorkerID(5, 6, 7, 8), host: "127.0.0.1", port: 77, socketPath: "")
    let job = JobID(9)
    let namespace = "tests"
    let state = Mutex(State())
    let executor = Mutex<SwiftTaskExecutor?>(nil)
    private let thread: LoopThread
    private let driver = TaskID.driver(job: JobID(9))

    init() {
        let loop = LoopExecutor()
        thread = LoopThread(loop)
        let executor = SwiftTaskExecutor(loop: loop, worker: { [weak self] in self })
        self.executor.withLock { $0 = executor }
    }

    deinit { thread.stop() }

    var accelerators: AssignedAccelerators { state.withLock { $0.accelerators } }
    var environment: RuntimeEnvironmentSpec? { state.withLock { $0.environment } }

    func store(
        blob hash: String, byteCount: Int, read: (Int, Int) throws(RayError) -> [UInt8]
    ) throws(RayError) {
        guard state.withLock({ $0.blobs[hash] == nil }) else { return }
        let bytes = try read(0, byteCount)
        state.withLock { state in
            state.blobs[hash] = bytes
            state.blobCount += 1
        }
    }

    func submit(_ call: Call, from task: TaskID?) -> [ObjectReference] {
        let id = state.withLock { TaskID.normalTask(job: job, using: &$0.generator) }
        return run(call, id: id, kind: .normal)
    }

    func createActor(_ call: Call, _ options: ActorOptions, from task: TaskID?) -> ActorID {
        let id = state.withLock { state in
            let id = ActorID.random(job: job, using: &state.generator)
            state.actors[id] = (options, call.shared.value.function)
            state.handles[id] = 1
            return id
        }
        executor.withLock { $0 }?.noteConcurrency(options.concurrencyMax, of: id)
        let task = state.withLock { TaskID.actorTask(id, using: &$0.generator) }
        _ = run(call, id: task, kind: .actorCreation(id))
        return id
    }

    func call(_ actor: ActorID, _ call: Call, from task: TaskID?) -> [ObjectReference] {
        let (id, sequence) = state.withLock { state in
            state.sequence += 1
            return (TaskID.actorTask(actor, using: &state.generator), state.sequence)
        }
        return run(call, id: id, kind: .actorCall(actor, sequence: sequence))
    }

    private func run(_ call: Call, id: TaskID, kind: TaskKind) -> [ObjectReference] {
        state.withLock { $0.calls.append(call) }
        let spec = TaskSpec(id: id, kind: kind, call: call.shared, arguments: call.arguments)
        let references = spec.returnIDs.map { ObjectReference(id: $0, owner: address) }
        for reference in references { retain(reference) }
        start(spec)
        return references
    }

    /// Runs the task once its arguments exist.
    private func start(_ spec: TaskSpec) {
        let needed = spec.arguments.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
        get(needed, deadline: nil, from: nil) { [weak self] results in
            guard let self else { return }
            var resolved = results.makeIterator()
            var arguments: [any FetchedObject] = []
            for argument in spec.arguments {
                switch argument {
                case .value(let object): arguments.append(FakeObject(object))
                case .reference:
                    switch resolved.next() {
                    case .success(let object): arguments.append(object)
                    case .failure(let error): return self.finish(spec, .failure(error))
                    case nil: return
                    }
                }
            }
            self.executor.withLock { $0 }?.execute(ExecutableTask(spec: spec, arguments: arguments)) {
                self.finish(spec, $0)
            }
        }
    }

    private func finish(_ spec: TaskSpec, _ outcome: TaskOutcome) {
        if spec.generator != nil {
            if case .failure(let error) = outcome { addItem(.failure(error), to: spec.id) }
            addItem(.failure(RayError(.endOfStreamingGenerator, "the end")), to: spec.id)
        }
        let ready = state.withLock { state in
            for (index, id) in spec.returnIDs.enumerated() {
                switch outcome {
                case .success(let objects): state.objects[id] = .success(objects[index])
                case .failure(let error): state.objects[id] = .failure(error)
                }
            }
            return state.waiters
        }
        for attempt in ready { _ = attempt() }
    }

    func cancel(_ reference: ObjectReference, force: Bool, recursive: Bool) throws(RayError) {
        state.withLock { _ = $0.cancelled.insert(reference.id.task) }
        executor.withLock { $0 }?.cancel(reference.id.task)
    }

    func isCancelled(_ task: TaskID) -> Bool { state.withLock { $0.cancelled.contains(task) } }

    func nextItem(of task: TaskID) -> ObjectReference? {
        state.withLock { state in
            let index = state.read[task, default: 0]
            state.read[task] = index + 1
            let id = ObjectID.generatorItem(task, index: index)
            state.counts[id, default: 0] += 1
            return ObjectReference(id: id, owner: address)
        }
    }

    func dropStream(_ task: TaskID) { state.withLock { $0.dropped.append(task) } }

    func yield(_ object: RayObject, from task: TaskID, completion: @escaping @Sendable (RayError?) -> Void) {
        addItem(.success(object), to: task)
        completion(nil)
    }

    private func addItem(_ item: Result<RayObject, RayError>, to task: TaskID) {
        let ready = state.withLock { state in
            let index = state.made[task, default: 0]
            state.made[task] = index + 1
            state.objects[ObjectID.generatorItem(task, index: index)] = item
            return state.waiters
        }
        for attempt in ready { _ = attempt() }
    }

    func put(_ object: RayObject, from task: TaskID?) throws(RayError) -> ObjectReference {
        state.withLock { state in
            state.puts += 1
            let id = ObjectID.put(driver, returns: 0, attempt: 0, count: state.puts)
            state.objects[id] = .success(object)
            state.counts[id] = 1
            return ObjectReference(id: id, owner: address)
        }
    }

    func createObject(
        byteCount: Int, metadata: [UInt8], contained: [ObjectReference], from task: TaskID?
    ) throws(RayError) -> any UnsealedObject {
        FakeUnsealed(byteCount: byteCount, metadata: metadata, contained: contained, worker: self)
    }

    func getNow(_ references: [ObjectReference]) -> [Result<any FetchedObject, RayError>]? {
        state.withLock { state in
            var results: [Result<any FetchedObject, RayError>] = []
            for reference in references {
                guard let object = state.objects[reference.id] else { return nil }
                results.append(object.map { FakeObject($0) })
            }
            return results
        }
    }

    func get(
        _ references: [ObjectReference], deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void
    ) {
        if let deadline, deadline <= now(), getNow(references) == nil {
            completion(references.map { _ in .failure(RayError(.getTimeout, "the time is over")) })
            return
        }
        whenDone {
            guard let results = self.getNow(references) else { return nil }
            return { completion(results) }
        }
    }

    /// Tries now and after every task that ends, until `attempt` gives what to do, which is done once.
    private func whenDone(_ attempt: @escaping @Sendable () -> (@Sendable () -> Void)?) {
        let isClaimed = Mutex(false)
        let once: @Sendable () -> Bool = {
            guard let action = attempt() else { return isClaimed.withLock { $0 } }
            let isMine = isClaimed.withLock { claimed in
                defer { claimed = true }
                return !claimed
            }
            if isMine { action() }
            return true
        }
        // Known before it is tried: a task that ends in between must find it.
        state.withLock { $0.waiters.append(once) }
        _ = once()
    }

    func wait(
        _ references: [ObjectReference], count: Int, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Bool]) -> Void
    ) {
        whenDone {
            if self.state.withLock({ $0.hasEnded }) { return { completion([]) } }
            let flags = references.map { self.getNow([$0]) != nil }
            guard flags.count(where: { $0 }) >= count || deadline != nil else { return nil }
            return { completion(flags) }
        }
    }

    func handOver(
        _ reference: ObjectReference, to actor: ActorID, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable (Result<ObjectReference, RayError>) -> Void
    ) {
        whenDone {
            guard let object = self.state.withLock({ $0.objects[reference.id] }) else { return nil }
            return { completion(object.map { self.own($0, in: actor) }) }
        }
    }

    private func own(_ object: RayObject, in actor: ActorID) -> ObjectReference {
        state.withLock { state in
            state.puts += 1
            let task = TaskID.actorTask(actor, using: &state.generator)
            let id = ObjectID.put(task, returns: 0, attempt: 0, count: state.puts)
            state.objects[id] = .success(object)
            state.counts[id] = 1
            return ObjectReference(id: id, owner: address)
        }
    }

    func poll(microseconds: Int, until isDone: () -> Bool) -> Bool { isDone() }

    func retain(_ reference: ObjectReference) { state.withLock { $0.counts[reference.id, default: 0] += 1 } }
    func release(_ id: ObjectID) { state.withLock { $0.counts[id, default: 0] -= 1 } }

    func retain(_ actor: ActorID, creator: Address) { state.withLock { $0.handles[actor, default: 0] += 1 } }
    func release(_ actor: ActorID) { state.withLock { $0.handles[actor, default: 0] -= 1 } }
    func exitActor(_ task: TaskID) throws(RayError) { state.withLock { $0.exits.append(task) } }

    func kill(_ actor: ActorID, restart: Bool, completion: @escaping @Sendable (Result<Void, RayError>) -> Void) {
        state.withLock { $0.killed.append(actor) }
        completion(.success(()))
    }

    func actor(
        named name: String, namespace: String,
        completion: @escaping @Sendable (Result<FoundActor, RayError>) -> Void
    ) {
        let found = state.withLock { $0.actors.first { $0.value.options.name == name } }
        if let found {
            completion(
                .success(FoundActor(id: found.key, className: found.value.descriptor, creator: address)))
        } else {
            completion(.failure(RayError(.notFound, "no actor is named '\(name)'")))
        }
    }

    func placementGroups(
        _ operation: PlacementGroupOperation,
        completion: @escaping @Sendable (Result<[PlacementGroupState], RayError>) -> Void
    ) {
        completion(.failure(RayError(.notFound, "this runtime has no placement groups")))
    }

    func clusterView(completion: @escaping @Sendable (Result<ClusterView, RayError>) -> Void) {
        let node = ClusterView.Node(
            id: address.node, isAlive: true, name: "one", host: "127.0.0.1", port: 1, isHead: true,
            total: ResourceSet([("CPU", 4)]), available: ResourceSet([("CPU", 3)]))
        var dead = node
        dead.isAlive = false
        completion(.success(ClusterView(nodes: [node, dead])))
    }

    func traceDecoding(byteCount: Int, of task: TaskID?, since start: Instant) {
        state.withLock { $0.decoded.append(byteCount) }
    }

    func now() -> Instant { Instant(nanoseconds: 1_000_000_000) }

    /// How many local references the object has.
    func count(_ id: ObjectID) -> Int { state.withLock { $0.counts[id] ?? 0 } }
}

/// One thread that drives a loop, as a worker's does.
final class LoopThread: Sendable {
    private let loop: LoopExecutor
    private let isStopped = Atomic(false)
    nonisolated(unsafe) private let signal: UnsafeMutablePointer<sem_t>

    init(_ loop: LoopExecutor) {
        self.loop = loop
        signal = .allocate(capacity: 1)
        sem_init(signal, 0, 0)
        loop.onWake { [signal = SendablePointer(signal)] in sem_post(signal.pointer) }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let me = Unmanaged<LoopThread>.fromOpaque(context).takeRetainedValue()
                while !me.isStopped.load(ordering: .acquiring) {
                    sem_wait(me.signal)
                    me.loop.runPending()
                }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        sem_post(signal)
    }

    // The semaphore stays: a late wake must not meet freed memory.
    private struct SendablePointer: @unchecked Sendable {
        // Proof: a semaphore may be posted from any thread.
        let pointer: UnsafeMutablePointer<sem_t>
        init(_ pointer: UnsafeMutablePointer<sem_t>) { self.pointer = pointer }
    }
}

/// An object whose bytes begin at a multiple of 64.
final class FakeObject: FetchedObject {
    let metadata: [UInt8]
    let contained: [ObjectReference]
    let byteCount: Int
    nonisolated(unsafe) private let bytes: UnsafeMutableRawBufferPointer

    init(_ object: RayObject) {
        metadata = object.metadata
        contained = object.contained
        byteCount = object.data.count
        bytes = .allocate(byteCount: max(1, object.data.count), alignment: 64)
        bytes.copyBytes(from: object.data)
    }

    deinit { bytes.deallocate() }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]))
    }
}

/// Room in plain memory.
final class FakeUnsealed: UnsealedObject {
    nonisolated(unsafe) private let bytes: UnsafeMutableRawBufferPointer
    private let metadata: [UInt8]
    private let contained: [ObjectReference]
    private let worker: FakeWorker

    init(byteCount: Int, metadata: [UInt8], contained: [ObjectReference], worker: FakeWorker) {
        bytes = .allocate(byteCount: byteCount, alignment: 64)
        self.metadata = metadata
        self.contained = contained
        self.worker = worker
    }

    deinit { bytes.deallocate() }

    func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(bytes)
    }

    func seal() throws(RayError) -> ObjectReference {
        try worker.put(RayObject(data: Array(bytes), metadata: metadata, contained: contained), from: nil)
    }

    func abort() {}
}
