//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import Logging
internal import RayCore
internal import RayObjectStore
internal import RayRaylet
internal import RayTransport
internal import RayWire
internal import Synchronization

/// Feeds `RayletCore` with what happens and performs what it wants.
///
///     links (reactor) ───────▶ inputs ──▶ RayletCore ──▶ effects ──▶ links, store, launcher, programs
///     worker processes ──────────▲
///     store attachments ─────────┘
///
/// Unchecked: everything that changes is touched by the reactor's leading thread only, or before the reactor is
/// started; `reason` is under a mutex.
final class RayletDriver: @unchecked Sendable {
    /// How long a creation waits for room in a full store.
    private static let roomMilliseconds = 60_000
    private static let tickMilliseconds = 100
    private static let fullWarningMilliseconds = 10_000
    /// While creations wait or freed objects are still read.
    private static let busyTickMilliseconds = 10

    let configuration: RayletConfiguration
    let reactor: Reactor
    let launcher: Launcher
    let watch: DescriptorWatch
    let store: ObjectStoreServer
    let logger: Logger
    private(set) var endpoint: Endpoint?
    private var gcs = Address.none
    private var core: RayletCore?
    private var workers: WorkerLauncher?
    private var downloads: BlobDownloads?
    private var programs: ProgramStore?
    private var packages: PackageStore?
    private var attachments: StoreAttachmentServer?
    private var timer: ReactorTimer?
    private var restarter: HeadRestarter?
    private var environment = WorkerEnvironment(base: [])
    private var spillFiles: SpillFiles?
    private let memory: MemoryMonitor
    private var nextMemoryReading = Instant.zero
    private var inputs: [RayletInput] = []
    private var isReceiving = false
    private var diskRecord = DiskRecord()
    /// When the log may say again that the store is full.
    private var nextFullWarning = Instant.zero
    private let reason = Mutex<String?>(nil)
    private let registered = Atomic<Bool>(false)

    /// A driver without a core, which needs an address first.
    init(
        _ configuration: RayletConfiguration, reactor: Reactor, launcher: Launcher, watch: DescriptorWatch,
        store: ObjectStoreServer
    ) {
        self.configuration = configuration
        self.reactor = reactor
        self.launcher = launcher
        self.watch = watch
        self.store = store
        memory = MemoryMonitor(root: configuration.memoryRoot)
        logger = Logger(label: "ray.raylet")
    }

    /// Why the node left; nothing while it serves. Any thread.
    var leaveReason: String? { reason.withLock { $0 } }

    /// Whether the head has taken this node. Any thread.
    var isRegistered: Bool { registered.load(ordering: .acquiring) }

    /// Makes the core, now that the address is known.
    func prepare(endpoint: Endpoint, address: Address, gcs: Address) {
        self.endpoint = endpoint
        self.gcs = gcs
        let info = NodeInfo(
            address: address, name: configuration.nodeName, isHead: configuration.isHead, processID: getpid(),
            total: configuration.resources, labels: configuration.labels, storeCapacity: store.capacity,
            sessionDirectory: configuration.sessionDirectory)
        let cpus = Int(configuration.resources[ResourceSet.cpu].value)
        var settings = RayletSettings(info: info, cpuCount: cpus, firstNumber: .random(in: 1...UInt64.max / 4))
        settings.memory = configuration.memory
        settings.gcs = gcs
        settings.packageCacheBytesMax = configuration.packageCacheBytesMax
        settings.memoryNodes = configuration.memoryNodes
        settings.trace = configuration.trace
        core = RayletCore(settings: settings)
        environment = WorkerEnvironment(configuration, address: address)
        workers = WorkerLauncher(
            launcher: launcher, watch: watch, logs: configuration.sessionDirectory + "/logs",
            host: configuration.host, standing: configuration.workerStanding
        ) { event in
            self.reactor.perform { self.receive(event) }
        }
        let downloads = BlobDownloads(reactor: reactor) { [weak self] in self?.send($0, requestID: $1, to: .gcs) }
        self.downloads = downloads
        programs = ProgramStore(
            root: configuration.resourceDirectory, archive: configuration.sessionDirectory + "/programs",
            libraryPath: environment["LD_LIBRARY_PATH"], reactor: reactor, downloads: downloads,
            done: { [weak self] key, result in
                switch result {
                case .success(let path): self?.give(.programReady(key: key, path: path))
                case .failure(let error): self?.give(.programFailed(key: key, error))
                }
            })
    }

    /// Makes the thread that unpacks packages of runtime environments.
    ///
    /// - Throws: `system` if the machine gives no threads.
    func servePackages() throws(TransportError) {
        guard let downloads else { preconditionFailure("packages are served after the driver is prepared") }
        packages = try PackageStore(
            root: configuration.resourceDirectory, reactor: reactor, downloads: downloads,
            send: { [weak self] in self?.send($0, requestID: $1, to: .gcs) },
            done: { [weak self] package, outcome in
                switch outcome {
                case .success(let (folder, byteCount)):
                    self?.give(.packageReady(package, folder: folder, byteCount: byteCount))
                case .failure(let error): self?.give(.packageFailed(package, reason: error.description))
                }
            })
    }

    /// Serves the store to processes of the node.
    ///
    /// - Throws: `socketInUse` or `system`.
    func serveStore() throws(TransportError) {
        let server = StoreAttachmentServer(
            watch: watch, token: Array(configuration.token.utf8),
            storeDescriptors: [store.fileDescriptor] + (store.fallbackFile.map { [$0.descriptor] } ?? []),
            attach: { processID, answer in self.reactor.perform { self.attach(processID, answer) } },
            detach: { slot in self.reactor.perform { self.give(.storeClientGone(slot: slot)) } })
        try server.listen(path: configuration.storeSocketPath)
        attachments = server
    }

    /// Makes the threads that write objects to disk and read them, and have it set blocks aside.
    ///
    /// - Throws: `system` if the machine gives no threads.
    func serveDisk() throws(TransportError) {
        spillFiles = try SpillFiles(
            directory: configuration.diskDirectory, node: configuration.nodeID,
            capacityThreshold: configuration.diskCapacityThreshold,
            answer: { [weak self] input in
                guard let self else { return }
                reactor.perform {
                    self.noteDiskEnd(input)
                    self.store.receive(input, at: self.reactor.clock.now())
                    self.drainStore()
                }
            })
    }

    /// Deletes what is on disk; when the node has left.
    func stopDisk() {
        spillFiles?.stop()
        packages?.stop()
    }

    /// Joins the cluster. On the leading thread.
    func begin() {
        endpoint?.connect(to: gcs)
        if let role = configuration.headRole {
            restarter = HeadRestarter(
                role, session: SessionDirectory(path: configuration.sessionDirectory), launcher: launcher,
                logger: logger
            ) { job in
                self.reactor.perform { if let restarter = self.restarter { job(restarter) } }
            }
        }
        if let program = configuration.expectedProgram {
            let start = WorkerStart(
                startToken: 0, program: program, path: program.path, job: JobID(0), environment: program.environment)
            workers?.load(start, environment: environment.of(start))
        }
        let timer = reactor.makeTimer { self.tick($0) }
        self.timer = timer
        timer.set(reactor.clock.now())
    }

    /// Gives the core an input, and those that follow from it. On the leading thread.
    func give(_ input: RayletInput) {
        inputs.append(input)
        guard !isReceiving, var core else { return }
        isReceiving = true
        self.core = nil
        var next = 0
        var effects: [RayletEffect] = []
        while next < inputs.count {
            core.receive(inputs[next], at: reactor.clock.now(), into: &effects)
            next += 1
            for effect in effects { perform(effect) }
            effects.removeAll(keepingCapacity: true)
            collectStoreEvents()
        }
        performSpilling()
        inputs.removeAll(keepingCapacity: true)
        self.core = core
        isReceiving = false
    }

    /// Notes that the node has left.
    func left(reason text: String) { reason.withLock { $0 = $0 ?? text } }

    private func tick(_ now: Instant) {
        guard leaveReason == nil else { return }
        store.tick(at: now)
        drainStore()
        downloads?.tick(now)
        packages?.tick(now)
        restarter?.tick(now)
        give(
            .tick(
                StoreUsage(
                    usedBytes: store.used, primaryBytes: store.primaryBytes, capacityBytes: store.capacity,
                    objectCount: store.objectCount, spilled: spillReport)))
        checkMemory(now)
        _ = store.prepareAhead()
        let pause = store.needsTick ? Self.busyTickMilliseconds : Self.tickMilliseconds
        timer?.set(now.advanced(milliseconds: pause))
    }

    private var spillReport: SpillReport {
        let usage = store.spillUsage
        return SpillReport(
            spilledBytes: usage.spilledBytes, restoredBytes: usage.restoredBytes, bytesOnDisk: usage.bytesOnDisk,
            objectCount: usage.objectCount, fallbackBytes: store.fallbackUsed)
    }

    /// Reads how much memory is used; who uses it, only when that matters.
    private func checkMemory(_ now: Instant) {
        guard configuration.memoryRefreshMilliseconds > 0, now >= nextMemoryReading else { return }
        nextMemoryReading = now.advanced(milliseconds: configuration.memoryRefreshMilliseconds)
        guard let reading = memory.read(), configuration.memory.isOver(reading) else { return }
        give(.memory(memory.withUsers(reading)))
    }

    private func receive(_ event: WorkerLauncher.Event) {
        switch event {
        case .spawned(let token, let processID):
            // Too late: nobody would ever end it.
            guard leaveReason == nil else {
                _ = launcher.signalGroup(of: processID, SIGKILL)
                return
            }
            give(.workerSpawned(startToken: token, processID: processID))
        case .failed(let token, let reason): give(.spawnFailed(startToken: token, reason: reason))
        case .exited(let processID, let exit): give(.processExited(processID: processID, exit))
        case .printed(let lines): send(.logLines(lines), requestID: 0, to: .gcs)
        }
    }

    private func attach(_ processID: Int32, _ answer: @escaping @Sendable (UInt32?, String) -> Void) {
        do throws(ObjectStoreError) {
            let client = try store.attachClient(processID: processID)
            answer(client.index, "")
        } catch {
            answer(nil, error.description)
        }
    }

    private func send(_ message: Message, requestID: UInt64, to peer: WorkerID) {
        KillPoint.current?.pass(message, .sending)
        // A peer without a link is lost, or about to be reported as lost: nothing is to be done here.
        let payload = message.payload
        if endpoint?.send(kind: message.kind, requestID: requestID, payload: payload, to: peer) == .tooLarge {
            logger.error(
                "a message of kind \(message.kind) with \(payload.count) bytes is too large to be sent to \(peer)")
        }
        KillPoint.current?.pass(message, .sent)
    }
}

// MARK: links

extension RayletDriver: EndpointHandler {
    func peerUp(_ peer: WorkerID, _ hello: Hello) {
        if peer == .gcs { restarter?.headIsUp() }
        var address = hello.address
        address.worker = peer
        give(.peerUp(address))
        guard peer == .gcs else { return }
        // After the core has said who is there.
        downloads?.headIsBack()
        packages?.headIsBack()
    }

    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        do throws(WireError) {
            let message = try Message(kind: kind, payload: payload)
            if case .nodeRegistered(let answer) = message, peer == .gcs, answer.error == nil {
                registered.store(true, ordering: .releasing)
            }
            if case .blobChunk(let chunk) = message {
                if peer == .gcs { downloads?.receive(chunk, requestID: requestID) }
            } else if peer != .gcs || packages?.receive(message, requestID: requestID) != true {
                KillPoint.current?.pass(message, .received)
                give(.message(message, requestID: requestID, from: peer))
                KillPoint.current?.pass(message, .handled)
            }
        } catch {
            logger.warning("ignored a message of kind \(kind) from \(peer): \(error)")
        }
    }

    func peerLost(_ peer: WorkerID, _ reason: String) {
        // A worker or driver of this node cannot remove its socket when it is killed.
        unlink(configuration.socketPath(of: peer))
        if peer == .gcs {
            downloads?.headIsLost()
            packages?.headIsLost()
            if isRegistered { restarter?.headIsLost(at: reactor.clock.now()) }
        }
        give(.peerLost(peer, reason: reason))
    }

    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) { give(.refused(peer, reason: reason)) }

    func warn(_ text: String) { logger.warning("\(text)") }
}

// MARK: effects

extension RayletDriver {
    private func perform(_ effect: RayletEffect) {
        let now = reactor.clock.now()
        switch effect {
        case .send(let message, let requestID, let peer): send(message, requestID: requestID, to: peer)
        case .rejoin(var message):
            message.owners = store.owners
            send(.rejoinNode(message), requestID: 0, to: .gcs)
        case .listObjects(let question): send(.objectsListed(store.list(question)), requestID: 0, to: .gcs)
        case .flushLines(let job): workers?.flush(job)
        case .connect(let address): endpoint?.connect(to: address)
        case .spawnWorker(let start): workers?.start(start, environment: environment.of(start))
        case .kill(let processID, let group):
            if group { launcher.signalGroup(of: processID, SIGKILL) } else { kill(processID, SIGKILL) }
        case .fetchProgram(let program): programs?.fetch(program)
        case .removeProgram(let key): programs?.remove(key)
        case .fetchPackage(let package): packages?.fetch(package)
        case .removePackage(let package): packages?.remove(package)
        case .storeCreate(let create): self.create(create, at: now)
        case .storeSeal(let object, let slot, let sizes):
            store.seal(
                object, by: client(slot), metadataSize: sizes.metadataBytes, containedSize: sizes.containedBytes,
                at: now)
        case .storeAbort(let object, let slot): store.abort(object, by: client(slot), at: now)
        case .storeDetach(let slot): store.detachClient(StoreClient(index: slot), at: now)
        case .storeFree(let objects): store.free(objects, at: now)
        case .storeKeep(let objects): store.receive(.setPrimary(objects, true), at: now)
        case .storeShare(let source, let object, let owner, let token):
            store.receive(.share(source, as: object, owner: owner, token: token), at: now)
        case .storeRestore(let object):
            store.receive(.restore(object, deadline: now.advanced(milliseconds: Self.roomMilliseconds)), at: now)
        case .storeReleaseOwner(let owner): store.receive(.ownerDied(owner), at: now)
        case .sendChunk(let object, let offset, let count, let peer, let requestID):
            sendChunk(object, offset, count, to: peer, requestID: requestID)
        case .writeChunk(let object, let offset, let bytes): write(bytes, to: object, offset: offset)
        case .log(let level, let text): log(level, text)
        case .leave(let reason): left(reason: reason)
        }
    }

    private func client(_ slot: UInt32?) -> StoreClient { slot.map { StoreClient(index: $0) } ?? .raylet }

    private func create(_ create: StoreCreate, at now: Instant) {
        let client = client(create.slot)
        guard client == .raylet || create.slot != nil && store.isAttached(client) else {
            let error = RayError(.invalidArgument, "the process is not attached to the store as client \(client.index)")
            return inputs.append(.storeFailed(token: create.token, error))
        }
        store.create(
            ObjectStoreCore.Creation(
                token: create.token, id: create.object, owner: create.owner, client: client,
                layout: ObjectLayout(
                    dataSize: create.sizes.dataBytes, metadataSize: create.sizes.metadataBytes,
                    containedSize: create.sizes.containedBytes),
                isPrimary: create.isPrimary, deadline: now.advanced(milliseconds: Self.roomMilliseconds)),
            at: now)
    }

    /// Sends a piece from the arena, or has one read that lies on the disk, for which the loop does not wait.
    private func sendChunk(_ object: ObjectID, _ offset: Int, _ count: Int, to peer: WorkerID, requestID: UInt64) {
        if let spillFiles, let lent = store.lendFromFile(object) {
            spillFiles.readPiece(lent.range, offset: offset, count: count) { bytes in
                let chunk = ObjectChunk(object: object, offset: offset, layout: lent.layout, bytes: bytes)
                self.reactor.perform {
                    self.store.unhold(lent.held, at: self.reactor.clock.now())
                    self.send(.objectChunk(chunk), requestID: requestID, to: peer)
                    self.drainStore()
                }
            }
        } else if let spillFiles, !store.contains(object), let spilled = store.spilled(object) {
            spillFiles.readPiece(spilled, offset: offset, count: count) { result in
                var chunk = ObjectChunk(object: object, offset: offset, layout: spilled.layout, bytes: [])
                switch result {
                case .success(let bytes): chunk.bytes = bytes
                case .failure(let error): chunk.error = error
                }
                let message = Message.objectChunk(chunk)
                self.reactor.perform { self.send(message, requestID: requestID, to: peer) }
            }
        } else {
            send(.objectChunk(chunk(object, offset, count)), requestID: requestID, to: peer)
        }
    }

    private func chunk(_ object: ObjectID, _ offset: Int, _ count: Int) -> ObjectChunk {
        let found = store.withObject(object) { bytes, layout in
            let start = min(offset, bytes.count)
            let end = start + min(count, bytes.count - start)
            return ObjectChunk(object: object, offset: offset, layout: layout, bytes: Array(bytes[start..<end]))
        }
        return found
            ?? ObjectChunk(
                object: object, offset: offset, layout: ObjectLayout(dataSize: 0), bytes: [],
                error: RayError(.objectLost, "the node's store does not hold object \(object)"))
    }

    private func write(_ bytes: [UInt8], to object: ObjectID, offset: Int) {
        store.withUnsealed(object) { room in
            guard offset >= 0, bytes.count <= room.count, offset <= room.count - bytes.count else { return }
            UnsafeMutableRawBufferPointer(rebasing: room[offset..<offset + bytes.count]).copyBytes(from: bytes)
        }
    }

    private func log(_ level: RayletLogLevel, _ text: String) {
        switch level {
        case .info: logger.info("\(text)")
        case .warning: logger.warning("\(text)")
        case .error: logger.error("\(text)")
        }
    }

    /// Gives the core what happened in the store outside of its own effects.
    private func drainStore() {
        collectStoreEvents()
        performSpilling()
        guard let last = inputs.popLast() else { return }
        give(last)
    }

    /// Hands on what the store wants of the disk.
    private func performSpilling() {
        for request in store.takeSpillRequests() {
            diskRecord.began(request, at: reactor.clock.now())
            spillFiles?.perform(request)
        }
    }

    private func noteDiskEnd(_ answer: ObjectStoreCore.Input) {
        if let work = diskRecord.ended(answer, at: reactor.clock.now()) { inputs.append(.diskUsed(work)) }
    }

    private func collectStoreEvents() {
        for event in store.takeEvents() {
            switch event {
            case .created(let token, _, _, let offset):
                inputs.append(.storeCreated(token: token, offset: UInt64(offset)))
            case .exists(let token, _, let object, let isSealed):
                let what = isSealed ? "is in the store already" : "is being written by another process"
                inputs.append(.storeFailed(token: token, RayError(.invalidArgument, "object \(object) \(what)")))
            case .failed(let token, _, let error): inputs.append(.storeFailed(token: token, error))
            case .shared(let token, let entry, let contained):
                let shared = SharedBytes(byteCount: entry.layout.dataSize, contained: contained)
                inputs.append(.storeShared(token: token, shared))
            case .rejected(_, let object, let error): inputs.append(.storeRejected(object, error))
            case .sealed(let object, _): inputs.append(.objectSealed(object))
            case .removed(_, .aborted): break
            case .removed(let object, _): inputs.append(.objectsRemoved([object]))
            case .unloaded(let object): inputs.append(.objectUnloaded(object))
            case .restoreFailed(let object, let error, let isLost):
                inputs.append(.restoreFailed(object, error, isLost: isLost))
            case .roomWanted(let bytes):
                let now = reactor.clock.now()
                guard now >= nextFullWarning else { break }
                nextFullWarning = now.advanced(milliseconds: Self.fullWarningMilliseconds)
                let trouble = store.spillTrouble.map { ", and nothing can be spilled: \($0)" } ?? ""
                logger.warning("the object store is full: \(bytes) more bytes are wanted; let go of objects\(trouble)")
            }
        }
    }
}

extension ObjectChunk {
    fileprivate init(object: ObjectID, offset: Int, layout: ObjectLayout, bytes: [UInt8], error: RayError? = nil) {
        self.init(
            object: object, offset: offset, dataBytes: layout.dataSize, metadataBytes: layout.metadataSize,
            containedBytes: layout.containedSize, bytes: bytes, error: error)
    }
}
