//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWorker
internal import Synchronization

extension ray {
    /// The callable form of a remote function: calls return references at once.
    public protocol _RemoteFunction: Sendable {
        /// What is called and how.
        var _ray: _FunctionReference { get }
        init(_ray: _FunctionReference)
    }

    /// A remote function with the options of its calls. Not for use by hand.
    public struct _FunctionReference: Sendable {
        private let template: CallTemplate

        /// The function with its default options.
        public init(_ declaration: _Declaration) {
            template = declaration.sharedTemplate { CallTemplate(declaration, CallOptions()) }
        }

        private init(template: CallTemplate) { self.template = template }

        func options(_ options: CallOptions) -> _FunctionReference {
            _FunctionReference(template: CallTemplate(template.declaration, template.options.merged(options)))
        }

        /// Submits a call; what goes wrong arrives as an error of its results.
        public func submit(_ arguments: _Arguments) -> _References {
            let count = template.declaration.returnCount
            do throws(RayError) {
                if let failure = arguments.failure { throw failure }
                let worker = try arguments.worker.get()
                var call = try template.call.get()
                call.arguments = arguments.list
                if let captured = arguments.captured, template.options.isPlaceOpen {
                    call.shared.value.strategy = captured
                }
                if let environment = template.options.runtimeEnv {
                    call.shared.value.environment = try template.environment(environment, worker)
                }
                let caller = arguments.caller
                let references = arguments.whileAlive { worker.submit(call, from: caller) }
                return _References(references, count: count, worker: worker, caller: nil)
            } catch {
                return _References(failure: error, count: count)
            }
        }
    }
}

/// A call without its arguments, worked out once for all calls.
final class CallTemplate: Sendable {
    let declaration: ray._Declaration
    let options: CallOptions
    let call: Result<Call, RayError>
    /// The environment of the options, once it was sent to the cluster of this process.
    private let resolved = Mutex<(worker: WorkerID, environment: RuntimeEnvironmentSpec)?>(nil)

    init(_ declaration: ray._Declaration, _ options: CallOptions) {
        self.declaration = declaration
        self.options = options
        call = Result { () throws(RayError) in
            try declaration.checkRecord()
            var call = Call(
                function: declaration.descriptor, returnCount: declaration.returnCount,
                resources: try options.resourceSet(defaultCPUs: 1), strategy: try options.schedulingStrategy(),
                retriesMax: options.retriesMax ?? 3, name: options.name ?? "")
            call.shared.value.generator = try declaration.generator(backpressure: options.generatorBackpressure)
            call.retryExceptions = options.retryExceptions?.rule ?? .none
            return call
        }
    }

    /// A call of an actor's method.
    init(method declaration: ray._Declaration) {
        self.declaration = declaration
        options = CallOptions()
        call = Result { () throws(RayError) in
            var call = Call(
                function: declaration.descriptor, returnCount: declaration.returnCount, resources: ResourceSet(),
                retriesMax: 0)
            call.shared.value.concurrencyGroup = declaration.concurrencyGroup
            call.shared.value.generator = try declaration.generator(backpressure: nil)
            return call
        }
    }

    /// The whole environment of calls that ask for this one.
    func environment(
        _ wanted: ray.RuntimeEnvironment, _ worker: any WorkerAPI
    ) throws(RayError) -> RuntimeEnvironmentSpec {
        let id = worker.address.worker
        if let known = resolved.withLock({ $0 }), known.worker == id { return known.environment }
        let environment = try EnvironmentResolver.shared.resolve(wanted, worker)
        resolved.withLock { $0 = (id, environment) }
        return environment
    }
}

extension ray._RemoteFunction {
    /// The same function with other options; those not given stay as they are.
    ///
    /// - Parameters:
    ///   - numCPUs: CPUs that a call holds while it runs; 1 by default.
    ///   - numGPUs: GPUs that a call holds: whole ones for itself, or less than one and then a part of one; see
    ///     `ray.gpuIDs`.
    ///   - acceleratorType: the type of GPU that the node must have, `T4` for instance.
    ///   - memory: bytes of memory that a call may use.
    ///   - resources: further named amounts.
    ///   - name: name of the calls for people.
    ///   - maxRetries: how often a call runs again after its worker died; 3 by default, -1 without limit.
    ///   - retryExceptions: which errors that it throws use up a retry, too; none by default.
    ///   - generatorBackpressure: items that may be unread before the function waits; without limit by default.
    ///   - schedulingStrategy: where calls should run.
    ///   - labelSelector: labels that the node must have: `v`, `!v`, `in(a,b)` or `!in(a,b)` by key.
    ///   - fallbackStrategy: what is tried, in this order, where no node with those labels has room.
    ///   - runtimeEnv: what the workers have that others have not, over what is inherited. The first call packs and
    ///     sends its files on the calling thread; later ones of the same options do not.
    public func options(
        numCPUs: Double? = nil, numGPUs: Double? = nil, acceleratorType: String? = nil, memory: Int? = nil,
        resources: [String: Double]? = nil, name: String? = nil, maxRetries: Int? = nil,
        retryExceptions: ray.RetryExceptions? = nil,
        generatorBackpressure: Int? = nil, schedulingStrategy: ray.SchedulingStrategy? = nil,
        labelSelector: [String: String]? = nil, fallbackStrategy: [ray.Fallback]? = nil,
        runtimeEnv: ray.RuntimeEnvironment? = nil
    ) -> Self {
        Self(
            _ray: _ray.options(
                CallOptions(
                    numCPUs: numCPUs, numGPUs: numGPUs, acceleratorType: acceleratorType, memory: memory,
                    resources: resources, name: name,
                    retriesMax: maxRetries, strategy: schedulingStrategy, retryExceptions: retryExceptions,
                    labelSelector: labelSelector, fallbackStrategy: fallbackStrategy,
                    generatorBackpressure: generatorBackpressure,
                    runtimeEnv: runtimeEnv)))
    }
}

extension ray._Declaration {
    /// Makes sure that workers will find the declaration.
    ///
    /// - Throws: if the linker has dropped its record, or a name is declared twice.
    package func checkRecord() throws(RayError) {
        guard try RecordTable.current.get().find(descriptor) === self else {
            throw RayError(
                .systemError,
                "the record of \(descriptor) (\(file):\(line)) is not in this executable, so no worker could find it: "
                    + "the linker drops records of static archives whose members are not referenced; link the target "
                    + "that declares it directly")
        }
    }
}
