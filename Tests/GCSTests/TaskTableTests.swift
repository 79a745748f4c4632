//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite("What is recorded of tasks") struct TaskTableTests {
    private func harness(keptMax: Int = 100_000) -> GCSHarness {
        var settings = TraceSettings()
        settings.isEnabled = true
        settings.keptMax = keptMax
        settings.unixOffset = 0
        var harness = GCSHarness(trace: settings)
        harness.join(0)
        harness.startJob(driver: 1)
        harness.effects = []
        return harness
    }

    private func task(_ number: UInt64) -> TaskID { TaskID(number << 56, .max, 0xffff_ffff | 1 << 32) }

    private func events(_ numbers: Range<UInt64>, _ state: TaskState, attempt: UInt32 = 0) -> Message {
        var times = TaskTimes()
        times.started = 10
        let call = TracedCall(
            kind: .normal, function: FunctionDescriptor(language: .swift, module: "M", function: "f()"))
        return .taskEvents(
            TaskEvents(
                calls: [call], workers: [TracedWorker(node: node(0), worker: worker(1), processID: 5)],
                tasks: numbers.map { number in
                    TaskTrace(
                        task: task(number), attempt: attempt, state: state, call: 0, worker: 0, times: times,
                        failure: state == .failed ? TaskFailure(RayError(.workerDied, "killed")) : nil)
                }))
    }

    private func rows(
        _ harness: inout GCSHarness, _ resource: StateResource = .tasks, _ filters: [StateFilter] = [],
        limit: Int = 100
    ) -> StateRows {
        harness.effects = []
        let query = QueryState(resource: resource, filters: filters, limit: limit, isDetailed: true)
        harness.send(.queryState(query), requestID: 7, from: driver(1))
        guard case .stateRows(let rows)? = harness.messages(to: driver(1)).last else {
            Issue.record("no answer")
            return StateRows(columns: [], rows: [], matched: 0)
        }
        return rows
    }

    private func column(_ name: String, _ rows: StateRows) -> [StateValue] {
        guard let index = rows.columns.firstIndex(of: name) else { return [] }
        return rows.rows.map { $0[index] }
    }

    @Test("Reports of owner and worker are one record; what has ended stays so") func merge() {
        var harness = harness()
        harness.send(events(1..<2, .pendingNode), from: driver(1))
        harness.send(events(1..<2, .running), from: driver(1))
        #expect(column("state", rows(&harness)) == [.text("RUNNING")])
        harness.send(events(1..<2, .finished), from: driver(1))
        harness.send(events(1..<2, .running), from: driver(1))
        let list = rows(&harness)
        #expect(column("state", list) == [.text("FINISHED")])
        #expect(column("worker_pid", list) == [.int(5)] && column("node_id", list) == [.text(node(0).hex)])
        harness.send(events(1..<2, .failed, attempt: 1), from: driver(1))
        #expect(column("error_type", rows(&harness)) == [.null, .text("WORKER_DIED")])
    }

    @Test("The oldest ended attempt goes first, then the oldest; the rest is counted") func bounded() {
        var harness = harness(keptMax: 10)
        harness.send(events(0..<5, .running), from: driver(1))
        harness.send(events(5..<15, .finished), from: driver(1))
        var list = rows(&harness)
        #expect(list.rows.count == 10 && list.dropped == 5)
        #expect(column("state", list).filter { $0 == .text("RUNNING") }.count == 5)
        harness.send(events(20..<40, .running), from: driver(1))
        list = rows(&harness)
        #expect(list.matched == 10 && list.dropped == 25)
        #expect(column("task_id", list).first == .text(task(30).hex))
    }

    @Test("Filters take either case; an unknown key is named with those there are") func filters() {
        var harness = harness()
        harness.send(events(0..<5, .running), from: driver(1))
        harness.send(events(5..<8, .finished), from: driver(1))
        let running = StateFilter(key: "STATE", isNegated: false, value: "running")
        #expect(rows(&harness, .tasks, [running]).matched == 5)
        var others = running
        others.isNegated = true
        #expect(rows(&harness, .tasks, [others]).matched == 3)
        let few = rows(&harness, .tasks, [running], limit: 2)
        #expect(few.rows.count == 2 && few.matched == 5)
        let wrong = rows(&harness, .tasks, [StateFilter(key: "colour", isNegated: false, value: "red")])
        #expect(wrong.error?.message.contains("Available filter keys are: task_id") == true)
    }

    @Test("Tasks of a process that is gone have failed") func ownerGone() {
        var harness = harness()
        harness.send(events(0..<2, .pendingNode), from: driver(1))
        harness.give(.peerLost(driver(1), reason: "closed"))
        harness.startJob(driver: 2)
        harness.effects = []
        harness.send(.queryState(QueryState(resource: .tasks)), requestID: 7, from: driver(2))
        guard case .stateRows(let list)? = harness.messages(to: driver(2)).last else {
            Issue.record("no answer")
            return
        }
        #expect(column("error_type", list) == [.text("OWNER_DIED"), .text("OWNER_DIED")])
    }

    @Test("An actor is shown as it says, in its row and its calls, and a dead one with where it lived") func shown() {
        var harness = harness()
        let call = TaskID(1, actor(3).word0, actor(3).word1)
        let creation = TaskSpec(
            id: call, kind: .actorCreation(actor(3)),
            function: FunctionDescriptor(language: .swift, module: "M", className: "C", function: "init()"))
        let spec = ActorSpec(id: actor(3), creation: creation, lifetime: .detached)
        harness.send(.createActor(CreateActor(spec: spec)), from: driver(1))
        // Its raylet names the worker before that has come.
        let ready = LeaseReady(
            lease: harness.assigned(actor(3)) ?? .none, worker: address(worker(4), on: 0), processID: 104)
        harness.send(.leaseReady(ready), from: raylet(0))
        harness.give(.peerUp(worker(4), role: .worker, address: address(worker(4), on: 0)))
        harness.started(actor(3), worker: 4, shownName: "C(7)")
        func method(_ number: UInt64, _ name: String) -> Message {
            let traced = TracedCall(
                kind: .actorCall,
                function: FunctionDescriptor(language: .python, module: "m", className: "C", function: "add"),
                name: name)
            return .taskEvents(
                TaskEvents(
                    calls: [traced], workers: [TracedWorker(node: node(0), worker: worker(4))],
                    tasks: [
                        TaskTrace(
                            task: TaskID(number << 56, actor(3).word0, actor(3).word1), attempt: 0, state: .finished,
                            call: 0, worker: 0, times: TaskTimes())
                    ]))
        }
        for isDead in [false, true] {
            let row = rows(&harness, .actors)
            #expect(column("repr_name", row) == [.text("C(7)")] && column("pid", row) == [.int(104)])
            #expect(column("node_id", row) == [.text(node(0).hex)] && column("is_detached", row) == [.bool(true)])
            #expect(column("state", row) == [.text(isDead ? "DEAD" : "ALIVE")])
            for (number, name) in [(8, ""), (9, "C.add"), (10, "mine")] as [(UInt64, String)] {
                harness.send(method(number + (isDead ? 10 : 0), name), from: driver(1))
            }
            let kill = KillActor(actor: actor(3), restart: false)
            harness.send(.killActor(kill), requestID: 1, from: driver(1))
            harness.exit(worker: 4, lease: ready.lease)
        }
        let calls = rows(&harness, .tasks, [StateFilter(key: "type", isNegated: false, value: "ACTOR_TASK")])
        let names = [StateValue.text("C(7).add"), .text("C(7).add"), .text("mine")]
        #expect(column("name", calls) == names + names)
        #expect(column("worker_pid", calls) == Array(repeating: .int(104), count: 6))
        let workers = rows(&harness, .workers, [StateFilter(key: "worker_type", isNegated: false, value: "WORKER")])
        #expect(column("pid", workers) == [.int(104)])
    }

    @Test("Of what has ended the parts are listed that Ray draws") func profile() {
        var harness = harness()
        var times = TaskTimes()
        (times.started, times.returned, times.ended) = (2_000_000, 5_000_000, 6_500_000)
        let call = TracedCall(
            kind: .normal, function: FunctionDescriptor(language: .python, module: "m", function: "f"))
        for state in [TaskState.running, .finished] {
            let trace = TaskTrace(task: task(1), attempt: 0, state: state, call: 0, worker: 0, times: times)
            let worker = TracedWorker(node: node(0), worker: worker(1), processID: 5)
            harness.send(.taskEvents(TaskEvents(calls: [call], workers: [worker], tasks: [trace])), from: driver(1))
            guard case .map(let fields)? = column("profiling_data", rows(&harness)).first else {
                Issue.record("no parts")
                return
            }
            #expect(fields.isEmpty == (state == .running))
            guard case .list(let events)? = fields.last?.value else { continue }
            let parts = events.compactMap { event -> [StateValue]? in
                if case .map(let fields) = event { fields.prefix(3).map(\.value) } else { nil }
            }
            #expect(
                parts == [
                    [.text("task::f"), .double(2), .double(6.5)], [.text("task:execute"), .double(2), .double(5)],
                    [.text("task:store_outputs"), .double(5), .double(6.5)],
                ])
        }
    }

    @Test("A job is listed with when it came and went") func jobs() {
        var harness = harness()
        func times() -> [StateValue] {
            let list = rows(&harness, .jobs)
            return column("start_time", list) + column("end_time", list)
        }
        harness.startJob(driver: 2)
        let began = rows(&harness, .jobs)
        #expect(column("start_time", began).count == 2 && column("end_time", began) == [.int(0), .int(0)])
        harness.wait(milliseconds: 2_000, reportsOf: [0])
        harness.give(.peerLost(driver(2), reason: "closed"))
        let start = column("start_time", began)
        guard case .int(let came)? = start.last else {
            Issue.record("no time")
            return
        }
        #expect(times() == start + [.int(0), .int(came + 2_000)])
    }

    @Test("A call that an actor runs goes on without its caller, until the actor's process is gone") func callerGone() {
        var harness = harness()
        let function = FunctionDescriptor(language: .python, module: "m", className: "C", function: "wait")
        let call = TracedCall(kind: .actorCall, function: function)
        func report(_ state: TaskState, from reporter: WorkerID) {
            let trace = TaskTrace(task: task(1), attempt: 0, state: state, call: 0, worker: 0, times: TaskTimes())
            let place = TracedWorker(node: node(0), worker: worker(4))
            harness.send(.taskEvents(TaskEvents(calls: [call], workers: [place], tasks: [trace])), from: reporter)
        }
        harness.startJob(driver: 2)
        harness.give(.peerUp(worker(4), role: .worker, address: address(worker(4), on: 0)))
        report(.submitted, from: driver(2))
        report(.running, from: worker(4))
        harness.give(.peerLost(driver(2), reason: "closed"))
        #expect(column("state", rows(&harness)) == [.text("RUNNING")])
        harness.exit(worker: 4, lease: nil)
        harness.give(.peerLost(worker(4), reason: "closed"))
        #expect(column("error_type", rows(&harness)) == [.text("WORKER_DIED")])
    }

    @Test("The initialiser of an actor is a task, and the actor is listed with its worker") func actors() {
        var harness = harness()
        let spec = ActorSpec(
            id: actor(3),
            creation: TaskSpec(
                id: TaskID(1, actor(3).word0, actor(3).word1), kind: .actorCreation(actor(3)),
                function: FunctionDescriptor(language: .swift, module: "M", className: "C", function: "init()")),
            name: "main")
        harness.live(spec, from: driver(1), worker: 4)
        let tasks = rows(&harness)
        #expect(column("type", tasks) == [.text("ACTOR_CREATION_TASK")])
        #expect(column("state", tasks) == [.text("FINISHED")] && column("worker_pid", tasks) == [.int(104)])
        let list = rows(&harness, .actors)
        #expect(column("state", list) == [.text("ALIVE")] && column("class_name", list) == [.text("C")])
        #expect(column("pid", list) == [.int(104)] && column("node_id", list) == [.text(node(0).hex)])
        #expect(rows(&harness, .workers).matched == 2)
        #expect(column("state", rows(&harness, .nodes)) == [.text("ALIVE")])
        #expect(column("status", rows(&harness, .jobs)) == [.text("RUNNING")])
        #expect(rows(&harness, .placementGroups).matched == 0)
    }

    @Test("The initialiser of an actor that is not to be recorded is in no list; the actor is") func untracedActor() {
        var harness = harness()
        var creation = TaskSpec(
            id: TaskID(1, actor(3).word0, actor(3).word1), kind: .actorCreation(actor(3)),
            function: FunctionDescriptor(language: .swift, module: "M", className: "C", function: "init()"))
        creation.isTraced = false
        harness.live(ActorSpec(id: actor(3), creation: creation, name: "main"), from: driver(1), worker: 4)
        #expect(rows(&harness).matched == 0)
        #expect(rows(&harness, .actors).matched == 1)
    }

    @Test("A summary counts by name and state") func summary() {
        var harness = harness()
        harness.send(events(0..<5, .running), from: driver(1))
        harness.send(events(5..<8, .finished), from: driver(1))
        let list = rows(&harness, .taskSummary)
        #expect(
            list.rows == [
                [
                    .text("M.f()"),
                    .map([
                        StateField(name: "FINISHED", value: .int(3)), StateField(name: "RUNNING", value: .int(5)),
                    ]), .text("NORMAL_TASK"),
                ]
            ])
    }

    @Test("A timeline comes in parts that hold everything once") func timeline() {
        var harness = harness()
        for start in stride(from: UInt64(0), to: 200, by: 50) {
            harness.send(events(start..<start + 50, .finished), from: driver(1))
        }
        let span = NodeSpan(kind: .spill, object: .none, byteCount: 5, started: 1, ended: 2)
        for _ in 0..<9 {
            harness.send(.nodeSpans(NodeSpans(spans: Array(repeating: span, count: 1_000))), from: raylet(0))
        }
        let process = TracedWorker(node: node(0), worker: driver(1))
        let get = ProcessSpan(kind: .get, task: nil, objectCount: 1, byteCount: 2, started: 3, ended: 4)
        for sender in [driver(1), raylet(0)] {
            // Nobody speaks for others.
            let spans = Array(repeating: get, count: 1_000)
            for _ in 0..<10 { harness.send(.processSpans(ProcessSpans(process: process, spans: spans)), from: sender) }
        }
        var cursor: Int? = 0
        var parts: [TimelinePart] = []
        while let wanted = cursor {
            harness.effects = []
            harness.send(.queryTimeline(QueryTimeline(cursor: wanted)), requestID: 1, from: driver(1))
            guard case .timelinePart(let part)? = harness.messages(to: driver(1)).last else { break }
            parts.append(part)
            cursor = part.next
        }
        #expect(parts.count == 4)
        #expect(parts.flatMap(\.spans).count == 9_000)
        let ofProcesses = parts.flatMap(\.processSpans)
        #expect(ofProcesses.count == 10_000 && ofProcesses.allSatisfy { $0.isDriver && $0.process == process })
        #expect(Set(parts.flatMap(\.tasks.tasks).map(\.task)).count == 200)
        #expect(parts.flatMap(\.nodes).contains(TimelineNode(id: node(0), host: "h0")))
    }

    @Test("Garbage in a report is left out") func garbage() {
        var harness = harness()
        guard case .taskEvents(var report) = events(0..<3, .running) else { return }
        report.tasks[1].call = 9
        report.tasks[2].worker = 9
        report.dropped = -5
        harness.send(.taskEvents(report), from: driver(1))
        let list = rows(&harness)
        #expect(list.matched == 2 && list.dropped == 0)
        #expect(column("worker_pid", list) == [.int(5), .null])
        harness.send(events(5..<6, .running), from: raylet(0))
        #expect(rows(&harness).matched == 2)
    }
}
