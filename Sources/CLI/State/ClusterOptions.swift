//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
package import RayWire

/// Which cluster a command that lists something asks.
package struct ClusterOptions: ParsableArguments {
    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Option(help: ArgumentHelp("Seconds to wait; accepted, the head has 5.", visibility: .hidden))
    package var timeout: Int?

    package init() {}

    /// The rows that a question is answered with.
    ///
    /// - Throws: `UsageError` if the address or the question is wrong, `RayError` if nobody answers.
    package func rows(_ query: QueryState) throws -> StateRows {
        let (_, reply) = try ClusterQuery.ask(.queryState(query), address: address, temporaryRoot: tempDir)
        guard case .stateRows(let rows) = reply else { throw ClusterQuery.strangeAnswer }
        if let error = rows.error { throw UsageError(error.message) }
        return rows
    }
}

/// What can be listed, by the names of Ray's commands.
package enum ResourceArgument: String, ExpressibleByArgument, CaseIterable, Sendable {
    case actors, jobs, nodes, objects, tasks, workers
    case placementGroups = "placement-groups"

    /// What is asked of the head.
    package var resource: StateResource {
        switch self {
        case .actors: .actors
        case .jobs: .jobs
        case .nodes: .nodes
        case .objects: .objects
        case .tasks: .tasks
        case .workers: .workers
        case .placementGroups: .placementGroups
        }
    }

    /// The column that names one of them.
    package var idColumn: String {
        switch self {
        case .actors: "actor_id"
        case .jobs: "job_id"
        case .nodes: "node_id"
        case .objects: "object_id"
        case .tasks: "task_id"
        case .workers: "worker_id"
        case .placementGroups: "placement_group_id"
        }
    }
}

/// How rows are printed.
package enum RowFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case automatic = "default"
    case json, yaml, table
}
