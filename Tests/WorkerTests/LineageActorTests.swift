//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Lost results of actors") struct LineageActorTests {
    /// Nodes that hold results and may die; the actor is elsewhere.
    private let places = (11...13).map { WorkerHarness.address(UInt64($0)) }

    private func state(_ id: ActorID, _ phase: ActorPhase, _ incarnation: UInt32, _ retries: Int) -> Message {
        .actorUpdate(
            ActorUpdate(
                state: ActorState(
                    id: id, phase: phase, address: WorkerHarness.worker, incarnation: incarnation,
                    error: phase == .dead ? RayError(.actorDied, "killed") : nil,
                    className: WorkerHarness.function, taskRetriesMax: retries, name: "", namespace: "")))
    }

    /// An owner with an actor that lives.
    private func owner(retries: Int) -> (WorkerHarness, ActorID) {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var options = ActorOptions()
        options.taskRetriesMax = retries
        let actor = harness.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: harness.now, into: &buffer)
        harness.receive(state(actor, .alive, 0, retries))
        harness.effects = []
        return (harness, actor)
    }

    private func call(
        _ harness: inout WorkerHarness, _ actor: ActorID, _ arguments: [TaskArgument] = []
    ) -> ObjectReference {
        var buffer = WorkerEffects()
        let call = Call(function: WorkerHarness.function, arguments: arguments, retriesMax: 0)
        let reference = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        return reference
    }

    private func calls(_ harness: inout WorkerHarness) -> [CallActor] {
        harness.sent().compactMap { if case .callActor(let call) = $0.0 { call } else { nil } }
    }

    private func store(_ harness: inout WorkerHarness, _ call: CallActor, at place: Address) {
        let done = TaskDone(
            task: call.spec.id, attempt: UInt32(call.spec.attempt),
            results: [.stored(at: place, byteCount: 1 << 20)])
        harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
    }

    private func made(_ harness: inout WorkerHarness, _ actor: ActorID, at place: Address) throws -> ObjectReference {
        let reference = call(&harness, actor)
        store(&harness, try #require(calls(&harness).first), at: place)
        return reference
    }

    private func die(_ harness: inout WorkerHarness, _ place: Address) {
        harness.receive(.nodeDied(NodeDied(node: place.node, name: "n", reason: "killed")))
        harness.core.checkInvariants()
    }

    private func failure(_ harness: inout WorkerHarness, _ reference: ObjectReference) -> ErrorType? {
        let token = harness.get([reference])
        return harness.outcome(token)?.first?.errorType
    }

    @Test("The actor makes it again, as often as its task retries allow") func retries() throws {
        var (harness, actor) = owner(retries: 1)
        let reference = try made(&harness, actor, at: places[0])
        die(&harness, places[0])
        let again = calls(&harness)
        #expect(again.map(\.spec.id) == [reference.id.task])
        #expect(again.first?.spec.attempt == 1 && again.first?.isRebuild == true)
        store(&harness, try #require(again.first), at: places[1])
        die(&harness, places[1])
        #expect(calls(&harness).isEmpty)
        #expect(failure(&harness, reference) == .objectUnreconstructableMaxAttemptsExceeded)
        var (other, strict) = owner(retries: 0)
        let lost = try made(&other, strict, at: places[0])
        die(&other, places[0])
        #expect(calls(&other).isEmpty)
        #expect(failure(&other, lost) == .objectUnreconstructableRetriesDisabled)
    }

    @Test("It goes before calls that wait for their arguments, since those may wait for it") func overtakes() throws {
        var (harness, actor) = owner(retries: -1)
        let first = try made(&harness, actor, at: places[0])
        let second = call(&harness, actor, [.reference(first)])
        store(&harness, try #require(calls(&harness).first), at: places[0])
        // Its argument is made by a task that has not run.
        let waiting = call(&harness, actor, [.reference(harness.submit()), .reference(second)])
        die(&harness, places[0])
        let makers = calls(&harness)
        #expect(makers.map(\.spec.id) == [first.id.task], "the second needs the first")
        store(&harness, try #require(makers.first), at: places[1])
        let readers = calls(&harness)
        #expect(readers.map(\.spec.id) == [second.id.task] && readers.first?.isRebuild == true)
        store(&harness, try #require(readers.first), at: places[1])
        #expect(calls(&harness).isEmpty, "\(waiting.id) waits for the task")
    }

    @Test("An actor that is being started again makes it then; a dead one never does") func phases() throws {
        var (harness, actor) = owner(retries: 1)
        let reference = try made(&harness, actor, at: places[0])
        harness.receive(state(actor, .restarting, 1, 1))
        die(&harness, places[0])
        #expect(calls(&harness).isEmpty)
        harness.receive(state(actor, .alive, 1, 1))
        let again = try #require(calls(&harness).first)
        #expect(again.spec.id == reference.id.task && again.incarnation == 1)
        store(&harness, again, at: places[1])
        harness.receive(state(actor, .dead, 1, 1))
        die(&harness, places[1])
        #expect(failure(&harness, reference) == .objectUnreconstructableMaxAttemptsExceeded)
        var (other, mortal) = owner(retries: -1)
        let lost = try made(&other, mortal, at: places[0])
        let early = other.get([lost])
        other.receive(state(mortal, .restarting, 1, -1))
        die(&other, places[0])
        other.receive(state(mortal, .dead, 1, -1))
        #expect(other.outcome(early)?.first?.errorType == .actorDied)
        harness.release(reference.id)
        #expect(other.core.owns(lost.id))
    }

    @Test("The actor is held while it makes a result again") func held() throws {
        var (harness, actor) = owner(retries: -1)
        let reference = try made(&harness, actor, at: places[0])
        let release = Message.releaseActor(ReleaseActor(actor: actor))
        harness.receive(state(actor, .restarting, 1, -1))
        die(&harness, places[0])
        var buffer = WorkerEffects()
        harness.core.release(actor, into: &buffer)
        harness.effects += buffer.items
        #expect(!harness.sent().contains { $0.0 == release })
        harness.receive(state(actor, .alive, 1, -1))
        store(&harness, try #require(calls(&harness).first), at: places[1])
        #expect(harness.sent().contains { $0.0 == release })
        #expect(harness.core.owns(reference.id))
    }

    @Test(
        "In the actor it begins before its caller's calls that wait, with groups and without", arguments: [[], ["g"]])
    func inTheActor(groups: [String]) {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let actor = ActorID(1, 1)
        func spec(_ number: UInt64, _ arguments: [TaskArgument] = []) -> TaskSpec {
            var spec = TaskSpec(
                id: TaskID(number, 1, 1), kind: .actorCall(actor, sequence: number), function: WorkerHarness.function,
                arguments: arguments, owner: WorkerHarness.driver)
            spec.concurrencyGroup = groups.first ?? ""
            return spec
        }
        let creation = TaskSpec(
            id: TaskID(1, 1, 1), kind: .actorCreation(actor), function: WorkerHarness.function,
            owner: WorkerHarness.driver)
        var whole = ActorSpec(id: actor, creation: creation)
        whole.concurrencyGroups = groups.map { ConcurrencyGroup(name: $0, callsMax: 1) }
        harness.receive(.startActor(StartActor(spec: whole, incarnation: 0, lease: .none)))
        harness.step(.finished(creation.id, .success([])))
        harness.effects = []
        let missing = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let other = ObjectReference(id: ObjectID(8, 9, 9, 1), owner: WorkerHarness.driver)
        let (waiting, behind) = (spec(2, [.reference(missing)]), spec(3))
        let (alike, again) = (spec(4, [.reference(other)]), spec(5))
        for call in [waiting, behind] {
            harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        // One that waits itself does not hold up the other.
        for call in [alike, again] {
            let message = CallActor(spec: call, incarnation: 0, isRebuild: true)
            harness.receive(.callActor(message), from: WorkerHarness.driver.worker)
        }
        let started = harness.effects.compactMap { if case .execute(let spec) = $0 { spec.id } else { nil } }
        #expect(started == [again.id])
    }
}
