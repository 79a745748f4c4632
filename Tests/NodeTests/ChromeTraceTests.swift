//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayWire
import Testing

@Suite("The trace for Chrome") struct ChromeTraceTests {
    private let node = NodeID(1, 0, 0, 0)

    private func part(_ state: TaskState, ended: UInt64, spans: [NodeSpan] = []) -> TimelinePart {
        var times = TaskTimes()
        times.started = 1_000_500
        times.returned = state.isEnd ? 2_000_000 : 0
        times.ended = ended
        let call = TracedCall(
            kind: .normal, function: FunctionDescriptor(language: .swift, module: "M", function: "f\"()"), name: "")
        let task = TaskTrace(
            task: TaskID(1, .max, 0xffff_ffff | 1 << 32), attempt: 2, state: state, call: 0, worker: 0, times: times)
        return TimelinePart(
            tasks: TaskEvents(
                calls: [call], workers: [TracedWorker(node: node, worker: WorkerID(2, 0, 0, 0))], tasks: [task]),
            spans: spans.map { TimelineSpan(node: node, span: $0) }, nodes: [TimelineNode(id: node, host: "10.0.0.1")],
            next: nil)
    }

    @Test("A task is a span of its worker's row, with Ray's keys") func task() {
        let text = ChromeTrace.text(of: [part(.finished, ended: 2_500_000)], now: 9_000_000)
        let head = #"[{"cat": "task::M.f\"()", "name": "M.f\"()", "pid": 0, "tid": 0, "ts": 1000.500, "#
        #expect(text.hasPrefix(head + #""dur": 1499.500, "cname": "generic_work", "args": {"name": "#), "\(text)")
        #expect(text.contains(#""attempt_number": 2, "func_or_class_name": "M.f\"()", "actor_id": null}, "ph": "X"}"#))
        #expect(text.contains(#"{"cat": "task:execute", "name": "task:execute", "pid": 0, "tid": 0, "ts": 1000.500, "#))
        #expect(text.contains(#""cat": "task:store_outputs""#) && text.contains(#""ts": 2000.000, "dur": 500.000"#))
        let name = #"{"name": "process_name", "args": {"name": "Node 10.0.0.1"}, "pid": 0, "tid": null, "ph": "M"}"#
        #expect(text.contains(name) && text.hasSuffix("]"))
        #expect(text.contains(#""args": {"name": "worker:0200000000"#))
    }

    @Test("What still runs ends now") func running() {
        let text = ChromeTrace.text(of: [part(.running, ended: 0)], now: 9_000_500)
        #expect(text.contains(#""dur": 8000.000"#) && !text.contains("task:execute"))
    }

    @Test("Spans that overlap have rows of their own") func lanes() {
        func span(_ started: UInt64, _ ended: UInt64) -> NodeSpan {
            NodeSpan(kind: .transfer, object: .none, byteCount: 5, source: node, started: started, ended: ended)
        }
        let spans = [span(1_000, 5_000), span(2_000, 3_000), span(6_000, 7_000)]
        let text = ChromeTrace.text(of: [part(.submitted, ended: 0, spans: spans)], now: 0)
        let rows = ["\"tid\": 1, \"ts\": 1.000", "\"tid\": 2, \"ts\": 2.000", "\"tid\": 1, \"ts\": 6.000"]
        for row in rows { #expect(text.contains(row), "\(text)") }
        #expect(text.contains(#""transfers""#) && text.contains(#""transfers 2""#))
        #expect(text.contains(#""source_ip": "10.0.0.1""#))
    }

    @Test("What processes wait for is in their rows, under Ray's names") func processes() {
        let worker = TracedWorker(node: node, worker: WorkerID(2, 0, 0, 0))
        let driver = TracedWorker(node: node, worker: WorkerID(3, 0, 0, 0))
        func span(_ kind: ProcessSpan.Kind, of process: TracedWorker, task: TaskID? = nil) -> TimelineProcessSpan {
            let span = ProcessSpan(
                kind: kind, task: task, objectCount: 2, byteCount: 5, started: 1_500_000, ended: 1_700_000)
            return TimelineProcessSpan(process: process, isDriver: process == driver, span: span)
        }
        var part = part(.finished, ended: 2_500_000)
        part.processSpans = [
            span(.decodeArguments, of: worker, task: TaskID(1, 2, 3)), span(.get, of: driver),
            span(.wait, of: driver), span(.put, of: driver),
        ]
        let text = ChromeTrace.text(of: [part], now: 9_000_000)
        let times = #""ts": 1500.000, "dur": 200.000, "cname": "#
        let decode =
            #"{"cat": "task:deserialize_arguments", "name": "task:deserialize_arguments", "pid": 0, "tid": 0, "#
            + times
            + #""rail_load", "args": {"task_id": "\#(TaskID(1, 2, 3).hex)", "object_count": 2, "size_bytes": 5}"#
        #expect(text.contains(decode), "\(text)")
        for (name, color) in [("ray.get", "good"), ("ray.put", "terrible"), ("ray.wait", "vsync_highlight_color")] {
            let row = #"{"cat": "\#(name)", "name": "\#(name)", "pid": 0, "tid": 1, "# + times + "\"\(color)\""
            #expect(text.contains(row), "\(text)")
        }
        #expect(text.contains(#""name": "driver:0300000000"#) && text.contains(#""name": "worker:0200000000"#))
    }

    @Test("Settings come from Ray's variables") func settings() throws {
        #expect(try TraceSettings { _ in nil }.isEnabled)
        let tasksAlone = try TraceSettings { $0 == "RAY_enable_timeline" ? "0" : nil }
        #expect(tasksAlone.isEnabled && !tasksAlone.recordsSpans)
        let nothing = try TraceSettings { $0 == "RAY_task_events_report_interval_ms" ? "0" : nil }
        #expect(!nothing.isEnabled && !nothing.recordsSpans)
        let settings = try TraceSettings { $0 == "RAY_task_events_max_num_task_in_gcs" ? "7" : nil }
        #expect(settings.keptMax == 7 && settings.unixOffset > 1_000_000_000_000_000_000)
        #expect(throws: RayError.self) { try TraceSettings { _ in "many" } }
    }
}
