//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The last values that were added, by key; the oldest is forgotten first.
struct History<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    let countMax: Int
    private var values: [Key: Value] = [:]
    /// Keys in order of arrival from `head` on.
    private var order: [Key] = []
    private var head = 0

    init(countMax: Int) { self.countMax = countMax }

    var count: Int { values.count }

    /// The values, oldest first.
    var all: [Value] { order[head...].compactMap { values[$0] } }

    subscript(key: Key) -> Value? { values[key] }

    /// Adds or replaces a value; returns the key that had to go for it.
    @discardableResult
    mutating func insert(_ value: Value, for key: Key) -> Key? {
        guard values.updateValue(value, forKey: key) == nil else { return nil }
        order.append(key)
        guard values.count > countMax else { return nil }
        let oldest = order[head]
        values[oldest] = nil
        head += 1
        if head > 64, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
        return oldest
    }
}
