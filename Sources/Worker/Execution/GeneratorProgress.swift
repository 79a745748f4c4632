//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How far a generator that runs here has got.
struct GeneratorProgress: Sendable {
    /// An item on its way to the reader.
    struct Item: Sendable {
        var token: UInt64
        /// The try that made it.
        var attempt: Int
        var index: Int
        var object: RayObject
    }

    /// The function waits behind the item of this index.
    struct Waiting: Sendable {
        var token: UInt64
        var index: Int
    }

    /// The index of the next item.
    var next = 0
    /// Items that the reader has asked for.
    var consumed = 0
    var waiting: Waiting?
    /// Unread items that it may have beyond its limit: a lost result is to be made again behind it.
    var excess = 0
    /// Whether no further item is wanted of this try.
    var isOver = false

    /// Whether the function waits behind an item: with it as many are unread as the limit allows.
    func mustWait(_ waiting: Waiting, _ generator: GeneratorSpec?) -> Bool {
        guard let limit = generator?.backpressure, limit > 0 else { return false }
        return waiting.index + 1 - consumed >= limit + excess
    }
}

/// Room asked for an item of a generator.
struct ItemRoom: Sendable {
    var task: TaskID
    var item: GeneratorProgress.Item
}
