//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Values that are handed to actors") struct HandOverTests {
    @Test(
        "Whatever overtakes what, the actor's object lives when the answer comes, and all go in the end",
        arguments: 0..<20)
    func anyOrder(block: UInt64) {
        for seed in block * 10..<block * 10 + 10 {
            var network = anything(seed)
            finish(&network, seed)
            #expect(network.errors.isEmpty, "seed \(seed): \(network.errors)")
        }
    }

    private func anything(_ seed: UInt64, answersEarly: Bool = false) -> HandOverNetwork {
        var network = HandOverNetwork(seed: seed, answersEarly: answersEarly)
        network.startActor()
        for _ in 0..<200 where network.failure == nil {
            switch network.random(8) {
            case 0: network.put(large: network.random(2) == 0, nested: network.random(2) == 0)
            case 1 where !network.held.isEmpty: network.handOver(network.random(network.held.count))
            case 2 where !network.held.isEmpty: network.release(network.random(network.held.count))
            case 3: network.readHanded()
            default: _ = network.deliver()
            }
        }
        return network
    }

    @Test("An answer that comes too early is found") func plantedFault() {
        let found = (0..<100).contains { seed in
            anything(UInt64(seed), answersEarly: true).failure?.contains("freed before") == true
        }
        #expect(found)
    }

    private func finish(_ network: inout HandOverNetwork, _ seed: UInt64) {
        while !network.held.isEmpty { network.release(0) }
        network.settle()
        network.readHanded()
        network.settle(seconds: 90)
        #expect(network.failure == nil, "seed \(seed)")
        #expect(network.open.isEmpty, "seed \(seed): a hand-over never ends")
        #expect(network.left == 0, "seed \(seed) leaves \(network.left)")
    }

    @Test("Processes and links may be lost at any moment: each wish ends, and nothing is left", arguments: 0..<30)
    func losses(block: UInt64) {
        for seed in block * 10..<block * 10 + 10 {
            var network = HandOverNetwork(seed: seed)
            for step in 0..<200 where network.failure == nil {
                switch network.random(30) {
                case 0..<4: network.put(large: network.random(2) == 0, nested: network.random(2) == 0)
                case 4..<9 where !network.held.isEmpty: network.handOver(network.random(network.held.count))
                case 9..<11 where !network.held.isEmpty: network.release(network.random(network.held.count))
                case 11: network.readHanded()
                case 12: network.loseLink()
                case 13 where step > 20: network.killActor(restarts: network.random(3) > 0)
                case 14..<16 where network.living == nil && !network.isActorDead: network.startActor()
                case 16 where step > 150: network.killDriver()
                case 17: network.settle(seconds: 1)
                default: _ = network.deliver()
                }
            }
            finish(&network, seed)
            for error in network.errors {
                let types: [ErrorType] = [.actorDied, .actorUnavailable, .ownerDied, .objectFreed]
                #expect(types.contains(error.type), "seed \(seed): \(error.message)")
            }
        }
    }

    private func network(large: Bool) -> HandOverNetwork {
        var network = HandOverNetwork(seed: 1)
        network.startActor()
        network.put(large: large, nested: false)
        network.settle(seconds: 1)
        return network
    }

    @Test("The actor's object outlives the driver, if the actor holds it", arguments: [false, true])
    func outlives(large: Bool) throws {
        var network = network(large: large)
        network.handOver(0)
        network.settle(seconds: 1)
        let (reference, byte) = try #require(network.handed.first)
        let owner = try #require(network.living)
        #expect(reference.owner.worker == owner.worker)
        network.transact(owner.worker) { core, effects, _ in core.retain(reference, into: &effects) }
        network.killDriver()
        network.settle()
        #expect(network.cores[owner.worker]?.owns(reference.id) == true)
        if large { #expect(network.stores[owner.node]?[reference.id]?.data.first == byte) }
        network.transact(owner.worker) { core, effects, _ in core.release(reference.id, into: &effects) }
        network.settle()
        #expect(network.left == 0)
    }

    @Test("When the actor ends its objects do, and the error names it", arguments: [false, true])
    func actorEnds(restarts: Bool) throws {
        var network = network(large: true)
        network.handOver(0)
        network.settle(seconds: 1)
        let reference = try #require(network.handed.first?.reference)
        network.killActor(restarts: restarts)
        network.settle(seconds: 1)
        network.get(reference, nil)
        network.settle(seconds: 1)
        guard case .failure(let error)? = network.read[reference.id] else { throw Missing() }
        #expect(error.type == .ownerDied)
        #expect(error.message.contains("actor \(network.actor)") && error.message.contains("hand values to an actor"))
        #expect(error.message.contains("it was killed") != restarts)
    }

    private struct Missing: Error {}

    @Test("An actor that is dead is told at once, one that does not come after a minute") func noActor() {
        var network = HandOverNetwork(seed: 1)
        network.put(large: false, nested: false)
        network.handOver(0)
        network.settle(seconds: 59)
        #expect(network.errors.isEmpty && network.open.count == 1)
        network.settle(seconds: 2)
        #expect(network.errors.map(\.type) == [.actorUnavailable])
        #expect(network.errors.first?.message.contains("waited for in vain for 60 s") == true)
        network.startActor()
        network.killActor(restarts: false)
        network.settle(seconds: 1)
        network.handOver(0)
        #expect(network.errors.map(\.type) == [.actorUnavailable, .actorDied])
        #expect(network.errors.last?.message.contains("hand it to an actor that lives") == true)
    }

    @Test("A wish that takes too long ends, and what is made for it later goes") func deadline() {
        var network = network(large: true)
        network.handOver(0)
        network.settle(seconds: 1)
        network.readHanded()
        network.settle(seconds: 1)
        network.handOver(0, deadline: network.now.advanced(milliseconds: 500))
        // The actor has been asked; its answer comes late.
        let owner = network.living
        network.advance(milliseconds: 1_000)
        #expect(network.errors.map(\.type) == [.getTimeout])
        network.settle()
        #expect(network.shareCount == 2)
        #expect(owner.flatMap { network.cores[$0.worker]?.heldCount } == 0)
        #expect(owner.flatMap { network.stores[$0.node]?.count } == 1, "the copy of the driver's object")
    }

    // MARK: One process

    private static let actor = ActorID(5, 5)

    /// The process of an actor.
    private func actorProcess() -> WorkerHarness {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let creation = TaskSpec(
            id: TaskID(1, 5, 5), kind: .actorCreation(Self.actor), function: WorkerHarness.function,
            owner: WorkerHarness.driver)
        let spec = ActorSpec(id: Self.actor, creation: creation)
        harness.receive(.startActor(StartActor(spec: spec, incarnation: 1, lease: .none)))
        harness.step(.finished(creation.id, .success([])))
        harness.effects = []
        return harness
    }

    private let value = RayObject(data: [7], metadata: ObjectMetadata.raw)

    private func answers(_ harness: inout WorkerHarness) -> [HandedOver] {
        harness.sent().compactMap { if case .handedOver(let answer) = $0.0 { answer } else { nil } }
    }

    @Test("Another actor or incarnation is refused") func refusals() {
        var harness = actorProcess()
        for (actor, incarnation) in [(Self.actor, UInt32(0)), (ActorID(6, 5), 1)] {
            let message = HandOver(token: 3, actor: actor, incarnation: incarnation, object: .value(value))
            harness.receive(.handOver(message), from: WorkerHarness.driver.worker)
        }
        #expect(answers(&harness).map(\.error?.type) == [.actorUnavailable, .actorUnavailable])
        #expect(harness.core.heldCount == 0)
    }

    @Test("A wish that comes twice is served once while it is under way") func twice() {
        var harness = actorProcess()
        let source = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let message = HandOver(token: 3, actor: Self.actor, incarnation: 1, object: .reference(source))
        for _ in 0..<2 { harness.receive(.handOver(message), from: WorkerHarness.driver.worker) }
        harness.step(.located(source.id, isPresent: true))
        let shares = harness.sent().compactMap { if case .shareObject(let share) = $0.0 { share } else { nil } }
        #expect(shares.count == 1 && shares[0].source == source.id)
        #expect(shares[0].object.task.actor == Self.actor)
        let shared = ObjectShared(object: shares[0].object, byteCount: 5)
        harness.receive(.objectShared(shared), from: WorkerHarness.raylet.worker)
        #expect(answers(&harness).count == 1)
    }

    @Test("The answer waits until what is inside is registered") func barrier() {
        var harness = actorProcess()
        let inside = ObjectReference(id: ObjectID(8, 9, 9, 1), owner: WorkerHarness.other)
        var nested = value
        nested.contained = [inside]
        let message = HandOver(token: 3, actor: Self.actor, incarnation: 1, object: .value(nested))
        harness.receive(.handOver(message), from: WorkerHarness.driver.worker)
        let sent = harness.sent().map(\.0)
        #expect(sent.contains(.borrowObjects(BorrowObjects(objects: [inside.id]))))
        #expect(!sent.contains { if case .handedOver = $0 { true } else { false } })
        harness.receive(.borrowNoted(BorrowNoted()), from: WorkerHarness.other.worker)
        #expect(answers(&harness).count == 1)
    }

    @Test("What was evicted before it could be shared is brought again; an error in its place is the answer")
    func evicted() {
        var harness = actorProcess()
        let source = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let message = HandOver(token: 3, actor: Self.actor, incarnation: 1, object: .reference(source))
        harness.receive(.handOver(message), from: WorkerHarness.driver.worker)
        harness.step(.located(source.id, isPresent: true))
        let share = harness.sent().compactMap { if case .shareObject(let share) = $0.0 { share } else { nil } }
        let lost = ObjectShared(object: share[0].object, error: RayError(.objectLost, "gone"))
        harness.receive(.objectShared(lost), from: WorkerHarness.raylet.worker)
        let queries = harness.sent().compactMap { if case .queryObject(let query) = $0.0 { query.object } else { nil } }
        #expect(queries == [source.id])
        let status = ObjectStatus(object: source.id, error: RayError(.taskExecution, "boom"))
        harness.receive(.objectStatus(status), from: WorkerHarness.driver.worker)
        let answer = answers(&harness)
        #expect(answer.map(\.error?.message) == ["boom"])
        #expect(harness.core.heldCount == 0)
    }

    @Test("An actor may keep a value itself: its own process is not asked over a link") func itself() throws {
        var harness = actorProcess()
        let state = ActorState(
            id: Self.actor, phase: .alive, address: WorkerHarness.worker, incarnation: 1,
            className: WorkerHarness.function, taskRetriesMax: 0, name: "", namespace: "")
        let foreign = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        harness.retain(foreign)
        var buffer = WorkerEffects()
        let token = harness.core.handOver(
            foreign, to: Self.actor, deadline: nil, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        harness.receive(.actorUpdate(ActorUpdate(state: state)))
        let status = ObjectStatus(object: foreign.id, result: .inline(value))
        harness.receive(.objectStatus(status), from: WorkerHarness.driver.worker)
        let reference = harness.effects.compactMap { effect -> ObjectReference? in
            guard case .completeRequest(token, .success(.handedOver(let answer))) = effect else { return nil }
            return answer.object
        }.first
        let own = try #require(reference)
        #expect(own.owner.worker == WorkerHarness.worker.worker && harness.core.owns(own.id))
        #expect(answers(&harness).isEmpty)
        harness.release(foreign.id)
        let read = harness.get([own])
        #expect(harness.outcome(read)?.first?.byte == 7)
        harness.release(own.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("An answer that names no object of the actor's process, or that nobody waits for, does no harm")
    func garbage() {
        var network = network(large: false)
        let (driver, stranger) = (network.driver, WorkerHarness.other)
        let foreign = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: stranger)
        network.transact(driver.worker) { core, effects, now in
            let answer = HandedOver(token: 77, object: foreign)
            core.receive(.message(.handedOver(answer), requestID: 0, from: stranger.worker), at: now, into: &effects)
            let lie = HandedOver(token: 77, object: ObjectReference(id: foreign.id, owner: driver))
            core.receive(.message(.handedOver(lie), requestID: 0, from: stranger.worker), at: now, into: &effects)
        }
        network.release(0)
        network.settle()
        #expect(network.left == 0)
    }
}
