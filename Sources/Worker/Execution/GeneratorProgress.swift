//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How far a generator that runs here has got.
struct GeneratorProgress: Sendable {
    /// An item that may not be sent yet.
    struct Waiting: Sendable {
        var token: UInt64
        /// The try that made it.
        var attempt: Int
        var index: Int
        var object: RayObject
    }

    /// The index of the next item.
    var next = 0
    /// Items that the reader has asked for.
    var consumed = 0
    var waiting: Waiting?
    /// Whether no further item is wanted of this try.
    var isOver = false
}

/// Room asked for an item of a generator.
struct ItemRoom: Sendable {
    var task: TaskID
    var item: GeneratorProgress.Waiting
}
