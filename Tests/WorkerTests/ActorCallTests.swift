//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Calls on actors") struct ActorCallTests {
    private func state(_ id: ActorID, _ phase: ActorPhase, _ incarnation: UInt32 = 0, retries: Int = 0) -> Message {
        .actorUpdate(
            ActorUpdate(
                state: ActorState(
                    id: id, phase: phase, address: WorkerHarness.worker, incarnation: incarnation,
                    error: phase == .dead ? RayError(.actorDied, "killed") : nil,
                    className: WorkerHarness.function, taskRetriesMax: retries, name: "", namespace: "")))
    }

    private func create(_ harness: inout WorkerHarness, retries: Int = 0) -> ActorID {
        var buffer = WorkerEffects()
        var options = ActorOptions()
        options.taskRetriesMax = retries
        let id = harness.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        return id
    }

    private func call(_ harness: inout WorkerHarness, _ actor: ActorID, retries: Int = 0) -> ObjectReference {
        var buffer = WorkerEffects()
        let call = Call(function: WorkerHarness.function, retriesMax: retries)
        let reference = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        return reference
    }

    /// A call whose argument is not there yet, and the task that makes that.
    private func callWithArgument(
        _ harness: inout WorkerHarness, _ actor: ActorID, retries: Int = 3
    ) -> (call: ObjectReference, argument: TaskSpec) {
        let argument = harness.submit(retries: 0)
        harness.grant(harness.leaseRequests()[0])
        let push = harness.pushes()[0]
        var buffer = WorkerEffects()
        let call = Call(function: WorkerHarness.function, arguments: [.reference(argument)], retriesMax: retries)
        let waiting = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        return (waiting, push)
    }

    /// A living actor with two calls under way: one without retries, for which somebody waits, and one that has one.
    private func beginCalls(_ harness: inout WorkerHarness) -> (ActorID, lost: UInt64, again: ObjectReference) {
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        let lost = harness.get([call(&harness, actor)])
        let again = call(&harness, actor, retries: 1)
        _ = harness.sent()
        return (actor, lost, again)
    }

    private func calls(_ harness: inout WorkerHarness) -> [CallActor] {
        harness.sent().compactMap { if case .callActor(let call) = $0.0 { call } else { nil } }
    }

    @Test("Calls wait for the actor and go in order with counted numbers") func order() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        let references = (0..<3).map { _ in call(&harness, actor) }
        #expect(calls(&harness).isEmpty)
        harness.receive(state(actor, .alive))
        let sent = calls(&harness)
        #expect(sent.map { $0.spec.returnIDs[0] } == references.map(\.id))
        #expect(sent.map(\.spec.kind) == (0..<3).map { .actorCall(actor, sequence: $0) })
    }

    @Test("Calls under way at a restart fail without retries, and are made again with them") func restart() {
        for retries in [0, 1] {
            var harness = WorkerHarness()
            let actor = create(&harness, retries: retries)
            harness.receive(state(actor, .alive, retries: retries))
            let reference = call(&harness, actor)
            let token = harness.get([reference])
            #expect(calls(&harness).count == 1)
            harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
            harness.receive(state(actor, .restarting, 1, retries: retries))
            let failed = harness.outcome(token)?.first?.errorType
            let later = call(&harness, actor)
            harness.receive(state(actor, .alive, 1, retries: retries))
            let sent = calls(&harness)
            if retries == 0 {
                #expect(failed == .actorUnavailable)
                #expect(sent.map { $0.spec.returnIDs[0] } == [later.id])
            } else {
                #expect(failed == nil)
                #expect(sent.map { $0.spec.returnIDs[0] } == [reference.id, later.id])
                #expect(sent[0].spec.attempt == 1)
            }
        }
    }

    @Test("A call that says how often it is made again, or that it is not, does not go by its actor's number")
    func ownRetries() throws {
        for own in [0, 1] {
            var harness = WorkerHarness()
            let actor = create(&harness, retries: 3)
            harness.receive(state(actor, .alive, retries: 3))
            var buffer = WorkerEffects()
            let call = Call(function: WorkerHarness.function, retriesMax: own)
            let reference = try harness.core.callWithinLimit(
                actor, call, from: nil, at: harness.now, into: &buffer)[0]
            harness.effects += buffer.items
            let token = harness.get([reference])
            #expect(calls(&harness).count == 1)
            harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
            harness.receive(state(actor, .restarting, 1, retries: 3))
            harness.receive(state(actor, .alive, 1, retries: 3))
            #expect(harness.outcome(token)?.first?.errorType == (own == 0 ? .actorUnavailable : nil))
            #expect(calls(&harness).count == own)
        }
    }

    @Test("A call without retries fails if the actor is not back a second later; with them it waits") func slowRestart()
    {
        for retries in [0, 1] {
            var harness = WorkerHarness()
            let actor = create(&harness, retries: retries)
            harness.receive(state(actor, .alive, retries: retries))
            harness.receive(state(actor, .restarting, 1, retries: retries))
            harness.advance(5_000)
            let first = call(&harness, actor)
            let early = harness.get([first])
            harness.advance(600)
            harness.receive(state(actor, .restarting, 2, retries: retries))
            let second = call(&harness, actor)
            let late = harness.get([second])
            harness.advance(600)
            #expect(harness.outcome(early)?.first?.errorType == (retries == 0 ? .actorUnavailable : nil))
            #expect(harness.outcome(late) == nil)
            harness.receive(state(actor, .alive, 2, retries: retries))
            let sent = calls(&harness).map { $0.spec.returnIDs[0] }
            #expect(sent == (retries == 0 ? [second.id] : [first.id, second.id]))
            harness.advance(5_000)
            #expect(harness.outcome(late) == nil)
        }
    }

    @Test("Calls that were queued when the restart began wait a second from then") func queuedBeforeRestart() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        let token = harness.get([call(&harness, actor)])
        harness.advance(2_000)
        harness.receive(state(actor, .restarting, 1))
        harness.advance(900)
        #expect(harness.outcome(token) == nil)
        harness.advance(200)
        #expect(harness.outcome(token)?.first?.errorType == .actorUnavailable)
        #expect(calls(&harness).isEmpty)
    }

    @Test("A call that waits for its argument does not fail at a restart before it is there") func waitingAtRestart() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        let (waiting, push) = callWithArgument(&harness, actor, retries: 0)
        let token = harness.get([waiting])
        harness.receive(state(actor, .restarting, 1))
        harness.advance(3_000)
        #expect(harness.outcome(token) == nil)
        harness.done(push)
        harness.advance(900)
        #expect(harness.outcome(token) == nil)
        harness.advance(200)
        #expect(harness.outcome(token)?.first?.errorType == .actorUnavailable)
    }

    @Test("A dead actor fails what waits and what comes, with the cause") func death() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        let before = harness.get([call(&harness, actor)])
        harness.receive(state(actor, .dead))
        #expect(harness.outcome(before)?.first?.errorType == .actorDied)
        let after = harness.get([call(&harness, actor)])
        #expect(harness.outcome(after)?.first?.errorType == .actorDied)
    }

    @Test("Results that come between the news of the actor's end and the end of its link count; nothing is sent there")
    func lastWords() {
        for phase in [ActorPhase.dead, .restarting] {
            var harness = WorkerHarness()
            let actor = create(&harness)
            harness.receive(state(actor, .alive))
            let (first, second) = (call(&harness, actor), call(&harness, actor))
            let said = calls(&harness)[0].spec
            let tokens = (harness.get([first]), harness.get([second]))
            harness.receive(state(actor, phase, 1))
            let later = harness.get([call(&harness, actor)])
            #expect(calls(&harness).isEmpty)
            harness.done(said)
            #expect(harness.outcome(tokens.0)?.first?.errorType == nil && harness.outcome(tokens.0) != nil)
            #expect(harness.outcome(tokens.1) == nil && harness.outcome(later) == nil)
            harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
            let error: ErrorType = phase == .dead ? .actorDied : .actorUnavailable
            #expect(harness.outcome(tokens.1)?.first?.errorType == error)
            #expect(harness.outcome(later)?.first?.errorType == (phase == .dead ? .actorDied : nil))
        }
    }

    @Test("The end of the link is waited for a second; of several pieces of news the last one counts")
    func silentLink() {
        var harness = WorkerHarness()
        let (actor, lost, again) = beginCalls(&harness)
        harness.receive(state(actor, .restarting, 1))
        harness.receive(state(actor, .alive, 1))
        let later = call(&harness, actor)
        harness.advance(900)
        #expect(harness.outcome(lost) == nil && calls(&harness).isEmpty)
        harness.advance(200)
        #expect(harness.outcome(lost)?.first?.errorType == .actorUnavailable)
        #expect(callsOverNewLink(&harness) == [again.id.task, later.id.task])
    }

    @Test("News that is taken back changes nothing: what waits is sent, and the calls under way go on") func takenBack()
    {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        let under = harness.get([call(&harness, actor)])
        _ = harness.sent()
        harness.receive(state(actor, .restarting, 0))
        let later = call(&harness, actor)
        #expect(calls(&harness).isEmpty)
        harness.receive(state(actor, .alive, 0))
        #expect(calls(&harness).map { $0.spec.returnIDs[0] } == [later.id])
        harness.advance(5_000)
        #expect(harness.outcome(under) == nil)
    }

    @Test("A broken link to a living actor fails its calls within the limit, later calls go on") func broken() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        let token = harness.get([call(&harness, actor)])
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        harness.advance(4_000)
        #expect(harness.outcome(token)?.first?.errorType == .actorUnavailable)
        _ = harness.sent()
        _ = call(&harness, actor)
        #expect(calls(&harness).count == 1)
    }

    /// The calls sent since the last time that a link to the actor was asked for; nothing if none was before one of them.
    private func callsOverNewLink(_ harness: inout WorkerHarness) -> [TaskID]? {
        var sent: [TaskID]?
        defer { harness.effects.removeAll() }
        for effect in harness.effects {
            switch effect {
            case .connect(WorkerHarness.worker): sent = []
            case .send(.callActor(let call), _, _):
                guard sent != nil else { return nil }
                sent?.append(call.spec.id)
            default: break
            }
        }
        return sent
    }

    @Test("What waits while the link to a living actor is broken leaves over the new link, behind what is made again")
    func queuedWhileBroken() {
        var harness = WorkerHarness()
        let (actor, lost, again) = beginCalls(&harness)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "silent"))
        let later = call(&harness, actor)
        #expect(calls(&harness).isEmpty)
        harness.advance(4_000)
        #expect(harness.outcome(lost)?.first?.errorType == .actorUnavailable)
        #expect(callsOverNewLink(&harness) == [again.id.task, later.id.task])
    }

    @Test("What waits when a new process of the actor is there goes to that, and its link is made first")
    func queuedAtNewIncarnation() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        _ = call(&harness, actor)
        let again = call(&harness, actor, retries: 1)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "silent"))
        let later = call(&harness, actor)
        _ = harness.sent()
        // A head that was started again tells of the new process without a word of a restart.
        harness.receive(state(actor, .alive, 1))
        #expect(callsOverNewLink(&harness) == [again.id.task, later.id.task])
    }

    @Test("A call whose argument failed does not hold up the next") func failedArgument() {
        var harness = WorkerHarness()
        let actor = create(&harness)
        harness.receive(state(actor, .alive))
        let (_, push) = callWithArgument(&harness, actor)
        let second = call(&harness, actor)
        #expect(calls(&harness).isEmpty)
        harness.receive(
            .taskDone(TaskDone(task: push.id, attempt: 0, results: [], error: RayError(.taskExecution, "boom"))),
            from: WorkerHarness.worker.worker)
        #expect(calls(&harness).map { $0.spec.returnIDs[0] } == [second.id])
    }
}
