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

    @Test("A task that waits at its worker for others still waits, and is told of when its turn comes")
    func behindOthers() {
        var harness = harness()
        _ = harness.submit()
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        let pushes = harness.pushes()
        #expect(pushes.count == 2)
        harness.advance(1_000)
        #expect(reports(&harness).flatMap(\.tasks).map(\.state) == [.submitted, .pendingNode])
        harness.done(pushes[0])
        harness.advance(1_000)
        let tasks = reports(&harness).flatMap(\.tasks)
        #expect(tasks.map(\.state) == [.finished, .submitted])
        #expect(tasks.map(\.task) == pushes.map(\.id))
    }

    @Test("A driver whose raylet is gone still tells the head which tasks failed for that") func withoutRaylet() {
        var harness = harness()
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        _ = harness.sent()
        harness.step(.peerLost(WorkerHarness.raylet.worker, reason: "closed"))
        let tasks = reports(&harness).flatMap(\.tasks)
        #expect(tasks.map(\.state) == [.failed] && tasks[0].failure?.typeName == "LOCAL_RAYLET_DIED")
    }

    @Test("The call that ends its actor has finished, and others that this fails have not") func exit() {
        for (name, state) in [(RayError.exitName, TaskState.finished), ("", .failed)] {
            var harness = harness()
            _ = harness.submit()
            harness.grant(harness.leaseRequests()[0])
            let error = RayError(.actorDied, "The actor ended itself", typeName: name)
            let done = TaskDone(task: harness.pushes()[0].id, attempt: 0, results: [], error: error)
            harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
            harness.advance(1_000)
            #expect(reports(&harness).flatMap(\.tasks).map(\.state) == [state])
        }
    }

    @Test("Each attempt is told by itself, with the reason why it failed") func attempts() {
        var harness = harness()
        _ = harness.submit(retries: 1)
        for attempt in 0..<2 {
            let lease = harness.leaseRequests()[0]
            harness.grant(lease)
            #expect(harness.pushes()[0].attempt == attempt)
            harness.lose(lease, RayError(.workerDied, "killed"))
        }
        harness.advance(1_000)
        let tasks = reports(&harness).flatMap(\.tasks)
        #expect(tasks.map(\.attempt) == [0, 1] && tasks.allSatisfy { $0.state == .failed && $0.worker == 0 })
        #expect(tasks[0].failure == TaskFailure(RayError(.workerDied, "killed")))
    }

    @Test("Of a task that is not to be recorded neither its owner nor its worker tells anything") func untraced() {
        var owner = harness()
        _ = owner.submit(retries: 1, isTraced: false)
        owner.advance(1_000)
        let lease = owner.leaseRequests()[0]
        owner.grant(lease)
        let push = owner.pushes()[0]
        #expect(!push.isTraced)
        var settings = TraceSettings()
        settings.isEnabled = true
        var worker = WorkerHarness(WorkerHarness.worker, isDriver: false, trace: settings)
        worker.receive(.pushTask(PushTask(lease: lease, spec: push)), from: WorkerHarness.driver.worker)
        worker.advance(1_000)
        #expect(reports(&worker).isEmpty)
        owner.lose(lease, RayError(.workerDied, "killed"))
        owner.grant(owner.leaseRequests()[0])
        owner.done(owner.pushes()[0])
        owner.advance(1_000)
        #expect(reports(&owner).isEmpty)
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

    /// The spans among the messages sent since the last call.
    private func spans(_ harness: inout WorkerHarness) -> [ProcessSpans] {
        harness.sent().compactMap { if case .processSpans(let spans) = $0.0, $0.1 == .gcs { spans } else { nil } }
    }

    private func trace(
        _ kind: ProcessSpan.Kind, bytes: Int = 0, milliseconds: Double, _ harness: inout WorkerHarness
    ) {
        let start = harness.now
        harness.now = Instant(nanoseconds: start.nanoseconds + UInt64(milliseconds * 1_000_000))
        harness.core.trace(kind, objectCount: 1, byteCount: bytes, from: nil, since: start, at: harness.now)
    }

    @Test("A get that waited and a put that took long or was large are told, with their times; small ones are not")
    func spansOfProcesses() throws {
        var harness = harness()
        trace(.get, bytes: 1 << 30, milliseconds: 0.999, &harness)
        trace(.wait, milliseconds: 0.5, &harness)
        trace(.put, bytes: 1 << 20 - 1, milliseconds: 0.5, &harness)
        harness.advance(3_000)
        #expect(spans(&harness).isEmpty)
        harness.now = Instant(nanoseconds: 5_000_000_000)
        trace(.get, bytes: 7, milliseconds: 1, &harness)
        trace(.wait, milliseconds: 2, &harness)
        trace(.put, bytes: 1 << 20, milliseconds: 0, &harness)
        trace(.decodeArguments, milliseconds: 3, &harness)
        harness.advance(990)
        #expect(spans(&harness).isEmpty)
        harness.advance(10)
        let report = try #require(spans(&harness).first)
        let driver = WorkerHarness.driver
        #expect(
            report.dropped == 0
                && report.process == TracedWorker(node: driver.node, worker: driver.worker, processID: 7))
        #expect(report.spans.map(\.kind) == [.get, .wait, .put, .decodeArguments])
        // The offset of the clock is 1,000 ns.
        let get = ProcessSpan(
            kind: .get, task: nil, objectCount: 1, byteCount: 7, started: 5_000_001_000, ended: 5_001_001_000)
        #expect(report.spans[0] == get)
        harness.advance(5_000)
        #expect(spans(&harness).isEmpty)
    }

    @Test("Of spans, too, what is more than the buffer holds is dropped, oldest first, and counted")
    func boundedSpans() {
        var harness = harness {
            $0.spansMax = 10
            $0.batchMax = 40
        }
        for _ in 0..<25 { trace(.get, milliseconds: 1, &harness) }
        var all: [ProcessSpans] = []
        for _ in 0..<20 {
            harness.advance(100)
            all += spans(&harness)
        }
        #expect(all.allSatisfy { $0.spans.count <= 4 })
        #expect(all.reduce(0) { $0 + $1.dropped } == 15 && all.reduce(0) { $0 + $1.spans.count } == 10)
    }

    @Test("Nothing is recorded where it is off") func off() {
        var harness = WorkerHarness()
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0])
        trace(.put, bytes: 1 << 30, milliseconds: 5, &harness)
        harness.advance(10_000)
        let messages = harness.sent().map(\.0)
        #expect(!messages.contains { if case .taskEvents = $0 { true } else { false } })
        #expect(!messages.contains { if case .processSpans = $0 { true } else { false } })
    }
}
