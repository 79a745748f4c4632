//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker

/// A driver that hands values to an actor, the actor's process, and a third process whose objects are inside the
/// values, each on a node of its own with a store. Links deliver in order, each at its own pace.
struct HandOverNetwork {
    struct Link: Hashable {
        var from: WorkerID
        var to: WorkerID
    }

    let driver = Self.address(1)
    let third = Self.address(2)
    let actor = ActorID(5, 5)
    private(set) var generator: SplitMix64
    var cores: [WorkerID: WorkerCore] = [:]
    private var addresses: [WorkerID: Address] = [:]
    private(set) var stores: [NodeID: [ObjectID: RayObject]] = [:]
    private var queues: [(link: Link, messages: [(message: Message, requestID: UInt64)])] = []
    private(set) var now = Instant.zero
    private(set) var living: Address?
    private(set) var incarnation: UInt32 = 0
    private var phase = ActorPhase.pending
    /// References of the driver's user, and the first byte of each value.
    var held: [(reference: ObjectReference, byte: UInt8)] = []
    /// What the driver put.
    private var made: [ObjectID] = []
    /// Hand-overs under way, by token.
    private(set) var open: [UInt64: UInt8] = [:]
    private(set) var handed: [(reference: ObjectReference, byte: UInt8)] = []
    private(set) var errors: [RayError] = []
    private var gets: [UInt64: (reference: ObjectReference, byte: UInt8?)] = [:]
    /// What gets gave.
    private(set) var read: [ObjectID: Result<UInt8, RayError>] = [:]
    /// Second objects that raylets made.
    private(set) var shareCount = 0
    /// Whether a process or link was lost: then objects may be lost with it.
    private(set) var hasLosses = false
    var failure: String?

    private let answersEarly: Bool

    /// - Parameter answersEarly: a fault: nothing waits until what is inside a value is registered.
    init(seed: UInt64, answersEarly: Bool = false) {
        self.answersEarly = answersEarly
        generator = SplitMix64(seed: seed)
        add(driver, isDriver: true)
        add(third, isDriver: true)
    }

    /// A process and its node, whose raylet has another id.
    private static func address(_ number: UInt64) -> Address {
        Address(
            node: NodeID(number, 1, 0, 0), worker: WorkerID(number, 0, 0, 0), host: "h\(number)", port: 1,
            socketPath: "")
    }

    mutating func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }

    private static func raylet(_ node: NodeID) -> WorkerID { WorkerID(raylet: node) }

    private mutating func add(_ address: Address, isDriver: Bool) {
        addresses[address.worker] = address
        stores[address.node] = stores[address.node] ?? [:]
        var raylet = address
        raylet.worker = Self.raylet(address.node)
        let number = UInt32(truncatingIfNeeded: address.worker.word0)
        var configuration = WorkerCore.Configuration(
            address: address, raylet: raylet, job: JobID(number), namespace: "n", isDriver: isDriver)
        configuration.plantsEarlyAnswer = answersEarly
        cores[address.worker] = WorkerCore(configuration, seed: generator.next())
    }

    // MARK: The actor

    /// The actor is started, on a node of its own.
    mutating func startActor() {
        let address = Self.address(UInt64(10 + incarnation))
        add(address, isDriver: false)
        let creation = TaskSpec(
            id: TaskID(1, 5, 5), kind: .actorCreation(actor), function: WorkerHarness.function, owner: driver)
        let start = StartActor(
            spec: ActorSpec(id: actor, creation: creation), incarnation: incarnation, lease: .none)
        transact(address.worker) { core, effects, now in
            core.receive(.message(.startActor(start), requestID: 0, from: .gcs), at: now, into: &effects)
        }
        transact(address.worker) { $0.receive(.finished(creation.id, .success([])), at: $2, into: &$1) }
        living = address
        phase = .alive
        tellDriver()
    }

    /// The actor's process dies; the GCS knows it at once.
    mutating func killActor(restarts: Bool) {
        guard let address = living else { return }
        living = nil
        hasLosses = true
        cores[address.worker] = nil
        // What it owned goes everywhere.
        for node in stores.keys { stores[node] = stores[node]?.filter { $0.key.task.actor != actor } }
        stores[address.node] = [:]
        queues.removeAll { $0.link.from == address.worker || $0.link.to == address.worker }
        phase = restarts ? .restarting : .dead
        incarnation += 1
        for peer in [driver.worker, third.worker] {
            transact(peer) { $0.receive(.peerLost(address.worker, reason: "killed"), at: $2, into: &$1) }
        }
        tellDriver()
    }

    private mutating func tellDriver() {
        let state = ActorState(
            id: actor, phase: phase, address: living ?? .none, incarnation: incarnation,
            error: phase == .dead ? RayError(.actorDied, "it was killed") : nil, className: WorkerHarness.function,
            taskRetriesMax: 0, name: "", namespace: "")
        post(.actorUpdate(ActorUpdate(state: state)), from: .gcs, to: driver.worker)
    }

    /// The link between driver and actor breaks, with what is on its way.
    mutating func loseLink() {
        guard let living else { return }
        hasLosses = true
        let ends = [(driver.worker, living.worker), (living.worker, driver.worker)]
        for (from, to) in ends { queues.removeAll { $0.link == Link(from: from, to: to) } }
        for (from, to) in ends { transact(to) { $0.receive(.peerLost(from, reason: "cut"), at: $2, into: &$1) } }
    }

    /// The driver dies.
    mutating func killDriver() {
        hasLosses = true
        cores[driver.worker] = nil
        stores[driver.node] = [:]
        for node in stores.keys { for id in made { stores[node]?[id] = nil } }
        (held, handed, open, gets) = ([], [], [:], [:])
        queues.removeAll { $0.link.from == driver.worker || $0.link.to == driver.worker }
        let dead = driver.worker
        for peer in cores.keys.sorted() {
            transact(peer) { $0.receive(.peerLost(dead, reason: "dead"), at: $2, into: &$1) }
        }
    }

    // MARK: Messages

    private mutating func post(_ message: Message, _ requestID: UInt64 = 0, from: WorkerID, to: WorkerID) {
        if case .borrowNoted(let noted) = message, let id = noted.missing.first, !hasLosses {
            failure = failure ?? "\(id) was freed before \(to) could register"
        }
        let link = Link(from: from, to: to)
        if let index = queues.firstIndex(where: { $0.link == link }) {
            queues[index].messages.append((message, requestID))
        } else {
            queues.append((link, [(message, requestID)]))
        }
    }

    /// Delivers the oldest message of some link; whether there was one.
    mutating func deliver() -> Bool {
        let full = queues.indices.filter { !queues[$0].messages.isEmpty }
        guard !full.isEmpty else { return false }
        deliver(at: full[random(full.count)])
        return true
    }

    private mutating func deliver(at index: Int) {
        let (message, requestID) = queues[index].messages.removeFirst()
        let link = queues[index].link
        if link.to == .gcs {
            if case .subscribeActor = message { tellDriver() }
        } else if let node = stores.keys.first(where: { Self.raylet($0) == link.to }) {
            raylet(node, message, requestID, from: link.from)
        } else if cores[link.to] != nil {
            transact(link.to) { core, effects, now in
                core.receive(.message(message, requestID: requestID, from: link.from), at: now, into: &effects)
            }
        } else {
            transact(link.from) { $0.receive(.peerLost(link.to, reason: "nobody there"), at: $2, into: &$1) }
        }
    }

    private mutating func raylet(_ node: NodeID, _ message: Message, _ requestID: UInt64, from peer: WorkerID) {
        switch message {
        case .freeObjects(let free): for id in free.objects { stores[node]?[id] = nil }
        case .shareObject(let share):
            var answer = ObjectShared(object: share.object)
            if let object = stores[node]?[share.source] {
                stores[node]?[share.object] = object
                shareCount += 1
                answer.byteCount = object.data.count
                answer.contained = object.containedBytes
            } else {
                answer.error = RayError(.objectLost, "not here")
            }
            post(.objectShared(answer), from: Self.raylet(node), to: peer)
        case .fetchObject(let fetch):
            let id = fetch.object
            let found = stores[node]?[id] ?? fetch.locations.compactMap { stores[$0.node]?[id] }.first
            guard let found else {
                let error = RayError(.objectLost, "nowhere")
                let local = ObjectLocal(object: id, error: error, lost: fetch.locations.map(\.node))
                return post(.objectLocal(local), requestID, from: Self.raylet(node), to: peer)
            }
            if stores[node]?[id] == nil {
                stores[node]?[id] = found
                var place = addresses.values.first { $0.node == node } ?? .none
                place.worker = Self.raylet(node)
                post(.objectCopied(ObjectCopied(object: id, raylet: place)), from: place.worker, to: fetch.owner)
            }
            post(.objectLocal(ObjectLocal(object: id)), requestID, from: Self.raylet(node), to: peer)
        default: break
        }
    }

    mutating func transact(_ worker: WorkerID, _ body: (inout WorkerCore, inout WorkerEffects, Instant) -> Void) {
        guard var core = cores.removeValue(forKey: worker), let node = addresses[worker]?.node else { return }
        var effects = WorkerEffects()
        body(&core, &effects, now)
        while let effect = effects.next() {
            switch effect {
            case .locate(let id):
                let isPresent = stores[node]?[id] != nil
                core.receive(.located(id, isPresent: isPresent), at: now, into: &effects)
            case .completeRequest(let token, let result): ended(token, result)
            case .completeGet(let token, let outcomes): got(token, outcomes, node, &core, &effects)
            case .send(let message, let requestID, let peer): post(message, requestID, from: worker, to: peer)
            default: break
            }
        }
        core.checkInvariants()
        cores[worker] = core
    }

    private mutating func ended(_ token: UInt64, _ result: Result<Message, RayError>) {
        guard let byte = open.removeValue(forKey: token) else { return }
        switch result {
        case .success(.handedOver(let answer)):
            if let reference = answer.object { handed.append((reference, byte)) }
        case .success: failure = failure ?? "an answer of another kind"
        case .failure(let error): errors.append(error)
        }
    }

    private mutating func got(
        _ token: UInt64, _ outcomes: [ObjectOutcome], _ node: NodeID, _ core: inout WorkerCore,
        _ effects: inout WorkerEffects
    ) {
        guard let (reference, byte) = gets.removeValue(forKey: token), let outcome = outcomes.first else { return }
        var object: RayObject?
        switch outcome {
        case .inline(let value): object = value
        case .local(let id):
            object = stores[node]?[id]
            if object == nil {
                core.missing(id, into: &effects)
                let again = core.get([reference], deadline: nil, from: nil, into: &effects)
                gets[again] = (reference, byte)
                return
            }
        case .failed(let error):
            read[reference.id] = .failure(error)
            if !hasLosses { failure = failure ?? error.message }
        }
        if let object {
            read[reference.id] = .success(object.data[0])
            if let byte, object.data[0] != byte { failure = failure ?? "a value is wrong" }
            for inside in object.contained where cores[inside.owner.worker]?.owns(inside.id) != true && !hasLosses {
                failure = failure ?? "\(inside.id) is gone, and a living value contains it"
            }
        }
        core.release(reference.id, into: &effects)
    }

    // MARK: User code

    /// A value of the driver, perhaps with something of the third process inside.
    mutating func put(large: Bool, nested: Bool) {
        guard cores[driver.worker] != nil else { return }
        let byte = UInt8(truncatingIfNeeded: random(256))
        let bytes = [UInt8](repeating: byte, count: large ? Limits.inlineObjectBytesMax + 1 : 1)
        let inside = nested ? borrowed() : nil
        let contained = inside.map { [$0] } ?? []
        let object = RayObject(data: bytes, metadata: ObjectMetadata.raw, contained: contained)
        var id = ObjectID.none
        transact(driver.worker) { core, effects, _ in
            guard large else {
                id = core.put(object, from: nil, into: &effects)
                return
            }
            id = core.nextPutID(of: nil)
            var raylet = core.configuration.address
            raylet.worker = Self.raylet(raylet.node)
            core.sealed(
                id, byteCount: bytes.count, contained: contained, at: raylet, isLocal: true, into: &effects)
        }
        if large { stores[driver.node]?[id] = object }
        made.append(id)
        if let inside {
            transact(driver.worker) { core, effects, _ in core.release(inside.id, into: &effects) }
        }
        held.append((ObjectReference(id: id, owner: driver), byte))
    }

    mutating func handOver(_ index: Int, deadline: Instant? = nil) {
        let (reference, byte) = held[index]
        let actor = actor
        var token: UInt64 = 0
        guard var core = cores[driver.worker] else { return }
        // The token must be known before its end is.
        var effects = WorkerEffects()
        token = core.handOver(reference, to: actor, deadline: deadline, from: nil, at: now, into: &effects)
        open[token] = byte
        cores[driver.worker] = core
        let items = effects.items
        transact(driver.worker) { _, effects, _ in for item in items { effects.append(item) } }
    }

    mutating func release(_ index: Int) {
        let reference = held.remove(at: index).reference
        transact(driver.worker) { core, effects, _ in core.release(reference.id, into: &effects) }
    }

    /// An object of the third process that only the driver holds.
    private mutating func borrowed() -> ObjectReference {
        var id = ObjectID.none
        transact(third.worker) { core, effects, _ in
            id = core.put(RayObject(data: [1], metadata: ObjectMetadata.raw), from: nil, into: &effects)
        }
        let reference = ObjectReference(id: id, owner: third)
        transact(driver.worker) { core, effects, _ in core.retain(reference, into: &effects) }
        let links = [
            Link(from: driver.worker, to: third.worker), Link(from: third.worker, to: driver.worker),
        ]
        while let index = queues.firstIndex(where: { links.contains($0.link) && !$0.messages.isEmpty }) {
            deliver(at: index)
        }
        transact(third.worker) { core, effects, _ in core.release(id, into: &effects) }
        return reference
    }

    /// The driver reads what it handed over and lets it go.
    mutating func readHanded() {
        while let (reference, byte) = handed.popLast() { get(reference, byte) }
    }

    mutating func get(_ reference: ObjectReference, _ byte: UInt8?) {
        guard var core = cores[driver.worker] else { return }
        var effects = WorkerEffects()
        gets[core.get([reference], deadline: nil, from: nil, into: &effects)] = (reference, byte)
        cores[driver.worker] = core
        let items = effects.items
        transact(driver.worker) { _, effects, _ in for item in items { effects.append(item) } }
    }

    /// Lets time pass until nothing comes any more.
    mutating func settle(seconds: Int = 30) {
        for _ in 0..<seconds {
            while deliver() {}
            now = now.advanced(milliseconds: 1_000)
            for id in cores.keys.sorted() { transact(id) { $0.receive(.tick, at: $2, into: &$1) } }
        }
        while deliver() {}
    }

    /// Time passes without a message.
    mutating func advance(milliseconds: Int) {
        now = now.advanced(milliseconds: milliseconds)
        for id in cores.keys.sorted() { transact(id) { $0.receive(.tick, at: $2, into: &$1) } }
    }

    var isActorDead: Bool { phase == .dead }

    /// Objects in stores and books.
    var left: Int { stores.values.reduce(0) { $0 + $1.count } + cores.values.reduce(0) { $0 + $1.heldCount } }
}
