//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker

/// A worker's core with its effects collected, and short ways to say what its peers do.
struct WorkerHarness {
    static let raylet = address(1)
    static let driver = address(2)
    /// On the node of `raylet`.
    static let worker = Address(
        node: raylet.node, worker: WorkerID(3, 0, 0, 0), host: "h1", port: 3, socketPath: "")
    static let other = address(4)

    var core: WorkerCore
    var now = Instant.zero
    var random = SplitMix64(seed: 2)
    var effects: [WorkerEffect] = []
    /// The lease that was granted last.
    private(set) var lastGranted: LeaseID?

    init(
        _ address: Address = Self.driver, isDriver: Bool = true, raylet: Address? = Self.raylet,
        trace: TraceSettings = TraceSettings(), oomRetries: Int = -1, seed: UInt64 = 1
    ) {
        var configuration = WorkerCore.Configuration(
            address: address, raylet: raylet, job: JobID(1), namespace: "n", isDriver: isDriver, processID: 7)
        configuration.trace = trace
        configuration.oomRetriesMax = oomRetries
        core = WorkerCore(configuration, seed: seed)
    }

    static func address(_ number: UInt64) -> Address {
        Address(
            node: NodeID(number, 0, 0, 0), worker: WorkerID(number, 0, 0, 0), host: "h\(number)",
            port: UInt16(number), socketPath: "")
    }

    static let function = FunctionDescriptor(language: .swift, module: "M", function: "f()")

    mutating func receive(_ message: Message, from peer: WorkerID = .gcs, requestID: UInt64 = 0) {
        step(.message(message, requestID: requestID, from: peer))
    }

    mutating func step(_ input: WorkerCore.Input) {
        var buffer = WorkerEffects()
        core.receive(input, at: now, into: &buffer)
        effects += buffer.items
    }

    mutating func advance(_ milliseconds: Int) {
        now = now.advanced(milliseconds: milliseconds)
        step(.tick)
    }

    mutating func submit(
        _ arguments: [TaskArgument] = [], retries: Int = 3, cpus: Double = 1, strategy: SchedulingStrategy = .hybrid,
        isTraced: Bool = true
    ) -> ObjectReference {
        var buffer = WorkerEffects()
        var call = Call(
            function: Self.function, arguments: arguments, resources: ResourceSet([("CPU", cpus)]),
            strategy: strategy, retriesMax: retries)
        call.shared.value.isTraced = isTraced
        let reference = core.submit(call, from: nil, at: now, into: &buffer)[0]
        effects += buffer.items
        return reference
    }

    mutating func get(_ references: [ObjectReference], timeout: Int? = nil, from task: TaskID? = nil) -> UInt64 {
        var buffer = WorkerEffects()
        let token = core.get(
            references, deadline: timeout.map { now.advanced(milliseconds: $0) }, from: task, into: &buffer)
        effects += buffer.items
        return token
    }

    mutating func retain(_ reference: ObjectReference) {
        var buffer = WorkerEffects()
        core.retain(reference, into: &buffer)
        effects += buffer.items
    }

    mutating func put(_ data: [UInt8], contained: [ObjectReference] = []) -> ObjectReference {
        var buffer = WorkerEffects()
        let object = RayObject(data: data, metadata: ObjectMetadata.raw, contained: contained)
        let id = core.put(object, from: nil, into: &buffer)
        effects += buffer.items
        return ObjectReference(id: id, owner: core.configuration.address)
    }

    mutating func release(_ id: ObjectID) {
        var buffer = WorkerEffects()
        core.release(id, into: &buffer)
        effects += buffer.items
    }

    /// Messages sent since the last call, with their receivers.
    mutating func sent() -> [(Message, WorkerID)] {
        defer { effects.removeAll() }
        return effects.compactMap { if case .send(let message, _, let peer) = $0 { (message, peer) } else { nil } }
    }

    /// The lease requests among the messages sent since the last call.
    mutating func leaseRequests() -> [LeaseID] {
        sent().compactMap { if case .requestLease(let request) = $0.0 { request.lease } else { nil } }
    }

    mutating func grant(_ lease: LeaseID, _ worker: Address = Self.worker) {
        lastGranted = lease
        receive(.leaseGranted(LeaseGranted(lease: lease, worker: worker, processID: 9)))
    }

    /// The cluster says that a leased worker is gone, and then its link ends.
    mutating func lose(
        _ lease: LeaseID, _ error: RayError = RayError(.workerDied, "gone"), wasPreempted: Bool = false,
        _ worker: Address = Self.worker
    ) {
        receive(.leaseLost(LeaseLost(lease: lease, error: error, wasPreempted: wasPreempted)))
        step(.peerLost(worker.worker, reason: "closed"))
    }

    /// The tasks pushed since the last call.
    mutating func pushes() -> [TaskSpec] {
        sent().compactMap { if case .pushTask(let push) = $0.0 { push.spec } else { nil } }
    }

    mutating func done(_ spec: TaskSpec, _ value: UInt8 = 1, from worker: Address = Self.worker) {
        let object = RayObject(data: [value], metadata: ObjectMetadata.raw)
        receive(
            .taskDone(TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [.inline(object)])),
            from: worker.worker)
    }

    /// The outcome of a finished `get`, or nothing.
    func outcome(_ token: UInt64) -> [ObjectOutcome]? {
        for case .completeGet(let ended, let outcomes) in effects where ended == token { return outcomes }
        return nil
    }
}

extension ObjectOutcome {
    /// The error type, or nothing for a value.
    var errorType: ErrorType? { if case .failed(let error) = self { error.type } else { nil } }
    /// The first byte of an inline value.
    var byte: UInt8? { if case .inline(let object) = self { object.data.first } else { nil } }
}
