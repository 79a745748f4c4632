//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Retries by the cause of the loss") struct LostLeaseTests {
    private static let short = RayError(.outOfMemory, "9.8GB used / 10GB limit")

    /// Gives the task a worker and takes it away again; the attempt that had begun.
    private func lose(
        _ harness: inout WorkerHarness, _ error: RayError, wasPreempted: Bool = false, linkFirst: Bool = false
    ) -> Int? {
        guard let lease = harness.leaseRequests().first else { return nil }
        harness.grant(lease)
        let attempt = harness.pushes().first?.attempt
        if linkFirst { harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed")) }
        harness.lose(lease, error, wasPreempted: wasPreempted)
        return attempt
    }

    @Test("A node that was drained uses up no retry", arguments: [false, true])
    func preempted(linkFirst: Bool) {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 1)
        let gone = RayError(.nodeDied, "drained")
        for attempt in 0..<5 {
            #expect(lose(&harness, gone, wasPreempted: true, linkFirst: linkFirst) == attempt)
        }
        // A death that nobody announced uses up the one that it has.
        #expect(lose(&harness, gone, linkFirst: linkFirst) == 5)
        #expect(lose(&harness, gone, linkFirst: linkFirst) == 6)
        let token = harness.get([reference])
        #expect(harness.outcome(token)?.first?.errorType == .nodeDied)
    }

    @Test("A task without retries fails with its drained node") func preemptedWithout() {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 0)
        _ = lose(&harness, RayError(.nodeDied, "drained"), wasPreempted: true)
        let token = harness.get([reference])
        #expect(harness.outcome(token)?.first?.errorType == .nodeDied)
    }

    @Test("A kill for want of memory has a count of its own, and each pause is twice as long") func memory() {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 1)
        for (attempt, seconds) in [(0, 1), (1, 2), (2, 4)] {
            #expect(lose(&harness, Self.short) == attempt)
            harness.advance(seconds * 1_000 - 1)
            #expect(harness.leaseRequests().isEmpty)
            harness.advance(1)
        }
        // The retry for other deaths is still there.
        #expect(lose(&harness, RayError(.workerDied, "killed")) == 3)
        let token = harness.get([reference])
        #expect(harness.outcome(token) == nil)
    }

    @Test("task_oom_retries limits them, and a task without retries gets none", arguments: [(3, 2), (0, 1)])
    func memoryLimit(retries: Int, attempts: Int) {
        var harness = WorkerHarness(oomRetries: 1)
        let reference = harness.submit(retries: retries)
        for _ in 0..<attempts {
            _ = lose(&harness, Self.short)
            harness.advance(5_000)
        }
        let token = harness.get([reference])
        #expect(harness.outcome(token)?.first?.errorType == .outOfMemory)
    }

    @Test("A task that is cancelled in its pause does not run again") func cancelled() throws {
        var harness = WorkerHarness()
        let reference = harness.submit()
        _ = lose(&harness, Self.short)
        var buffer = WorkerEffects()
        try harness.core.cancel(reference, force: false, recursive: true, at: harness.now, into: &buffer)
        harness.advance(5_000)
        #expect(harness.leaseRequests().isEmpty)
        let token = harness.get([reference])
        #expect(harness.outcome(token)?.first?.errorType == .taskCancelled)
    }

    // MARK: Last words

    /// A task that its worker has, of whose end the cluster tells.
    private func heard(_ harness: inout WorkerHarness, retries: Int = 0) -> (ObjectReference, TaskSpec)? {
        let reference = harness.submit(retries: retries)
        guard let lease = harness.leaseRequests().first else { return nil }
        harness.grant(lease)
        guard let spec = harness.pushes().first else { return nil }
        harness.receive(.leaseLost(LeaseLost(lease: lease, error: RayError(.workerDied, "killed by SIGKILL"))))
        return (reference, spec)
    }

    @Test("A result that lies in the link of a worker counts, though the cluster has told of the worker's end before")
    func resultBehind() throws {
        var harness = WorkerHarness()
        let (reference, spec) = try #require(heard(&harness))
        let token = harness.get([reference])
        #expect(harness.outcome(token) == nil)
        // Nothing more goes to a worker that is gone.
        _ = harness.submit()
        #expect(harness.pushes().isEmpty)
        harness.done(spec, 7)
        #expect(harness.outcome(token)?.first?.byte == 7)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        #expect(harness.core.hasCallsUnderWay == true)
        harness.core.checkInvariants()
    }

    @Test("Without one the task fails, or is tried again, when the link has ended", arguments: [0, 1])
    func noResult(retries: Int) throws {
        var harness = WorkerHarness()
        let (reference, _) = try #require(heard(&harness, retries: retries))
        #expect(harness.leaseRequests().isEmpty)
        let token = harness.get([reference])
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        #expect(harness.outcome(token)?.first?.errorType == (retries == 0 ? .workerDied : nil))
        guard retries > 0 else { return }
        harness.grant(try #require(harness.leaseRequests().first))
        #expect(harness.pushes().map(\.attempt) == [1])
    }

    @Test("A link that does not end, as something else keeps it open or nobody has told of it, is waited for a second")
    func linkStays() throws {
        var harness = WorkerHarness()
        let (reference, spec) = try #require(heard(&harness))
        let token = harness.get([reference])
        #expect(harness.core.alarm <= harness.now.advanced(milliseconds: 1_000))
        harness.advance(999)
        #expect(harness.outcome(token) == nil)
        harness.advance(1)
        #expect(harness.outcome(token)?.first?.errorType == .workerDied)
        harness.done(spec, 7)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        #expect(harness.outcome(token)?.first?.errorType == .workerDied)
        harness.core.checkInvariants()
    }
}
