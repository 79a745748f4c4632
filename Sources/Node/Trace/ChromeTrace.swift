//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayWire

/// A timeline as a trace for chrome://tracing and Perfetto, with Ray's keys, categories and colours.
///
/// A node is a process of the trace, a worker one of its threads; both are numbers with a name beside them, as
/// Perfetto wants it. Transfers, spills and restores have rows of their own below each node's workers.
package struct ChromeTrace {
    /// Rows for spans that overlap, so that none hides another.
    private struct Lane: Hashable {
        var node: NodeID
        var kind: NodeSpan.Kind
        var number: Int
    }

    private enum Row: Hashable {
        case worker(NodeID, WorkerID)
        case span(Lane)
    }

    private var hosts: [NodeID: String] = [:]
    private var nodes: [NodeID: Int] = [:]
    private var nodeOrder: [NodeID] = []
    private var rows: [Row: Int] = [:]
    private var rowOrder: [Row] = []
    private var drivers: Set<WorkerID> = []
    private var laneEnds: [Lane: UInt64] = [:]
    private var writer = JSONWriter()

    /// The trace of all parts of a timeline.
    ///
    /// - Parameter now: the end, until now, of what runs; nanoseconds since 1970.
    /// - Returns: JSON.
    package static func text(of parts: [TimelinePart], now: UInt64) -> String {
        var trace = ChromeTrace()
        for part in parts { for node in part.nodes { trace.hosts[node.id] = node.host } }
        trace.writer.begin("[")
        for part in parts {
            for task in part.tasks.tasks { trace.write(task, part.tasks, now: now) }
        }
        for part in parts { for span in part.processSpans { trace.write(span) } }
        for part in parts { for span in part.spans { trace.write(span) } }
        trace.writeNames()
        trace.writer.end("]")
        return trace.writer.text
    }

    // MARK: Tasks

    private mutating func write(_ task: TaskTrace, _ events: TaskEvents, now: UInt64) {
        guard events.calls.indices.contains(Int(task.call)), let index = task.worker,
            events.workers.indices.contains(Int(index)), task.times.started > 0
        else { return }
        let call = events.calls[Int(task.call)]
        let worker = events.workers[Int(index)]
        let process = process(of: worker.node)
        let thread = thread(of: .worker(worker.node, worker.worker))
        let end = task.state.isEnd ? task.times.ended : max(now, task.times.started)
        func write(_ category: String, _ name: String, _ from: UInt64, _ to: UInt64, _ trace: inout ChromeTrace) {
            trace.event(category, name, process, thread, from, to) { writer in
                Self.write(task, call, &writer)
            }
        }
        write("task::\(call.displayName)", call.displayName, task.times.started, end, &self)
        let returned = task.times.returned
        guard returned >= task.times.started, returned > 0 else { return }
        write("task:execute", "task:execute", task.times.started, returned, &self)
        if end > returned { write("task:store_outputs", "task:store_outputs", returned, end, &self) }
    }

    private static func write(_ task: TaskTrace, _ call: TracedCall, _ writer: inout JSONWriter) {
        writer.key("name")
        writer.value(call.displayName)
        writer.key("task_id")
        writer.value(task.task.hex)
        writer.key("job_id")
        writer.value(task.task.job.hex)
        writer.key("attempt_number")
        writer.value(Int(task.attempt))
        writer.key("func_or_class_name")
        writer.value(call.functionName)
        writer.key("actor_id")
        if call.kind == .normal { writer.null() } else { writer.value(task.task.actor.hex) }
        guard let failure = task.failure else { return }
        writer.key("type")
        writer.value(failure.typeName)
        writer.key("value")
        writer.value(failure.message)
    }

    // MARK: Gets, waits, puts

    /// In the row of its process, inside of the task if it was one that waited.
    private mutating func write(_ item: TimelineProcessSpan) {
        let span = item.span
        if item.isDriver { drivers.insert(item.process.worker) }
        let row = Row.worker(item.process.node, item.process.worker)
        event(
            span.kind.category, span.kind.category, process(of: item.process.node), thread(of: row), span.started,
            span.ended
        ) { writer in
            if let task = span.task {
                writer.key("task_id")
                writer.value(task.hex)
            }
            writer.key("object_count")
            writer.value(span.objectCount)
            if span.kind != .wait {
                writer.key("size_bytes")
                writer.value(span.byteCount)
            }
        }
    }

    // MARK: Transfers and spills

    private mutating func write(_ item: TimelineSpan) {
        let span = item.span
        var lane = Lane(node: item.node, kind: span.kind, number: 0)
        while let end = laneEnds[lane], end > span.started { lane.number += 1 }
        laneEnds[lane] = span.ended
        let source = span.kind == .transfer ? hosts[span.source] ?? "" : nil
        event(
            span.kind.category, span.kind.category, process(of: item.node), thread(of: .span(lane)), span.started,
            span.ended
        ) { writer in
            writer.key("object_id")
            writer.value(span.object.hex)
            writer.key("object_count")
            writer.value(span.objectCount)
            writer.key("size_bytes")
            writer.value(span.byteCount)
            if let source {
                writer.key("source_node_id")
                writer.value(span.source.hex)
                writer.key("source_ip")
                writer.value(source)
            }
            if span.hasFailed {
                writer.key("failed")
                writer.value(true)
            }
        }
    }

    // MARK: Rows

    private mutating func process(of node: NodeID) -> Int {
        if let known = nodes[node] { return known }
        nodes[node] = nodeOrder.count
        nodeOrder.append(node)
        return nodeOrder.count - 1
    }

    private mutating func thread(of row: Row) -> Int {
        if let known = rows[row] { return known }
        rows[row] = rowOrder.count
        rowOrder.append(row)
        return rowOrder.count - 1
    }

    private mutating func event(
        _ category: String, _ name: String, _ process: Int, _ thread: Int, _ from: UInt64, _ to: UInt64,
        _ arguments: (inout JSONWriter) -> Void
    ) {
        writer.object { writer in
            writer.key("cat")
            writer.value(category)
            writer.key("name")
            writer.value(name)
            writer.key("pid")
            writer.value(process)
            writer.key("tid")
            writer.value(thread)
            writer.key("ts")
            writer.value(thousandths: from)
            writer.key("dur")
            writer.value(thousandths: to > from ? to - from : 0)
            writer.key("cname")
            writer.value(Self.color(category))
            writer.key("args")
            writer.object(arguments)
            writer.key("ph")
            writer.value("X")
        }
    }

    /// Ray's colours.
    private static func color(_ category: String) -> String {
        switch category {
        case "task:execute": "rail_animation"
        case "task:store_outputs": "rail_idle"
        case "task:deserialize_arguments": "rail_load"
        case "ray.get": "good"
        case "ray.put": "terrible"
        case "ray.wait": "vsync_highlight_color"
        default: "generic_work"
        }
    }

    private mutating func writeNames() {
        let hostCounts = nodeOrder.reduce(into: [String: Int]()) { $0[hosts[$1] ?? "", default: 0] += 1 }
        for (index, node) in nodeOrder.enumerated() {
            let host = hosts[node] ?? ""
            // Several nodes on one machine are told apart.
            let suffix = hostCounts[host] == 1 ? "" : " (\(node.hex.prefix(8)))"
            writeName("process_name", "Node \(host)\(suffix)", process: index, thread: nil)
        }
        for (index, row) in rowOrder.enumerated() {
            switch row {
            case .worker(let node, let worker):
                let kind = drivers.contains(worker) ? "driver" : "worker"
                writeName("thread_name", "\(kind):\(worker.hex)", process: nodes[node] ?? 0, thread: index)
            case .span(let lane):
                let number = lane.number == 0 ? "" : " \(lane.number + 1)"
                writeName(
                    "thread_name", lane.kind.rowName + number, process: nodes[lane.node] ?? 0, thread: index)
            }
        }
    }

    private mutating func writeName(_ kind: String, _ name: String, process: Int, thread: Int?) {
        writer.object { writer in
            writer.key("name")
            writer.value(kind)
            writer.key("args")
            writer.object { writer in
                writer.key("name")
                writer.value(name)
            }
            writer.key("pid")
            writer.value(process)
            writer.key("tid")
            if let thread { writer.value(thread) } else { writer.null() }
            writer.key("ph")
            writer.value("M")
        }
    }
}

extension ProcessSpan.Kind {
    /// Ray's names.
    fileprivate var category: String {
        switch self {
        case .get: "ray.get"
        case .wait: "ray.wait"
        case .put: "ray.put"
        case .decodeArguments: "task:deserialize_arguments"
        }
    }
}

extension NodeSpan.Kind {
    /// Ray's name of the category, where it has one.
    fileprivate var category: String {
        switch self {
        case .transfer: "transfer_receive"
        case .spill: "spill"
        case .restore: "restore"
        }
    }

    fileprivate var rowName: String {
        switch self {
        case .transfer: "transfers"
        case .spill: "spilling"
        case .restore: "restoring"
        }
    }
}
