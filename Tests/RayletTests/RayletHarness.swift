//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

/// A raylet's core with a clock, a store in memory and the processes and peers that the test plays.
struct RayletHarness {
    var core: RayletCore
    var now = Instant.zero
    /// What the core wanted since the last `take`, without what the store was asked.
    var effects: [RayletEffect] = []
    /// Sealed and unsealed objects.
    var store: [ObjectID: StoredObject] = [:]
    var storeCapacity = 64 << 20
    /// Answers of the store that the test has not let through.
    var held: [RayletInput] = []
    var holdsStoreAnswers = false
    var answersPrograms = true
    var nextProcess: Int32 = 1000

    struct StoredObject {
        var owner: WorkerID
        var slot: UInt32?
        var isPrimary: Bool
        var isSealed = false
        var bytes: [UInt8]
    }

    init(cpus: Int = 4, adjust: (inout RayletSettings) -> Void = { _ in }) {
        let address = Address(node: node(0), worker: raylet(0), host: "h0", port: 1, socketPath: "")
        let info = NodeInfo(
            address: address, name: "n0", isHead: true, processID: 1,
            total: ResourceSet([(ResourceSet.cpu, Double(cpus)), (ResourceSet.gpu, 2)]), labels: [],
            storeCapacity: storeCapacity, sessionDirectory: "/tmp/s")
        var settings = RayletSettings(info: info, cpuCount: cpus)
        adjust(&settings)
        core = RayletCore(settings: settings)
        give(.peerUp(Address(node: .none, worker: .gcs, host: "", port: 0, socketPath: "")))
        gcs(.nodeRegistered(NodeRegistered(clusterName: "c")))
        effects = []
    }

    // MARK: Inputs

    mutating func give(_ input: RayletInput) {
        var inputs = [input]
        while !inputs.isEmpty {
            var new: [RayletEffect] = []
            core.receive(inputs.removeFirst(), at: now, into: &new)
            for effect in new { inputs += perform(effect) }
        }
        core.checkInvariants()
    }

    mutating func gcs(_ message: Message) { give(.message(message, requestID: 0, from: .gcs)) }

    mutating func send(_ message: Message, requestID: UInt64 = 7, from peer: WorkerID) {
        give(.message(message, requestID: requestID, from: peer))
    }

    mutating func tick(after milliseconds: Int = 100) {
        now = now.advanced(milliseconds: milliseconds)
        give(.tick(StoreUsage(usedBytes: 1, capacityBytes: 2, objectCount: store.count)))
    }

    mutating func releaseStoreAnswers() {
        let inputs = held
        held = []
        holdsStoreAnswers = false
        for input in inputs { give(input) }
    }

    mutating func take() -> [RayletEffect] {
        defer { effects = [] }
        return effects
    }

    // MARK: Workers

    mutating func assign(
        _ number: UInt32, job: UInt32 = 1, program: String = "p", actor: ActorID? = nil, gpus: [UInt32] = [],
        environment: RuntimeEnvironmentSpec? = nil, owner: Address = .none
    ) {
        var assign = AssignLease(
            lease: lease(number), job: JobID(job), owner: owner, program: makeProgram(program),
            acceleratorIDs: gpus.map { AcceleratorID(.gpu, $0) },
            actor: actor)
        assign.environment = environment
        gcs(.assignLease(assign))
    }

    /// The start tokens of the processes wanted since the last `take`.
    var wantedStarts: [UInt64] {
        effects.compactMap { if case .spawnWorker(let start) = $0 { start.startToken } else { nil } }
    }

    /// Starts the process of a token; its process id.
    mutating func spawn(_ token: UInt64) -> Int32 {
        nextProcess += 1
        give(.workerSpawned(startToken: token, processID: nextProcess))
        return nextProcess
    }

    mutating func ready(_ token: UInt64, _ processID: Int32) -> WorkerID {
        let id = process(Int(processID))
        let address = Address(node: node(0), worker: id, host: "h0", port: 2, socketPath: "")
        send(.workerReady(WorkerReady(address: address, processID: processID, startToken: token)), from: id)
        return id
    }

    /// Starts a worker for lease `number` up to its report.
    mutating func startWorker(for number: UInt32, job: UInt32 = 1) -> (id: WorkerID, processID: Int32) {
        assign(number, job: job)
        let token = wantedStarts.last ?? 0
        let processID = spawn(token)
        return (ready(token, processID), processID)
    }

    /// As `startWorker`, with a link that is known to be up.
    mutating func startLinkedWorker(for number: UInt32) -> (id: WorkerID, processID: Int32) {
        let worker = startWorker(for: number)
        give(.peerUp(Address(node: node(0), worker: worker.id, host: "h0", port: 2, socketPath: "")))
        return worker
    }

    /// A driver on this node.
    mutating func driver(_ number: Int = 900) -> WorkerID {
        let address = Address(node: node(0), worker: process(number), host: "h0", port: 2, socketPath: "")
        send(.workerReady(WorkerReady(address: address, processID: 5, startToken: 0)), from: process(number))
        return process(number)
    }

    // MARK: What the core wanted

    var sent: [(message: Message, requestID: UInt64, to: WorkerID)] {
        effects.compactMap { effect in
            if case .send(let message, let requestID, let peer) = effect { (message, requestID, peer) } else { nil }
        }
    }

    var leaseReady: [LeaseReady] {
        sent.compactMap { if case .leaseReady(let value) = $0.message { value } else { nil } }
    }
    var leaseFailed: [LeaseFailed] {
        sent.compactMap { if case .leaseFailed(let value) = $0.message { value } else { nil } }
    }
    var exited: [WorkerExited] {
        sent.compactMap { if case .workerExited(let value) = $0.message { value } else { nil } }
    }
    var kills: [Int32] { effects.compactMap { if case .kill(let id, true) = $0 { id } else { nil } } }
    var pulls: [(pull: PullChunk, requestID: UInt64, to: WorkerID)] {
        sent.compactMap { if case .pullChunk(let value) = $0.message { (value, $0.requestID, $0.to) } else { nil } }
    }
    var local: [(value: ObjectLocal, requestID: UInt64, to: WorkerID)] {
        sent.compactMap { if case .objectLocal(let value) = $0.message { (value, $0.requestID, $0.to) } else { nil } }
    }
    var stored: [ChunkStored] {
        sent.compactMap { if case .chunkStored(let value) = $0.message { value } else { nil } }
    }
    var leaving: String? {
        effects.compactMap { if case .leave(let reason) = $0 { reason } else { nil } }.first
    }

    /// Performs what concerns store and programs; the rest is kept for the test to look at.
    private mutating func perform(_ effect: RayletEffect) -> [RayletInput] {
        var answers: [RayletInput] = []
        switch effect {
        case .fetchProgram(let program):
            effects.append(effect)
            if answersPrograms { answers = [.programReady(key: program.key, path: "/bin/\(program.key)")] }
            return answers
        case .storeCreate(let create):
            let used = store.values.reduce(0) { $0 + $1.bytes.count }
            if store[create.object] != nil {
                answers = [.storeFailed(token: create.token, RayError(.invalidArgument, "exists"))]
            } else if used + create.sizes.total > storeCapacity {
                answers = [.storeFailed(token: create.token, RayError(.objectStoreFull, "full"))]
            } else {
                store[create.object] = StoredObject(
                    owner: create.owner, slot: create.slot, isPrimary: create.isPrimary,
                    bytes: [UInt8](repeating: 0, count: create.sizes.total))
                answers = [.storeCreated(token: create.token, offset: 64)]
            }
        case .storeSeal(let object, let slot, let sizes):
            if store[object]?.slot == slot, store[object]?.bytes.count == sizes.total {
                store[object]?.isSealed = true
                answers = [.objectSealed(object)]
            } else {
                answers = [.storeRejected(object, RayError(.objectLost, "rejected"))]
            }
        case .storeShare(let source, let object, let owner, let token):
            if let entry = store[source], entry.isSealed {
                store[object] = StoredObject(
                    owner: owner, slot: nil, isPrimary: true, isSealed: true, bytes: entry.bytes)
                let shared = SharedBytes(byteCount: entry.bytes.count, contained: [7])
                answers = [.objectSealed(object), .storeShared(token: token, shared)]
            } else {
                answers = [.storeFailed(token: token, RayError(.objectLost, "not here"))]
            }
        case .storeAbort(let object, let slot):
            if let entry = store[object], entry.slot == slot, !entry.isSealed { store[object] = nil }
        case .storeDetach(let slot):
            effects.append(effect)
            store = store.filter { $0.value.isSealed || $0.value.slot != slot }
        case .storeFree(let objects):
            for object in objects { store[object] = nil }
            answers = [.objectsRemoved(objects)]
        case .storeReleaseOwner(let owner):
            effects.append(effect)
            let gone = store.filter { $0.value.owner == owner && $0.value.isSealed }.keys.sorted()
            for object in gone { store[object] = nil }
            answers = [.objectsRemoved(gone)]
        case .writeChunk(let object, let offset, let bytes):
            store[object]?.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        default: effects.append(effect)
        }
        guard holdsStoreAnswers else { return answers }
        held += answers
        return []
    }
}

func node(_ number: UInt64) -> NodeID { NodeID(number, 1, 2, 3) }
func raylet(_ number: UInt64) -> WorkerID { WorkerID(raylet: node(number)) }
func process(_ number: Int) -> WorkerID { WorkerID(UInt64(number), 9, 9, 9) }
func lease(_ number: UInt32) -> LeaseID { .number(number, owner: process(1)) }
func object(_ number: UInt64) -> ObjectID { ObjectID(number, 5, 5, 1) }

func place(_ number: UInt64) -> Address {
    Address(node: node(number), worker: raylet(number), host: "h\(number)", port: 1, socketPath: "")
}

func makeProgram(_ name: String) -> Program {
    Program(hash: name, path: "/home/\(name)", byteCount: 10, arguments: [], environment: [], workingDirectory: "/")
}

/// A piece of `bytes` as a raylet that holds them sends it; the last 5 bytes are metadata.
func piece(of bytes: [UInt8], _ pull: PullChunk) -> Message {
    let end = min(bytes.count, pull.offset + pull.count)
    return .objectChunk(
        ObjectChunk(
            object: pull.object, offset: pull.offset, dataBytes: bytes.count - 5, metadataBytes: 5,
            containedBytes: 0, bytes: Array(bytes[pull.offset..<end])))
}
