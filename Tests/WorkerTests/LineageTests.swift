//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Lost objects") struct LineageTests {
    /// Nodes that hold results and may die.
    private let places = (11...16).map { WorkerHarness.address(UInt64($0)) }

    /// An owner with a lease on a worker.
    private func owner(lineageBytesMax: Int = 1 << 30, keepsLineage: Bool = true) -> WorkerHarness {
        var harness = WorkerHarness()
        harness.core = WorkerCore(
            {
                var configuration = harness.core.configuration
                configuration.lineageBytesMax = lineageBytesMax
                configuration.keepsLineage = keepsLineage
                return configuration
            }(), seed: 1)
        return harness
    }

    /// Grants what is asked for, so that queued tasks are pushed.
    private func pushes(_ harness: inout WorkerHarness) -> [TaskSpec] {
        var pushes: [TaskSpec] = []
        for (message, _) in harness.sent() {
            if case .requestLease(let request) = message { harness.grant(request.lease) }
            if case .pushTask(let push) = message { pushes.append(push.spec) }
        }
        return pushes + harness.pushes()
    }

    private func store(_ harness: inout WorkerHarness, _ spec: TaskSpec, at places: [Address]) {
        let results = places.map { TaskResult.stored(at: $0, byteCount: 1 << 20) }
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: results)),
            from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
    }

    /// Submits a task and stores its result at a node.
    private func made(
        _ harness: inout WorkerHarness, _ arguments: [TaskArgument] = [], retries: Int = 3, at place: Address
    ) throws -> ObjectReference {
        let reference = harness.submit(arguments, retries: retries)
        let push = try #require(pushes(&harness).first)
        store(&harness, push, at: [place])
        return reference
    }

    private func die(_ harness: inout WorkerHarness, _ place: Address) {
        harness.receive(.nodeDied(NodeDied(node: place.node, name: "n", reason: "killed")))
        harness.core.checkInvariants()
    }

    private func error(_ harness: inout WorkerHarness, _ reference: ObjectReference) -> RayError? {
        let token = harness.get([reference])
        guard case .failed(let error)? = harness.outcome(token)?.first else { return nil }
        return error
    }

    @Test("A lost result is made again, once however many ask, and is then as it was") func once() throws {
        var harness = owner()
        let reference = try made(&harness, at: places[0])
        let early = harness.get([reference])
        harness.step(.located(reference.id, isPresent: false))
        die(&harness, places[0])
        let late = harness.get([reference])
        harness.receive(.queryObject(QueryObject(object: reference.id)), from: WorkerHarness.other.worker)
        let again = pushes(&harness)
        #expect(again.map(\.attempt) == [1] && again.first?.id == reference.id.task)
        // The fetch from the dead node fails late.
        let lost = ObjectLocal(object: reference.id, error: RayError(.objectLost, "gone"), lost: [places[0].node])
        harness.receive(.objectLocal(lost), from: WorkerHarness.raylet.worker)
        #expect(harness.outcome(early) == nil && harness.outcome(late) == nil)
        store(&harness, again[0], at: [places[1]])
        let stored = ObjectStatus(
            object: reference.id, result: .stored(at: places[1], byteCount: 1 << 20), version: 1)
        harness.step(.located(reference.id, isPresent: false))
        let sent = harness.sent()
        #expect(sent.contains { $0.0 == .objectStatus(stored) && $0.1 == WorkerHarness.other.worker })
        #expect(
            sent.contains { if case .fetchObject(let fetch) = $0.0 { fetch.locations == [places[1]] } else { false } })
        harness.receive(
            .objectLocal(ObjectLocal(object: reference.id)), from: WorkerHarness.raylet.worker, requestID: 1)
        #expect(harness.outcome(early) != nil && harness.outcome(late) != nil)
        harness.release(reference.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What was lost with a node is not sent to a worker of that node, and so costs one try") func elsewhere()
        throws
    {
        var harness = owner()
        var place = places[0]
        place.node = WorkerHarness.worker.node
        let reference = harness.submit(retries: 1)
        let lease = try #require(harness.leaseRequests().first)
        harness.grant(lease)
        store(&harness, try #require(harness.pushes().first), at: [place])
        die(&harness, place)
        #expect(harness.pushes().isEmpty)
        harness.receive(.leaseLost(LeaseLost(lease: lease, error: RayError(.nodeDied, "gone"))))
        let next = try #require(harness.leaseRequests().first)
        harness.grant(next)
        let again = try #require(harness.pushes().first)
        #expect(again.id == reference.id.task && again.attempt == 1)
    }

    @Test("A program is told that objects are made again, however the loss is noticed, and once a second")
    func told() throws {
        var harness = owner()
        let references = try (0..<4).map { try made(&harness, at: places[$0]) }
        func told() -> [String] {
            harness.effects.compactMap { if case .warn(let text) = $0 { text } else { nil } }
        }
        // A reader elsewhere finds nothing, before anybody knows that the node is dead.
        let query = QueryObject(object: references[0].id, lost: [places[0].node])
        harness.receive(.queryObject(query), from: WorkerHarness.other.worker)
        #expect(told().count == 1 && told()[0].hasPrefix("Attempting to recover 1 lost objects"))
        _ = pushes(&harness)
        for place in places[0...2] { die(&harness, place) }
        #expect(told().isEmpty)
        harness.advance(RecoveryNotice.pauseMilliseconds)
        _ = pushes(&harness)
        die(&harness, places[3])
        #expect(told().count == 1 && told()[0].hasPrefix("Attempting to recover 3 lost objects"))
    }

    @Test("What a lost result was made of, and is gone, is made again first, several levels deep") func levels() throws
    {
        var harness = owner()
        let first = try made(&harness, at: places[0])
        let second = try made(&harness, [.reference(first)], at: places[0])
        let third = try made(&harness, [.reference(second), .reference(second)], at: places[1])
        harness.release(first.id)
        harness.release(second.id)
        #expect(harness.sent().count { if case .freeObjects = $0.0 { true } else { false } } == 2)
        die(&harness, places[1])
        for reference in [first, second, third] {
            let again = pushes(&harness)
            #expect(again.map(\.id) == [reference.id.task])
            if let spec = again.first { store(&harness, spec, at: [places[2]]) }
        }
        #expect(harness.core.owns(third.id) && !harness.core.owns(first.id) && !harness.core.owns(second.id))
        harness.release(third.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("Results that were not lost stay as they are, and their second making is freed") func others() throws {
        var harness = owner()
        var buffer = WorkerEffects()
        let call = Call(function: WorkerHarness.function, returnCount: 2)
        let both = harness.core.submit(call, from: nil, at: .zero, into: &buffer)
        harness.effects += buffer.items
        let push = try #require(pushes(&harness).first)
        store(&harness, push, at: [places[0], places[1]])
        die(&harness, places[0])
        let again = try #require(pushes(&harness).first)
        store(&harness, again, at: [places[2], places[2]])
        let freed = harness.sent().filter { $0.0 == .freeObjects(FreeObjects(objects: [both[1].id])) }
        #expect(freed.map(\.1) == [places[2].worker])
        harness.receive(.queryObject(QueryObject(object: both[1].id)), from: WorkerHarness.other.worker)
        let kept = ObjectStatus(object: both[1].id, result: .stored(at: places[1], byteCount: 1 << 20))
        #expect(harness.sent().contains { $0.0 == .objectStatus(kept) })
    }

    @Test("Another copy takes the place of the first one") func otherCopy() throws {
        var harness = owner()
        let reference = try made(&harness, at: places[0])
        harness.receive(
            .objectCopied(ObjectCopied(object: reference.id, raylet: places[1])), from: places[1].worker)
        die(&harness, places[0])
        let kept = harness.sent()
        #expect(kept.map(\.1) == [places[1].worker])
        #expect(kept.first?.0 == .keepCopies(KeepCopies(objects: [reference.id])))
        // That one was evicted meanwhile.
        harness.receive(.copiesGone(CopiesGone(objects: [reference.id])), from: places[1].worker)
        #expect(pushes(&harness).map(\.attempt) == [1])
    }

    @Test("Each making uses up a retry; the error then says so, and which object it is") func retries() throws {
        var harness = owner()
        let reference = try made(&harness, retries: 1, at: places[0])
        die(&harness, places[0])
        let again = try #require(pushes(&harness).first)
        store(&harness, again, at: [places[1]])
        die(&harness, places[1])
        #expect(pushes(&harness).isEmpty)
        let failure = try #require(error(&harness, reference))
        #expect(failure.type == .objectUnreconstructableMaxAttemptsExceeded)
        #expect(failure.message.contains(reference.id.hex) && failure.message.contains("node n died (killed)"))
        let never = try made(&harness, retries: 0, at: places[2])
        die(&harness, places[2])
        #expect(error(&harness, never)?.type == .objectUnreconstructableRetriesDisabled)
        harness.release(reference.id)
        harness.release(never.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("Where lineage is switched off nothing is made again, and nothing is kept for it") func switchedOff() throws {
        var harness = owner(keepsLineage: false)
        let argument = try made(&harness, at: places[1])
        let reference = try made(&harness, [.reference(argument)], at: places[0])
        harness.release(argument.id)
        #expect(harness.core.heldCount == 1)
        die(&harness, places[0])
        #expect(error(&harness, reference)?.type == .objectUnreconstructableLineageDisabled)
        #expect(pushes(&harness).isEmpty)
        harness.release(reference.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What was put is lost, and so is what can be made of it only") func put() throws {
        var harness = owner()
        var buffer = WorkerEffects()
        let id = harness.core.nextPutID(of: nil)
        harness.core.sealed(id, byteCount: 1 << 20, at: places[0], isLocal: false, into: &buffer)
        let reference = ObjectReference(id: id, owner: WorkerHarness.driver)
        let result = try made(&harness, [.reference(reference)], at: places[1])
        die(&harness, places[0])
        #expect(error(&harness, reference)?.type == .objectUnreconstructablePut)
        die(&harness, places[1])
        let failure = try #require(error(&harness, result))
        #expect(failure.type == .objectUnreconstructablePut)
        #expect(failure.message.contains("without its argument") && failure.message.contains(id.hex))
    }

    @Test("The oldest lineage goes first when it takes too many bytes") func evicted() throws {
        var harness = owner(lineageBytesMax: 3_000)
        var all: [ObjectReference] = []
        for _ in 0..<3 {
            let value = TaskArgument.value(RayObject(data: [UInt8](repeating: 1, count: 600), metadata: []))
            all.append(try made(&harness, [value], at: places[0]))
        }
        die(&harness, places[0])
        #expect(error(&harness, all[0])?.type == .objectUnreconstructableLineageEvicted)
        #expect(pushes(&harness).map(\.id) == [all[2].id.task])
    }

    @Test("Small results keep nothing; what is kept goes with the last result") func small() throws {
        var harness = owner()
        let reference = harness.submit()
        harness.done(try #require(pushes(&harness).first))
        #expect(harness.core.heldCount == 1)
        let stored = try made(&harness, [.reference(reference)], at: places[0])
        #expect(harness.core.heldCount == 3)
        harness.release(stored.id)
        #expect(harness.core.heldCount == 1)
    }

    @Test("A small object inside an argument stays for another run") func inside() throws {
        var harness = owner()
        let inner = harness.put([7])
        let value = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: [inner])
        let result = try made(&harness, [.value(value)], at: places[0])
        harness.release(inner.id)
        #expect(harness.core.owns(inner.id))
        die(&harness, places[0])
        #expect(pushes(&harness).count == 1)
        harness.release(result.id)
        #expect(harness.core.owns(inner.id), "the task that runs again still uses it")
    }

    @Test(
        "What was put, or may not be made again, stays for another run of what was made of it",
        arguments: [true, false])
    func kept(isPut: Bool) throws {
        var harness = owner()
        var source: ObjectReference
        if isPut {
            var buffer = WorkerEffects()
            let id = harness.core.nextPutID(of: nil)
            harness.core.sealed(id, byteCount: 1 << 20, at: places[0], isLocal: false, into: &buffer)
            source = ObjectReference(id: id, owner: WorkerHarness.driver)
        } else {
            source = try made(&harness, retries: 0, at: places[0])
        }
        let result = try made(&harness, [.reference(source)], at: places[1])
        harness.release(source.id)
        #expect(harness.core.owns(source.id))
        die(&harness, places[1])
        let again = try #require(pushes(&harness).first)
        #expect(again.id == result.id.task)
        store(&harness, again, at: [places[2]])
        harness.release(result.id)
        #expect(harness.core.heldCount == 0)
        #expect(harness.sent().contains { $0.0 == .freeObjects(FreeObjects(objects: [source.id])) })
    }

    @Test("Whoever looked in vain is believed, but not about an earlier making") func complaint() throws {
        var harness = owner()
        let reference = try made(&harness, at: places[0])
        let complaint = QueryObject(object: reference.id, version: 0, lost: [places[0].node])
        harness.receive(.queryObject(complaint), from: WorkerHarness.other.worker)
        let again = try #require(pushes(&harness).first)
        store(&harness, again, at: [places[0]])
        _ = harness.sent()
        harness.receive(.queryObject(complaint), from: WorkerHarness.address(20).worker)
        let sent = harness.sent()
        #expect(sent.map(\.1) == [WorkerHarness.address(20).worker])
        #expect(
            sent.first?.0
                == .objectStatus(
                    ObjectStatus(object: reference.id, result: .stored(at: places[0], byteCount: 1 << 20), version: 1)))
        // The node was alive: what it may have is freed with the rest.
        harness.release(reference.id)
        let freed = harness.sent().map(\.0)
        #expect(freed.count { $0 == .freeObjects(FreeObjects(objects: [reference.id])) } == 1)
        let strays = FreeStrays(objects: [reference.id], nodes: [places[0].node])
        #expect(freed.contains(.freeStrays(strays)))
        #expect(harness.core.heldCount == 0)
    }

    @Test("A task waits at its owner, not at a worker, for an argument that is made again") func givenBack() throws {
        var harness = owner()
        let argument = try made(&harness, at: places[0])
        _ = harness.submit([.reference(argument)])
        let reader = try #require(pushes(&harness).first)
        var worker = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let lease = LeaseID.number(1, owner: WorkerHarness.driver.worker)
        worker.receive(.pushTask(PushTask(lease: lease, spec: reader)), from: WorkerHarness.driver.worker)
        worker.step(.located(argument.id, isPresent: false))
        let status = ObjectStatus(object: argument.id, result: .stored(at: places[0], byteCount: 1 << 20))
        worker.receive(.objectStatus(status), from: WorkerHarness.driver.worker)
        _ = worker.sent()
        let local = ObjectLocal(object: argument.id, error: RayError(.objectLost, "gone"), lost: [places[0].node])
        worker.receive(.objectLocal(local), from: WorkerHarness.raylet.worker)
        let lost = ArgumentLost(
            task: reader.id, attempt: 0, object: argument.id, version: 0, nodes: [places[0].node])
        #expect(worker.sent().map(\.0) == [.argumentLost(lost)])
        #expect(worker.core.heldCount == 0)
        harness.receive(.argumentLost(lost), from: WorkerHarness.worker.worker)
        let again = pushes(&harness)
        #expect(again.map(\.id) == [argument.id.task])
        store(&harness, again[0], at: [places[1]])
        #expect(pushes(&harness).map(\.id) == [reader.id])
    }

    @Test("A worker that asks for what is being made again gives its task back, and a call on an actor waits")
    func interim() {
        let argument = ObjectReference(id: .taskReturn(TaskID(1, 2, 3), index: 0), owner: WorkerHarness.other)
        var worker = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let spec = TaskSpec(
            id: TaskID(7, 8, 9), function: WorkerHarness.function, arguments: [.reference(argument)],
            owner: WorkerHarness.driver)
        worker.receive(.pushTask(PushTask(lease: .none, spec: spec)), from: WorkerHarness.driver.worker)
        worker.step(.located(argument.id, isPresent: false))
        _ = worker.sent()
        worker.receive(.objectStatus(ObjectStatus(object: argument.id)), from: WorkerHarness.other.worker)
        let lost = ArgumentLost(task: spec.id, attempt: 0, object: argument.id, version: 0, nodes: [])
        #expect(worker.sent().map(\.0) == [.argumentLost(lost)])
    }

    @Test("The worker of an actor whose initialiser asks for what is being made again says so to the head")
    func initialiser() {
        let argument = ObjectReference(id: .taskReturn(TaskID(1, 2, 3), index: 0), owner: WorkerHarness.other)
        var worker = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let actor = ActorID(1, 1)
        let creation = TaskSpec(
            id: TaskID(1, 1, 1), kind: .actorCreation(actor), function: WorkerHarness.function,
            arguments: [.reference(argument)], owner: WorkerHarness.driver)
        worker.receive(
            .startActor(StartActor(spec: ActorSpec(id: actor, creation: creation), incarnation: 3, lease: .none)))
        worker.step(.located(argument.id, isPresent: false))
        _ = worker.sent()
        worker.receive(.objectStatus(ObjectStatus(object: argument.id)), from: WorkerHarness.other.worker)
        let sent = worker.sent()
        #expect(sent.map(\.0) == [.actorDelayed(ActorDelayed(actor: actor, incarnation: 3))])
        #expect(sent.map(\.1) == [.gcs])
    }

    @Test("Whatever nodes die when, every result comes right, and nothing is left", arguments: 0..<20)
    func anyDeath(block: UInt64) {
        var deaths = 0
        for seed in block * 5..<block * 5 + 5 {
            var network = LineageNetwork(seed: seed)
            for _ in 0..<600 where network.failure == nil {
                if network.random(2) == 0 { network.act() } else { _ = network.deliver() }
            }
            for index in network.held.indices { network.get(index) }
            network.settle()
            #expect(network.failure == nil && network.openGets == 0, "seed \(seed)")
            while !network.held.isEmpty { network.release(0) }
            network.settle()
            #expect(network.left == 0, "seed \(seed) leaves \(network.left)")
            deaths += network.deathCount
        }
        #expect(deaths > 0)
    }
}
