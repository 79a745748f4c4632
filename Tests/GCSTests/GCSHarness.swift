//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// The GCS's core with a clock and the processes that the test plays.
struct GCSHarness {
    var core: GCSCore
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the core wanted since the last `take`.
    var effects: [GCSEffect] = []
    /// What the core has written to its journal.
    var image = JournalImage()
    let settings: GCSSettings
    /// Off where a test has so many entries that the checks take longer than all else.
    var checksInvariants = true

    init(
        seed: UInt64 = 1, isOpen: Bool = false, isDurable: Bool = false, trace: TraceSettings = TraceSettings(),
        spillNoticeBytes: Int = 0
    ) {
        let address = Address(node: .none, worker: .gcs, host: "head", port: 6379, socketPath: "/s/gcs.sock")
        var settings = GCSSettings(address: address, clusterName: "session_1", seed: seed)
        settings.isOpen = isOpen
        settings.trace = trace
        settings.isDurable = isDurable
        settings.spillNoticeBytes = spillNoticeBytes
        self.settings = settings
        core = GCSCore(settings: settings)
    }

    /// The head dies and is started again from its journal; all links are gone.
    mutating func restart() {
        effects = []
        do throws(RayError) {
            core = try GCSCore(settings: settings, records: image.records, at: now)
        } catch {
            Issue.record("the journal cannot be read: \(error.message)")
        }
        #expect(core.checkInvariants().isEmpty)
    }

    /// A cluster with one node of four CPUs and two GPUs, and job 1 of driver 1.
    static func cluster(cpus: Double = 4, isDurable: Bool = false) -> GCSHarness {
        var harness = GCSHarness(isDurable: isDurable)
        harness.join(0, cpus: cpus)
        harness.startJob(driver: 1)
        harness.effects = []
        return harness
    }

    // MARK: Inputs

    mutating func give(_ input: GCSInput) {
        var buffer = GCSEffects()
        core.receive(input, at: now, into: &buffer)
        effects += buffer.items
        for case .persist(let records) in buffer.items { image.apply(records) }
        let violations = checksInvariants ? core.checkInvariants() : []
        #expect(violations.isEmpty, "\(violations) after \(input)")
    }

    mutating func send(_ message: Message, requestID: UInt64 = 0, from peer: WorkerID) {
        give(.message(message, requestID: requestID, from: peer))
    }

    mutating func wait(milliseconds: Int, reportsOf nodes: [UInt64] = []) {
        var rest = milliseconds
        while rest > 0 {
            let step = min(rest, 100)
            now = now.advanced(milliseconds: step)
            rest -= step
            for index in nodes { send(report, from: raylet(index)) }
            give(.tick)
        }
    }

    mutating func join(_ index: UInt64, cpus: Double = 4) {
        give(.peerUp(raylet(index), role: .raylet, address: address(raylet(index), on: index)))
        send(.registerNode(RegisterNode(info: info(index, cpus: cpus))), from: raylet(index))
    }

    mutating func startJob(driver index: UInt64, namespace: String = "") {
        give(.peerUp(driver(index), role: .driver, address: address(driver(index), on: 0)))
        send(.registerJob(RegisterJob(info: jobInfo(index, namespace: namespace))), from: driver(index))
    }

    mutating func request(
        _ lease: LeaseID, cpus: Double = 1, job: UInt32 = 1, strategy: SchedulingStrategy = .hybrid,
        from owner: WorkerID
    ) {
        let request = RequestLease(
            lease: lease, job: JobID(job), shape: ResourceSet([(ResourceSet.cpu, cpus)]), strategy: strategy,
            locality: [], owner: address(owner, on: 0))
        send(.requestLease(request), from: owner)
    }

    /// A worker comes up and takes the lease.
    mutating func ready(_ lease: LeaseID, worker index: UInt64, node: UInt64 = 0) {
        give(.peerUp(worker(index), role: .worker, address: address(worker(index), on: node)))
        let ready = LeaseReady(lease: lease, worker: address(worker(index), on: node), processID: Int32(100 + index))
        send(.leaseReady(ready), from: raylet(node))
    }

    mutating func exit(
        worker index: UInt64, lease: LeaseID?, node: UInt64 = 0, code: Int32 = 1, signal: Int32 = 0,
        lastLines: [String] = []
    ) {
        let exited = WorkerExited(
            worker: worker(index), lease: lease, processID: Int32(100 + index), exitCode: code, signal: signal,
            intended: false, lastLines: lastLines)
        send(.workerExited(exited), from: raylet(node))
    }

    /// Creates an actor and runs it in a worker.
    @discardableResult
    mutating func live(_ spec: ActorSpec, from creator: WorkerID, worker index: UInt64, node: UInt64 = 0) -> LeaseID {
        send(.createActor(CreateActor(spec: spec)), from: creator)
        let lease = assigned(spec.id) ?? .none
        ready(lease, worker: index, node: node)
        started(spec.id, worker: index)
        return lease
    }

    mutating func started(
        _ actor: ActorID, worker index: UInt64, incarnation: UInt32 = 0, error: RayError? = nil, shownName: String = ""
    ) {
        let message = ActorStarted(actor: actor, incarnation: incarnation, error: error, shownName: shownName)
        send(.actorStarted(message), from: worker(index))
    }

    // MARK: Effects

    mutating func take() -> [GCSEffect] {
        defer { effects = [] }
        return effects
    }

    /// All messages sent to a peer since the last `take`.
    func messages(to peer: WorkerID) -> [Message] {
        effects.compactMap { if case .send(let message, _, peer) = $0 { message } else { nil } }
    }

    /// The last lease that was assigned for an actor.
    func assigned(_ actor: ActorID) -> LeaseID? {
        effects.compactMap { effect -> LeaseID? in
            guard case .send(.assignLease(let assign), _, _) = effect, assign.actor == actor else { return nil }
            return assign.lease
        }.last
    }

    /// The states of an actor that a peer was told since the last `take`.
    func updates(of actor: ActorID, to peer: WorkerID) -> [ActorState] {
        messages(to: peer).compactMap { message in
            guard case .actorUpdate(let update) = message, update.state.id == actor else { return nil }
            return update.state
        }
    }

    func sent(_ message: Message, to peer: WorkerID) -> Bool { messages(to: peer).contains(message) }
}

// MARK: Names of things

let report = Message.nodeReport(NodeReport(storeUsed: 5, storeCapacity: 100, objectCount: 2, workerCount: 1))

func node(_ index: UInt64) -> NodeID { NodeID(index + 1, 7, 7, 7) }
func raylet(_ index: UInt64) -> WorkerID { WorkerID(raylet: node(index)) }
func driver(_ index: UInt64) -> WorkerID { WorkerID(index, 8, 8, 8) }
func worker(_ index: UInt64) -> WorkerID { WorkerID(index, 9, 9, 9) }
func lease(_ index: UInt32, of owner: WorkerID = driver(1)) -> LeaseID { LeaseID.number(index, owner: owner) }
func actor(_ index: UInt64, job: UInt32 = 1) -> ActorID { ActorID(index, 3 | UInt64(job) << 32) }

func address(_ id: WorkerID, on index: UInt64) -> Address {
    Address(node: node(index), worker: id, host: "h\(index)", port: 1, socketPath: "")
}

func info(_ index: UInt64, cpus: Double = 4) -> NodeInfo {
    NodeInfo(
        address: address(raylet(index), on: index), name: "n\(index)", isHead: index == 0, processID: 1,
        total: ResourceSet([(ResourceSet.cpu, cpus), (ResourceSet.gpu, 2)]), labels: [NodeLabel(key: "a", value: "b")],
        storeCapacity: 100, sessionDirectory: "/s")
}

func jobInfo(_ index: UInt64, namespace: String = "") -> JobInfo {
    let program = Program(
        hash: "abc", path: "/bin/p", byteCount: 1, arguments: [], environment: [], workingDirectory: "/")
    return JobInfo(
        driver: address(driver(index), on: 0), processID: 7, namespace: namespace, entrypoint: "p", program: program)
}

func spec(
    _ id: ActorID, name: String = "", namespace: String = "", lifetime: ActorLifetime = .job, restarts: Int = 0,
    cpus: Double = 1
) -> ActorSpec {
    let function = FunctionDescriptor(language: .swift, module: "M", className: "Counter", function: "init()")
    let resources = ResourceSet([(ResourceSet.cpu, cpus)])
    let creation = TaskSpec(
        id: TaskID(1, id.word0, id.word1), kind: .actorCreation(id), function: function, returnCount: 0,
        resources: resources)
    return ActorSpec(
        id: id, creation: creation, name: name, namespace: namespace, lifetime: lifetime, restartsMax: restarts,
        heldResources: resources)
}
