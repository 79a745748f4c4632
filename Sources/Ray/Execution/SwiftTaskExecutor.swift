//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker
internal import Synchronization

/// Runs the remote functions of this executable for a worker.
///
/// Synchronous functions run on the calling thread, the worker's loop; asynchronous ones, and all isolated methods of
/// Swift actors, in tasks on `loop`, which starts them in the order of `execute`. Where an actor may run several calls
/// at a time, synchronous methods that guard their own state run on threads of their own, taken up in that order too.
package final class SwiftTaskExecutor: RayWorker.TaskExecutor {
    private struct Actor {
        var instance: ray.Instance
        var isSerial: Bool
        /// Where it was placed.
        var strategy: SchedulingStrategy
    }

    /// Where tasks run; its `runPending` must be called by the worker's loop.
    package let loop: LoopExecutor
    private let table: Result<RecordTable, RayError>
    private let worker: @Sendable () -> (any WorkerAPI)?
    /// The function that ran last: calls of one function come in a row, and comparing is cheaper than hashing.
    private let recent = Mutex<(FunctionDescriptor, ray._Declaration)?>(nil)
    private let actors = Mutex<[ActorID: Actor]>([:])
    /// The Swift tasks of asynchronous functions under way, to be cancelled.
    private let underWay = Mutex<[TaskID: Task<Void, Never>]>([:])
    /// Run synchronous calls of actors that may run several at a time.
    private let threads = CallThreads()
    /// Known by `noteConcurrency` before the actor exists.
    private let concurrency = Mutex<[ActorID: Int]>([:])

    /// - Parameters:
    ///   - table: the functions that can be run; those of this executable by default.
    ///   - worker: the runtime that decoded references belong to and that nested calls use.
    package init(
        table: Result<RecordTable, RayError> = RecordTable.current, loop: LoopExecutor = LoopExecutor(),
        worker: @escaping @Sendable () -> (any WorkerAPI)? = { try? Session.current.worker() }
    ) {
        self.table = table
        self.loop = loop
        self.worker = worker
    }

    /// Tells how many calls of an actor may run at a time; 1 allows to refuse calls that would wait for themselves.
    package func noteConcurrency(_ count: Int, of actor: ActorID) {
        concurrency.withLock { $0[actor] = count }
    }

    /// Lets the instance of an actor go.
    package func remove(_ actor: ActorID) {
        actors.withLock { _ = $0.removeValue(forKey: actor) }
        concurrency.withLock { _ = $0.removeValue(forKey: actor) }
    }

    /// Cancels the Swift task of an asynchronous function; a synchronous one sees `ray.isCancelled`.
    package func cancel(_ task: TaskID) { underWay.withLock { $0[task] }?.cancel() }

    /// Runs a task; a failure says what is wrong and what to do.
    package func execute(_ task: ExecutableTask, completion: @escaping @Sendable (TaskOutcome) -> Void) {
        let spec = task.spec
        do throws(RayError) {
            let table = try table.get()
            let declaration = try find(task, in: table)
            guard task.arguments.count == declaration.parameterTypes.count else {
                throw RayError(
                    .invalidArgument,
                    "\(spec.function) takes \(declaration.parameterTypes.count) arguments, not \(task.arguments.count)",
                    function: spec.displayName)
            }
            start(declaration, task, completion)
        } catch {
            completion(.failure(error))
        }
    }

    private func find(_ task: ExecutableTask, in table: RecordTable) throws(RayError) -> ray._Declaration {
        let spec = task.spec
        guard !spec.function.isCrossLanguage else {
            let kind = spec.kind.declared
            let found = try table.find(named: spec.function, kind, argumentCount: task.arguments.count)
            try found.check(spec)
            return found
        }
        if let (descriptor, declaration) = recent.withLock({ $0 }), descriptor == spec.function { return declaration }
        guard let declaration = table.find(spec.function) else {
            throw RayError(.systemError, table.explainMissing(spec.function), function: spec.displayName)
        }
        recent.withLock { $0 = (spec.function, declaration) }
        return declaration
    }

    private func start(
        _ declaration: ray._Declaration, _ task: ExecutableTask,
        _ completion: @escaping @Sendable (TaskOutcome) -> Void
    ) {
        let worker = worker()
        let spec = task.spec
        let actor = actor(of: spec)
        let invocation = ray._Invocation(
            declaration: declaration, arguments: task.arguments, actor: actor?.instance, worker: worker)
        let context = TaskContext(
            spec: spec, isSerialActor: actor?.isSerial ?? false, worker: worker,
            strategy: actor?.strategy)
        switch declaration.entry {
        case .synchronous(let run): self.run(run, invocation, context, spec, completion)
        case .parallel(let run):
            guard let actor, !actor.isSerial else { return self.run(run, invocation, context, spec, completion) }
            let isStarted = threads.perform { self.run(run, invocation, context, spec, completion) }
            guard !isStarted else { return }
            let reason = "no thread could be started for the call: the machine or its limits allow no more of them"
            completion(.failure(RayError(.systemError, reason, function: spec.displayName)))
        case .asynchronous(let run):
            let task = Task(executorPreference: loop) {
                let outcome = await TaskContext.$current.withValue(context) {
                    do {
                        return self.finish(spec, try await run(invocation))
                    } catch {
                        return TaskOutcome.failure(Self.error(error, in: spec))
                    }
                }
                self.underWay.withLock { _ = $0.removeValue(forKey: spec.id) }
                withExtendedLifetime(invocation) { completion(outcome) }
            }
            // It runs on this thread, so it has not begun and finds itself registered when it ends.
            underWay.withLock { $0[spec.id] = task }
            if worker?.isCancelled(spec.id) == true { task.cancel() }
        }
    }

    /// Runs a function to its end on the calling thread.
    private func run(
        _ body: (ray._Invocation) throws -> ray._Results, _ invocation: ray._Invocation, _ context: TaskContext,
        _ spec: TaskSpec, _ completion: (TaskOutcome) -> Void
    ) {
        let outcome = TaskContext.$current.withValue(context) {
            Self.outcome(of: spec) { finish(spec, try body(invocation)) }
        }
        withExtendedLifetime(invocation) { completion(outcome) }
    }

    private func actor(of spec: TaskSpec) -> Actor? {
        guard case .actorCall(let id, _) = spec.kind else { return nil }
        return actors.withLock { $0[id] }
    }

    private func finish(_ spec: TaskSpec, _ results: ray._Results) -> TaskOutcome {
        switch results.content {
        case .objects(let objects):
            guard objects.count == spec.returnCount else {
                return .failure(
                    RayError(
                        .systemError, "\(spec.function) gave \(objects.count) results, not \(spec.returnCount)",
                        function: spec.displayName))
            }
            return .success(objects)
        case .instance(let instance):
            guard case .actorCreation(let id) = spec.kind else {
                return .failure(
                    RayError(.systemError, "\(spec.function) creates an actor but was called as a function"))
            }
            // Unknown counts as concurrent: a wait that can end must not be refused.
            let isSerial = concurrency.withLock { $0[id] } == 1
            actors.withLock { $0[id] = Actor(instance: instance, isSerial: isSerial, strategy: spec.strategy) }
            return .success(Array(repeating: RayCoder.void, count: spec.returnCount))
        }
    }

    private static func outcome(of spec: TaskSpec, _ body: () throws -> TaskOutcome) -> TaskOutcome {
        do { return try body() } catch { return .failure(Self.error(error, in: spec)) }
    }

    /// What the caller will see for an error that user code threw.
    private static func error(_ thrown: any Error, in spec: TaskSpec) -> RayError {
        if var own = thrown as? RayError {
            own.function = spec.displayName
            return own
        }
        var error = RayError(.taskExecution, "\(thrown)", function: spec.displayName, attempt: spec.attempt)
        if let inner = thrown as? ray.TaskError {
            // The innermost error is what the user looks for; the way it came is told beside it.
            error.message = inner.message
            error.typeName = inner.typeName
            error.payload = inner.error.payload
            error.causes = ["\(inner.typeName) in \(inner.function)"] + inner.error.causes
            return error
        }
        error.typeName = String(reflecting: type(of: thrown))
        if let encodable = thrown as? any Error & Encodable, let object = try? RayCoder.encode(encodable),
            object.contained.isEmpty
        {
            error.payload = object.data
        }
        return error
    }
}

extension TaskKind {
    /// What declarations are for such calls.
    fileprivate var declared: ray._Declaration.Kind {
        switch self {
        case .normal: .function
        case .actorCreation: .initializer
        case .actorCall: .method
        }
    }
}

extension ray._Declaration {
    /// Makes sure that a caller that has not seen the declaration expects what it gives.
    fileprivate func check(_ spec: TaskSpec) throws(RayError) {
        guard isGenerator == (spec.generator != nil) else {
            throw RayError(
                .invalidArgument,
                isGenerator
                    ? "\(descriptor) gives items one after the other: name it by swift_ray.function(…, generator=True)"
                    : "\(descriptor) gives results and no stream of items: name it without generator=True",
                function: spec.displayName)
        }
    }
}
