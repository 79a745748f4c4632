//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Calls on actors that overtake others, and groups of calls") struct UnorderedActorTests {
    private func update(
        _ actor: ActorID, _ phase: ActorPhase, isUnordered: Bool = false, incarnation: UInt32 = 0
    ) -> Message {
        let state = ActorState(
            id: actor, phase: phase, address: WorkerHarness.worker, incarnation: incarnation,
            error: phase == .dead ? RayError(.actorDied, "killed") : nil, className: WorkerHarness.function,
            taskRetriesMax: 0, name: "", namespace: "")
        return .actorUpdate(ActorUpdate(state: state, isUnordered: isUnordered))
    }

    private func create(_ harness: inout WorkerHarness, isUnordered: Bool = false) -> ActorID {
        var buffer = WorkerEffects()
        var options = ActorOptions()
        options.isUnordered = isUnordered
        let id = harness.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        return id
    }

    private func call(
        _ harness: inout WorkerHarness, _ actor: ActorID, on argument: ObjectReference? = nil, group: String = "",
        retries: Int = 0
    ) -> ObjectReference {
        var buffer = WorkerEffects()
        var call = Call(
            function: WorkerHarness.function, arguments: argument.map { [.reference($0)] } ?? [],
            retriesMax: retries)
        call.shared.value.concurrencyGroup = group
        let reference = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        return reference
    }

    private func sent(_ harness: inout WorkerHarness) -> [ObjectID] {
        harness.sent().compactMap { if case .callActor(let call) = $0.0 { call.spec.returnIDs[0] } else { nil } }
    }

    /// A result of a task that runs.
    private func pending(_ harness: inout WorkerHarness) throws -> (ObjectReference, TaskSpec) {
        let argument = harness.submit(retries: 0)
        harness.grant(try #require(harness.leaseRequests().first))
        return (argument, try #require(harness.pushes().first))
    }

    @Test("On an unordered actor a call that waits for its argument holds back no other", arguments: [true, false])
    func overtaking(isCreator: Bool) throws {
        var harness = WorkerHarness()
        let actor = isCreator ? create(&harness, isUnordered: true) : ActorID(7, 1)
        let (argument, task) = try pending(&harness)
        let first = call(&harness, actor, on: argument)
        let second = call(&harness, actor)
        harness.receive(update(actor, .alive, isUnordered: true))
        #expect(sent(&harness) == [second.id])
        harness.done(task)
        #expect(sent(&harness) == [first.id])
    }

    @Test("On an ordered actor it holds back those of its group") func order() throws {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(update(actor, .alive))
        let (argument, task) = try pending(&harness)
        let first = call(&harness, actor, on: argument, group: "a")
        let second = call(&harness, actor, group: "a")
        let others = [call(&harness, actor, group: "b"), call(&harness, actor)]
        #expect(sent(&harness) == others.map(\.id))
        harness.done(task)
        #expect(sent(&harness) == [first.id, second.id])
    }

    @Test("A call that is made again goes before those of its group that wait, one of them for it")
    func againBeforeWaiting() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(update(actor, .alive))
        let first = call(&harness, actor, group: "a", retries: 1)
        let waiting = call(&harness, actor, on: first, group: "a", retries: 1)
        let behind = call(&harness, actor, group: "a", retries: 1)
        #expect(sent(&harness) == [first.id])
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        harness.receive(update(actor, .restarting, incarnation: 1))
        harness.receive(update(actor, .alive, incarnation: 1))
        #expect(sent(&harness) == [first.id])
        let done = TaskDone(
            task: first.id.task, attempt: 1,
            results: [.inline(RayObject(data: [1], metadata: ObjectMetadata.raw))])
        harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
        #expect(sent(&harness) == [waiting.id, behind.id])
    }

    @Test("What is held back in a group can be cancelled, and fails with its actor") func heldBack() throws {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(update(actor, .alive))
        let (argument, task) = try pending(&harness)
        let waiting = call(&harness, actor, on: argument, group: "a")
        let held = (0..<3).map { _ in call(&harness, actor, group: "a") }
        let tokens = held.map { harness.get([$0]) }
        #expect(sent(&harness).isEmpty)
        var buffer = WorkerEffects()
        try harness.core.cancel(held[1], force: false, recursive: true, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        #expect(harness.outcome(tokens[1])?.first?.errorType == .taskCancelled)
        #expect(sent(&harness).isEmpty)
        buffer = WorkerEffects()
        try harness.core.cancel(waiting, force: false, recursive: true, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        #expect(sent(&harness) == [held[0].id, held[2].id], "nothing holds them back any more")
        harness.done(task)
        let last = harness.get([call(&harness, actor, on: harness.submit(), group: "a")])
        let behind = harness.get([call(&harness, actor, group: "a")])
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        harness.receive(update(actor, .dead))
        #expect(harness.outcome(last)?.first?.errorType == .actorDied)
        #expect(harness.outcome(behind)?.first?.errorType == .actorDied)
    }

    @Test("Calls that wait for arguments fail with their actor") func death() throws {
        var harness = WorkerHarness()
        let actor = create(&harness, isUnordered: true)
        let (argument, _) = try pending(&harness)
        let token = harness.get([call(&harness, actor, on: argument)])
        harness.receive(update(actor, .dead))
        #expect(harness.outcome(token)?.first?.errorType == .actorDied)
    }

    @Test("A group without a place for any call is refused when the actor is created") func emptyGroup() {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var options = ActorOptions()
        options.concurrencyGroups = [ConcurrencyGroup(name: "io", callsMax: 0)]
        let actor = harness.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        let told = harness.effects.compactMap { if case .warn(let text) = $0 { text } else { nil } }
        #expect(told.count == 1 && told[0].contains("max_concurrency must be greater than 0"))
        let messages = harness.sent().map(\.0)
        #expect(messages.contains { if case .abandonActor(let it) = $0 { it.actor == actor } else { false } })
        #expect(!messages.contains { if case .createActor = $0 { true } else { false } })
        let token = harness.get([call(&harness, actor)])
        #expect(harness.outcome(token)?.first?.errorType == .actorCreationFailed)
    }

    @Test("Who is never created is given up at the head, also at the next one") func neverCreated() throws {
        var harness = WorkerHarness()
        var configuration = harness.core.configuration
        configuration.reconnectMilliseconds = 60_000
        harness.core = WorkerCore(configuration, seed: 1)
        let (argument, task) = try pending(&harness)
        var buffer = WorkerEffects()
        let actor = harness.core.createActor(
            Call(function: WorkerHarness.function, arguments: [.reference(argument)]), ActorOptions(), from: nil,
            at: harness.now, into: &buffer)
        let error = RayError(.taskExecution, "boom")
        harness.receive(
            .taskDone(TaskDone(task: task.id, attempt: 0, results: [], error: error)),
            from: WorkerHarness.worker.worker)
        func givenUp() -> [ActorID] {
            harness.sent().compactMap { if case .abandonActor(let it) = $0.0 { it.actor } else { nil } }
        }
        #expect(givenUp() == [actor])
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.step(.peerUp(.gcs))
        #expect(givenUp() == [actor])
    }

    // MARK: In the actor's process

    private func worker(isUnordered: Bool = false, groups: [ConcurrencyGroup] = []) -> WorkerHarness {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = ActorSpec(
            id: ActorID(1, 1),
            creation: TaskSpec(
                id: TaskID(1, 1, 1), kind: .actorCreation(ActorID(1, 1)), function: WorkerHarness.function))
        spec.isUnordered = isUnordered
        spec.concurrencyGroups = groups
        harness.receive(.startActor(StartActor(spec: spec, incarnation: 0, lease: LeaseID(1, 2, 3, 4))))
        harness.step(.finished(spec.creation.id, .success([])))
        harness.effects = []
        return harness
    }

    private func receive(
        _ harness: inout WorkerHarness, _ number: UInt64, group: String = "", on argument: ObjectReference? = nil
    ) -> TaskID {
        var spec = TaskSpec(
            id: TaskID(number, 1, 1), kind: .actorCall(ActorID(1, 1), sequence: number),
            function: WorkerHarness.function, arguments: argument.map { [.reference($0)] } ?? [],
            owner: WorkerHarness.driver)
        spec.concurrencyGroup = group
        harness.receive(.callActor(CallActor(spec: spec, incarnation: 0)), from: WorkerHarness.driver.worker)
        return spec.id
    }

    private func started(_ harness: WorkerHarness) -> [TaskID] {
        harness.effects.compactMap { if case .execute(let spec) = $0 { spec.id } else { nil } }
    }

    @Test("There, too, it overtakes what waits for arguments", arguments: [true, false])
    func inTheActor(isUnordered: Bool) {
        var harness = worker(isUnordered: isUnordered)
        let argument = ObjectReference(id: .put(TaskID(9, 9, 9), returns: 0, attempt: 0, count: 1), owner: .none)
        _ = receive(&harness, 1, on: argument)
        let second = receive(&harness, 2)
        #expect(started(harness) == (isUnordered ? [second] : []))
    }

    @Test("Every actor has a group for the system, which waits for nobody and for which nobody waits")
    func systemGroup() {
        var harness = worker()
        let plain = receive(&harness, 1)
        let system = (2...3).map { receive(&harness, $0, group: ConcurrencyGroup.system) }
        let next = receive(&harness, 4)
        #expect(started(harness) == [plain, system[0]])
        harness.step(.finished(plain, .success([])))
        #expect(started(harness) == [plain, system[0], next])
        harness.step(.finished(system[0], .success([])))
        #expect(started(harness) == [plain, system[0], next, system[1]])
    }

    @Test("A call of a group whose argument was evicted before it began gives its place back until that is here again")
    func evictedInGroup() {
        var harness = worker(groups: [ConcurrencyGroup(name: "io", callsMax: 1)])
        let argument = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let first = receive(&harness, 1, group: "io", on: argument)
        harness.step(.located(argument.id, isPresent: true))
        #expect(started(harness) == [first])
        harness.step(.argumentsMissing(first, [argument.id]))
        harness.receive(
            .objectStatus(ObjectStatus(object: argument.id, result: .stored(at: WorkerHarness.raylet, byteCount: 8))),
            from: WorkerHarness.driver.worker)
        harness.receive(.objectLocal(ObjectLocal(object: argument.id)), from: WorkerHarness.raylet.worker)
        #expect(started(harness) == [first, first])
    }

    @Test("Each group runs its own calls in order, whatever waits in the others") func groupsSideBySide() {
        var harness = worker(groups: [
            ConcurrencyGroup(name: "io", callsMax: 1), ConcurrencyGroup(name: "work", callsMax: 2),
        ])
        let argument = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let io = (1...1_000).map { receive(&harness, $0, group: "io") }
        #expect(started(harness) == [io[0]])
        let waiting = receive(&harness, 2_001, group: "work", on: argument)
        let work = receive(&harness, 2_002, group: "work")
        let plain = (3_001...3_002).map { receive(&harness, $0) }
        #expect(started(harness) == [io[0], plain[0]], "a call waits for the earlier one of its caller and group")
        harness.step(.located(argument.id, isPresent: true))
        #expect(started(harness) == [io[0], plain[0], waiting, work])
        harness.effects = []
        for (call, next) in zip(io, io.dropFirst()) {
            harness.step(.finished(call, .success([])))
            #expect(started(harness) == [next])
            harness.effects = []
        }
        harness.step(.finished(plain[0], .success([])))
        #expect(started(harness) == [plain[1]])
    }

    @Test("A call in a group that the actor does not have ends with the names of those that it has")
    func unknownGroup() {
        var harness = worker(groups: [ConcurrencyGroup(name: "io", callsMax: 1)])
        let id = receive(&harness, 1, group: "oi")
        let replies = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done } else { nil } }
        #expect(replies.map(\.task) == [id])
        #expect(replies.first?.error?.message.contains("has no concurrency group 'oi': it has io") == true)
    }
}
