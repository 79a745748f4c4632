//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The items of a generator as its owner sees them.
///
///     0 … handed over … consumed … held for the reader … produced … (to come) … end
struct GeneratorStream: Sendable {
    /// Items that the reader has asked for, whether they exist or not.
    var consumed = 0
    /// How many of them were only looked at.
    var peeked = 0
    /// Items that exist.
    var produced = 0
    /// How many items there are in all, once known.
    var end: Int?
    /// Whether the result contains the items: the stream holds them only until that is there.
    var isGathered = false
    /// Whether nobody reads any more.
    var isDropped = false

    /// How far the worker of a generator with a limit hears that it was read.
    var read: Int { isDropped ? .max : consumed - peeked }
}
