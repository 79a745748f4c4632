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

    /// A generator that has made an item at each of two nodes.
    private func ended(
        _ harness: inout WorkerHarness, retries: Int = 3
    ) throws -> (TaskSpec, ObjectReference, ObjectReference) {
        let spec = try harness.pushGenerator(retries: retries, backpressure: 2)
        harness.make(spec, 0, at: places[0])
        harness.make(spec, 1, at: places[1])
        let items = (try harness.nextItem(spec.id), try harness.nextItem(spec.id))
        harness.done(spec)
        harness.effects = []
        return (spec, items.0, items.1)
    }

    @Test("The generator runs again as a whole, and only what is lost is taken") func again() throws {
        var harness = WorkerHarness()
        let (spec, first, second) = try ended(&harness)
        harness.die(places[0])
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1)
        let wanted = GeneratorSpec(skip: GeneratorSpec.skipsAll, again: [0])
        #expect(again.generator == wanted, "it waits for no reader, and sends nothing else")
        // Nobody reads on: what was read stays all the same.
        harness.drop(spec.id)
        harness.make(again, 0, at: places[2])
        harness.make(again, 1, at: places[2])
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
        harness.die(places[0])
        let again = try #require(nextPushes(&harness).first)
        harness.make(again, 0, at: places[2])
        harness.die(places[2])
        #expect(nextPushes(&harness).isEmpty)
        harness.make(again, 1, at: places[3])
        harness.done(again)
        let third = try #require(nextPushes(&harness).first)
        #expect(third.id == spec.id && third.attempt == 2)
        harness.make(third, 0, at: places[3])
        harness.done(third)
        #expect(failure(&harness, first) == nil && nextPushes(&harness).isEmpty)
    }

    @Test("Fewer items than before, or an error, stand in the place of the lost ones") func inconsistent() throws {
        var harness = WorkerHarness()
        let (_, first, second) = try ended(&harness)
        harness.die(places[1])
        let again = try #require(nextPushes(&harness).first)
        harness.make(again, 0, at: places[2])
        harness.done(again)
        let error = try #require(failure(&harness, second))
        #expect(error.type == .streamingGeneratorReplayInconsistent && error.message.contains("made fewer items"))
        harness.die(places[0])
        let third = try #require(nextPushes(&harness).first)
        harness.end(third, RayError(.taskExecution, "boom"))
        #expect(failure(&harness, first)?.message == "boom")
        harness.release(first.id)
        harness.release(second.id)
        harness.drop(third.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What is lost while the generator runs is made again when it has ended") func early() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        harness.make(spec, 1, at: places[1])
        let (first, second) = (try harness.nextItem(spec.id), try harness.nextItem(spec.id))
        harness.die(places[0])
        harness.make(spec, 2, at: places[1])
        #expect(nextPushes(&harness).isEmpty)
        harness.done(spec)
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1 && again.generator?.again == [0])
        for index in UInt32(0)...2 { harness.make(again, index, at: places[2]) }
        harness.done(again)
        #expect(nextPushes(&harness).isEmpty)
        harness.receive(.queryObject(QueryObject(object: first.id)), from: WorkerHarness.other.worker)
        let status = ObjectStatus(object: first.id, result: .stored(at: places[2], byteCount: 1 << 20), version: 1)
        #expect(harness.sent().contains { $0.0 == .objectStatus(status) })
        for item in [first, second] { harness.release(item.id) }
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test(
        "What came before an error is made again, whether it was lost before or after that", arguments: [true, false])
    func failed(isEarly: Bool) throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        harness.make(spec, 1, at: places[1])
        let items = [try harness.nextItem(spec.id), try harness.nextItem(spec.id)]
        if isEarly { harness.die(places[0]) }
        harness.end(spec, RayError(.taskExecution, "boom"))
        if !isEarly { harness.die(places[0]) }
        let end = try harness.nextItem(spec.id)
        #expect(failure(&harness, end)?.message == "boom")
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1 && again.generator?.again == [0])
        harness.make(again, 0, at: places[2])
        harness.end(again, RayError(.taskExecution, "boom, again"))
        harness.receive(.queryObject(QueryObject(object: items[0].id)), from: WorkerHarness.other.worker)
        let status = ObjectStatus(object: items[0].id, result: .stored(at: places[2], byteCount: 1 << 20), version: 1)
        #expect(harness.sent().contains { $0.0 == .objectStatus(status) })
        #expect(failure(&harness, end)?.message == "boom", "the error is the first one")
        // The second item does not come this time.
        harness.die(places[1])
        let third = try #require(nextPushes(&harness).first)
        harness.make(third, 0, at: places[3])
        harness.end(third, RayError(.taskExecution, "boom, earlier"))
        #expect(failure(&harness, items[1])?.message == "boom, earlier")
        #expect(nextPushes(&harness).isEmpty)
        for item in items + [end] { harness.release(item.id) }
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("What is lost while the generator runs fails when that is cancelled") func cancelled() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        let first = try harness.nextItem(spec.id)
        harness.die(places[0])
        var buffer = WorkerEffects()
        try harness.core.cancel(first, force: false, recursive: false, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        harness.end(spec, RayError(.taskCancelled, "it was cancelled"))
        let error = try #require(failure(&harness, first))
        #expect(error.type == .objectUnreconstructableTaskCancelled && error.message.contains("was cancelled"))
        #expect(nextPushes(&harness).isEmpty)
        harness.release(first.id)
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("Nothing is made again where it may not run again") func refused() throws {
        var strict = WorkerHarness()
        let (_, lost, _) = try ended(&strict, retries: 0)
        strict.die(places[0])
        #expect(failure(&strict, lost)?.type == .objectUnreconstructableRetriesDisabled)
        #expect(nextPushes(&strict).isEmpty)
    }

    @Test("A generator that waits for its reader is stopped for a lost item; the next try sends what is missing")
    func stopped() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator(backpressure: 2)
        for index in UInt32(0)...2 { harness.make(spec, index, at: places[index == 1 ? 0 : 1]) }
        let items = try (0..<2).map { _ in try harness.nextItem(spec.id) }
        harness.effects = []
        harness.die(places[0])
        let stop = Message.stopGenerator(StopGenerator(task: spec.id, attempt: 0))
        #expect(harness.sent().filter { $0.0 == stop && $0.1 == WorkerHarness.worker.worker }.count == 1)
        harness.end(spec, RayError(.taskCancelled, "no further items are wanted"))
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1)
        #expect(again.generator == GeneratorSpec(backpressure: 2, skip: 3, again: [1]))
        harness.make(again, 1, at: places[2])
        harness.make(again, 3, at: places[2])
        harness.done(again)
        #expect(areStored(&harness, [items[1]], at: places[2]) && nextPushes(&harness).isEmpty)
        for item in items { harness.release(item.id) }
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("A generator without a try left is not stopped, and the lost item fails at once") func lastTry() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator(retries: 1, backpressure: 2)
        harness.make(spec, 0, at: places[0])
        let first = try harness.nextItem(spec.id)
        try harness.crash()
        #expect(try #require(nextPushes(&harness).first).attempt == 1)
        harness.die(places[0])
        #expect(failure(&harness, first)?.type == .objectUnreconstructableMaxAttemptsExceeded)
        #expect(!harness.sent().contains { if case .stopGenerator = $0.0 { true } else { false } })
    }

    @Test("A try that follows a crash makes what was lost with it, and one that makes lost items may crash, too")
    func crashes() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        harness.make(spec, 1, at: places[1])
        let items = try (0..<2).map { _ in try harness.nextItem(spec.id) }
        harness.die(places[0])
        try harness.crash()
        let second = try #require(nextPushes(&harness).first)
        #expect(second.attempt == 1 && second.generator == GeneratorSpec(skip: 2, again: [0]))
        harness.make(second, 0, at: places[2])
        harness.done(second)
        #expect(areStored(&harness, [items[0]], at: places[2]) && nextPushes(&harness).isEmpty)
        harness.die(places[1])
        let third = try #require(nextPushes(&harness).first)
        #expect(third.generator?.again == [1])
        try harness.crash()
        harness.die(places[2])
        let fourth = try #require(nextPushes(&harness).first)
        #expect(fourth.attempt == 3 && fourth.generator?.again == [0, 1])
        for index in UInt32(0)...1 { harness.make(fourth, index, at: places[3]) }
        harness.end(fourth)
        #expect(areStored(&harness, items, at: places[3]))
        for item in items { harness.release(item.id) }
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }
}
