//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Errors of tasks that nobody gets") struct UnreadErrorTests {
    private let error = RayError(.taskExecution, "boom")

    private func fail(_ harness: inout WorkerHarness, _ task: TaskSpec, _ error: RayError) {
        harness.receive(
            .taskDone(TaskDone(task: task.id, attempt: 0, results: [], error: error)),
            from: WorkerHarness.worker.worker)
    }

    private func running(_ harness: inout WorkerHarness) throws -> (ObjectReference, TaskSpec) {
        let reference = harness.submit(retries: 0)
        harness.grant(try #require(harness.leaseRequests().first))
        return (reference, try #require(harness.pushes().first))
    }

    private func told(_ harness: WorkerHarness) -> [String] {
        harness.effects.compactMap { if case .unreadError(let error) = $0 { error.message } else { nil } }
    }

    @Test("One is told when the last reference goes, before the task fails or after", arguments: [true, false])
    func dropped(isEarly: Bool) throws {
        var harness = WorkerHarness()
        let (reference, task) = try running(&harness)
        if isEarly { harness.release(reference.id) }
        fail(&harness, task, error)
        #expect(told(harness) == (isEarly ? ["boom"] : []))
        if !isEarly { harness.release(reference.id) }
        #expect(told(harness) == ["boom"])
    }

    @Test("Not one that was got, waited for, an argument, or asked for by another process", arguments: 0..<4)
    func read(how: Int) throws {
        var harness = WorkerHarness()
        let (reference, task) = try running(&harness)
        if how == 0 { _ = harness.get([reference]) }
        fail(&harness, task, error)
        switch how {
        case 1:
            var buffer = WorkerEffects()
            _ = harness.core.wait([reference], count: 1, deadline: nil, from: nil, into: &buffer)
        case 2:
            let second = harness.submit([.reference(reference)], retries: 0)
            harness.core.noteRead([second.id])
        case 3: harness.receive(.queryObject(QueryObject(object: reference.id)), from: WorkerHarness.other.worker)
        default: break
        }
        harness.release(reference.id)
        #expect(told(harness).isEmpty)
    }

    @Test("In a console one is told, once, when nobody has asked for it in some time") func console() throws {
        var harness = WorkerHarness()
        let (reference, task) = try running(&harness)
        fail(&harness, task, error)
        harness.advance(4_999)
        var buffer = WorkerEffects()
        harness.core.tellUnreadErrors(olderThan: 5_000, at: harness.now, into: &buffer)
        #expect(buffer.items.isEmpty)
        harness.advance(1)
        for _ in 0..<2 { harness.core.tellUnreadErrors(olderThan: 5_000, at: harness.now, into: &buffer) }
        harness.effects += buffer.items
        harness.release(reference.id)
        #expect(told(harness) == ["boom"])
    }

    @Test("Only what user code or its process did wrong", arguments: [ErrorType.taskCancelled, .workerDied, .nodeDied])
    func kinds(type: ErrorType) throws {
        var harness = WorkerHarness()
        let (reference, task) = try running(&harness)
        fail(&harness, task, RayError(type, "gone"))
        harness.release(reference.id)
        #expect(told(harness) == (type == .workerDied ? ["gone"] : []))
    }

    @Test("The driver is warned of very many calls under way on an actor, each time they have doubled")
    func manyCalls() {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        let actor = harness.core.createActor(
            Call(function: WorkerHarness.function), ActorOptions(), from: nil, at: harness.now, into: &buffer)
        let state = ActorState(
            id: actor, phase: .alive, address: WorkerHarness.worker, incarnation: 0, error: nil,
            className: WorkerHarness.function, taskRetriesMax: 0, name: "", namespace: "")
        harness.receive(.actorUpdate(ActorUpdate(state: state)))
        for _ in 0..<10_001 {
            buffer = WorkerEffects()
            _ = harness.core.call(
                actor, Call(function: WorkerHarness.function, retriesMax: 0), from: nil, at: harness.now, into: &buffer)
            harness.effects += buffer.items.filter {
                if case .send(.publish, _, _) = $0 { true } else { false }
            }
        }
        let reports = harness.sent().compactMap { message, _ -> ErrorReport? in
            guard case .publish(let publish) = message else { return nil }
            return ErrorReport(Published(channel: publish.channel, payload: publish.payload))
        }
        #expect(reports.map(\.type) == ["excess_queueing_warning", "excess_queueing_warning"])
        #expect(reports.map { $0.message.contains("More than 5000") } == [true, false])
        #expect(reports.map { $0.message.contains("More than 10000") } == [false, true])
        #expect(reports.map(\.job) == [JobID(1), JobID(1)])
    }

    @Test("A subscription is made once, and again at the next head") func subscription() {
        var harness = WorkerHarness()
        var configuration = harness.core.configuration
        configuration.reconnectMilliseconds = 60_000
        harness.core = WorkerCore(configuration, seed: 1)
        var buffer = WorkerEffects()
        for _ in 0..<2 { harness.core.subscribe(to: "errors", into: &buffer) }
        harness.effects += buffer.items
        func subscriptions() -> Int {
            harness.sent().filter { if case .subscribe = $0.0 { true } else { false } }.count
        }
        #expect(subscriptions() == 1)
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.step(.peerUp(.gcs))
        #expect(subscriptions() == 1)
    }
}
