//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Foundation
internal import RayNode
package import RayWire

/// Rows as a table, as YAML or as JSON, as Ray prints them.
package struct StateText {
    private let rows: StateRows

    package init(_ rows: StateRows) { self.rows = rows }

    /// The text; a table has the time in its heading.
    package func text(_ format: RowFormat, at time: String) -> String {
        switch format {
        case .json: json
        case .yaml: rows.rows.isEmpty ? "No resource in the cluster" : yaml
        case .table, .automatic: rows.rows.isEmpty ? "No resource in the cluster" : table(at: time)
        }
    }

    private func table(at time: String) -> String {
        let cells = rows.rows.map { row in row.map { Self.cell($0) } }
        let line = String(repeating: "-", count: 30)
        let table = TextTable(headings: rows.columns.map { $0.uppercased() }, rows: cells)
        return """

            ======== List: \(time) ========
            Stats:
            \(line)
            Total: \(rows.rows.count)

            Table:
            \(line)
            \(table.text)

            """
    }

    /// What stands in a table for a value.
    static func cell(_ value: StateValue) -> String {
        switch value {
        case .null: ""
        case .bool(let flag): flag ? "True" : "False"
        case .int(let number): String(number)
        case .double(let number): String(format: "%.3f", number)
        case .text(let text): text
        case .list, .map: YAMLText.text(of: value)
        }
    }

    private var yaml: String {
        let items = rows.rows.map { row in StateValue.map(fields(row)) }
        return "---\n" + YAMLText.text(of: .list(items)) + "\n..."
    }

    private var json: String {
        var writer = JSONWriter()
        writer.array { writer in
            for row in rows.rows { Self.write(.map(fields(row)), &writer) }
        }
        return writer.text
    }

    /// The fields of a row. Times are for people, except in JSON.
    private func fields(_ row: [StateValue]) -> [StateField] {
        zip(rows.columns, row).map { StateField(name: $0, value: $1) }
    }

    private static func write(_ value: StateValue, _ writer: inout JSONWriter) {
        switch value {
        case .null: writer.null()
        case .bool(let flag): writer.value(flag)
        case .int(let number): writer.value(number)
        case .double(let number): writer.value(number)
        case .text(let text): writer.value(text)
        case .list(let values):
            writer.array { writer in for value in values { write(value, &writer) } }
        case .map(let fields):
            writer.object { writer in
                for field in fields {
                    writer.key(field.name)
                    write(field.value, &writer)
                }
            }
        }
    }
}

/// The time as Ray prints it in headings.
enum Timestamp {
    static var now: String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss.SSS"
        return formatter.string(from: .now) + "000"
    }
}
