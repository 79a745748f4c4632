//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How a task makes items, each an object of its own, and which of them are to be sent.
///
///     0 … those in `again` … skip … all from here on … the end
package struct GeneratorSpec: Hashable, Sendable {
    /// What `skip` is where only items in `again` are wanted.
    package static let skipsAll = Int(UInt32.max)
    /// Items that `again` may name.
    package static let againMax = 10_000

    /// Items that may be unread before the task waits; 0 without limit.
    package var backpressure: Int
    /// Items of all generators of its actor that may be unread before it makes another one; 0 without limit.
    package var actorBackpressure: Int
    /// So many items need not be sent: an earlier try has delivered them.
    package var skip: Int
    /// Those of them that are sent all the same, since they were lost; ascending.
    package var again: [Int]
    /// Whether its result contains references to all items, and nobody reads them one by one. Its owner knows: this
    /// does not travel.
    package var isGathered: Bool

    package init(
        backpressure: Int = 0, actorBackpressure: Int = 0, skip: Int = 0, again: [Int] = [], isGathered: Bool = false
    ) {
        self.backpressure = backpressure
        self.actorBackpressure = actorBackpressure
        self.skip = skip
        self.again = again
        self.isGathered = isGathered
    }

    /// Whether it waits for its reader.
    package var isLimited: Bool { backpressure > 0 || actorBackpressure > 0 }

    /// Whether an item is to be sent.
    package func wants(_ index: Int) -> Bool {
        guard index < skip else { return true }
        var (low, high) = (0, again.count)
        while low < high {
            let middle = (low + high) / 2
            if again[middle] < index { low = middle + 1 } else { high = middle }
        }
        return low < again.count && again[low] == index
    }

    /// Whether no item after this one is to be sent.
    package func ends(with index: Int) -> Bool { skip == Self.skipsAll && index >= again.last ?? 0 }
}
