//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Amounts of named resources, sorted by name; a name that is absent has amount zero.
///
/// Names are Ray's: `CPU`, `GPU`, `memory` (bytes), `object_store_memory` (bytes), `node:<address>`
/// and whatever the user calls theirs.
package struct ResourceSet: Hashable, Sendable, CustomStringConvertible {
    /// One named amount.
    package struct Entry: Hashable, Sendable {
        package var name: String
        package var amount: ResourceAmount
    }

    /// The non-zero amounts in order of their names.
    package private(set) var entries: [Entry] = []

    package static let cpu = "CPU"
    package static let gpu = "GPU"
    package static let memory = "memory"
    package static let objectStoreMemory = "object_store_memory"

    /// The resource that nodes with GPUs of a type have one of, and of which those take a little that want the type.
    package static func acceleratorType(_ type: String) -> String { "accelerator_type:" + type }

    /// Whether nodes have one of this resource without being told, as in Ray.
    package static func isImplicit(_ name: String) -> Bool { name.hasPrefix("node:__internal_implicit_resource_") }

    /// The empty set.
    package init() {}

    /// The set of the given amounts; amounts of one name are added up.
    package init(_ amounts: [(String, Double)]) {
        for (name, value) in amounts { self[name] = self[name] + ResourceAmount(value) }
    }

    package var isEmpty: Bool { entries.isEmpty }

    /// The amount of `name`, zero if absent. Setting zero removes the entry. O(log entries), or O(entries) where an entry
    /// comes or goes.
    package subscript(name: String) -> ResourceAmount {
        get {
            let index = place(of: name)
            return index < entries.endIndex && entries[index].name == name ? entries[index].amount : .zero
        }
        set {
            let index = place(of: name)
            let exists = index < entries.endIndex && entries[index].name == name
            switch (exists, newValue == .zero) {
            case (true, true): entries.remove(at: index)
            case (true, false): entries[index].amount = newValue
            case (false, false): entries.insert(Entry(name: name, amount: newValue), at: index)
            case (false, true): break
            }
        }
    }

    /// The first entry that does not come before `name`.
    private func place(of name: String) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether every amount of `other` is covered by this set.
    package func contains(_ other: ResourceSet) -> Bool {
        other.entries.allSatisfy { self[$0.name] >= $0.amount }
    }

    /// The names of which `other` wants more than this set has, in order.
    package func lacking(for other: ResourceSet) -> [String] {
        other.entries.filter { self[$0.name] < $0.amount }.map(\.name)
    }

    package static func + (lhs: ResourceSet, rhs: ResourceSet) -> ResourceSet {
        var sum = lhs
        for entry in rhs.entries { sum[entry.name] = sum[entry.name] + entry.amount }
        return sum
    }

    package static func - (lhs: ResourceSet, rhs: ResourceSet) -> ResourceSet {
        var difference = lhs
        for entry in rhs.entries { difference[entry.name] = difference[entry.name] - entry.amount }
        return difference
    }

    /// Only the amounts whose name satisfies `isIncluded`.
    package func filter(_ isIncluded: (String) -> Bool) -> ResourceSet {
        var result = ResourceSet()
        result.entries = entries.filter { isIncluded($0.name) }
        return result
    }

    /// "2 CPU, 0.5 GPU"; "nothing" when empty.
    package var description: String {
        guard !isEmpty else { return "nothing" }
        return entries.map { "\($0.amount) \($0.name)" }.joined(separator: ", ")
    }
}
