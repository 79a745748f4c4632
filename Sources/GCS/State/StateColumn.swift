//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// One column of a list: Ray's name, and where its values come from.
struct StateColumn<Item> {
    let name: String
    /// Shown only where details are asked for.
    let isDetail: Bool
    /// Whether rows can be chosen by it.
    let isFilterable: Bool
    let value: (Item) -> StateValue

    /// A column that is always shown.
    static func column(
        _ name: String, isFilterable: Bool = true, _ value: @escaping (Item) -> StateValue
    ) -> Self { Self(name: name, isDetail: false, isFilterable: isFilterable, value: value) }

    /// A column that is shown with the details.
    static func detail(
        _ name: String, isFilterable: Bool = false, _ value: @escaping (Item) -> StateValue
    ) -> Self { Self(name: name, isDetail: true, isFilterable: isFilterable, value: value) }
}

/// Chooses rows and makes them; only those that are shown have all their values made.
struct StateList<Item> {
    let columns: [StateColumn<Item>]

    /// The rows that `query` wants. O(items), plus the sorting of what is shown.
    ///
    /// - Parameter isBefore: the order of the rows.
    func rows(
        of items: some Sequence<Item>, _ query: QueryState, isBefore: (Item, Item) -> Bool
    ) -> StateRows {
        var filters: [(column: StateColumn<Item>, filter: StateFilter)] = []
        for filter in query.filters {
            guard let column = column(of: filter) else { return refusal(of: filter) }
            filters.append((column, filter))
        }
        let limit = max(0, min(query.limit, GCSLimits.stateRowsMax))
        var shown: [Item] = []
        var matched = 0
        for item in items where filters.allSatisfy({ $0.filter.holds(for: $0.column.value(item)) }) {
            matched += 1
            if shown.count == limit {
                guard let last = shown.last, isBefore(item, last) else { continue }
                shown.removeLast()
            }
            shown.insert(item, at: position(of: item, in: shown, isBefore))
        }
        let wanted = columns.filter { query.isDetailed || !$0.isDetail }
        return StateRows(
            columns: wanted.map(\.name), rows: shown.map { item in wanted.map { $0.value(item) } }, matched: matched)
    }

    private func position(of item: Item, in shown: [Item], _ isBefore: (Item, Item) -> Bool) -> Int {
        var low = 0
        var high = shown.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(item, shown[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Why `query` cannot be answered, if it cannot.
    func refusal(of query: QueryState) -> StateRows? {
        query.filters.first { column(of: $0) == nil }.map { refusal(of: $0) }
    }

    private func column(of filter: StateFilter) -> StateColumn<Item>? {
        columns.first { $0.isFilterable && $0.name == filter.key.lowercased() }
    }

    private func refusal(of filter: StateFilter) -> StateRows {
        let names = columns.filter(\.isFilterable).map(\.name).joined(separator: ", ")
        return StateRows(
            columns: [], rows: [], matched: 0,
            error: RayError(
                .invalidArgument, "Invalid filter key '\(filter.key)'. Available filter keys are: \(names)"))
    }
}

extension StateFilter {
    /// Whether a row with this value is let through; what is not known equals nothing.
    fileprivate func holds(for value: StateValue) -> Bool {
        let text: String? =
            switch value {
            case .text(let text): text
            case .int(let number): String(number)
            case .bool(let flag): flag ? "true" : "false"
            case .null, .double, .list, .map: nil
            }
        let isEqual = text.map { $0.lowercased() == self.value.lowercased() } ?? false
        return isEqual != isNegated
    }
}

extension StateValue {
    /// A text, or null where there is none.
    static func optional(_ text: String?) -> StateValue { text.flatMap { $0.isEmpty ? nil : .text($0) } ?? .null }

    static func id(_ id: some Identifier) -> StateValue { .text(id.hex) }

    static func resources(_ set: ResourceSet) -> StateValue {
        .map(set.entries.map { StateField(name: $0.name, value: .double($0.amount.value)) })
    }

    /// Nanoseconds since 1970 as milliseconds, null if not known.
    static func milliseconds(_ nanoseconds: UInt64) -> StateValue {
        nanoseconds == 0 ? .null : .int(Int(clamping: nanoseconds / 1_000_000))
    }
}
