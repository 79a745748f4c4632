//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
internal import RayWire

/// `ray memory`: who holds which objects, and what the stores have.
package struct MemoryCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Print object references held in a Ray cluster.")

    @Option(help: "Group object references by NODE_ADDRESS or STACK_TRACE.")
    package var groupBy = MemoryText.Grouping.nodeAddress

    @Option(help: "Sort object references in ascending order by PID, OBJECT_SIZE or REFERENCE_TYPE.")
    package var sortBy = MemoryText.Order.objectSize

    @Option(help: "Unit of sizes: B, KB, MB or GB.")
    package var units = MemoryText.Unit.bytes

    @Flag(help: "Accepted; lines are never broken.")
    package var noFormat = false

    @Flag(help: "Display what the stores have only.")
    package var statsOnly = false

    @Option(
        name: [.customLong("num-entries"), .customLong("n"), .customShort("n")],
        help: "Most object references that are shown of each group.")
    package var entries: Int?

    @OptionGroup package var cluster: ClusterOptions

    package init() {}

    package func run() throws {
        if let entries, entries < 0 { throw UsageError("--num-entries is \(entries); it cannot be negative") }
        let (_, status) = try ClusterQuery.status(address: cluster.address, temporaryRoot: cluster.tempDir)
        var text = ""
        if !statsOnly {
            let rows = try cluster.rows(QueryState(resource: .objects, limit: 10_000, isDetailed: true))
            for warning in rows.warnings { printError("Warning: " + warning) }
            if rows.matched > rows.rows.count {
                printError("Warning: \(rows.rows.count) of \(rows.matched) references are shown")
            }
            text = MemoryText(rows).text(by: groupBy, sortedBy: sortBy, in: units, entries: entries)
        }
        printLine(text + MemoryText.stores(status))
    }
}
