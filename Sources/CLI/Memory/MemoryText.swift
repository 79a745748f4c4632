//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import ArgumentParser
internal import Foundation
package import RayWire

/// `ray memory` as people read it: Ray's headings and columns, then where an object is and all that holds it.
package struct MemoryText {
    /// What references stand together under.
    package enum Grouping: String, ExpressibleByArgument, CaseIterable, Sendable {
        case nodeAddress = "NODE_ADDRESS"
        case stackTrace = "STACK_TRACE"
    }

    /// What references are sorted by.
    package enum Order: String, ExpressibleByArgument, CaseIterable, Sendable {
        case processID = "PID"
        case objectSize = "OBJECT_SIZE"
        case referenceType = "REFERENCE_TYPE"
    }

    /// In what sizes are printed.
    package enum Unit: String, ExpressibleByArgument, CaseIterable, Sendable {
        case bytes = "B"
        case kilobytes = "KB"
        case megabytes = "MB"
        case gigabytes = "GB"

        /// So many bytes, as Python writes the quotient.
        fileprivate func text(_ byteCount: Int) -> String {
            let size: Double =
                switch self {
                case .bytes: 1
                case .kilobytes: 1e3
                case .megabytes: 1e6
                case .gigabytes: 1e9
                }
            return "\(Double(byteCount) / size) \(rawValue)"
        }
    }

    /// What one process holds of one object.
    private struct Entry {
        var address: String
        var processID: Int
        var type: String
        var callSite: String
        var status: String
        var attempt: Int
        var byteCount: Int?
        var referenceType: String
        var object: String
        var whereabouts: String
        var heldBy: String
    }

    private let entries: [Entry]

    /// - Parameter rows: a list of objects with its details.
    package init(_ rows: StateRows) {
        entries = rows.rows.map { row in
            let fields = Dictionary(zip(rows.columns, row)) { first, _ in first }
            func text(_ name: String) -> String {
                if case .text(let text)? = fields[name] { text } else { "" }
            }
            func number(_ name: String) -> Int? {
                if case .int(let number)? = fields[name] { number } else { nil }
            }
            let status = text("task_status")
            return Entry(
                address: text("ip"), processID: number("pid") ?? 0, type: text("type").capitalized,
                callSite: text("call_site"), status: status == "NIL" ? "-" : status,
                attempt: (number("attempt_number") ?? 0) + 1, byteCount: number("object_size"),
                referenceType: text("reference_type"), object: text("object_id"), whereabouts: text("where"),
                heldBy: text("held_by"))
        }
    }

    /// All groups, each with its sums; at most `limit` references are shown of each.
    package func text(
        by grouping: Grouping, sortedBy order: Order, in unit: Unit, entries limit: Int? = nil
    ) -> String {
        let label = grouping == .nodeAddress ? "node address" : "stack trace"
        var text = "Grouping by \(label)...        Sorting by "
        text += "\(order.rawValue.lowercased().replacing("_", with: " "))...        "
        text += "Display \(limit.map(String.init) ?? "all") entries per group...\n\n\n"
        let groups = Dictionary(grouping: entries) { grouping == .nodeAddress ? $0.address : $0.callSite }
        for (key, group) in groups.sorted(by: { $0.key < $1.key }) {
            text += "--- Summary for \(label): \(key) ---\n" + summary(of: group, unit) + "\n"
            text += "--- Object references for \(label): \(key) ---\n"
            let shown = group.sorted { Self.isBefore($0, $1, order) }.prefix(limit ?? group.count)
            text += table(of: Array(shown), unit) + "\n"
        }
        return text
    }

    private static func isBefore(_ first: Entry, _ second: Entry, _ order: Order) -> Bool {
        let tie = (first.object, first.processID) < (second.object, second.processID)
        switch order {
        case .processID: return first.processID == second.processID ? tie : first.processID < second.processID
        case .objectSize:
            let (one, other) = (first.byteCount ?? -1, second.byteCount ?? -1)
            return one == other ? tie : one < other
        case .referenceType:
            return first.referenceType == second.referenceType ? tie : first.referenceType < second.referenceType
        }
    }

    private func summary(of group: [Entry], _ unit: Unit) -> String {
        func sum(_ type: String) -> String {
            let members = group.filter { $0.referenceType == type }
            return "\(members.count), (\(unit.text(members.reduce(0) { $0 + ($1.byteCount ?? 0) })))"
        }
        return Self.columns([
            [
                "Mem Used by Objects", "Local References", "Pinned", "Used by task", "Captured in Objects",
                "Actor Handles",
            ],
            [
                unit.text(group.reduce(0) { $0 + ($1.byteCount ?? 0) }), sum("LOCAL_REFERENCE"),
                sum("PINNED_IN_MEMORY"), sum("USED_BY_PENDING_TASK"), sum("CAPTURED_IN_OBJECT"), sum("ACTOR_HANDLE"),
            ],
        ])
    }

    private func table(of entries: [Entry], _ unit: Unit) -> String {
        let headings = [
            "IP Address", "PID", "Type", "Call Site", "Status", "Attempt", "Size", "Reference Type", "Object Ref",
            "Where",
            "Held by",
        ]
        let rows = entries.map { entry in
            [
                entry.address, String(entry.processID), entry.type, entry.callSite, entry.status,
                String(entry.attempt), entry.byteCount.map(unit.text) ?? "?", entry.referenceType, entry.object,
                entry.whereabouts, entry.heldBy,
            ]
        }
        return Self.columns([headings] + rows)
    }

    /// Lines with two spaces between columns.
    private static func columns(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// What the stores of all living nodes have.
    package static func stores(_ status: ClusterStatus) -> String {
        let living = status.nodes.filter(\.isAlive)
        let used = living.reduce(0) { $0 + $1.storeUsed }
        let capacity = living.reduce(0) { $0 + $1.info.storeCapacity }
        let share = capacity == 0 ? 0 : (10_000 * Double(used) / Double(capacity)).rounded() / 100
        var text = "--- Aggregate object store stats across all nodes ---\n"
        text += "Plasma memory usage \(used >> 20) MiB, \(living.reduce(0) { $0 + $1.objectCount }) objects, "
        text += "\(share)% full\n"
        let spill = status.spill
        if spill.fallbackBytes > 0 { text += "Plasma filesystem mmap usage: \(spill.fallbackBytes >> 20) MiB\n" }
        if spill.spilledBytes > 0 {
            text += "Spilled \(spill.spilledBytes >> 20) MiB, \(spill.objectCount) objects on disk now "
            text += "(\(spill.bytesOnDisk >> 20) MiB)\n"
        }
        if spill.restoredBytes > 0 { text += "Restored \(spill.restoredBytes >> 20) MiB\n" }
        return text
    }
}
