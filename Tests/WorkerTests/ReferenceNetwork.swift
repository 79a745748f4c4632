//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker

/// Several workers' cores and a head that grants every lease at once.
///
/// Links deliver in order, but each at its own pace: a seed chooses which one is next, and what user code does.
struct ReferenceNetwork {
    struct Link: Hashable {
        var from: WorkerID
        var to: WorkerID
    }

    let addresses: [Address]
    var generator: SplitMix64
    var cores: [WorkerID: WorkerCore] = [:]
    var queues: [(link: Link, messages: [Message])] = []
    /// References of user code, one local reference each.
    var held: [WorkerID: [ObjectReference]] = [:]
    /// Objects in the order of their making: a value contains only older ones, since rings are never freed.
    private var ages: [ObjectID: Int] = [:]
    private var ended: [(WorkerID, UInt64)] = []
    /// Gets under way and what they are for: user code holds it meanwhile.
    private var gets: [WorkerID: [UInt64: ObjectReference]] = [:]
    var running: [(worker: WorkerID, task: TaskSpec)] = []
    var now = Instant.zero
    /// What is wrong.
    var failure: String?

    init(seed: UInt64, count: Int = 4) {
        generator = SplitMix64(seed: seed)
        addresses = (1...count).map { WorkerHarness.address(UInt64($0)) }
        for (index, address) in addresses.enumerated() {
            // A job each, so that the ids of their puts differ.
            let configuration = WorkerCore.Configuration(
                address: address, raylet: nil, job: JobID(UInt32(index + 1)), namespace: "n", isDriver: true)
            cores[address.worker] = WorkerCore(configuration, seed: generator.next())
        }
    }

    mutating func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }

    mutating func transact<Value>(
        _ worker: WorkerID, _ body: (inout WorkerCore, inout WorkerEffects) -> Value
    ) -> Value? {
        guard var core = cores.removeValue(forKey: worker) else { return nil }
        var effects = WorkerEffects()
        let value = body(&core, &effects)
        cores[worker] = core
        for effect in effects.items { perform(effect, of: worker) }
        return value
    }

    private mutating func perform(_ effect: WorkerEffect, of worker: WorkerID) {
        switch effect {
        case .send(.requestLease(let request), _, _):
            let others = addresses.filter { $0.worker != worker }
            let grant = LeaseGranted(lease: request.lease, worker: others[random(others.count)], processID: 1)
            post(.leaseGranted(grant), from: .gcs, to: worker)
        case .send(let message, _, let peer) where peer != .gcs: post(message, from: worker, to: peer)
        case .execute(let spec):
            running.append((worker, spec))
            for case .inline(let object) in cores[worker]?.arguments(of: spec) ?? [] { decode(object, at: worker) }
        case .completeGet(let token, let outcomes):
            for outcome in outcomes {
                if case .inline(let object) = outcome { decode(object, at: worker) }
                if case .failed(let error) = outcome { failure = failure ?? error.message }
            }
            ended.append((worker, token))
        default: break
        }
    }

    /// The references of gets that have ended go.
    private mutating func endGets() {
        while let (worker, token) = ended.popLast() {
            guard let reference = gets[worker]?.removeValue(forKey: token) else { continue }
            _ = transact(worker) { core, effects in core.release(reference.id, into: &effects) }
        }
    }

    private mutating func post(_ message: Message, from: WorkerID, to: WorkerID) {
        if case .borrowNoted(let noted) = message, let id = noted.missing.first {
            failure = failure ?? "\(id) was freed before \(to) could register"
        }
        let link = Link(from: from, to: to)
        if let index = queues.firstIndex(where: { $0.link == link }) {
            queues[index].messages.append(message)
        } else {
            queues.append((link, [message]))
        }
    }

    private mutating func decode(_ object: RayObject, at worker: WorkerID) {
        for reference in object.contained {
            _ = transact(worker) { core, effects in core.retain(reference, into: &effects) }
            held[worker, default: []].append(reference)
        }
    }

    /// Delivers the oldest message of some link; whether there was one.
    mutating func deliver() -> Bool {
        let full = queues.indices.filter { !queues[$0].messages.isEmpty }
        guard !full.isEmpty else { return false }
        let index = full[random(full.count)]
        let message = queues[index].messages.removeFirst()
        let link = queues[index].link
        let now = now
        _ = transact(link.to) { core, effects in
            core.receive(.message(message, requestID: 0, from: link.from), at: now, into: &effects)
        }
        endGets()
        return true
    }

    // MARK: User code

    private mutating func some(at worker: WorkerID) -> [ObjectReference] {
        guard let all = held[worker], !all.isEmpty else { return [] }
        return (0..<random(3)).map { _ in all[random(all.count)] }
    }

    mutating func put(at worker: WorkerID, containing contained: [ObjectReference]) -> ObjectReference? {
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: contained)
        guard let id = transact(worker, { $0.put(object, from: nil, into: &$1) }),
            let owner = addresses.first(where: { $0.worker == worker })
        else { return nil }
        let reference = ObjectReference(id: id, owner: owner)
        held[worker, default: []].append(reference)
        ages[id] = ages.count
        return reference
    }

    mutating func submit(at worker: WorkerID, _ arguments: [TaskArgument]) {
        let call = Call(function: WorkerHarness.function, arguments: arguments)
        let now = now
        let results = transact(worker) { $0.submit(call, from: nil, at: now, into: &$1) }
        for result in results ?? [] { ages[result.id] = ages.count }
        held[worker, default: []] += results ?? []
    }

    mutating func release(at worker: WorkerID, index: Int) {
        guard let reference = held[worker]?.remove(at: index) else { return }
        _ = transact(worker) { core, effects in core.release(reference.id, into: &effects) }
    }

    mutating func finish(_ index: Int, contained: [ObjectReference]) {
        let (worker, task) = running.remove(at: index)
        let object = RayObject(data: [2], metadata: ObjectMetadata.raw, contained: contained)
        let now = now
        _ = transact(worker) { core, effects in
            core.receive(.finished(task.id, .success([object])), at: now, into: &effects)
        }
    }

    /// One thing that user code somewhere does.
    mutating func act() {
        let worker = addresses[random(addresses.count)].worker
        let count = held[worker]?.count ?? 0
        switch random(6) {
        case 0: _ = put(at: worker, containing: some(at: worker))
        case 1:
            let inner = RayObject(data: [3], metadata: ObjectMetadata.raw, contained: some(at: worker))
            let whole = some(at: worker).prefix(1).map { TaskArgument.reference($0) }
            submit(at: worker, [.value(inner)] + whole)
        case 2 where count > 0:
            let index = random(count)
            if let reference = held[worker]?[index] {
                let token = transact(worker) { core, effects in
                    core.retain(reference, into: &effects)
                    return core.get([reference], deadline: nil, from: nil, into: &effects)
                }
                if let token { gets[worker, default: [:]][token] = reference }
            }
        case 3 where !running.isEmpty:
            let index = random(running.count)
            let age = ages[running[index].task.returnIDs[0]] ?? 0
            finish(index, contained: some(at: running[index].worker).filter { ages[$0.id, default: 0] < age })
        case _ where count > 0: release(at: worker, index: random(count))
        default: break
        }
        endGets()
    }

    /// Every reference that user code holds stands for an object that its owner has.
    mutating func check() {
        for core in cores.values { core.checkInvariants() }
        for (worker, references) in held {
            for reference in references where cores[reference.owner.worker]?.owns(reference.id) != true {
                failure = failure ?? "\(worker) holds \(reference.id), which its owner has not got"
            }
        }
    }

    /// Lets user code end everywhere; what then is left.
    mutating func windUp() -> Int {
        var rounds = 0
        repeat {
            while deliver() {}
            while !running.isEmpty { finish(0, contained: []) }
            for address in addresses {
                while held[address.worker]?.isEmpty == false { release(at: address.worker, index: 0) }
            }
            now = now.advanced(milliseconds: 1_000)
            let now = now
            for address in addresses { _ = transact(address.worker) { $0.receive(.tick, at: now, into: &$1) } }
            rounds += 1
        } while queues.contains { !$0.messages.isEmpty } && rounds < 1_000
        return cores.values.reduce(0) { $0 + $1.heldCount }
    }
}
