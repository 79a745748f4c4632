//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What ended a node: the numbers of Ray's `NodeDeathInfo.Reason`.
package enum NodeEnd: UInt8, Sendable, CaseIterable {
    case unspecified = 0
    /// It was asked to end.
    case expected = 1
    /// It crashed, was killed, or is not reached.
    case unexpected = 2
    /// It was drained since it was to be taken away, or since it was idle.
    case preempted = 3
    case idle = 4
}
