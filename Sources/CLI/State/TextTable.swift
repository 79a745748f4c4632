//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Columns under headings, two spaces apart, with the number of each row before it; cells may have several lines.
package struct TextTable {
    private let headings: [String]
    private let rows: [[String]]

    package init(headings: [String], rows: [[String]]) {
        self.headings = [""] + headings
        self.rows = rows.enumerated().map { index, row in [String(index)] + row }
    }

    /// The table without a line break at its end.
    package var text: String {
        let lines = rows.map { row in row.map { $0.split(separator: "\n", omittingEmptySubsequences: false) } }
        let widths = headings.indices.map { column in
            let cells = lines.flatMap { $0.indices.contains(column) ? $0[column].map(\.count) : [] }
            return max(headings[column].count, cells.max() ?? 0)
        }
        // Numbers stand to the right, as in Ray's tables.
        let isNumeric = headings.indices.map { column in
            column > 0 && !rows.isEmpty
                && rows.allSatisfy { $0.indices.contains(column) && Int($0[column]) != nil }
        }
        var result = [line(headings, widths, isNumeric)]
        for row in lines {
            for index in 0..<(row.map(\.count).max() ?? 0) {
                let cells = row.map { $0.indices.contains(index) ? String($0[index]) : "" }
                result.append(line(cells, widths, isNumeric))
            }
        }
        return result.joined(separator: "\n")
    }

    private func line(_ cells: [String], _ widths: [Int], _ isNumeric: [Bool]) -> String {
        let padded = cells.enumerated().map { column, cell in
            let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
            return isNumeric[column] ? space + cell : cell + space
        }
        var text = padded.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        return text
    }
}
