//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The items of a generator as its owner sees them.
///
///     0 … handed over … consumed … held for the reader … produced … (to come) … end
struct GeneratorStream: Sendable {
    /// The process that ran it last and has ended it, of an actor with a limit for all its generators.
    struct Counter: Sendable {
        var worker: WorkerID
        var attempt: UInt32
        /// How many items are unread, as it has heard.
        var told: Int
    }

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

    /// Whether the last item is the error of the generator, which nobody has made.
    var isFailed = false
    /// Who must hear how many items are unread, as long as there are some.
    var counter: Counter?

    /// Items that were made and nobody has read, but somebody may.
    var unread: Int { isDropped || isGathered ? 0 : max(0, produced - (isFailed ? 1 : 0) - read) }

    /// How far the worker of a generator with a limit hears that it was read.
    var read: Int { isDropped ? .max : consumed - peeked }
}
