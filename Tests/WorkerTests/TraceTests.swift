//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Recording tasks") struct TraceTests {
    private func harness(_ change: (inout TraceSettings) -> Void = { _ in }) -> WorkerHarness {
        var settings = TraceSettings()
        settings.isEnabled = true
        settings.unixOffset = 1_000
        change(&settings)
        return WorkerHarness(trace: settings)
    }

    /// The reports among the messages sent since the last call.
    private func reports(_ harness: inout WorkerHarness) -> [TaskEvents] {
        harness.sent().compactMap { message, peer in
            guard case .taskEvents(let events) = message, peer == .gcs else { return nil }
            return events
        }
    }

    @Test("A task that ended before the report is told once, with all its times") func ended() {
        var harness = harness()
        harness.now = Instant(nanoseconds: 5_000_000)
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        let push = harness.pushes()[0]
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw)
        harness.receive(
            .taskDone(
                TaskDone(
                    task: push.id, attempt: 0, results: [.inline(object)],
                    times: ExecutionTimes(started: 7, returned: 8, ended: 9))),
            from: WorkerHarness.worker.worker)
        harness.advance(999)
        #expect(reports(&harness).isEmpty)
        harness.advance(1)
        let events = reports(&harness)
        #expect(events.count == 1 && events[0].tasks.count == 1)
        let task = events[0].tasks[0]
        #expect(task.state == .finished && task.failure == nil && task.times.submitted == 5_001_000)
        #expect(task.times.started == 7 && task.times.returned == 8 && task.times.ended == 9)
        #expect(events[0].calls[0].function == WorkerHarness.function)
        let worker = WorkerHarness.worker
        #expect(
            events[0].workers == [TracedWorker(node: worker.node, worker: worker.worker, processID: 9)])
        harness.advance(5_000)
        #expect(reports(&harness).isEmpty)
    }

    @Test("A task that waits is told again only when it stands elsewhere") func waiting() {
        var harness = harness()
        _ = harness.submit()
        let lease = harness.leaseRequests()[0]
        harness.advance(1_000)
        #expect(reports(&harness).flatMap(\.tasks).map(\.state) == [.pendingNode])
        harness.advance(1_000)
        #expect(reports(&harness).isEmpty)
        harness.grant(lease)
        harness.advance(1_000)
        #expect(reports(&harness).flatMap(\.tasks).map(\.state) == [.submitted])
        harness.advance(3_000)
        #expect(reports(&harness).isEmpty)
    }

    @Test("Each attempt is told by itself, with the reason why it failed") func attempts() {
        var harness = harness()
        _ = harness.submit(retries: 1)
        for attempt in 0..<2 {
            let lease = harness.leaseRequests()[0]
            harness.grant(lease)
            #expect(harness.pushes()[0].attempt == attempt)
            harness.receive(.leaseLost(LeaseLost(lease: lease, error: RayError(.workerDied, "killed"))))
        }
        harness.advance(1_000)
        let tasks = reports(&harness).flatMap(\.tasks)
        #expect(tasks.map(\.attempt) == [0, 1] && tasks.allSatisfy { $0.state == .failed && $0.worker == 0 })
        #expect(tasks[0].failure == TaskFailure(RayError(.workerDied, "killed")))
    }

    @Test("The process that runs a task tells so once, and the times with the reply") func running() {
        var settings = TraceSettings()
        settings.isEnabled = true
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false, trace: settings)
        let spec = TaskSpec(id: TaskID(1, 2, 3), function: WorkerHarness.function, owner: WorkerHarness.driver)
        harness.now = Instant(nanoseconds: 50)
        harness.receive(.pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        harness.advance(1_000)
        let tasks = reports(&harness).flatMap(\.tasks)
        #expect(tasks.map(\.state) == [.running] && tasks.map(\.times.started) == [50])
        harness.advance(1_000)
        #expect(reports(&harness).isEmpty)
        harness.step(.finished(spec.id, .success([RayObject(data: [1], metadata: ObjectMetadata.raw)])))
        let replies = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done.times } else { nil } }
        #expect(replies == [ExecutionTimes(started: 50, returned: 2_000_000_050, ended: 2_000_000_050)])
    }

    @Test("What is more than the buffer holds is dropped, oldest first, and counted") func bounded() {
        var harness = harness {
            $0.bufferMax = 10
            $0.batchMax = 40
        }
        for _ in 0..<25 { _ = harness.submit() }
        harness.grant(harness.leaseRequests()[0])
        for push in harness.pushes() { harness.done(push) }
        harness.advance(1_000)
        var all = reports(&harness)
        #expect(all.count == 1 && all[0].tasks.count <= 4)
        for _ in 0..<20 {
            harness.advance(100)
            all += reports(&harness)
        }
        #expect(all.reduce(0) { $0 + $1.dropped } == 15)
        #expect(all.flatMap(\.tasks).filter { $0.state == .finished }.count == 10)
    }

    @Test("Nothing is recorded where it is off") func off() {
        var harness = WorkerHarness()
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0])
        harness.advance(10_000)
        #expect(reports(&harness).isEmpty)
    }
}
