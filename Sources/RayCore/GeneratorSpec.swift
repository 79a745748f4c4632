//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How a task makes items, each an object of its own.
package struct GeneratorSpec: Hashable, Sendable {
    /// Items that may be unread before the task waits; 0 without limit.
    package var backpressure: Int
    /// Items that an earlier try has delivered: they are made again, but not sent.
    package var skip: Int
    /// Whether its result contains references to all items, and nobody reads them one by one. Its owner knows: this
    /// does not travel.
    package var isGathered: Bool

    package init(backpressure: Int = 0, skip: Int = 0, isGathered: Bool = false) {
        self.backpressure = backpressure
        self.skip = skip
        self.isGathered = isGathered
    }
}
