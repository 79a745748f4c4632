//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
package import RayWire

/// `ray list`: tasks, actors, nodes and so on, with Ray's columns.
package struct ListCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List tasks, actors, objects, nodes, workers, jobs or placement groups.")

    @Argument(help: "What to list.")
    package var resource: ResourceArgument

    @Option(help: "How to print it; with --detail yaml, else a table.")
    package var format = RowFormat.automatic

    @Option(name: [.short, .long], help: "KEY=VALUE or KEY!=VALUE; of several all must hold.")
    package var filter: [String] = []

    @Option(help: "Most rows.")
    package var limit = 100

    @Flag(help: "With all columns.")
    package var detail = false

    @OptionGroup package var cluster: ClusterOptions

    package init() {}

    package func run() throws {
        guard limit > 0, limit <= 10_000 else {
            throw UsageError("--limit is \(limit); the most that one list shows is 10000")
        }
        let filters = try filter.map(Self.parse)
        let query = QueryState(resource: resource.resource, filters: filters, limit: limit, isDetailed: detail)
        let rows = try cluster.rows(query)
        let format = format == .automatic ? (detail ? .yaml : .table) : format
        if format == .table || format == .yaml, let warning = Self.warning(about: rows, limit: limit) {
            printError(warning)
        }
        printLine(StateText(rows).text(format, at: Timestamp.now))
    }

    /// Reads `key=value` or `key!=value`.
    ///
    /// - Throws: `UsageError` with what is missing.
    package static func parse(_ text: String) throws -> StateFilter {
        guard let equals = text.firstIndex(of: "=") else {
            throw UsageError(
                "The format of a given filter \(text) is invalid: Cannot find the predicate. Please provide key=val "
                    + "or key!=val format string.")
        }
        let isNegated = equals > text.startIndex && text[text.index(before: equals)] == "!"
        let key = text[..<(isNegated ? text.index(before: equals) : equals)]
        let value = text[text.index(after: equals)...]
        guard !key.isEmpty, !value.isEmpty else {
            throw UsageError(
                "The format of a given filter \(text) is invalid: Cannot identify key \(key) or value, \(value). "
                    + "Please provide key=val or key!=val format string.")
        }
        return StateFilter(key: String(key), isNegated: isNegated, value: String(value))
    }

    private static func warning(about rows: StateRows, limit: Int) -> String? {
        var parts: [String] = []
        if rows.matched > rows.rows.count { parts.append("\(rows.rows.count) of \(rows.matched) are shown (--limit)") }
        parts += rows.warnings
        if rows.dropped > 0 { parts.append("\(rows.dropped) attempts of tasks were dropped, because too many came") }
        return parts.isEmpty ? nil : "Warning: " + parts.joined(separator: "; ")
    }
}
