//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayWire
internal import RayWorker

/// A driver or worker: a `WorkerCore`, and user code as frames of operations.
final class WorkerProcess: SimulatedProcess {
    let processID: Int32
    /// The raylet of its node; nothing for a driver outside the cluster.
    private(set) var raylet: RayletProcess?
    let startToken: UInt64
    var core: WorkerCore
    var slot: UInt32 = 0
    /// Whether it may work: a driver has a job and is accepted.
    private(set) var isJoined = false
    var frames: [Int: Frame] = [:]
    private var frameCount = 0
    /// The frames that wait for gets and waits, by token.
    var tokens: [UInt64: Int] = [:]
    /// The frames that wait for room, with what they want to write.
    var rooms: [ObjectID: (frame: Int, value: UInt64, bytes: Int, slot: Int)] = [:]
    private var effects = WorkerEffects()
    /// Messages that came together, before the core hears of the first.
    private var arrived: [WorkerCore.Input] = []
    private static let arrivedMax = 16
    private let script: [Operation]
    /// How often this process called each actor.
    var callCounts: [ActorID: UInt64] = [:]
    /// Handles of actors that this process created.
    var actorHandles: [ActorID] = []
    // The state of an actor that lives here.
    var actor: ActorID?
    var incarnation: UInt32 = 0
    private(set) var actorSpec: ActorSpec?
    private var actorLease: LeaseID?
    /// The leases under which tasks came.
    private var taskLeases: [TaskID: LeaseID] = [:]
    var counter: UInt64 = 0
    var deposited: [ObjectReference] = []
    /// How often this driver, at its end, found that something is still held.
    var lettingGoCount = 0

    /// What follows from effects once all of them are performed.
    private enum Aftermath {
        case got(UInt64, [ObjectOutcome])
        case waited(UInt64)
        case sent(UInt64, Result<Message, RayError>)
        case exit(String)
    }

    init(
        cluster: Cluster, raylet: RayletProcess?, role: ProcessRole, address: Address, name: String,
        startToken: UInt64, job: JobID, script: [Operation]
    ) {
        processID = cluster.takeProcessID()
        self.raylet = raylet
        self.startToken = startToken
        self.script = script
        core = WorkerCore(
            WorkerCore.Configuration(
                address: address, raylet: raylet?.address, job: job, namespace: "simulation",
                isDriver: role == .driver, processID: processID),
            seed: cluster.generator.next())
        super.init(cluster: cluster, address: address, role: role, name: name)
    }

    // MARK: Start

    /// Connects as the real process does: to the head, then to the node's raylet.
    func introduce() {
        guard let gcs = cluster.gcs else { return }
        cluster.connect(self, to: gcs.address)
        guard role == .driver else { return join(job: core.configuration.job, namespace: "simulation") }
        let program = Program(
            hash: "", path: "/program", byteCount: 0, arguments: [], environment: [], workingDirectory: "/")
        let info = JobInfo(
            driver: address, processID: processID, namespace: "", entrypoint: name, program: program)
        send(.registerJob(RegisterJob(info: info)), requestID: 1, to: .gcs)
    }

    private func join(job: JobID, namespace: String) {
        var configuration = WorkerCore.Configuration(
            address: address, raylet: raylet?.address, job: job, namespace: namespace, isDriver: role == .driver,
            processID: processID)
        configuration.plantsEarlyAnswer = cluster.options.plantedFault == .answerEarly
        configuration.gcs = cluster.gcs?.address ?? .none
        configuration.clusterName = role == .driver ? "simulation" : ""
        configuration.reconnectMilliseconds = cluster.reconnectMilliseconds
        configuration.plantsShortLineage = cluster.options.plantedFault == .shortLineage
        configuration.plantsDeafCancel = cluster.options.plantedFault == .deafCancel
        configuration.plantsSkippedRebuild = cluster.options.plantedFault == .skippedRebuild
        configuration.plantsPoliteRebuild = cluster.options.plantedFault == .politeRebuild
        configuration.plantsPoliteAbandon = cluster.options.plantedFault == .politeAbandon
        if let raylet {
            slot = raylet.store.attach()
            configuration.storeSlot = slot
        }
        core = WorkerCore(configuration, seed: cluster.generator.next())
        guard let raylet else { return begin() }
        cluster.connect(self, to: raylet.address)
        send(
            .workerReady(WorkerReady(address: address, processID: processID, startToken: startToken)), to: raylet.id)
    }

    private func begin() {
        isJoined = true
        if role == .driver { addFrame(nil, script) }
    }

    // MARK: Messages

    override func receive(_ message: Message, requestID: UInt64, from peer: WorkerID) {
        switch message {
        case .jobRegistered(let registered):
            guard role == .driver, !isJoined else { return }
            messagesEnd()
            // A driver uses the node of its machine only once that has joined.
            if let node = raylet?.id, !registered.nodes.contains(where: { $0.address.worker == node }) {
                raylet = nil
                address.node = .none
            }
            join(job: registered.job, namespace: registered.namespace)
        case .workerAccepted(let accepted):
            if let error = accepted.error {
                cluster.note("\(name) is not accepted: \(error.message)")
                cluster.kill(self, signal: 0, by: "itself")
            } else if !isJoined {
                begin()
            }
        case .objectCreated(let created):
            if rooms[created.object] != nil {
                roomGiven(created)
            } else {
                hear(message, requestID: requestID, from: peer)
            }
        case .startActor(let start):
            actor = start.spec.id
            incarnation = start.incarnation
            actorSpec = start.spec
            actorLease = start.lease
            hear(message, requestID: requestID, from: peer)
        case .pushTask(let push):
            taskLeases[push.spec.id] = push.lease
            hear(message, requestID: requestID, from: peer)
        default: hear(message, requestID: requestID, from: peer)
        }
    }

    /// Gives the core a message, at once or with those that came together with it.
    private func hear(_ message: Message, requestID: UInt64, from peer: WorkerID) {
        let input = WorkerCore.Input.message(message, requestID: requestID, from: peer)
        guard cluster.options.readsTogether else { return step(input) }
        arrived.append(input)
        if arrived.count == Self.arrivedMax { messagesEnd() }
    }

    override func messagesEnd() {
        guard !arrived.isEmpty else { return }
        let inputs = arrived
        arrived = []
        if inputs.count > 1 { cluster.note("\(name) hears \(inputs.count) messages together") }
        transact { core, effects in
            for input in inputs { core.receive(input, at: cluster.now, into: &effects) }
        }
    }

    override func peerLost(_ peer: WorkerID, _ reason: String) {
        messagesEnd()
        if role == .driver, !isJoined {
            cluster.note("\(name) cannot start: \(reason)")
            cluster.kill(self, signal: 0, by: "itself")
            return
        }
        if peer == .gcs && cluster.reconnectMilliseconds == 0 || peer == raylet?.id {
            for (frame, room) in rooms.map({ ($0.value.frame, $0.key) }).sorted(by: { $0.1 < $1.1 }) {
                rooms[room] = nil
                failed(frame, RayError(.localRayletDied, reason))
            }
        }
        step(.peerLost(peer, reason: reason))
    }

    override func peerUp(_ peer: SimulatedProcess) { if isJoined || role == .worker { step(.peerUp(peer.id)) } }

    override func ticked() {
        step(.tick)
        core.checkInvariants()
    }

    // MARK: Core

    func step(_ input: WorkerCore.Input) {
        transact { core, effects in core.receive(input, at: cluster.now, into: &effects) }
    }

    /// Changes the core, does what it wants done, and goes on with the frames that this concerns.
    @discardableResult
    func transact<Value>(_ body: (inout WorkerCore, inout WorkerEffects) -> Value) -> Value {
        let value = body(&core, &effects)
        var after: [Aftermath] = []
        while let effect = effects.next() { perform(effect, &after) }
        wantTick(at: core.alarm)
        for aftermath in after where isAlive { run(aftermath) }
        return value
    }

    private func perform(_ effect: WorkerEffect, _ after: inout [Aftermath]) {
        switch effect {
        case .connect(let address): cluster.connect(self, to: address)
        case .send(let message, let requestID, let peer):
            cluster.oracle.sentByOwner(message, to: peer, in: cluster)
            send(message, requestID: requestID, to: peer)
        case .locate(let id):
            let isPresent = raylet.map { $0.isAlive && $0.store.has(id) } ?? false
            core.receive(.located(id, isPresent: isPresent), at: cluster.now, into: &effects)
        case .completeGet(let token, let outcomes): after.append(.got(token, outcomes))
        case .completeWait(let token, _): after.append(.waited(token))
        case .completeRequest(let token, let result): after.append(.sent(token, result))
        case .cancelExecution(let task):
            for frame in frames.values where frame.spec?.id == task { frame.isCancelled = true }
        case .execute(let spec): execute(spec)
        case .write(_, let object, let offset):
            raylet?.store.write(object.data + object.metadata + object.containedBytes, at: Int(clamping: offset))
        case .warn(let text): cluster.note("\(name) is told: \(text)")
        case .exit(let reason), .leave(let reason): after.append(.exit(reason))
        // Nobody expects farewells here.
        case .collectGarbage, .farewell, .unreadError: break
        // Nothing is gathered.
        case .flush: break
        }
    }

    private func run(_ aftermath: Aftermath) {
        switch aftermath {
        case .got(let token, let outcomes):
            guard let frame = tokens.removeValue(forKey: token) else {
                return cluster.fail("\(name): get \(token) ended twice")
            }
            got(frame, outcomes)
        case .waited(let token):
            guard let frame = tokens.removeValue(forKey: token) else {
                return cluster.fail("\(name): wait \(token) ended twice")
            }
            frames[frame]?.waiting = .nothing
            go(frame)
        case .sent(let token, let result):
            guard let number = tokens.removeValue(forKey: token), let frame = frames[number] else { return }
            if frame.question != nil { answered(number, result) } else { handedOver(number, result) }
        case .exit(let reason):
            cluster.note("\(name) ends: \(reason)")
            cluster.kill(self, signal: 0, by: "itself")
        }
    }

    // MARK: Frames

    @discardableResult
    private func addFrame(_ spec: TaskSpec?, _ operations: [Operation]) -> Frame {
        frameCount += 1
        let frame = Frame(number: frameCount, spec: spec, operations: operations)
        frames[frameCount] = frame
        frame.waiting = .time
        frame.waitingSince = cluster.now
        cluster.add(.resume(self, frame: frameCount), microseconds: cluster.random(1...20))
        return frame
    }

    func resume(_ number: Int) {
        if number == 0 { return cluster.driverEnded(self) }
        guard let frame = frames[number], frame.waiting == .time else { return }
        frame.waiting = .nothing
        go(number)
    }

    /// The core wants a task run: reads its arguments and makes its frame.
    private func execute(_ spec: TaskSpec) {
        cluster.oracle.started(spec, by: self, in: cluster)
        var sum: UInt64 = 0
        var program: TaskProgram?
        var nested: [ObjectReference] = []
        var pins: [(SimulatedStore.Pin, UInt64)] = []
        var missing: [ObjectID] = []
        for (index, outcome) in core.arguments(of: spec).enumerated() {
            switch outcome {
            case .inline(let object):
                if index == 0 {
                    program = TaskProgram(object)
                } else if let value = SimulatedValue.read(object.data[...]) {
                    sum &+= value
                }
                nested += object.contained
            case .local(let id):
                guard let raylet, let pin = raylet.store.find(id, slot: slot) else {
                    if !missing.contains(id) { missing.append(id) }
                    continue
                }
                guard let value = SimulatedValue.read(raylet.store.bytes(of: pin.entry).data) else {
                    return cluster.fail("\(name): argument \(id.short) is damaged")
                }
                nested += references(in: pin, of: raylet)
                pins.append((pin, value))
                sum &+= value
            case .failed(let error):
                core.receive(.finished(spec.id, .failure(error)), at: cluster.now, into: &effects)
                return
            }
        }
        guard missing.isEmpty else {
            for (pin, _) in pins { raylet?.store.unpin(pin) }
            core.receive(.argumentsMissing(spec.id, missing), at: cluster.now, into: &effects)
            return
        }
        guard let program else { return cluster.fail("\(name): a task came without its program") }
        let frame = addFrame(spec, [])
        frame.pins = pins
        frame.operations = body(of: program, spec, sum: sum, nested: nested, frame)
    }

    private func body(
        of program: TaskProgram, _ spec: TaskSpec, sum: UInt64, nested: [ObjectReference], _ frame: Frame
    ) -> [Operation] {
        for (index, reference) in nested.enumerated() {
            core.retain(reference, into: &effects)
            frame.references[index] = reference
        }
        switch program {
        case .increment(let number):
            counter += 1
            cluster.oracle.counted(number, spec, by: self, in: cluster)
        case .deposit:
            for reference in nested { core.retain(reference, into: &effects) }
            deposited += nested
            return [.compute(microseconds: 30), .finish(base: 0, bytes: 8, contained: [])]
        case .take:
            let kept = deposited
            deposited = []
            for (index, reference) in kept.enumerated() { frame.references[index] = reference }
            return [
                .finish(base: kept.isEmpty ? 0 : 1, bytes: 8, contained: Array(0..<kept.count))
            ]
        default: break
        }
        return program.operations(attempt: spec.attempt, sum: sum, nested: nested.count)
    }

    /// The references inside an object that is read.
    func references(in pin: SimulatedStore.Pin, of raylet: RayletProcess) -> [ObjectReference] {
        raylet.store.containedBytes(of: pin.entry).withUnsafeBytes { RayObject.references(in: $0) } ?? []
    }

    // MARK: Checks

    var job: JobID { core.configuration.job }

    /// Objects that this process holds or knows.
    var heldCount: Int { core.heldCount }

    /// Stops the run if user code waits for too long.
    func checkHang() {
        for (_, frame) in frames.sorted(by: { $0.key < $1.key }) where frame.waiting != .nothing {
            let since = max(frame.waitingSince, cluster.lastFault)
            guard cluster.now.milliseconds(since: since) > cluster.options.hangMilliseconds else { continue }
            let what = frame.slots.compactMap { frame.references[$0]?.id.short }.joined(separator: ", ")
            return cluster.fail("\(name) hangs: it waits (\(frame.waiting)) for \(what)")
        }
        if !isJoined, cluster.now.milliseconds(since: cluster.lastFault) > cluster.options.hangMilliseconds {
            cluster.fail("\(name) hangs: it was never accepted")
        }
    }

    /// The lease under which a task runs here.
    func lease(of spec: TaskSpec) -> LeaseID? { spec.kind == .normal ? taskLeases[spec.id] : actorLease }

    /// CPUs that user code uses here now, with the lease that holds each.
    var cpusInUse: [(lease: LeaseID?, amount: ResourceAmount)] {
        guard isAlive else { return [] }
        var used: [(lease: LeaseID?, amount: ResourceAmount)] = []
        for frame in frames.values where !frame.isBlocked {
            guard let spec = frame.spec, spec.kind == .normal else { continue }
            used.append((taskLeases[spec.id], spec.resources[ResourceSet.cpu]))
        }
        if let actorSpec, !frames.values.contains(where: \.isBlocked) {
            used.append((actorLease, actorSpec.heldResources[ResourceSet.cpu]))
        }
        return used
    }
}
