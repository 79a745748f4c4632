//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Lost items of generators") struct LineageItemTests {
    private let places = (11...14).map { WorkerHarness.address(UInt64($0)) }

    /// Submits a generator; its task as it was pushed.
    private func pushed(
        _ harness: inout WorkerHarness, retries: Int = 3, backpressure: Int = 2
    ) throws -> TaskSpec {
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, retriesMax: retries)
        call.shared.value.generator = GeneratorSpec(backpressure: backpressure)
        let reference = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        harness.release(reference.id)
        return try #require(pushes(&harness).first)
    }

    private func pushes(_ harness: inout WorkerHarness) -> [TaskSpec] {
        for (message, _) in harness.sent() {
            if case .requestLease(let request) = message { harness.grant(request.lease) }
            if case .pushTask(let push) = message { return [push.spec] }
        }
        return harness.pushes()
    }

    private func make(_ harness: inout WorkerHarness, _ spec: TaskSpec, _ index: UInt32, at place: Address) {
        harness.receive(
            .generatorItem(
                GeneratorItem(
                    task: spec.id, attempt: UInt32(spec.attempt), index: index,
                    result: .stored(at: place, byteCount: 1 << 20))),
            from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
    }

    private func next(_ harness: inout WorkerHarness, _ task: TaskID) throws -> ObjectReference {
        var buffer = WorkerEffects()
        defer { harness.effects += buffer.items }
        return try #require(harness.core.nextItem(of: task, into: &buffer))
    }

    private func drop(_ harness: inout WorkerHarness, _ task: TaskID) {
        var buffer = WorkerEffects()
        harness.core.dropStream(task, at: harness.now, into: &buffer)
        harness.effects += buffer.items
    }

    private func die(_ harness: inout WorkerHarness, _ place: Address) {
        harness.receive(.nodeDied(NodeDied(node: place.node, name: "n", reason: "killed")))
        harness.core.checkInvariants()
    }

    private func failure(_ harness: inout WorkerHarness, _ reference: ObjectReference) -> RayError? {
        let token = harness.get([reference])
        guard case .failed(let error)? = harness.outcome(token)?.first else { return nil }
        return error
    }

    /// A generator that has made an item at each of two nodes.
    private func ended(
        _ harness: inout WorkerHarness, retries: Int = 3
    ) throws -> (TaskSpec, ObjectReference, ObjectReference) {
        let spec = try pushed(&harness, retries: retries)
        make(&harness, spec, 0, at: places[0])
        make(&harness, spec, 1, at: places[1])
        let items = (try next(&harness, spec.id), try next(&harness, spec.id))
        harness.done(spec)
        harness.effects = []
        return (spec, items.0, items.1)
    }

    @Test("The generator runs again as a whole, and only what is lost is taken") func again() throws {
        var harness = WorkerHarness()
        let (spec, first, second) = try ended(&harness)
        die(&harness, places[0])
        let again = try #require(pushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1)
        #expect(again.generator == GeneratorSpec(backpressure: 0, skip: 0), "it waits for no reader")
        // Nobody reads on: what was read stays all the same.
        drop(&harness, spec.id)
        make(&harness, again, 0, at: places[2])
        make(&harness, again, 1, at: places[2])
        let freed = FreeObjects(objects: [second.id])
        #expect(harness.sent().contains { $0.0 == .freeObjects(freed) && $0.1 == places[2].worker })
        harness.done(again)
        for (item, place) in [(first, places[2]), (second, places[1])] {
            harness.receive(.queryObject(QueryObject(object: item.id)), from: WorkerHarness.other.worker)
            let answer = harness.sent().first { $0.1 == WorkerHarness.other.worker }?.0
            let version: UInt32 = item.id == first.id ? 1 : 0
            let status = ObjectStatus(
                object: item.id, result: .stored(at: place, byteCount: 1 << 20), version: version)
            #expect(answer == .objectStatus(status))
        }
        harness.release(first.id)
        harness.release(second.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("An item that is lost once more while the generator runs has it run another time") func twice() throws {
        var harness = WorkerHarness()
        let (spec, first, _) = try ended(&harness)
        die(&harness, places[0])
        let again = try #require(pushes(&harness).first)
        make(&harness, again, 0, at: places[2])
        die(&harness, places[2])
        #expect(pushes(&harness).isEmpty)
        make(&harness, again, 1, at: places[3])
        harness.done(again)
        let third = try #require(pushes(&harness).first)
        #expect(third.id == spec.id && third.attempt == 2)
        make(&harness, third, 0, at: places[3])
        harness.done(third)
        #expect(failure(&harness, first) == nil && pushes(&harness).isEmpty)
    }

    @Test("Fewer items than before, or an error, stand in the place of the lost ones") func inconsistent() throws {
        var harness = WorkerHarness()
        let (_, first, second) = try ended(&harness)
        die(&harness, places[1])
        let again = try #require(pushes(&harness).first)
        make(&harness, again, 0, at: places[2])
        harness.done(again)
        let error = try #require(failure(&harness, second))
        #expect(error.type == .streamingGeneratorReplayInconsistent && error.message.contains("made only 1 items"))
        die(&harness, places[0])
        let third = try #require(pushes(&harness).first)
        harness.receive(
            .taskDone(TaskDone(task: third.id, attempt: 2, results: [], error: RayError(.taskExecution, "boom"))),
            from: WorkerHarness.worker.worker)
        #expect(failure(&harness, first)?.message == "boom")
        harness.release(first.id)
        harness.release(second.id)
        drop(&harness, third.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What is lost while the generator runs is made again when it has ended") func early() throws {
        var harness = WorkerHarness()
        let spec = try pushed(&harness, backpressure: 0)
        make(&harness, spec, 0, at: places[0])
        make(&harness, spec, 1, at: places[1])
        let (first, second) = (try next(&harness, spec.id), try next(&harness, spec.id))
        die(&harness, places[0])
        make(&harness, spec, 2, at: places[1])
        #expect(pushes(&harness).isEmpty)
        harness.done(spec)
        let again = try #require(pushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1 && again.generator?.skip == 0)
        for index in UInt32(0)...2 { make(&harness, again, index, at: places[2]) }
        harness.done(again)
        #expect(pushes(&harness).isEmpty)
        harness.receive(.queryObject(QueryObject(object: first.id)), from: WorkerHarness.other.worker)
        let status = ObjectStatus(object: first.id, result: .stored(at: places[2], byteCount: 1 << 20), version: 1)
        #expect(harness.sent().contains { $0.0 == .objectStatus(status) })
        for item in [first, second] { harness.release(item.id) }
        drop(&harness, spec.id)
        #expect(harness.core.heldCount == 0)
    }

    private func fail(_ harness: inout WorkerHarness, _ spec: TaskSpec, _ text: String = "boom") {
        let error = RayError(.taskExecution, text)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [], error: error)),
            from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
    }

    @Test(
        "What came before an error is made again, whether it was lost before or after that", arguments: [true, false])
    func failed(isEarly: Bool) throws {
        var harness = WorkerHarness()
        let spec = try pushed(&harness, backpressure: 0)
        make(&harness, spec, 0, at: places[0])
        make(&harness, spec, 1, at: places[1])
        let items = [try next(&harness, spec.id), try next(&harness, spec.id)]
        if isEarly { die(&harness, places[0]) }
        fail(&harness, spec)
        if !isEarly { die(&harness, places[0]) }
        let end = try next(&harness, spec.id)
        #expect(failure(&harness, end)?.message == "boom")
        let again = try #require(pushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1 && again.generator?.skip == 0)
        make(&harness, again, 0, at: places[2])
        fail(&harness, again, "boom, again")
        harness.receive(.queryObject(QueryObject(object: items[0].id)), from: WorkerHarness.other.worker)
        let status = ObjectStatus(object: items[0].id, result: .stored(at: places[2], byteCount: 1 << 20), version: 1)
        #expect(harness.sent().contains { $0.0 == .objectStatus(status) })
        #expect(failure(&harness, end)?.message == "boom", "the error is the first one")
        // The second item does not come this time.
        die(&harness, places[1])
        let third = try #require(pushes(&harness).first)
        make(&harness, third, 0, at: places[3])
        fail(&harness, third, "boom, earlier")
        #expect(failure(&harness, items[1])?.message == "boom, earlier")
        #expect(pushes(&harness).isEmpty)
        for item in items + [end] { harness.release(item.id) }
        drop(&harness, spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What is lost while the generator runs fails when that is cancelled") func cancelled() throws {
        var harness = WorkerHarness()
        let spec = try pushed(&harness, backpressure: 0)
        make(&harness, spec, 0, at: places[0])
        let first = try next(&harness, spec.id)
        die(&harness, places[0])
        var buffer = WorkerEffects()
        try harness.core.cancel(first, force: false, recursive: false, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        harness.receive(
            .taskDone(
                TaskDone(task: spec.id, attempt: 0, results: [], error: RayError(.taskCancelled, "it was cancelled"))),
            from: WorkerHarness.worker.worker)
        let error = try #require(failure(&harness, first))
        #expect(error.type == .objectUnreconstructableLineageEvicted && error.message.contains("was cancelled"))
        #expect(pushes(&harness).isEmpty)
        harness.release(first.id)
        drop(&harness, spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("Nothing is made again while the generator waits for readers, and where it may not run again") func refused()
        throws
    {
        var harness = WorkerHarness()
        let spec = try pushed(&harness)
        make(&harness, spec, 0, at: places[0])
        let first = try next(&harness, spec.id)
        die(&harness, places[0])
        let early = try #require(failure(&harness, first))
        #expect(early.type == .objectUnreconstructableLineageEvicted && early.message.contains("has not ended"))
        var strict = WorkerHarness()
        let (_, lost, _) = try ended(&strict, retries: 0)
        die(&strict, places[0])
        #expect(failure(&strict, lost)?.type == .objectUnreconstructableRetriesDisabled)
        #expect(pushes(&strict).isEmpty)
    }
}
