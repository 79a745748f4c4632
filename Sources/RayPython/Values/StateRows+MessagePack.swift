//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension QueryState {
    /// Reads `resource` (Ray's name), `filters` as `[key, is negated, value]`, `limit` and `detail`.
    ///
    /// - Throws: `invalidArgument` for a resource that cannot be listed.
    init(_ payload: MessagePackValue) throws(RayError) {
        let name = payload["resource"]?.text ?? ""
        guard let resource = Self.resources.first(where: { $0.name == name })?.resource else {
            throw RayError(.invalidArgument, "'\(name)' cannot be listed: the control store keeps no list of them")
        }
        let filters = (payload["filters"]?.elements ?? []).compactMap { filter -> StateFilter? in
            guard let parts = filter.elements, parts.count == 3 else { return nil }
            return StateFilter(
                key: parts[0].text ?? "", isNegated: parts[1].isTrue, value: parts[2].text ?? "")
        }
        self.init(
            resource: resource, filters: filters, limit: payload["limit"]?.integer ?? 100,
            isDetailed: payload["detail"]?.isTrue ?? false)
    }

    private static let resources: [(name: String, resource: StateResource)] = [
        ("tasks", .tasks), ("actors", .actors), ("nodes", .nodes), ("workers", .workers), ("jobs", .jobs),
        ("placement_groups", .placementGroups), ("objects", .objects),
    ]
}

extension StateRows {
    /// The rows by their columns, how many more there are or were, and what is missing in them.
    var messagePack: MessagePackValue {
        .record([
            "rows": .array(
                rows.map { row in .map(zip(columns, row).map { .init(.string($0), $1.messagePack) }) }),
            "matched": .int(Int64(matched)), "dropped": .int(Int64(dropped)),
            "warnings": .array(warnings.map { .string($0) }),
        ])
    }
}

extension StateValue {
    fileprivate var messagePack: MessagePackValue {
        switch self {
        case .null: .nil
        case .bool(let value): .bool(value)
        case .int(let value): .int(Int64(value))
        case .double(let value): .double(value)
        case .text(let value): .string(value)
        case .list(let values): .array(values.map(\.messagePack))
        case .map(let fields): .map(fields.map { .init(.string($0.name), $0.value.messagePack) })
        }
    }
}
