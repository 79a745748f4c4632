//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A dictionary that remembers which entries may have changed since they were last written to the journal.
struct DurableTable<Key: Hashable & Comparable & Sendable, Value: Sendable>: Sequence, Sendable {
    private var entries: [Key: Value] = [:]
    /// Keys that were written to since `takeChanges`.
    private var touched: Set<Key> = []
    /// What the journal has.
    private var written: [Key: [UInt8]] = [:]

    var count: Int { entries.count }
    var keys: Dictionary<Key, Value>.Keys { entries.keys }
    var values: Dictionary<Key, Value>.Values { entries.values }

    subscript(key: Key) -> Value? {
        get { entries[key] }
        _modify {
            touched.insert(key)
            yield &entries[key]
        }
    }

    func makeIterator() -> Dictionary<Key, Value>.Iterator { entries.makeIterator() }

    mutating func removeValue(forKey key: Key) -> Value? {
        touched.insert(key)
        return entries.removeValue(forKey: key)
    }

    /// Forgets what was touched: there is no journal.
    mutating func dropChanges() { touched.removeAll(keepingCapacity: true) }

    /// Entries whose coding differs from what the journal has, in order of their keys.
    mutating func takeChanges(_ encode: (Value) -> [UInt8]) -> [(key: Key, new: Value?, value: [UInt8]?)] {
        guard !touched.isEmpty else { return [] }
        var changes: [(key: Key, new: Value?, value: [UInt8]?)] = []
        for key in touched.sorted() {
            let value = entries[key].map(encode)
            guard value != written[key] else { continue }
            // An entry that is new to the journal comes with its value, for what is written once.
            changes.append((key, written[key] == nil ? entries[key] : nil, value))
            written[key] = value
        }
        touched.removeAll(keepingCapacity: true)
        return changes
    }

    /// Puts an entry in that came from the journal.
    mutating func restore(_ value: Value, for key: Key, _ encoded: [UInt8]) {
        entries[key] = value
        written[key] = encoded
    }
}
