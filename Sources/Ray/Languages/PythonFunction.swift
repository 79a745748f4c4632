//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker
internal import Synchronization

extension ray {
    /// A function of a Python module, to be called by its name.
    ///
    ///     let area = ray.python("geometry", "area", returning: Double.self)
    ///     let square = try await ray.get(area(3.0, height: 4.0))
    ///
    /// Arguments are values of the kinds that MessagePack has (nil, truth values, numbers, strings, `[UInt8]` as bytes,
    /// arrays, dictionaries, and `Codable` types made of these), arrays of numbers, which Python reads as NumPy arrays
    /// where they lie, or an `ObjectRef`. The module is imported by the workers: from the folder of this program, or
    /// where PYTHONPATH or a `workingDir` leads. An exception arrives as `ray.TaskError`.
    ///
    /// - Parameters:
    ///   - module: the module with the packages around it: `shapes.plane`.
    ///   - function: a function in it, with `@ray.remote` or without.
    ///   - type: what it returns.
    public static func python<Result>(
        _ module: String, _ function: String, returning type: Result.Type = Void.self
    ) -> PythonFunction<Result> {
        let descriptor = FunctionDescriptor(
            language: .python, module: module, function: function, hash: FunctionDescriptor.crossLanguage)
        return PythonFunction(template: PythonCallTemplate(descriptor, CallOptions(isPython: true)))
    }

    /// A function of a Python module; `ray.python` makes one.
    @dynamicCallable
    public struct PythonFunction<Result>: Sendable {
        fileprivate let template: PythonCallTemplate

        /// Submits a call; what goes wrong arrives as an error of its result.
        @discardableResult
        public func dynamicallyCall(
            withKeywordArguments arguments: KeyValuePairs<String, PythonArgument>
        ) -> ObjectRef<Result> {
            template.submit(_Arguments(python: Array(arguments))).one()
        }

        /// The same function with other options; those not given stay as they are.
        ///
        /// - Parameters:
        ///   - interpreter: the Python of the workers, a path that is the same on all nodes. Without it
        ///     SWIFT_RAY_PYTHON says which, else the active virtual environment, else it is `python3`.
        ///
        /// The other parameters are those of functions in Swift.
        public func options(
            interpreter: String? = nil,
            numCPUs: Double? = nil, numGPUs: Double? = nil, acceleratorType: String? = nil, memory: Int? = nil,
            resources: [String: Double]? = nil, name: String? = nil, maxRetries: Int? = nil,
            retryExceptions: RetryExceptions? = nil, schedulingStrategy: SchedulingStrategy? = nil,
            labelSelector: [String: String]? = nil, runtimeEnv: RuntimeEnvironment? = nil
        ) -> Self {
            let later = CallOptions(
                numCPUs: numCPUs, numGPUs: numGPUs, acceleratorType: acceleratorType, memory: memory,
                resources: resources, name: name, retriesMax: maxRetries, strategy: schedulingStrategy,
                retryExceptions: retryExceptions, labelSelector: labelSelector, runtimeEnv: runtimeEnv,
                interpreter: interpreter)
            return Self(template: PythonCallTemplate(template.function, template.options.merged(later)))
        }
    }
}

/// A call of Python without its arguments, worked out once for all calls.
private final class PythonCallTemplate: Sendable {
    let function: FunctionDescriptor
    let options: CallOptions
    private let call: Result<Call, RayError>
    /// The environment of the options, once it was sent to the cluster of this process.
    private let resolved = Mutex<(worker: WorkerID, environment: RuntimeEnvironmentSpec)?>(nil)

    init(_ function: FunctionDescriptor, _ options: CallOptions) {
        self.function = function
        self.options = options
        call = Result { () throws(RayError) in
            var call = Call(
                function: function, resources: try options.resourceSet(defaultCPUs: 1),
                strategy: try options.schedulingStrategy(), retriesMax: options.retriesMax ?? 3,
                name: options.name ?? "")
            call.retryExceptions = options.retryExceptions?.rule ?? .none
            return call
        }
    }

    func submit(_ arguments: ray._Arguments) -> ray._References {
        do throws(RayError) {
            if let failure = arguments.failure { throw failure }
            let worker = try arguments.worker.get()
            var call = try call.get()
            call.arguments = arguments.list
            if let captured = arguments.captured, options.isPlaceOpen { call.shared.value.strategy = captured }
            call.shared.value.environment = try environment(worker)
            let caller = arguments.caller
            let references = arguments.whileAlive { worker.submit(call, from: caller) }
            return ray._References(references, count: 1, worker: worker, caller: nil)
        } catch {
            return ray._References(failure: error, count: 1)
        }
    }

    private func environment(_ worker: any WorkerAPI) throws(RayError) -> RuntimeEnvironmentSpec? {
        let id = worker.address.worker
        if let known = resolved.withLock({ $0 }), known.worker == id { return known.environment }
        let environment = try EnvironmentResolver.shared.resolve(options, worker)
        if let environment { resolved.withLock { $0 = (id, environment) } }
        return environment
    }
}
