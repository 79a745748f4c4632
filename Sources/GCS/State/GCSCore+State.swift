//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Lists of what there is (`ray list`, `ray get`, `ray summary`), with Ray's columns.
extension GCSCore {
    mutating func queryState(
        _ query: QueryState, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard query.filters.count <= GCSLimits.stateFiltersMax else {
            let error = RayError(.invalidArgument, "a list has at most \(GCSLimits.stateFiltersMax) filters")
            let reply = StateRows(columns: [], rows: [], matched: 0, error: error)
            return answer(.stateRows(reply), sender, into: &effects)
        }
        guard let rows = rows(for: query) else { return queryObjects(query, sender, at: now, into: &effects) }
        answer(.stateRows(rows), sender, into: &effects)
    }

    /// The rows, of what is known here.
    private func rows(for query: QueryState) -> StateRows? {
        switch query.resource {
        case .objects: nil
        case .tasks: taskRows(query)
        case .taskSummary: taskSummary(query)
        case .actors: actorRows(query)
        case .nodes: nodeRows(query)
        case .workers: workerRows(query)
        case .jobs: jobRows(query)
        case .placementGroups: groupRows(query)
        }
    }

    // MARK: Nodes

    private func nodeRows(_ query: QueryState) -> StateRows {
        let list = StateList<NodeRecord>(columns: [
            .column("node_id") { .id($0.info.address.node) },
            .column("node_ip") { .text($0.info.address.host) },
            .column("is_head_node") { .bool($0.info.isHead) },
            .column("state") { .text(self.nodes[$0.info.address.node] == nil ? "DEAD" : "ALIVE") },
            .column("state_message", isFilterable: false) { node in
                .optional(node.deathReason.isEmpty ? node.drain?.sentence : node.deathReason)
            },
            .column("node_name") { .text($0.info.name) },
            .column("resources_total", isFilterable: false) { .resources($0.info.total) },
            .column("labels", isFilterable: false) { node in
                .map(
                    node.info.labels.sorted { $0.key < $1.key }.map { StateField(name: $0.key, value: .text($0.value)) }
                )
            },
            .detail("start_time_ms") { self.time($0.joinedAt) },
            .detail("end_time_ms") { self.time($0.diedAt) },
        ])
        return list.rows(of: nodeOrder.compactMap { nodes[$0] } + deadNodes.all, query) {
            $0.info.address.node < $1.info.address.node
        }
    }

    // MARK: Workers

    /// A process that is there, or one that is gone.
    private struct WorkerRow {
        var id: WorkerID
        var isAlive: Bool
        var isDriver: Bool
        var address: Address
        var processID: Int32
        var job: JobID?
        var joinedAt: Instant?
        var end: EndedWorker?
    }

    /// Milliseconds since 1970; 0 for what has not come.
    func time(_ instant: Instant?) -> StateValue {
        instant.map { .int(Int(settings.trace.unixNanoseconds($0) / 1_000_000)) } ?? .int(0)
    }

    /// The first node of a machine.
    private func node(on host: String) -> NodeID? { nodeOrder.first { nodes[$0]?.info.address.host == host } }

    private func workerRows(_ query: QueryState) -> StateRows {
        let list = StateList<WorkerRow>(columns: [
            .column("worker_id") { .id($0.id) },
            .column("is_alive") { .bool($0.isAlive) },
            .column("worker_type") { .text($0.isDriver ? "DRIVER" : "WORKER") },
            .column("exit_type") { .optional($0.end?.exitType.rawValue) },
            .column("node_id") { row in
                // A driver says hello before it knows its raylet: it is where its machine is.
                let node = row.address.node
                return .id(node.isNone ? self.node(on: row.address.host) ?? node : node)
            },
            .column("ip") { .text($0.address.host) },
            .column("pid") { .int(Int($0.processID)) },
            .detail("exit_detail") { .optional($0.end?.detail) },
            .detail("start_time_ms") { self.time($0.joinedAt) },
            .detail("end_time_ms") { self.time($0.end?.endedAt) },
            .detail("job_id") { $0.job.map { .id($0) } ?? .null },
        ])
        let known = peers.lazy.filter { $0.value.role == .driver || $0.value.role == .worker }.map { id, peer in
            WorkerRow(
                id: id, isAlive: !peer.isGone, isDriver: peer.role == .driver, address: peer.address,
                processID: self.processID(of: id, peer), job: peer.job, joinedAt: peer.joinedAt, end: endedWorkers[id])
        }
        let gone = endedWorkers.all.filter { peers[$0.id] == nil }.map {
            WorkerRow(
                id: $0.id, isAlive: false, isDriver: $0.isDriver, address: $0.address, processID: $0.processID,
                job: $0.job, joinedAt: $0.startedAt, end: $0)
        }
        return list.rows(of: Array(known) + gone, query) { $0.id < $1.id }
    }

    func processID(of id: WorkerID, _ peer: PeerRecord) -> Int32 {
        guard peer.role == .driver, let job = peer.job else { return peer.processID }
        return (jobs[job] ?? endedJobs[job])?.info.processID ?? 0
    }

    // MARK: Jobs

    private func jobRows(_ query: QueryState) -> StateRows {
        let list = StateList<JobRecord>(columns: [
            .column("job_id") { .id($0.id) },
            .column("submission_id") { _ in .null },
            .column("entrypoint", isFilterable: false) { .text($0.info.entrypoint) },
            .column("type") { _ in .text("DRIVER") },
            .column("status") { .text(self.isRunning($0) ? "RUNNING" : "SUCCEEDED") },
            .column("message", isFilterable: false) { _ in .null },
            .column("error_type", isFilterable: false) { _ in .null },
            .column("driver_info", isFilterable: false) { job in
                .map([
                    StateField(name: "id", value: .id(job.id)),
                    StateField(name: "node_ip_address", value: .text(job.info.driver.host)),
                    StateField(name: "pid", value: .text(String(job.info.processID))),
                ])
            },
            .detail("start_time") { job in
                let driver = job.info.driver.worker
                return self.time(self.peers[driver]?.joinedAt ?? self.endedWorkers[driver]?.startedAt)
            },
            .detail("end_time") { self.time(self.endedWorkers[$0.info.driver.worker]?.endedAt) },
            .detail("driver_node_id") { self.node(on: $0.info.driver.host).map { .id($0) } ?? .null },
        ])
        let running = jobs.values.filter { endedJobs[$0.id] == nil }
        return list.rows(of: running + endedJobs.all, query) { $0.id < $1.id }
    }

    private func isRunning(_ job: JobRecord) -> Bool { jobs[job.id].map { !$0.isEnded } ?? false }

    // MARK: Placement groups

    private func groupRows(_ query: QueryState) -> StateRows {
        let list = StateList<PlacementGroupState>(columns: [
            .column("placement_group_id") { .id($0.spec.id) },
            .column("name") { .text($0.spec.name) },
            .column("creator_job_id") { .id($0.spec.id.job) },
            .column("state") { .text($0.phase.name) },
            .detail("bundles") { group in
                .list(
                    group.spec.bundles.enumerated().map { index, bundle in
                        .map([
                            StateField(name: "bundle_id", value: .int(index)),
                            StateField(
                                name: "node_id",
                                value: group.nodes.indices.contains(index) ? .id(group.nodes[index]) : .null),
                            StateField(name: "unit_resources", value: .resources(bundle.resources)),
                        ])
                    })
            },
            .detail("is_detached", isFilterable: true) { .bool($0.spec.isDetached) },
            .detail("stats") { group in
                .map([StateField(name: "scheduling_state", value: .optional(group.reason))])
            },
        ])
        let living = groups.keys.compactMap { state(of: $0) }
        return list.rows(of: living + deadGroups.all, query) { $0.spec.id < $1.spec.id }
    }
}

extension PlacementGroupState.Phase {
    fileprivate var name: String {
        switch self {
        case .pending: "PENDING"
        case .created: "CREATED"
        case .removed: "REMOVED"
        case .rescheduling: "RESCHEDULING"
        }
    }
}
