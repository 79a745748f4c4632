//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
internal import RayWire

/// `ray get`: all that is known of one thing.
package struct GetCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print all that is known of a task, an actor, a node and so on.")

    @Argument(help: "What it is.")
    package var resource: ResourceArgument

    @Argument(help: "Its id as hex.")
    package var id: String

    @OptionGroup package var cluster: ClusterOptions

    package init() {}

    package func run() throws {
        let filter = StateFilter(key: resource.idColumn, isNegated: false, value: id)
        let query = QueryState(resource: resource.resource, filters: [filter], limit: 100, isDetailed: true)
        let rows = try cluster.rows(query)
        guard !rows.rows.isEmpty else { return printLine("Resource with id=\(id) not found in the cluster.") }
        printLine(StateText(rows).text(.yaml, at: Timestamp.now))
    }
}
