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
        var ended: EndedActor?
    }

    func actorRows(_ query: QueryState) -> StateRows {
        let list = StateList<Row>(columns: shownColumns + detailColumns)
        let living = actors.values.map { Row(state: $0.state, living: $0) }
        return list.rows(of: living + deadActors.all.map { Row(state: $0, ended: endedActors[$0.id]) }, query) {
            $0.state.id < $1.state.id
        }
    }

    private var shownColumns: [StateColumn<Row>] {
        [
            .column("actor_id") { .id($0.state.id) },
            .column("class_name") { .text($0.state.className.className) },
            .column("state") { .text($0.state.phase.name) },
            .column("job_id") { .id($0.state.id.job) },
            .column("name") { .text($0.state.name) },
            .column("node_id") { row in
                (row.living.map { $0.worker?.node } ?? row.ended?.node).map { .id($0) }
                    ?? .optional(row.state.error?.node)
            },
            .column("pid") { row in
                .int(
                    Int(
                        row.living.map { self.processID(of: $0) } ?? row.ended?.processID ?? row.state.error?.processID
                            ?? 0)
                )
            },
            .column("ray_namespace") { .text($0.state.namespace) },
        ]
    }

    private var detailColumns: [StateColumn<Row>] {
        [
            .detail("required_resources") { row in
                (row.living?.spec.heldResources ?? row.ended?.heldResources).map { .resources($0) } ?? .null
            },
            .detail("death_cause") { row in
                guard row.state.phase == .dead, let error = row.state.error else { return .null }
                return .map([
                    StateField(name: "error_type", value: .text(TaskFailure(error).typeName)),
                    StateField(name: "error_message", value: .text(error.message)),
                    StateField(name: "reason", value: .text(error.typeName)),
                ])
            },
            .detail("start_time_ms") { self.time($0.living?.aliveAt ?? $0.ended?.aliveAt) },
            .detail("end_time_ms") { self.time($0.ended?.diedAt) },
            .detail("is_detached") { row in
                (row.living.map { $0.spec.lifetime == .detached } ?? row.ended?.isDetached).map { .bool($0) } ?? .null
            },
            .detail("placement_group_id", isFilterable: true) { row in
                (row.living.map { $0.spec.creation.strategy.group } ?? row.ended?.group).map { .id($0) } ?? .null
            },
            .detail("repr_name", isFilterable: true) { .text($0.living?.shownName ?? $0.ended?.shownName ?? "") },
            .detail("num_restarts") { .int(Int($0.living?.incarnation ?? $0.state.incarnation)) },
            .detail("num_restarts_due_to_node_preemption") { row in
                row.living.map { .int(Int($0.incarnation) - $0.restartCount) } ?? .null
            },
        ]
    }
}

extension GCSCore {
    /// The process in which an actor starts or lives; 0 if there is none.
    func processID(of actor: ActorRecord) -> Int32 {
        guard let lease = actor.lease, case .ready(_, _, let processID)? = leases[lease]?.state else { return 0 }
        return processID
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
