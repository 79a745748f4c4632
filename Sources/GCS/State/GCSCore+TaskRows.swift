//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Lists of tasks.
extension GCSCore {
    func taskRows(_ query: QueryState) -> StateRows {
        let list = StateList(columns: taskColumns + taskDetails)
        var rows = list.rows(of: (0..<tasks.end).lazy.compactMap { tasks[$0] }, query) { first, second in
            first.key.task == second.key.task
                ? first.key.attempt < second.key.attempt : first.key.task < second.key.task
        }
        rows.dropped = droppedTasks
        return rows
    }

    /// How many attempts are known by name and state, as `ray summary tasks` shows them.
    func taskSummary(_ query: QueryState) -> StateRows {
        struct Group: Hashable {
            var name: String
            var kind: TracedCall.Kind
        }
        var counts: [Group: [TaskState: Int]] = [:]
        var names: [ObjectIdentifier: Group] = [:]
        for place in 0..<tasks.end {
            guard let record = tasks[place] else { continue }
            let call = record.call
            let group = names[call.identity] ?? Group(name: call.value.displayName, kind: call.value.kind)
            names[call.identity] = group
            counts[group, default: [:]][record.state, default: 0] += 1
        }
        let rows = counts.sorted { ($0.key.name, $0.key.kind.rawValue) < ($1.key.name, $1.key.kind.rawValue) }
        return StateRows(
            columns: ["func_or_class_name", "state_counts", "type"],
            rows: rows.prefix(GCSLimits.stateRowsMax).map { group, states in
                let fields = states.sorted { $0.key.name < $1.key.name }
                    .map { StateField(name: $0.key.name, value: .int($0.value)) }
                return [.text(group.name), .map(fields), .text(group.kind.name)]
            }, matched: rows.count, dropped: droppedTasks)
    }

    private var droppedTasks: Int { unreportedTasks + tasks.dropped }

    private var taskColumns: [StateColumn<TaskRecord>] {
        [
            .column("task_id") { .id($0.key.task) },
            .column("attempt_number") { .int(Int($0.key.attempt)) },
            .column("name") { .text(self.shownName(of: $0)) },
            .column("state") { .text($0.state.name) },
            .column("job_id") { .id($0.key.task.job) },
            .column("actor_id") { record in
                record.call.value.kind == .normal ? .null : .id(record.key.task.actor)
            },
            .column("type") { .text($0.call.value.kind.name) },
            .column("func_or_class_name") { .text($0.call.value.functionName) },
            .column("parent_task_id") { .id($0.parent ?? .driver(job: $0.key.task.job)) },
            .column("node_id") { $0.worker.map { .id($0.value.node) } ?? .null },
            .column("worker_id") { $0.worker.map { .id($0.value.worker) } ?? .null },
            .column("worker_pid") { $0.worker.map { .int(Int($0.value.processID)) } ?? .null },
            .column("error_type") { .optional($0.failure?.value.typeName) },
        ]
    }

    private var taskDetails: [StateColumn<TaskRecord>] {
        [
            .detail("language", isFilterable: true) { .text($0.call.value.function.language.name) },
            .detail("required_resources") { .resources($0.call.value.resources) },
            .detail("placement_group_id", isFilterable: true) { $0.call.value.group.map { .id($0) } ?? .null },
            .detail("events") { .list($0.events) },
            .detail("profiling_data") { self.profile(of: $0) },
            .detail("creation_time_ms") { .milliseconds($0.times.submitted) },
            .detail("start_time_ms") { .milliseconds($0.times.started) },
            .detail("end_time_ms") { $0.state.isEnd ? .milliseconds($0.times.ended) : .null },
            .detail("error_message") { .optional($0.failure?.value.message) },
        ]
    }
}

extension GCSCore {
    /// As in Ray the call of an actor that says how it shows itself begins with that, if the call has no other name.
    private func shownName(of record: TaskRecord) -> String {
        let call = record.call.value
        guard call.kind == .actorCall, call.displayName == call.functionName else { return call.displayName }
        let actor = record.key.task.actor
        let shown = actors[actor]?.shownName ?? endedActors[actor]?.shownName ?? ""
        guard !shown.isEmpty, let method = call.displayName.split(separator: ".").last else { return call.displayName }
        return "\(shown).\(method)"
    }

    /// What Ray draws of a task: its parts, in milliseconds since 1970. Nothing while it runs.
    private func profile(of record: TaskRecord) -> StateValue {
        let times = record.times
        guard record.state.isEnd, times.started != 0, times.ended >= times.started, let worker = record.worker?.value
        else { return .map([]) }
        let returned = times.returned == 0 ? times.ended : times.returned
        let name = record.call.value.displayName
        let task = [
            StateField(name: "name", value: .text(name)), StateField(name: "task_id", value: .id(record.key.task)),
        ]
        let parts: [(name: String, from: UInt64, to: UInt64, more: [StateField])] = [
            ("task::\(name)", times.started, times.ended, task), ("task:execute", times.started, returned, []),
            ("task:store_outputs", returned, times.ended, []),
        ]
        let events = parts.map { part in
            StateValue.map([
                StateField(name: "event_name", value: .text(part.name)),
                StateField(name: "start_time", value: .double(Double(part.from) / 1_000_000)),
                StateField(name: "end_time", value: .double(Double(part.to) / 1_000_000)),
                StateField(name: "extra_data", value: .map(part.more)),
            ])
        }
        let host = nodes[worker.node]?.info.address.host ?? deadNodes[worker.node]?.info.address.host ?? ""
        return .map([
            StateField(name: "component_type", value: .text("worker")),
            StateField(name: "component_id", value: .id(worker.worker)),
            StateField(name: "node_ip_address", value: .text(host)),
            StateField(name: "events", value: .list(events)),
        ])
    }
}

extension TaskRecord {
    /// When the attempt got into each of its states.
    fileprivate var events: [StateValue] {
        let reached: [(TaskState, UInt64)] = [
            (.pendingArguments, times.submitted), (.pendingNode, times.ready), (.submitted, times.pushed),
            (.running, times.started), (state, state.isEnd ? times.ended : 0),
        ]
        return reached.filter { $0.1 != 0 }.map { state, time in
            .map([
                StateField(name: "state", value: .text(state.name)),
                StateField(name: "created_ms", value: .milliseconds(time)),
            ])
        }
    }
}

extension Language {
    fileprivate var name: String {
        switch self {
        case .python: "PYTHON"
        case .java: "JAVA"
        case .cpp: "CPP"
        case .swift: "SWIFT"
        }
    }
}
