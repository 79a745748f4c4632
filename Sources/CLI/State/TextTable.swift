//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Columns under headings with the number of each row before it, as Ray prints them; cells may have several lines.
///
/// A column is at least two wider than its heading, and two spaces stand between columns.
package struct TextTable {
    private let headings: [String]
    private let rows: [[String]]
    private let alignsNumbers: Bool

    /// - Parameter alignsNumbers: whether numbers stand to the right.
    package init(headings: [String], rows: [[String]], alignsNumbers: Bool = true) {
        self.alignsNumbers = alignsNumbers
        self.headings = [""] + headings
        self.rows = rows.enumerated().map { index, row in [String(index)] + row }
    }

    /// The table without a line break at its end.
    package var text: String {
        let lines = rows.map { row in row.map { $0.split(separator: "\n", omittingEmptySubsequences: false) } }
        let widths = headings.indices.map { column in
            let cells = lines.flatMap { $0.indices.contains(column) ? $0[column].map(\.count) : [] }
            return max(headings[column].count + 2, cells.max() ?? 0)
        }
        let isNumeric = headings.indices.map { column in
            alignsNumbers && !rows.isEmpty
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
