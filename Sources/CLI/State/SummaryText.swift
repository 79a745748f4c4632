//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayWire

/// `ray summary tasks` as Ray prints it.
package struct SummaryText {
    private let rows: StateRows

    package init(_ rows: StateRows) { self.rows = rows }

    /// The text, with the time in its heading.
    package func text(at time: String) -> String {
        guard !rows.rows.isEmpty else { return "No resource in the cluster" }
        var counts: [String: Int] = [:]
        for row in rows.rows {
            guard row.count == 3, case .text(let type) = row[2], case .map(let states) = row[1] else { continue }
            for case .int(let count) in states.map(\.value) { counts[type, default: 0] += count }
        }
        let cells = rows.rows.map { row in row.map { StateText.cell($0) } }
        let line = String(repeating: "-", count: 36)
        let table = TextTable(headings: rows.columns.map { $0.uppercased() }, rows: cells, alignsNumbers: false)
        return """

            ======== Tasks Summary: \(time) ========
            Stats:
            \(line)
            total_actor_scheduled: \(counts["ACTOR_CREATION_TASK"] ?? 0)
            total_actor_tasks: \(counts["ACTOR_TASK"] ?? 0)
            total_tasks: \(counts["NORMAL_TASK"] ?? 0)


            Table (group by func_name):
            \(line)
            \(table.text)

            """
    }
}
