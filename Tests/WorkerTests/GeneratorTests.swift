//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Generators") struct GeneratorTests {
    private func call(_ harness: inout WorkerHarness, backpressure: Int = 0, retries: Int = 3) -> ObjectReference {
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, retriesMax: retries)
        call.shared.value.generator = GeneratorSpec(backpressure: backpressure)
        let reference = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        return reference
    }

    private func next(_ harness: inout WorkerHarness, _ task: TaskID) -> ObjectReference? {
        var buffer = WorkerEffects()
        defer { harness.effects += buffer.items }
        return harness.core.nextItem(of: task, into: &buffer)
    }

    private func make(_ harness: inout WorkerHarness, _ spec: TaskSpec, _ index: Int, _ value: UInt8) {
        let object = RayObject(data: [value], metadata: ObjectMetadata.raw)
        harness.receive(
            .generatorItem(
                GeneratorItem(
                    task: spec.id, attempt: UInt32(spec.attempt), index: UInt32(index), result: .inline(object))),
            from: WorkerHarness.worker.worker)
    }

    private func outcome(_ harness: inout WorkerHarness, _ reference: ObjectReference?) -> ObjectOutcome? {
        guard let reference else { return nil }
        let token = harness.get([reference])
        return harness.outcome(token)?.first
    }

    /// A generator whose task has been pushed.
    private func pushed(_ harness: inout WorkerHarness, backpressure: Int = 0, retries: Int = 3) -> TaskSpec {
        _ = call(&harness, backpressure: backpressure, retries: retries)
        harness.grant(harness.leaseRequests()[0])
        return harness.pushes()[0]
    }

    @Test("Items can be read as they come, before they come, and not past the end") func order() {
        var harness = WorkerHarness()
        let spec = pushed(&harness)
        make(&harness, spec, 0, 10)
        let first = next(&harness, spec.id)
        #expect(outcome(&harness, first)?.byte == 10)
        let second = next(&harness, spec.id)
        let third = next(&harness, spec.id)
        #expect(outcome(&harness, second) == nil)
        make(&harness, spec, 1, 11)
        #expect(outcome(&harness, second)?.byte == 11)
        harness.done(spec)
        #expect(outcome(&harness, third)?.errorType == .endOfStreamingGenerator)
        #expect(next(&harness, spec.id) == nil)
    }

    @Test("Items that the result contains live as long as it does, and the stream ends with the task") func gathered() {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function)
        call.shared.value.generator = GeneratorSpec(isGathered: true)
        let result = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        harness.grant(harness.leaseRequests()[0])
        let spec = harness.pushes()[0]
        let items = (0..<2).map { ObjectReference(id: .generatorItem(spec.id, index: $0), owner: WorkerHarness.driver) }
        for index in 0..<2 { make(&harness, spec, index, UInt8(10 + index)) }
        harness.receive(
            .resultReferences(ResultReferences(task: spec.id, attempt: 0, contained: [[items[1]]])),
            from: WorkerHarness.worker.worker)
        harness.done(spec)
        #expect(harness.core.peek(items[0].id) == nil, "the result does not contain it")
        #expect(harness.core.peek(items[1].id)?.byte == 11)
        #expect(next(&harness, spec.id) == nil)
        harness.release(result.id)
        #expect(harness.core.peek(items[1].id) == nil)
    }

    @Test("Items of a call that fails are freed where its result would have contained them") func gatheredFailure() {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, retriesMax: 0)
        call.shared.value.generator = GeneratorSpec(isGathered: true)
        let result = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        harness.grant(harness.leaseRequests()[0])
        let spec = harness.pushes()[0]
        make(&harness, spec, 0, 10)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 0, results: [], error: RayError(.taskExecution, "boom"))),
            from: WorkerHarness.worker.worker)
        #expect(outcome(&harness, result)?.errorType == .taskExecution)
        #expect(harness.core.peek(.generatorItem(spec.id, index: 0)) == nil)
    }

    @Test("References inside an item are registered before its maker lets them go") func references() {
        var harness = WorkerHarness()
        let spec = pushed(&harness)
        let inner = ObjectReference(id: ObjectID(9, 9, 9, 9), owner: WorkerHarness.other)
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: [inner])
        let item = GeneratorItem(task: spec.id, attempt: 0, index: 0, result: .inline(object))
        harness.receive(.generatorItem(item), from: WorkerHarness.worker.worker)
        #expect(harness.sent().map(\.0) == [.borrowObjects(BorrowObjects(objects: [inner.id]))])
        harness.receive(.borrowNoted(BorrowNoted()), from: inner.owner.worker)
        #expect(
            harness.sent().map(\.0) == [.referencesTaken(ReferencesTaken(task: spec.id, attempt: 0, item: 1))])
        let reference = next(&harness, spec.id)
        _ = harness.sent()
        if let reference { harness.release(reference.id) }
        #expect(harness.sent().map(\.0) == [.returnObjects(ReturnObjects(objects: [inner.id]))])
    }

    @Test("A worker holds the references inside an item until its reader's process does") func heldReferences() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = TaskSpec(
            id: TaskID(1, .max, .max), function: WorkerHarness.function, owner: WorkerHarness.driver)
        spec.generator = GeneratorSpec(backpressure: 0)
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        harness.effects = []
        let inner = ObjectReference(id: ObjectID(9, 9, 9, 9), owner: WorkerHarness.other)
        var buffer = WorkerEffects()
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: [inner])
        _ = harness.core.yield(object, from: spec.id, into: &buffer)
        harness.effects += buffer.items
        let item = GeneratorItem(task: spec.id, attempt: 0, index: 0, result: .inline(object))
        #expect(
            harness.sent().map(\.0)
                == [.borrowObjects(BorrowObjects(objects: [inner.id])), .generatorItem(item)])
        harness.receive(.borrowNoted(BorrowNoted()), from: inner.owner.worker)
        harness.receive(
            .referencesTaken(ReferencesTaken(task: spec.id, attempt: 0, item: 1)), from: WorkerHarness.driver.worker)
        #expect(harness.sent().map(\.0) == [.returnObjects(ReturnObjects(objects: [inner.id]))])
    }

    @Test("An error is the item after the good ones and ends the stream") func failure() {
        var harness = WorkerHarness()
        let spec = pushed(&harness)
        make(&harness, spec, 0, 10)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 0, results: [], error: RayError(.taskExecution, "boom"))),
            from: WorkerHarness.worker.worker)
        let items = [next(&harness, spec.id), next(&harness, spec.id)]
        #expect(outcome(&harness, items[0])?.byte == 10)
        #expect(outcome(&harness, items[1])?.errorType == .taskExecution)
        #expect(next(&harness, spec.id) == nil)
    }

    @Test("A further try delivers no item twice, and items of the try before are ignored") func retry() {
        var harness = WorkerHarness()
        _ = call(&harness)
        let lease = harness.leaseRequests()[0]
        harness.grant(lease)
        let spec = harness.pushes()[0]
        make(&harness, spec, 0, 10)
        make(&harness, spec, 1, 11)
        let first = next(&harness, spec.id)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        harness.receive(.leaseLost(LeaseLost(lease: lease, error: RayError(.workerDied, "gone"))))
        harness.grant(harness.leaseRequests()[0])
        let again = harness.pushes()[0]
        #expect(again.attempt == 1 && again.generator?.skip == 2)
        make(&harness, spec, 2, 99)
        make(&harness, again, 1, 98)
        make(&harness, again, 2, 12)
        harness.done(again)
        let rest = [next(&harness, spec.id), next(&harness, spec.id)]
        #expect(outcome(&harness, first)?.byte == 10)
        #expect(rest.map { outcome(&harness, $0)?.byte } == [11, 12])
        #expect(next(&harness, spec.id) == nil)
    }

    @Test("A dropped stream cancels its task and frees what was not read") func dropped() {
        var harness = WorkerHarness()
        let spec = pushed(&harness)
        let stored = TaskResult.stored(at: WorkerHarness.raylet, byteCount: 1 << 20)
        func item(_ index: UInt32) -> Message {
            .generatorItem(GeneratorItem(task: spec.id, attempt: 0, index: index, result: stored))
        }
        harness.receive(item(0), from: WorkerHarness.worker.worker)
        harness.effects = []
        var buffer = WorkerEffects()
        harness.core.dropStream(spec.id, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        func freed(_ index: Int) -> Message {
            .freeObjects(FreeObjects(objects: [.generatorItem(spec.id, index: index)]))
        }
        let sent = harness.sent().map(\.0)
        #expect(sent.contains(freed(0)))
        #expect(sent.contains { if case .cancelTask = $0 { true } else { false } })
        harness.receive(item(1), from: WorkerHarness.worker.worker)
        #expect(harness.sent().map(\.0) == [freed(1)])
        harness.done(spec)
        #expect(next(&harness, spec.id) == nil)
    }

    @Test("What was asked for before the stream is dropped ends with an error, not never", arguments: [true, false])
    func droppedAhead(isPushed: Bool) throws {
        var harness = WorkerHarness()
        let task = isPushed ? pushed(&harness).id : call(&harness).id.task
        let ahead = try #require(next(&harness, task))
        let token = harness.get([ahead])
        var buffer = WorkerEffects()
        harness.core.dropStream(task, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        #expect(harness.outcome(token)?.first?.errorType == .taskCancelled)
    }

    @Test("A stream that is left frees what was not read, and its task goes on without a limit") func left() {
        var harness = WorkerHarness()
        let spec = pushed(&harness, backpressure: 1)
        make(&harness, spec, 0, 10)
        let first = next(&harness, spec.id)
        make(&harness, spec, 1, 11)
        harness.effects = []
        var buffer = WorkerEffects()
        harness.core.dropStream(spec.id, cancels: false, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        #expect(harness.sent().map(\.0) == [.generatorConsumed(GeneratorConsumed(task: spec.id, count: .max))])
        #expect(harness.core.peek(.generatorItem(spec.id, index: 1)) == nil)
        make(&harness, spec, 2, 12)
        #expect(harness.core.peek(.generatorItem(spec.id, index: 2)) == nil)
        harness.done(spec)
        #expect(outcome(&harness, first)?.byte == 10)
        #expect(next(&harness, spec.id) == nil)
    }

    @Test("What was asked for before the stream is left comes") func leftAhead() throws {
        var harness = WorkerHarness()
        let spec = pushed(&harness)
        let ahead = [try #require(next(&harness, spec.id)), try #require(next(&harness, spec.id))]
        var buffer = WorkerEffects()
        harness.core.dropStream(spec.id, cancels: false, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        make(&harness, spec, 0, 10)
        #expect(outcome(&harness, ahead[0])?.byte == 10)
        harness.done(spec)
        #expect(outcome(&harness, ahead[1])?.errorType == .endOfStreamingGenerator)
    }

    @Test("What is only looked at is not read: a generator with a limit does not go on for it") func peeked() throws {
        var harness = WorkerHarness()
        let spec = pushed(&harness, backpressure: 1)
        make(&harness, spec, 0, 10)
        harness.effects = []
        var buffer = WorkerEffects()
        let item = try #require(harness.core.nextItem(of: spec.id, isPeek: true, into: &buffer))
        #expect(buffer.items.isEmpty)
        harness.core.takePeeked(of: spec.id, into: &buffer)
        harness.core.takePeeked(of: spec.id, into: &buffer)
        harness.effects += buffer.items
        #expect(harness.sent().map(\.0) == [.generatorConsumed(GeneratorConsumed(task: spec.id, count: 1))])
        #expect(outcome(&harness, item)?.byte == 10)
    }

    @Test("A generator that waits for its reader goes on when that is lost") func readerLost() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = TaskSpec(
            id: TaskID(1, .max, .max), function: WorkerHarness.function, owner: WorkerHarness.driver)
        spec.generator = GeneratorSpec(backpressure: 1)
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        func yield() -> UInt64 { harness.yieldItem(of: spec.id) }
        func ended(_ token: UInt64) -> Bool { harness.hasGoneOn(after: token) }
        let waiting = yield()
        #expect(!ended(waiting))
        harness.step(.peerLost(WorkerHarness.driver.worker, reason: "closed"))
        #expect(ended(waiting))
        #expect(ended(yield()))
    }

    @Test("A cancelled generator ends with that error, for readers that wait, too") func cancelled() throws {
        var harness = WorkerHarness()
        let reference = call(&harness)
        let ahead = next(&harness, reference.id.task)
        var buffer = WorkerEffects()
        try harness.core.cancel(reference, force: false, recursive: true, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        #expect(outcome(&harness, ahead)?.errorType == .taskCancelled)
        #expect(next(&harness, reference.id.task) == nil)
    }

    @Test("With a limit the worker waits for its reader, gives its CPU away meanwhile, and skips what was sent")
    func backpressure() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let lease = LeaseID(1, 1, 1, 1)
        var spec = TaskSpec(
            id: TaskID(1, .max, .max), function: WorkerHarness.function, resources: ResourceSet([("CPU", 1)]),
            attempt: 1,
            owner: WorkerHarness.driver)
        spec.generator = GeneratorSpec(backpressure: 2, skip: 1)
        harness.receive(.pushTask(PushTask(lease: lease, spec: spec)), from: WorkerHarness.driver.worker)
        harness.effects = []
        func yield() -> UInt64 { harness.yieldItem(of: spec.id) }
        func ended(_ token: UInt64) -> Bool { harness.hasGoneOn(after: token) }
        func items() -> [UInt32] {
            harness.effects.compactMap {
                if case .send(.generatorItem(let item), _, _) = $0 { item.index } else { nil }
            }
        }
        #expect(ended(yield()))
        #expect(items() == [])
        let waiting = yield()
        #expect(!ended(waiting) && items() == [1])
        #expect(harness.sent().map(\.0).contains(.leaseBlocked(LeaseBlocked(lease: lease))))
        harness.receive(
            .generatorConsumed(GeneratorConsumed(task: spec.id, count: 1)), from: WorkerHarness.driver.worker)
        #expect(items() == [] && !ended(waiting))
        harness.receive(.leaseResumed(LeaseResumed(lease: lease)))
        #expect(ended(waiting))
        let last = yield()
        harness.receive(
            .cancelTask(CancelTask(task: spec.id, attempt: 1, force: false, recursive: true)),
            from: WorkerHarness.driver.worker)
        harness.receive(.leaseResumed(LeaseResumed(lease: lease)))
        #expect(
            harness.effects.contains { if case .completeRequest(last, .failure) = $0 { true } else { false } })
    }
}

extension WorkerHarness {
    /// The generator that runs here makes its next item.
    fileprivate mutating func yieldItem(of task: TaskID) -> UInt64 {
        var buffer = WorkerEffects()
        defer { effects += buffer.items }
        return core.yield(RayObject(data: [1], metadata: ObjectMetadata.raw), from: task, into: &buffer)
    }

    /// Whether the function may go on behind an item.
    fileprivate func hasGoneOn(after token: UInt64) -> Bool {
        effects.contains { if case .completeRequest(token, .success) = $0 { true } else { false } }
    }
}
