//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A `get` or `wait` that has not ended.
struct WaitRequest: Sendable {
    enum Kind: Sendable {
        /// All objects, at hand.
        case get
        /// This many objects exist, on this node if it fetches them.
        case wait(count: Int, fetches: Bool)
    }

    var kind: Kind
    /// Whether a get ends with the first object that failed, as Ray's does.
    var failsFast = false
    var ids: [ObjectID]
    /// Objects (with repetitions) that are still to come.
    var missing: Int
    var deadline: Instant?
    /// The task that waits, if it is one that this worker runs.
    var task: TaskID?
}
