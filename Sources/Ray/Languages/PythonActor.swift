//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire
internal import RayWorker

extension ray {
    /// A class of a Python module, to be created as an actor: `ray.pythonActor("shop", "Counter")(start: 1)`.
    public static func pythonActor(_ module: String, _ className: String) -> PythonActorClass {
        var creation = _ActorCreation(_ActorClass(name: className, file: module, isConcurrent: false))
        creation.options.isPython = true
        return PythonActorClass(creation: creation)
    }

    /// Looks up an actor in Python by its name, whoever created it.
    ///
    /// - Parameter namespace: where the name is known; the job's namespace if nil.
    /// - Throws: `ray.SystemError.notFound` if there is none, `.invalidArgument` if it is none in Python.
    public static nonisolated(nonsending) func pythonActor(
        named name: String, namespace: String? = nil
    ) async throws -> PythonActor {
        let (found, worker) = try await find(name, namespace)
        guard found.className.language == .python else {
            throw SystemError.invalidArgument(
                "the actor '\(name)' is a \(found.className.module).\(found.className.className) and not in Python; "
                    + "look it up with ray.actor(_:named:)")
        }
        return PythonActor(
            reference: _ActorReference(found, worker), module: found.className.module,
            className: found.className.className)
    }

    /// Ends an actor in Python at once; its calls fail with `ray.SystemError.actorDied`.
    ///
    /// - Parameter noRestart: false lets it start again if it has restarts left.
    public static nonisolated(nonsending) func kill(_ actor: PythonActor, noRestart: Bool = true) async throws {
        try await kill(actor.reference, noRestart: noRestart)
    }

    /// A class of a Python module; calling it creates an actor.
    @dynamicCallable
    public struct PythonActorClass: Sendable {
        var creation: _ActorCreation

        /// Creates an actor; what goes wrong arrives as an error of calls on it.
        public func dynamicallyCall(
            withKeywordArguments arguments: KeyValuePairs<String, PythonArgument>
        ) -> PythonActor {
            let type = creation.type
            let initializer = FunctionDescriptor(
                language: .python, module: type.module, className: type.name, function: "__init__",
                hash: FunctionDescriptor.crossLanguage)
            let arguments = _Arguments(python: Array(arguments), extras: extras(initializer))
            return PythonActor(
                reference: creation.create(initializer, arguments), module: type.module, className: type.name)
        }

        /// What the actor's process must know of itself; see `WorkerLoop.became_actor`.
        private func extras(_ initializer: FunctionDescriptor) -> [MessagePackValue.Pair] {
            let name = creation.options.name ?? ""
            let held = (try? creation.options.resourceSet(defaultCPUs: 0))?.entries ?? []
            var pairs: [MessagePackValue.Pair] = [
                .init(.string("name"), .string(name)),
                .init(.string("max_concurrency"), .int(Int64(creation.actor.concurrencyMax ?? 1))),
                .init(.string("max_task_retries"), .int(Int64(creation.actor.taskRetriesMax ?? 0))),
                .init(.string("held"), .map(held.map { .init(.string($0.name), .double($0.amount.value)) })),
            ]
            if let worker = try? Session.current.worker() {
                var writer = WireWriter()
                worker.address.encode(into: &writer)
                pairs.append(.init(.string("creator"), .bytes(writer.bytes)))
            }
            return pairs
        }

        /// The same class with other options; those not given stay as they are.
        ///
        /// - Parameters:
        ///   - interpreter: the Python of the actor's worker, as for functions.
        ///
        /// The other parameters are those of actors in Swift. With `maxConcurrency` over 1 methods run on so many
        /// threads, and coroutines beside each other.
        public func options(
            interpreter: String? = nil,
            numCPUs: Double? = nil, numGPUs: Double? = nil, acceleratorType: String? = nil, memory: Int? = nil,
            resources: [String: Double]? = nil, name: String? = nil, namespace: String? = nil,
            lifetime: ActorLifetime? = nil, maxRestarts: Int? = nil, maxTaskRetries: Int? = nil,
            maxConcurrency: Int? = nil, maxPendingCalls: Int? = nil,
            schedulingStrategy: SchedulingStrategy? = nil, labelSelector: [String: String]? = nil,
            runtimeEnv: RuntimeEnvironment? = nil
        ) -> Self {
            var changed = self
            changed.creation.options = creation.options.merged(
                CallOptions(
                    numCPUs: numCPUs, numGPUs: numGPUs, acceleratorType: acceleratorType, memory: memory,
                    resources: resources, name: name, strategy: schedulingStrategy, labelSelector: labelSelector,
                    runtimeEnv: runtimeEnv, isPython: true, interpreter: interpreter))
            changed.creation.actor = creation.actor.merged(
                ActorSettings(
                    namespace: namespace, lifetime: lifetime, restartsMax: maxRestarts,
                    taskRetriesMax: maxTaskRetries, concurrencyMax: maxConcurrency,
                    pendingCallsMax: maxPendingCalls))
            return changed
        }
    }

    /// Calls an actor in Python from any process in Swift; can be sent to others inside values.
    public struct PythonActor: Codable, Hashable, Sendable {
        let reference: _ActorReference
        let module: String
        let className: String

        /// Calls a method; what goes wrong arrives as an error of its result.
        ///
        ///     let count = counter.call("increment", 2, returning: Int.self)
        @discardableResult
        public func call<Result>(
            _ method: String, _ arguments: PythonArgument..., returning type: Result.Type = Void.self
        ) -> ObjectRef<Result> {
            submit(method, _Arguments(python: arguments.map { (key: "", value: $0) }))
        }

        /// A method, to be called with names before arguments: `counter.method("increment", returning: Int.self)(by: 2)`.
        public func method<Result>(_ name: String, returning type: Result.Type = Void.self) -> PythonMethod<Result> {
            PythonMethod(actor: self, name: name)
        }

        fileprivate func submit<Result>(_ method: String, _ arguments: _Arguments) -> ObjectRef<Result> {
            let function = FunctionDescriptor(
                language: .python, module: module, className: className, function: method,
                hash: FunctionDescriptor.crossLanguage)
            let call = Call(function: function, arguments: arguments.list, resources: ResourceSet(), retriesMax: 0)
            return reference.submit(call, arguments).one()
        }
    }

    /// A method of an actor in Python.
    @dynamicCallable
    public struct PythonMethod<Result>: Sendable {
        fileprivate let actor: PythonActor
        fileprivate let name: String

        /// Submits a call; what goes wrong arrives as an error of its result.
        @discardableResult
        public func dynamicallyCall(
            withKeywordArguments arguments: KeyValuePairs<String, PythonArgument>
        ) -> ObjectRef<Result> {
            actor.submit(name, _Arguments(python: Array(arguments)))
        }
    }
}
