//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Items of generators that were let go") struct LineageStreamTests {
    private let places = (11...14).map { WorkerHarness.address(UInt64($0)) }
    private let cancelled = RayError(.taskCancelled, "it was cancelled")

    /// A generator that has made two items, of which the first was read, and that nobody reads any more.
    private func dropped(_ harness: inout WorkerHarness, backpressure: Int = 0) throws -> (TaskSpec, ObjectReference) {
        let spec = try harness.pushGenerator(backpressure: backpressure)
        for index in UInt32(0)...1 { harness.make(spec, index, at: places[0]) }
        let item = try harness.nextItem(spec.id)
        harness.drop(spec.id)
        return (spec, item)
    }

    @Test("An item is made again that is lost after the generator has ended, and nothing else") func late() throws {
        var harness = WorkerHarness()
        let (spec, item) = try dropped(&harness)
        harness.end(spec, cancelled)
        harness.effects = []
        harness.die(places[0])
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.attempt == 1)
        #expect(again.generator == GeneratorSpec(skip: GeneratorSpec.skipsAll, again: [0]))
        harness.make(again, 0, at: places[1])
        harness.end(again)
        #expect(areStored(&harness, [item], at: places[1]))
        harness.release(item.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("One that is lost before that waits for the end", arguments: [0, 2]) func early(backpressure: Int) throws {
        var harness = WorkerHarness()
        let (spec, item) = try dropped(&harness, backpressure: backpressure)
        harness.effects = []
        harness.die(places[0])
        #expect(nextPushes(&harness).isEmpty)
        harness.end(spec, cancelled)
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.generator?.again == [0])
        harness.make(again, 0, at: places[1])
        harness.end(again)
        #expect(areStored(&harness, [item], at: places[1]))
        harness.release(item.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("One that was lost before it was let go, and waited for a next try, is made again") func waiting() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        let item = try harness.nextItem(spec.id)
        harness.die(places[0])
        try harness.crash()
        harness.drop(spec.id)
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.generator?.again == [0])
        harness.make(again, 0, at: places[1])
        harness.end(again)
        #expect(areStored(&harness, [item], at: places[1]))
        harness.release(item.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("An item that is not there any more is made again for what was made of it while the generator ran")
    func lineage() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.make(spec, 0, at: places[0])
        let item = try harness.nextItem(spec.id)
        let result = harness.submit([.reference(item)])
        harness.release(item.id)
        let user = try #require(nextPushes(&harness).first)
        harness.receive(
            .taskDone(TaskDone(task: user.id, attempt: 0, results: [.stored(at: places[1], byteCount: 1 << 20)])),
            from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
        #expect(harness.core.peek(item.id) == nil)
        harness.drop(spec.id)
        harness.end(spec, cancelled)
        harness.effects = []
        harness.die(places[0])
        harness.die(places[1])
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.generator?.again == [0])
        harness.make(again, 0, at: places[2])
        harness.end(again)
        let last = try #require(nextPushes(&harness).first)
        #expect(last.id == user.id && last.attempt == 1)
        harness.receive(
            .taskDone(TaskDone(task: user.id, attempt: 1, results: [.stored(at: places[3], byteCount: 1 << 20)])),
            from: WorkerHarness.worker.worker)
        harness.core.checkInvariants()
        #expect(areStored(&harness, [result], at: places[3]))
        harness.release(result.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("An item that comes after its node's death is made again") func lateItem() throws {
        var harness = WorkerHarness()
        let spec = try harness.pushGenerator()
        harness.die(places[0])
        harness.make(spec, 0, at: places[0])
        let item = try harness.nextItem(spec.id)
        harness.done(spec)
        let again = try #require(nextPushes(&harness).first)
        #expect(again.id == spec.id && again.generator?.again == [0])
        harness.make(again, 0, at: places[1])
        harness.end(again)
        #expect(areStored(&harness, [item], at: places[1]))
        harness.release(item.id)
        harness.drop(spec.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("Nothing is kept of a generator whose items nobody holds") func unneeded() throws {
        var harness = WorkerHarness()
        let (spec, item) = try dropped(&harness)
        harness.release(item.id)
        harness.end(spec, cancelled)
        #expect(harness.core.heldCount == 0)
    }

    // MARK: The worker's side

    @Test("A call that was stopped before it began is not, when it comes again over a new link") func stoppedEarly() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let actor = ActorID(1, 1)
        let creation = TaskSpec(id: TaskID(1, 1, 1), kind: .actorCreation(actor), function: WorkerHarness.function)
        harness.receive(
            .startActor(StartActor(spec: ActorSpec(id: actor, creation: creation), incarnation: 0, lease: .none)))
        var spec = TaskSpec(
            id: TaskID(1, .max, .max), kind: .actorCall(actor, sequence: 0), function: WorkerHarness.function,
            owner: WorkerHarness.driver)
        spec.generator = GeneratorSpec(backpressure: 1)
        func call(_ attempt: Int) {
            spec.attempt = attempt
            harness.receive(.callActor(CallActor(spec: spec, incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        call(0)
        harness.receive(
            .stopGenerator(StopGenerator(task: spec.id, attempt: 0)), from: WorkerHarness.driver.worker)
        call(1)
        harness.step(.finished(creation.id, .success([])))
        #expect(yield(&harness, spec).sent == [0])
    }

    private func running(_ generator: GeneratorSpec) -> (WorkerHarness, TaskSpec) {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = TaskSpec(id: TaskID(1, .max, .max), function: WorkerHarness.function, owner: WorkerHarness.driver)
        spec.generator = generator
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        harness.effects = []
        return (harness, spec)
    }

    /// Hands the next item over; what was sent, and whether the code is to go on, if that is known.
    private func yield(_ harness: inout WorkerHarness, _ spec: TaskSpec) -> (sent: [UInt32], goesOn: Bool?) {
        harness.effects = []
        var buffer = WorkerEffects()
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw)
        let token = harness.core.yield(object, from: spec.id, into: &buffer)
        harness.effects += buffer.items
        return (items(harness), goesOn(harness, token))
    }

    private func items(_ harness: WorkerHarness) -> [UInt32] {
        harness.effects.compactMap { if case .send(.generatorItem(let item), _, _) = $0 { item.index } else { nil } }
    }

    private func goesOn(_ harness: WorkerHarness, _ token: UInt64) -> Bool? {
        for case .completeRequest(token, let result) in harness.effects {
            return if case .success = result { true } else { false }
        }
        return nil
    }

    private func reply(_ harness: inout WorkerHarness, _ spec: TaskSpec) -> TaskDone? {
        harness.effects = []
        harness.step(.finished(spec.id, .failure(RayError(.taskExecution, "its code met an error"))))
        return harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done } else { nil } }.first
    }

    @Test("A worker sends the items that are wanted, and ends the generator, well, with the last of them") func wanted()
    {
        var (harness, spec) = running(GeneratorSpec(skip: GeneratorSpec.skipsAll, again: [1, 3]))
        let expected: [([UInt32], Bool)] = [([], true), ([1], true), ([], true), ([3], false)]
        for (sent, goesOn) in expected {
            let outcome = yield(&harness, spec)
            #expect(outcome.sent == sent && outcome.goesOn == goesOn)
        }
        #expect(yield(&harness, spec).goesOn == false)
        let done = reply(&harness, spec)
        #expect(done?.error == nil && done?.results.isEmpty == true)
    }

    @Test("Beside those from a number on a worker sends the lost ones before") func again() {
        var (harness, spec) = running(GeneratorSpec(skip: 3, again: [1]))
        let sent = (0..<5).map { _ in yield(&harness, spec).sent }
        #expect(sent == [[], [1], [], [3], [4]])
    }

    @Test(
        "A try that is stopped ends at its next item, also one that waits; another try is not stopped",
        arguments: [true, false])
    func stop(isWaiting: Bool) {
        var (harness, spec) = running(GeneratorSpec(backpressure: 2))
        #expect(yield(&harness, spec).goesOn == true)
        func stop(_ attempt: UInt32) {
            harness.receive(
                .stopGenerator(StopGenerator(task: spec.id, attempt: attempt)), from: WorkerHarness.driver.worker)
        }
        stop(1)
        if isWaiting {
            harness.effects = []
            var buffer = WorkerEffects()
            let token = harness.core.yield(
                RayObject(data: [1], metadata: ObjectMetadata.raw), from: spec.id, into: &buffer)
            harness.effects += buffer.items
            #expect(goesOn(harness, token) == nil)
            stop(0)
            #expect(goesOn(harness, token) == false)
        } else {
            stop(0)
            #expect(yield(&harness, spec).goesOn == false)
        }
        #expect(items(harness) == (isWaiting ? [1] : []))
        #expect(reply(&harness, spec)?.error?.type == .taskCancelled)
    }
}
