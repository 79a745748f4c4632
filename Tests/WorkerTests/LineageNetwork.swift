//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker

/// A driver and workers on nodes that die, each with a store: a seed chooses what happens next.
///
/// The driver's node lives. A lease gets a process of its own on some node; every result is large, and is its task's
/// own number plus the sum of its arguments.
struct LineageNetwork {
    struct Link: Hashable {
        var from: WorkerID
        var to: WorkerID
    }

    struct Node {
        var raylet: Address
        var store: [ObjectID: UInt64] = [:]
    }

    private(set) var generator: SplitMix64
    private(set) var nodes: [NodeID: Node] = [:]
    private(set) var living: [NodeID] = []
    private(set) var cores: [WorkerID: WorkerCore] = [:]
    private var addresses: [WorkerID: Address] = [:]
    private var queues: [(link: Link, messages: [(Message, UInt64)])] = []
    private var running: [(worker: WorkerID, task: TaskSpec)] = []
    private var gets: [UInt64: ObjectReference] = [:]
    /// Who sent to a process that is dead, and has not been told.
    private var unreachable: [Link] = []
    private var count: UInt64 = 0
    private var now = Instant.zero
    let driver: WorkerID
    /// The references of user code and what they must be.
    private(set) var held: [(reference: ObjectReference, value: UInt64)] = []
    private var values: [ObjectID: UInt64] = [:]
    /// Tasks that were run, and nodes that died.
    private(set) var runCount = 0
    private(set) var deathCount = 0
    var failure: String?

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
        driver = WorkerID(1, 0, 0, 0)
        for _ in 0..<3 { addNode() }
        addProcess(driver, on: living[0], isDriver: true)
    }

    mutating func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }

    // MARK: Nodes and processes

    private mutating func addNode() {
        count += 1
        let node = NodeID(count, 1, 0, 0)
        let raylet = Address(node: node, worker: WorkerID(raylet: node), host: "n\(count)", port: 1, socketPath: "")
        nodes[node] = Node(raylet: raylet)
        living.append(node)
    }

    private mutating func addProcess(_ id: WorkerID, on node: NodeID, isDriver: Bool = false) {
        let address = Address(node: node, worker: id, host: "p", port: 1, socketPath: "")
        addresses[id] = address
        let configuration = WorkerCore.Configuration(
            address: address, raylet: nodes[node]?.raylet, job: JobID(1), namespace: "n", isDriver: isDriver)
        cores[id] = WorkerCore(configuration, seed: generator.next())
    }

    /// A node dies with its processes; another one joins.
    mutating func killNode() {
        let node = living[1 + random(living.count - 1)]
        living.removeAll { $0 == node }
        deathCount += 1
        let raylet = WorkerID(raylet: node)
        let dead = addresses.filter { $0.value.node == node && cores[$0.key] != nil }.keys.sorted()
        for id in dead { cores[id] = nil }
        running.removeAll { dead.contains($0.worker) }
        let gone = Set(dead + [raylet])
        let loses = random(2) == 0
        queues.removeAll { gone.contains($0.link.to) || loses && gone.contains($0.link.from) }
        let died = Message.nodeDied(NodeDied(node: node, name: "n", reason: "killed"))
        for id in cores.keys.sorted() {
            post(died, from: .gcs, to: id)
            for peer in gone.sorted() {
                // What was sent before the end may still come; then the link is lost.
                while let next = take(Link(from: peer, to: id)) { deliver(next.0, next.1, Link(from: peer, to: id)) }
                transact(id) { $0.receive(.peerLost(peer, reason: "killed"), at: $2, into: &$1) }
            }
        }
        queues.removeAll { gone.contains($0.link.from) }
        addNode()
    }

    // MARK: Messages

    private mutating func post(_ message: Message, _ requestID: UInt64 = 0, from: WorkerID, to: WorkerID) {
        guard isThere(to) else {
            unreachable.append(Link(from: to, to: from))
            return
        }
        let link = Link(from: from, to: to)
        if let index = queues.firstIndex(where: { $0.link == link }) {
            queues[index].messages.append((message, requestID))
        } else {
            queues.append((link, [(message, requestID)]))
        }
    }

    private func isThere(_ id: WorkerID) -> Bool {
        id == .gcs || addresses[id].map { living.contains($0.node) } ?? living.contains(NodeID(raylet: id))
    }

    private mutating func take(_ link: Link) -> (Message, UInt64)? {
        guard let index = queues.firstIndex(where: { $0.link == link }), !queues[index].messages.isEmpty else {
            return nil
        }
        return queues[index].messages.removeFirst()
    }

    /// Delivers the oldest message of some link; whether there was one.
    mutating func deliver() -> Bool {
        if let link = unreachable.popLast() {
            transact(link.to) { $0.receive(.peerLost(link.from, reason: "refused"), at: $2, into: &$1) }
            return true
        }
        let full = queues.filter { !$0.messages.isEmpty }.map(\.link)
        guard !full.isEmpty else { return false }
        let link = full[random(full.count)]
        if let (message, requestID) = take(link) { deliver(message, requestID, link) }
        return true
    }

    private mutating func deliver(_ message: Message, _ requestID: UInt64, _ link: Link) {
        if cores[link.to] == nil { return raylet(NodeID(raylet: link.to), message, requestID, from: link.from) }
        transact(link.to) { core, effects, now in
            core.receive(.message(message, requestID: requestID, from: link.from), at: now, into: &effects)
        }
    }

    /// What a raylet does with objects.
    private mutating func raylet(_ node: NodeID, _ message: Message, _ requestID: UInt64, from peer: WorkerID) {
        guard let here = nodes[node] else { return }
        switch message {
        case .createObject(let create):
            post(.objectCreated(ObjectCreated(object: create.object, offset: 0)), from: here.raylet.worker, to: peer)
        case .freeObjects(let free): for id in free.objects { nodes[node]?.store[id] = nil }
        case .keepCopies(let keep):
            let gone = keep.objects.filter { here.store[$0] == nil }
            if !gone.isEmpty { post(.copiesGone(CopiesGone(objects: gone)), from: here.raylet.worker, to: peer) }
        case .fetchObject(let fetch):
            let id = fetch.object
            let source = fetch.locations.first { living.contains($0.node) && nodes[$0.node]?.store[id] != nil }
            guard let value = here.store[id] ?? source.flatMap({ nodes[$0.node]?.store[id] }) else {
                let error = RayError(.objectLost, "nowhere")
                let local = ObjectLocal(object: id, error: error, lost: fetch.locations.map(\.node))
                return post(.objectLocal(local), requestID, from: here.raylet.worker, to: peer)
            }
            if here.store[id] == nil {
                nodes[node]?.store[id] = value
                let copied = ObjectCopied(object: id, raylet: here.raylet)
                post(.objectCopied(copied), from: here.raylet.worker, to: fetch.ownerAddress.worker)
            }
            post(.objectLocal(ObjectLocal(object: id)), requestID, from: here.raylet.worker, to: peer)
        default: break
        }
    }

    // MARK: Cores

    /// Changes a core and does what it wants; then, with `asking`, begins a get there.
    private mutating func transact(
        _ worker: WorkerID, asking: ObjectReference? = nil,
        _ body: (inout WorkerCore, inout WorkerEffects, Instant) -> Void
    ) {
        guard var core = cores.removeValue(forKey: worker) else { return }
        var effects = WorkerEffects()
        body(&core, &effects, now)
        if let asking { gets[core.get([asking], deadline: nil, from: nil, into: &effects)] = asking }
        let node = addresses[worker]?.node ?? .none
        while let effect = effects.next() {
            switch effect {
            case .locate(let id):
                let isPresent = nodes[node]?.store[id] != nil
                core.receive(.located(id, isPresent: isPresent), at: now, into: &effects)
            case .execute(let spec):
                let missing = core.arguments(of: spec).compactMap { outcome -> ObjectID? in
                    if case .local(let id) = outcome, nodes[node]?.store[id] == nil { id } else { nil }
                }
                if missing.isEmpty {
                    run(spec, core.arguments(of: spec), at: worker, node)
                } else {
                    core.receive(.argumentsMissing(spec.id, missing), at: now, into: &effects)
                }
            case .write(let id, let object, _):
                nodes[node]?.store[id] = object.data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            case .completeGet(let token, let outcomes):
                let evicted = check(token, outcomes, node)
                if let evicted, let reference = gets.removeValue(forKey: token) {
                    core.missing(evicted, into: &effects)
                    gets[core.get([reference], deadline: nil, from: nil, into: &effects)] = reference
                } else if let reference = gets.removeValue(forKey: token) {
                    core.release(reference.id, into: &effects)
                }
            case .send(.requestLease(let request), _, _): grant(request.lease, to: worker)
            case .send(let message, let requestID, let peer): post(message, requestID, from: worker, to: peer)
            default: break
            }
        }
        core.checkInvariants()
        cores[worker] = core
    }

    private mutating func grant(_ lease: LeaseID, to owner: WorkerID) {
        count += 1
        let id = WorkerID(count, 2, 0, 0)
        addProcess(id, on: living[random(living.count)])
        guard let address = addresses[id] else { return }
        post(.leaseGranted(LeaseGranted(lease: lease, worker: address, processID: 1)), from: .gcs, to: owner)
    }

    private mutating func run(_ spec: TaskSpec, _ arguments: [ObjectOutcome], at worker: WorkerID, _ node: NodeID) {
        var sum: UInt64 = 0
        for argument in arguments {
            switch argument {
            case .inline(let object): sum &+= UInt64(object.data[0])
            case .local(let id): sum &+= nodes[node]?.store[id] ?? 0
            case .failed(let error): failure = failure ?? "an argument failed: \(error.message)"
            }
        }
        runCount += 1
        sums[spec.id] = sum
        running.append((worker, spec))
    }

    private var sums: [TaskID: UInt64] = [:]

    /// Checks what a get gave; an object that is not in the store any more.
    private mutating func check(_ token: UInt64, _ outcomes: [ObjectOutcome], _ node: NodeID) -> ObjectID? {
        guard let reference = gets[token], let outcome = outcomes.first else { return nil }
        switch outcome {
        case .failed(let error): failure = failure ?? error.message
        case .inline: failure = failure ?? "a large result came inside a message"
        case .local(let id):
            guard let value = nodes[node]?.store[id] else { return id }
            if value != values[reference.id] { failure = failure ?? "a result is wrong" }
        }
        return nil
    }

    // MARK: User code

    mutating func submit() {
        count += 1
        let own = UInt8(truncatingIfNeeded: count)
        var value = UInt64(own)
        var arguments = [TaskArgument.value(RayObject(data: [own], metadata: ObjectMetadata.raw))]
        for _ in 0..<random(4) where !held.isEmpty {
            let source = held[random(held.count)]
            value &+= source.value
            arguments.append(.reference(source.reference))
        }
        let call = Call(function: WorkerHarness.function, arguments: arguments, retriesMax: -1)
        var made: [ObjectReference] = []
        transact(driver) { core, effects, now in made = core.submit(call, from: nil, at: now, into: &effects) }
        for reference in made {
            values[reference.id] = value
            held.append((reference, value))
        }
    }

    mutating func get(_ index: Int) {
        let reference = held[index].reference
        transact(driver, asking: reference) { core, effects, _ in core.retain(reference, into: &effects) }
    }

    mutating func release(_ index: Int) {
        let reference = held.remove(at: index).reference
        transact(driver) { core, effects, _ in core.release(reference.id, into: &effects) }
    }

    private mutating func finish() {
        let index = random(running.count)
        let (worker, spec) = running.remove(at: index)
        var bytes = [UInt8](repeating: 0, count: Limits.inlineObjectBytesMax + 1)
        withUnsafeBytes(of: (sums[spec.id] ?? 0).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        let object = RayObject(data: bytes, metadata: ObjectMetadata.raw)
        transact(worker) { core, effects, now in
            core.receive(.finished(spec.id, .success([object])), at: now, into: &effects)
        }
    }

    /// One thing that happens somewhere.
    mutating func act() {
        switch random(40) {
        case 0: killNode()
        case 1...8: submit()
        case 9...12 where !held.isEmpty: release(random(held.count))
        case 13...16 where !held.isEmpty: get(random(held.count))
        case _ where !running.isEmpty: finish()
        default: _ = deliver()
        }
    }

    /// Lets all that is under way end, then time pass, until nothing comes any more.
    mutating func settle() {
        for _ in 0..<30 {
            while true {
                if deliver() { continue }
                guard !running.isEmpty else { break }
                finish()
            }
            now = now.advanced(milliseconds: 1_000)
            for id in cores.keys.sorted() { transact(id) { $0.receive(.tick, at: $2, into: &$1) } }
        }
    }

    /// Gets that have not ended.
    var openGets: Int { gets.count }

    /// Objects in stores of living nodes and in the driver's books.
    var left: Int {
        living.reduce(0) { $0 + (nodes[$1]?.store.count ?? 0) } + (cores[driver]?.heldCount ?? 0)
    }
}
