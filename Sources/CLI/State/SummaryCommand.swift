//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
internal import RayWire

/// `ray summary`: how many there are of what.
package struct SummaryCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Count tasks by name and state.", subcommands: [Tasks.self])

    /// `ray summary tasks`.
    package struct Tasks: ParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "tasks", abstract: "Count tasks by name and state.")

        @OptionGroup package var cluster: ClusterOptions

        package init() {}

        package func run() throws {
            let rows = try cluster.rows(QueryState(resource: .taskSummary))
            if rows.dropped > 0 {
                printError("Warning: \(rows.dropped) attempts of tasks were dropped, because too many came")
            }
            printLine(SummaryText(rows).text(at: Timestamp.now))
        }
    }

    package init() {}
}
