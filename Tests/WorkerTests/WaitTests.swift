//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Waits that fetch") struct WaitTests {
    private func wait(
        _ harness: inout WorkerHarness, _ references: [ObjectReference], count: Int, fetches: Bool = true
    ) -> UInt64 {
        var buffer = WorkerEffects()
        let token = harness.core.wait(
            references, count: count, fetches: fetches, deadline: nil, from: nil, into: &buffer)
        harness.effects += buffer.items
        return token
    }

    private func flags(_ harness: WorkerHarness, _ token: UInt64) -> [Bool]? {
        for case .completeWait(let ended, let flags) in harness.effects where ended == token { return flags }
        return nil
    }

    private func located(_ harness: WorkerHarness) -> [ObjectID] {
        harness.effects.compactMap { if case .locate(let id) = $0 { id } else { nil } }
    }

    /// A result in the store of another node.
    private func result(_ harness: inout WorkerHarness) -> ObjectReference {
        let reference = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        let spec = harness.pushes()[0]
        let stored = TaskResult.stored(at: WorkerHarness.other, byteCount: 1 << 20)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 0, results: [stored])), from: WorkerHarness.worker.worker)
        harness.effects = []
        return reference
    }

    @Test("An object elsewhere is ready when it has been brought here") func brings() {
        var harness = WorkerHarness()
        let reference = result(&harness)
        #expect(harness.core.firstExisting(of: [reference.id], count: 1) == [true])
        #expect(harness.core.firstExisting(of: [reference.id], count: 1, fetches: true) == nil)
        let token = wait(&harness, [reference], count: 1)
        #expect(flags(harness, token) == nil)
        #expect(located(harness) == [reference.id])
        harness.step(.located(reference.id, isPresent: false))
        #expect(harness.sent().contains { if case .fetchObject = $0.0 { true } else { false } })
        harness.receive(.objectLocal(ObjectLocal(object: reference.id)), from: WorkerHarness.raylet.worker)
        #expect(flags(harness, token) == [true])
        // From here on it costs nothing to ask, also beside others.
        let near = harness.put([1])
        #expect(harness.core.firstExisting(of: [reference.id, near.id], count: 1, fetches: true) == [true, false])
    }

    @Test("Those beyond the number that is wanted are brought, too, and not waited for") func bringsAhead() {
        var harness = WorkerHarness()
        let far = result(&harness)
        let near = harness.put([1])
        #expect(harness.core.firstExisting(of: [near.id, far.id], count: 1, fetches: true) == nil)
        // Some of several cannot tell whether others are to be fetched; without fetching they can.
        #expect(harness.core.existing(among: [near.id], atMost: 1, fetches: true, areAll: false) == nil)
        #expect(harness.core.existing(among: [near.id], atMost: 1, fetches: true, areAll: true) == [true])
        #expect(harness.core.existing(among: [near.id], atMost: 1, fetches: false, areAll: false) == [true])
        let token = wait(&harness, [near, far], count: 1)
        #expect(flags(harness, token) == [true, false])
        #expect(located(harness) == [far.id])
    }

    @Test("A wait that does not fetch, and a process without a store, only want to know") func knows() {
        var harness = WorkerHarness()
        let reference = result(&harness)
        let token = wait(&harness, [reference], count: 1, fetches: false)
        #expect(flags(harness, token) == [true])
        var outside = WorkerHarness(raylet: nil)
        let other = result(&outside)
        let there = wait(&outside, [other], count: 1)
        #expect(flags(outside, there) == [true])
        #expect(located(outside).isEmpty)
    }

    @Test("What is asked for before it exists is brought when its owner says where it is") func borrowed() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        harness.retain(reference)
        let token = wait(&harness, [reference], count: 1)
        harness.step(.located(reference.id, isPresent: false))
        let stored = TaskResult.stored(at: WorkerHarness.other, byteCount: 8)
        harness.receive(
            .objectStatus(ObjectStatus(object: reference.id, result: stored)), from: WorkerHarness.driver.worker)
        #expect(flags(harness, token) == nil)
        harness.receive(.objectLocal(ObjectLocal(object: reference.id)), from: WorkerHarness.raylet.worker)
        #expect(flags(harness, token) == [true])
    }
}

@Suite("Gets that fail fast") struct FastFailureTests {
    private func get(_ harness: inout WorkerHarness, _ references: [ObjectReference], failsFast: Bool) -> UInt64 {
        var buffer = WorkerEffects()
        let token = harness.core.get(references, deadline: nil, failsFast: failsFast, from: nil, into: &buffer)
        harness.effects += buffer.items
        return token
    }

    @Test("It ends with the first object that failed, before or while it waits") func first() {
        var harness = WorkerHarness()
        let slow = harness.submit(retries: 0)
        harness.grant(harness.leaseRequests()[0])
        _ = harness.pushes()
        let bad = harness.submit(retries: 0)
        let spec = harness.pushes()[0]
        let fast = get(&harness, [slow, bad], failsFast: true)
        let patient = get(&harness, [slow, bad], failsFast: false)
        #expect(harness.outcome(fast) == nil)
        let error = RayError(.taskExecution, "on purpose")
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 0, results: [], error: error)),
            from: WorkerHarness.worker.worker)
        #expect(harness.outcome(fast)?.map(\.errorType) == [.getTimeout, .taskExecution])
        #expect(harness.outcome(patient) == nil)
        let late = get(&harness, [slow, bad], failsFast: true)
        #expect(harness.outcome(late)?.map(\.errorType) == [.getTimeout, .taskExecution])
    }
}
