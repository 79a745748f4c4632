//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayRaylet
internal import RayWire

/// A node: a `RayletCore`, its store, and the processes that it started.
final class RayletProcess: SimulatedProcess {
    private static let roomMilliseconds = 20_000
    private static let tickMilliseconds = 100
    private static let busyTickMilliseconds = 10

    let index: Int
    let cpuCount: Int
    let store: SimulatedStore
    private var core: RayletCore
    private var inputs: [RayletInput] = []
    private var effects: [RayletEffect] = []
    private var isReceiving = false
    /// Workers that run here, by process id.
    private(set) var workers: [Int32: WorkerProcess] = [:]
    /// Whether the head has taken it.
    private var isMember = false

    init(cluster: Cluster, index: Int, cpuCount: Int, storeCapacity: Int) {
        self.index = index
        self.cpuCount = cpuCount
        let node = NodeID.random(using: &cluster.generator)
        let address = Address(
            node: node, worker: WorkerID(raylet: node), host: "host\(index)", port: UInt16(7_000 + index),
            socketPath: "")
        let info = NodeInfo(
            address: address, name: "node\(index)", isHead: index == 0, processID: cluster.takeProcessID(),
            total: ResourceSet([(ResourceSet.cpu, Double(cpuCount))]), labels: [], storeCapacity: storeCapacity,
            sessionDirectory: "/session")
        var settings = RayletSettings(
            info: info, cpuCount: cpuCount, firstNumber: cluster.generator.next() % (1 << 40))
        settings.gcs = cluster.gcs?.address ?? .none
        settings.chunkBytes = cluster.plan.chunkBytes
        settings.plantsSilentCopies = cluster.options.plantedFault == .silentCopy
        settings.plantsHastyEnd = cluster.options.plantedFault == .hastyEnd
        core = RayletCore(settings: settings)
        store = SimulatedStore(
            capacity: storeCapacity, spilling: cluster.plan.spilling, fallback: cluster.plan.fallback,
            fault: cluster.options.plantedFault)
        super.init(cluster: cluster, address: address, role: .raylet, name: "raylet\(index)")
    }

    func start() {
        if let gcs = cluster.gcs { cluster.connect(self, to: gcs.address) }
        wantTick(at: cluster.now)
    }

    override func receive(_ message: Message, requestID: UInt64, from peer: WorkerID) {
        if case .nodeRegistered(let answer) = message { isMember = answer.error == nil }
        cluster.seals.heard(message, by: self)
        give(.message(message, requestID: requestID, from: peer))
    }

    override func peerUp(_ peer: SimulatedProcess) { give(.peerUp(peer.address)) }
    override func peerLost(_ peer: WorkerID, _ reason: String) { give(.peerLost(peer, reason: reason)) }

    override func ticked() {
        withStore { $0.perform(.tick, at: cluster.now, into: &$1) }
        give(
            .tick(
                StoreUsage(
                    usedBytes: store.core.used, primaryBytes: store.core.primaryBytes,
                    capacityBytes: store.core.capacity, objectCount: store.core.sealedCount)))
        let pause = store.core.needsTick ? Self.busyTickMilliseconds : Self.tickMilliseconds
        wantTick(at: cluster.now.advanced(milliseconds: pause))
    }

    // MARK: Processes

    func started(_ worker: WorkerProcess, startToken: UInt64) {
        workers[worker.processID] = worker
        give(.workerSpawned(startToken: startToken, processID: worker.processID))
    }

    func forgetWorkers() { workers = [:] }

    func exited(_ processID: Int32, code: Int32, signal: Int32) {
        workers[processID] = nil
        give(.processExited(processID: processID, ProcessExit(code: code, signal: signal)))
    }

    func diskDone(_ job: SimulatedDisk.Job) { withStore { $0.finish(job, at: cluster.now, into: &$1) } }

    /// Hands what the store wants of the disk to it.
    private func startJobs() {
        for job in store.disk.takeJobs() {
            let factor = store.disk.slowUntil > cluster.now ? SimulatedDisk.slowness : 1
            cluster.add(.disk(self, job), microseconds: cluster.random(200...5_000) * factor)
        }
    }

    func detach(_ slot: UInt32) { give(.storeClientGone(slot: slot)) }
    func programFetched(_ key: String) { give(.programReady(key: key, path: key)) }

    /// Tells the core what the store says on its own.
    private func withStore(_ body: (SimulatedStore, inout [RayletInput]) -> Void) {
        var events: [RayletInput] = []
        body(store, &events)
        if let violation = store.violation { cluster.fail("\(name): store: \(violation)") }
        startJobs()
        for event in events { give(event) }
    }

    // MARK: Core

    private func give(_ input: RayletInput) {
        inputs.append(input)
        guard !isReceiving else { return }
        isReceiving = true
        var next = 0
        while next < inputs.count, isAlive {
            core.receive(inputs[next], at: cluster.now, into: &effects)
            next += 1
            let performed = effects
            effects.removeAll(keepingCapacity: true)
            for effect in performed where isAlive { perform(effect) }
            core.checkInvariants()
        }
        inputs.removeAll(keepingCapacity: true)
        isReceiving = false
    }

    private func perform(_ effect: RayletEffect) {
        let now = cluster.now
        switch effect {
        case .send(let message, let requestID, let peer): send(message, requestID: requestID, to: peer)
        case .rejoin(var message):
            message.owners = store.core.owners
            send(.rejoinNode(message), requestID: 0, to: .gcs)
        case .listObjects(let question):
            send(.objectsListed(store.core.list(question)), requestID: 0, to: .gcs)
        case .flushLines: break
        case .connect(let address): cluster.connect(self, to: address)
        case .spawnWorker(let start):
            cluster.add(
                .spawned(self, startToken: start.startToken, job: start.job),
                microseconds: cluster.random(500...8_000))
        case .kill(let processID, _):
            if let worker = workers[processID] { cluster.kill(worker, signal: 9, by: name) }
        case .fetchProgram(let program):
            cluster.add(.fetched(self, key: program.key), microseconds: cluster.random(10...5_000))
        case .fetchPackage(let package): inputs.append(.packageReady(package, folder: package, byteCount: 1))
        case .removePackage, .removeProgram: break
        case .storeCreate(let create): self.create(create, at: now)
        case .storeSeal(let object, let slot, let sizes):
            storeInput(
                .seal(
                    object, client(slot), metadataSize: sizes.metadataBytes, containedSize: sizes.containedBytes))
        case .storeAbort(let object, let slot):
            cluster.seals.givenBack(object, slot: slot, by: self, in: cluster)
            storeInput(.abort(object, client(slot)))
        case .storeDetach(let slot):
            cluster.seals.givenBack(nil, slot: slot, by: self, in: cluster)
            changeStore { $0.detach(slot, at: now, into: &$1) }
        case .storeFree(let objects): storeInput(.free(objects))
        case .storeKeep(let objects): storeInput(.setPrimary(objects, true))
        case .storeShare(let source, let object, let owner, let token):
            storeInput(.share(source, as: object, owner: owner, token: token))
        case .storeRestore(let object):
            storeInput(.restore(object, deadline: now.advanced(milliseconds: Self.roomMilliseconds)))
        case .storeReleaseOwner(let owner): storeInput(.ownerDied(owner))
        case .sendChunk(let object, let offset, let count, let peer, let requestID):
            send(.objectChunk(chunk(object, offset, count)), requestID: requestID, to: peer)
        case .writeChunk(let object, let offset, let bytes): store.writeUnsealed(bytes, to: object, offset: offset)
        case .log(_, let text): cluster.note("\(name): \(text)")
        case .leave(let reason):
            cluster.kill(self, isSilent: false, because: "it left: \(reason)")
            // Its start failed: whoever started it does so again.
            if !isMember { cluster.add(.nodeStart(likeNode: index), microseconds: 1_000_000) }
        }
    }

    private func client(_ slot: UInt32?) -> StoreClient { slot.map { StoreClient(index: $0) } ?? .raylet }

    private func storeInput(_ input: ObjectStoreCore.Input) {
        changeStore { $0.perform(input, at: cluster.now, into: &$1) }
    }

    /// Changes the store on the core's behalf, which hears next what came of it.
    private func changeStore(_ body: (SimulatedStore, inout [RayletInput]) -> Void) {
        body(store, &inputs)
        if let violation = store.violation { cluster.fail("\(name): store: \(violation)") }
        startJobs()
    }

    private func create(_ create: StoreCreate, at now: Instant) {
        guard create.slot.map({ store.isAttached($0) }) ?? true else {
            let error = RayError(.invalidArgument, "the process is not attached to the store")
            return inputs.append(.storeFailed(token: create.token, error))
        }
        storeInput(
            .create(
                ObjectStoreCore.Creation(
                    token: create.token, id: create.object, owner: create.owner, client: client(create.slot),
                    layout: ObjectLayout(
                        dataSize: create.sizes.dataBytes, metadataSize: create.sizes.metadataBytes,
                        containedSize: create.sizes.containedBytes),
                    isPrimary: create.isPrimary, deadline: now.advanced(milliseconds: Self.roomMilliseconds))))
    }

    private func chunk(_ object: ObjectID, _ offset: Int, _ count: Int) -> ObjectChunk {
        guard let entry = store.core.entry(object) else {
            if let (spilled, bytes) = store.disk.find(object) {
                return chunk(object, offset, count, of: spilled.layout, bytes[...])
            }
            return ObjectChunk(
                object: object, offset: offset, dataBytes: 0, metadataBytes: 0, containedBytes: 0, bytes: [],
                error: RayError(.objectLost, "the node's store does not hold object \(object)"))
        }
        return chunk(object, offset, count, of: entry.layout, store.bytes(of: entry).all)
    }

    private func chunk(
        _ object: ObjectID, _ offset: Int, _ count: Int, of layout: ObjectLayout, _ bytes: ArraySlice<UInt8>
    ) -> ObjectChunk {
        let start = min(offset, bytes.count)
        let end = start + min(count, bytes.count - start)
        return ObjectChunk(
            object: object, offset: offset, dataBytes: layout.dataSize,
            metadataBytes: layout.metadataSize, containedBytes: layout.containedSize,
            bytes: Array(bytes[(bytes.startIndex + start)..<(bytes.startIndex + end)]))
    }
}
