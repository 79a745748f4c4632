//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The list of actors.
extension GCSCore {
    /// An actor that lives, or what is remembered of a dead one.
    private struct Row {
        var state: ActorState
        var living: ActorRecord?
    }

    func actorRows(_ query: QueryState) -> StateRows {
        let list = StateList<Row>(columns: shownColumns + detailColumns)
        let living = actors.values.map { Row(state: $0.state, living: $0) }
        return list.rows(of: living + deadActors.all.map { Row(state: $0) }, query) { $0.state.id < $1.state.id }
    }

    private var shownColumns: [StateColumn<Row>] {
        [
            .column("actor_id") { .id($0.state.id) },
            .column("class_name") { .text($0.state.className.className) },
            .column("state") { .text($0.state.phase.name) },
            .column("job_id") { .id($0.state.id.job) },
            .column("name") { .text($0.state.name) },
            .column("node_id") { row in
                switch row.living?.stage {
                case .alive(_, let worker)?, .starting(_, let worker)?: .id(worker.node)
                case .queued?, .backingOff?, nil: .optional(row.state.error?.node)
                }
            },
            .column("pid") { row in
                guard let living = row.living else { return .int(Int(row.state.error?.processID ?? 0)) }
                guard let lease = living.lease, case .ready(_, _, let processID)? = self.leases[lease]?.state else {
                    return .int(0)
                }
                return .int(Int(processID))
            },
            .column("ray_namespace") { .text($0.state.namespace) },
        ]
    }

    private var detailColumns: [StateColumn<Row>] {
        [
            .detail("required_resources") { $0.living.map { .resources($0.spec.heldResources) } ?? .null },
            .detail("death_cause") { row in
                guard row.state.phase == .dead, let error = row.state.error else { return .null }
                return .map([
                    StateField(name: "error_type", value: .text(TaskFailure(error).typeName)),
                    StateField(name: "error_message", value: .text(error.message)),
                ])
            },
            .detail("start_time_ms") { self.time($0.living?.aliveAt ?? self.actorSpans[$0.state.id]?.aliveAt) },
            .detail("end_time_ms") { self.time(self.actorSpans[$0.state.id]?.diedAt) },
            .detail("is_detached") { $0.living.map { .bool($0.spec.lifetime == .detached) } ?? .null },
            .detail("placement_group_id", isFilterable: true) { row in
                guard case .placementGroup(let group, _, _)? = row.living?.spec.creation.strategy else { return .null }
                return .id(group)
            },
            .detail("num_restarts") { .int(Int($0.living?.incarnation ?? $0.state.incarnation)) },
            .detail("num_restarts_due_to_node_preemption") { row in
                row.living.map { .int(Int($0.incarnation) - $0.restartCount) } ?? .null
            },
        ]
    }
}

extension ActorPhase {
    /// Ray's name.
    fileprivate var name: String {
        switch self {
        case .pending: "PENDING_CREATION"
        case .alive: "ALIVE"
        case .restarting: "RESTARTING"
        case .dead: "DEAD"
        }
    }
}
