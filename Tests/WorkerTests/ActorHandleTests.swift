//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Handles of actors, and their ends") struct ActorHandleTests {
    private let lease = LeaseID(1, 1, 1, 1)

    private func update(_ id: ActorID, _ phase: ActorPhase, _ incarnation: UInt32 = 0, pending: Int = -1) -> Message {
        .actorUpdate(
            ActorUpdate(
                state: ActorState(
                    id: id, phase: phase, address: WorkerHarness.worker, incarnation: incarnation, error: nil,
                    className: WorkerHarness.function, taskRetriesMax: 0, name: "", namespace: ""),
                pendingCallsMax: pending))
    }

    private func create(_ harness: inout WorkerHarness, _ options: ActorOptions = ActorOptions()) -> ActorID {
        var buffer = WorkerEffects()
        defer { harness.effects += buffer.items }
        return harness.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: harness.now, into: &buffer)
    }

    private func call(_ harness: inout WorkerHarness, _ actor: ActorID, retries: Int = 0) -> ObjectReference {
        var buffer = WorkerEffects()
        defer { harness.effects += buffer.items }
        return harness.core.call(
            actor, Call(function: WorkerHarness.function, retriesMax: retries), from: nil, at: harness.now,
            into: &buffer)[0]
    }

    private func release(_ harness: inout WorkerHarness, _ actor: ActorID) {
        var buffer = WorkerEffects()
        harness.core.release(actor, into: &buffer)
        harness.effects += buffer.items
    }

    private func isReleased(_ harness: inout WorkerHarness, _ actor: ActorID) -> Bool {
        harness.sent().contains { $0.0 == .releaseActor(ReleaseActor(actor: actor)) }
    }

    private func calls(_ harness: inout WorkerHarness) -> [CallActor] {
        harness.sent().compactMap { if case .callActor(let call) = $0.0 { call } else { nil } }
    }

    @Test("The last handle lets the actor go, once the calls of this process have ended") func lastHandle() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        var buffer = WorkerEffects()
        harness.core.retain(actor, creator: WorkerHarness.driver, into: &buffer)
        harness.receive(update(actor, .alive))
        _ = call(&harness, actor)
        let spec = calls(&harness)[0].spec
        release(&harness, actor)
        release(&harness, actor)
        #expect(!isReleased(&harness, actor))
        harness.done(spec)
        #expect(isReleased(&harness, actor))
    }

    @Test("A head that was away is told again that nobody holds an actor, behind its creation") func saidAgain() {
        var harness = WorkerHarness()
        var configuration = harness.core.configuration
        configuration.reconnectMilliseconds = 60_000
        harness.core = WorkerCore(configuration, seed: 1)
        let actor = create(&harness)
        release(&harness, actor)
        #expect(isReleased(&harness, actor))
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.effects = []
        harness.step(.peerUp(.gcs))
        let said = harness.sent().compactMap { message, _ -> String? in
            switch message {
            case .createActor: "create"
            case .releaseActor(ReleaseActor(actor: actor)): "release"
            default: nil
            }
        }
        #expect(said == ["create", "release"])
        harness.receive(update(actor, .dead))
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.effects = []
        harness.step(.peerUp(.gcs))
        #expect(!isReleased(&harness, actor))
    }

    @Test("A handle in another process keeps the actor until it is given back") func borrowed() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        let other = WorkerHarness.other.worker
        harness.receive(.borrowObjects(BorrowObjects(objects: [.actorHandle(actor)])), from: other)
        release(&harness, actor)
        #expect(!isReleased(&harness, actor))
        harness.receive(.returnObjects(ReturnObjects(objects: [.actorHandle(actor)])), from: other)
        #expect(isReleased(&harness, actor))
    }

    @Test("A handle inside a value keeps the actor as long as the value lives") func insideValue() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        let handle = ObjectReference(id: .actorHandle(actor), owner: WorkerHarness.driver)
        let value = harness.put([1], contained: [handle])
        release(&harness, actor)
        #expect(!isReleased(&harness, actor))
        harness.release(value.id)
        #expect(isReleased(&harness, actor))
    }

    @Test("A process with a handle of a foreign actor is counted by its creator, once") func foreignHandle() {
        var harness = WorkerHarness()
        let actor = ActorID(7, 7)
        var buffer = WorkerEffects()
        harness.core.retain(actor, creator: WorkerHarness.other, into: &buffer)
        harness.core.retain(actor, creator: WorkerHarness.other, into: &buffer)
        harness.effects += buffer.items
        #expect(
            harness.sent().map(\.0) == [.borrowObjects(BorrowObjects(objects: [.actorHandle(actor)]))])
        release(&harness, actor)
        #expect(harness.sent().isEmpty)
        release(&harness, actor)
        #expect(
            harness.sent().map(\.0) == [.returnObjects(ReturnObjects(objects: [.actorHandle(actor)]))])
    }

    @Test("A call beyond maxPendingCalls fails at once, for callers that learn of the limit later, too")
    func pendingCalls() {
        var harness = WorkerHarness()
        var options = ActorOptions()
        options.pendingCallsMax = 1
        let own = create(&harness, options)
        _ = call(&harness, own)
        let token = harness.get([call(&harness, own)])
        #expect(harness.outcome(token)?.first?.errorType == .pendingCallsLimitExceeded)
        var buffer = WorkerEffects()
        let refused = #expect(throws: RayError.self) {
            try harness.core.callWithinLimit(
                own, Call(function: WorkerHarness.function), from: nil, at: harness.now, into: &buffer)
        }
        #expect(refused?.type == .pendingCallsLimitExceeded && buffer.items.isEmpty)
        let foreign = ActorID(7, 7)
        _ = call(&harness, foreign)
        harness.receive(update(foreign, .pending, pending: 1))
        let late = harness.get([call(&harness, foreign)])
        #expect(harness.outcome(late)?.first?.errorType == .pendingCallsLimitExceeded)
    }

    @Test("When only the link was lost, calls with retries are made again in order") func brokenLink() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(update(actor, .alive))
        let references = (0..<3).map { _ in call(&harness, actor, retries: 1) }
        #expect(calls(&harness).count == 3)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        let later = call(&harness, actor, retries: 1)
        harness.advance(4_000)
        #expect(calls(&harness).map { $0.spec.returnIDs[0] } == (references + [later]).map(\.id))
    }

    // MARK: In the actor's process

    private func worker(groups: [ConcurrencyGroup] = [], calls: Int = 1) -> WorkerHarness {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = ActorSpec(
            id: ActorID(1, 1),
            creation: TaskSpec(
                id: TaskID(1, 1, 1), kind: .actorCreation(ActorID(1, 1)), function: WorkerHarness.function),
            concurrencyMax: calls)
        spec.concurrencyGroups = groups
        harness.receive(.startActor(StartActor(spec: spec, incarnation: 0, lease: lease)))
        harness.step(.finished(spec.creation.id, .success([])))
        harness.effects = []
        return harness
    }

    private func receive(
        _ harness: inout WorkerHarness, _ number: UInt64, group: String = "", attempt: Int = 0
    ) -> TaskID {
        var spec = TaskSpec(
            id: TaskID(number, 1, 1), kind: .actorCall(ActorID(1, 1), sequence: number),
            function: WorkerHarness.function, attempt: attempt, owner: WorkerHarness.driver)
        spec.concurrencyGroup = group
        harness.receive(.callActor(CallActor(spec: spec, incarnation: 0)), from: WorkerHarness.driver.worker)
        return spec.id
    }

    private func started(_ harness: WorkerHarness) -> [TaskID] {
        harness.effects.compactMap { if case .execute(let spec) = $0 { spec.id } else { nil } }
    }

    private func ended(_ harness: inout WorkerHarness) -> ActorExited? {
        harness.sent().compactMap { if case .actorExited(let exited) = $0.0 { exited } else { nil } }.last
    }

    @Test("Each group has its own limit and its own order") func groups() {
        var harness = worker(groups: [ConcurrencyGroup(name: "io", callsMax: 2)])
        let plain = [receive(&harness, 1), receive(&harness, 2)]
        let io = (3...5).map { receive(&harness, $0, group: "io") }
        #expect(started(harness) == [plain[0], io[0], io[1]])
        harness.step(.finished(io[1], .success([])))
        harness.step(.finished(plain[0], .success([])))
        #expect(started(harness) == [plain[0], io[0], io[1], io[2], plain[1]])
    }

    @Test("A call that is made again while it runs here runs once, and its reply goes to the latest try")
    func sameCall() {
        var harness = worker()
        let id = receive(&harness, 1)
        _ = receive(&harness, 1, attempt: 1)
        #expect(started(harness) == [id])
        harness.step(.finished(id, .success([RayObject(data: [1], metadata: ObjectMetadata.raw)])))
        let replies = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done.attempt } else { nil } }
        #expect(replies == [1])
    }

    @Test("An actor that exits ends what runs and refuses what waits") func exit() throws {
        var harness = worker(calls: 2)
        let ids = (1...3).map { receive(&harness, $0) }
        var buffer = WorkerEffects()
        try harness.core.exitActor(ids[0], into: &buffer)
        harness.effects += buffer.items
        let refused = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done } else { nil } }
        #expect(refused.map(\.task) == [ids[2]] && refused[0].error?.type == .actorDied)
        harness.step(.finished(ids[0], .failure(RayError(.actorDied, "exit"))))
        #expect(ended(&harness) == nil)
        harness.step(.finished(ids[1], .success([RayObject(data: [1], metadata: ObjectMetadata.raw)])))
        #expect(ended(&harness)?.reason == "exitActor() was called")
        #expect(throws: RayError.self) { try harness.core.exitActor(TaskID(9, 9, 9), into: &buffer) }
    }

    @Test("Who expects a farewell is told when the last call has ended, and before the cluster") func farewell() {
        var harness = worker()
        harness.core.expectFarewell()
        let id = receive(&harness, 1)
        harness.receive(.drainActor(DrainActor(actor: ActorID(1, 1), incarnation: 0, reason: "no references")))
        func farewells() -> Int { harness.effects.count { if case .farewell = $0 { true } else { false } } }
        #expect(farewells() == 0)
        harness.step(.finished(id, .success([])))
        #expect(farewells() == 1 && ended(&harness) == nil)
        var buffer = WorkerEffects()
        harness.core.farewellSaid(into: &buffer)
        harness.core.farewellSaid(into: &buffer)
        harness.effects += buffer.items
        #expect(ended(&harness)?.reason == "no references" && buffer.items.count == 1)
    }

    @Test("A coroutine that has outlived its call ends the actor, too") func leave() throws {
        var harness = worker()
        var buffer = WorkerEffects()
        try harness.core.leaveActor(into: &buffer)
        harness.effects += buffer.items
        #expect(ended(&harness)?.reason == "exitActor() was called")
        var other = WorkerHarness()
        #expect(throws: RayError.self) { try other.core.leaveActor(into: &buffer) }
    }

    @Test("An actor without handles ends after the calls that are there") func drain() {
        var harness = worker()
        let ids = (1...2).map { receive(&harness, $0) }
        harness.receive(.drainActor(DrainActor(actor: ActorID(1, 1), incarnation: 0, reason: "no references")))
        harness.step(.finished(ids[0], .success([])))
        #expect(started(harness) == ids)
        #expect(ended(&harness) == nil)
        harness.step(.finished(ids[1], .success([])))
        #expect(ended(&harness)?.reason == "no references")
    }
}
