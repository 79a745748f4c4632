//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("What lost tries have left in stores") struct StrayTests {
    private static let node = WorkerHarness.worker.node
    private static let gone = RayError(.workerDied, "killed")

    /// Gives the task a worker; what is pushed to it.
    private func push(_ harness: inout WorkerHarness, to worker: Address = WorkerHarness.worker) -> (LeaseID, TaskSpec)?
    {
        guard let lease = harness.leaseRequests().first else { return nil }
        harness.grant(lease, worker)
        return harness.pushes().first.map { (lease, $0) }
    }

    private func strays(_ harness: inout WorkerHarness) -> [FreeStrays] {
        harness.sent().compactMap { message, peer in
            if case .freeStrays(let strays) = message, peer == .gcs { strays } else { nil }
        }
    }

    @Test("They go with the result, not before it", arguments: [false, true]) func again(isHeadAway: Bool) throws {
        var harness = WorkerHarness()
        var configuration = harness.core.configuration
        configuration.reconnectMilliseconds = 60_000
        harness.core = WorkerCore(configuration, seed: 1)
        let reference = harness.submit()
        let (lease, _) = try #require(push(&harness))
        harness.lose(lease, Self.gone)
        let (_, spec) = try #require(push(&harness, to: WorkerHarness.other))
        let result = TaskResult.stored(at: WorkerHarness.address(9), byteCount: 1 << 20)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 1, results: [result])), from: WorkerHarness.other.worker)
        #expect(strays(&harness).isEmpty)
        if isHeadAway { harness.step(.peerLost(.gcs, reason: "gone")) }
        harness.release(reference.id)
        if isHeadAway {
            #expect(strays(&harness).isEmpty)
            harness.step(.peerUp(.gcs))
        }
        #expect(strays(&harness) == [FreeStrays(objects: [reference.id], nodes: [Self.node])])
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.step(.peerUp(.gcs))
        #expect(strays(&harness).isEmpty)
    }

    @Test("Without a result they go at once, but not on a node that is dead", arguments: [false, true])
    func failed(isNodeDead: Bool) throws {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 0)
        let (lease, _) = try #require(push(&harness))
        if isNodeDead { harness.receive(.nodeDied(NodeDied(node: Self.node, name: "n", reason: "killed"))) }
        harness.lose(lease, Self.gone)
        let wanted = [FreeStrays(objects: [reference.id], nodes: [Self.node])]
        #expect(strays(&harness) == (isNodeDead ? [] : wanted))
    }

    @Test("One that was cancelled, and one that was thought to wait behind it, may have been stored")
    func cancelled() throws {
        var harness = WorkerHarness()
        let first = harness.submit()
        let second = harness.submit()
        let (lease, _) = try #require(push(&harness))
        var buffer = WorkerEffects()
        try harness.core.cancel(first, force: true, recursive: false, at: harness.now, into: &buffer)
        harness.lose(lease, Self.gone)
        harness.release(second.id)
        // The second is under way again: its result is of no use, and what it left goes with that.
        #expect(strays(&harness) == [FreeStrays(objects: [first.id], nodes: [Self.node])])
    }

    @Test("Items that the worker of a generator did not live to tell of go with those of the next try")
    func items() throws {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, retriesMax: 1)
        call.shared.value.generator = GeneratorSpec()
        let task = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0].id.task
        harness.effects += buffer.items
        let (lease, _) = try #require(push(&harness))
        harness.lose(lease, Self.gone)
        let (_, spec) = try #require(push(&harness, to: WorkerHarness.other))
        let item = ObjectID.generatorItem(task, index: 0)
        let result = TaskResult.stored(at: WorkerHarness.address(9), byteCount: 1 << 20)
        harness.receive(
            .generatorItem(GeneratorItem(task: task, attempt: UInt32(spec.attempt), index: 0, result: result)),
            from: WorkerHarness.other.worker)
        harness.done(spec, from: WorkerHarness.other)
        let after = strays(&harness)
        #expect(after.count == 1 && after[0].nodes == [Self.node])
        #expect(after[0].objects.contains(.generatorItem(task, index: 1)) && !after[0].objects.contains(item))
        #expect(harness.core.nextItem(of: task, into: &buffer)?.id == item)
        harness.release(item)
        #expect(strays(&harness) == [FreeStrays(objects: [item], nodes: [Self.node])])
    }
}
