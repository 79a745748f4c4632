//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Where the user wants a task or actor to run.
package enum SchedulingStrategy: Hashable, Sendable {
    /// Ray's hybrid policy: pack nodes up to half their use, then take the least used.
    case hybrid
    /// Spread over the nodes that fit, round robin.
    case spread
    /// On one node; `soft` allows others when it is gone or cannot ever fit.
    case nodeAffinity(NodeID, soft: Bool)
    /// In a placement group: in bundle number `bundle`, or in any if nil. With `capturesChildren` what runs there
    /// starts its own tasks and actors in the group, too, unless they have a strategy of their own.
    case placementGroup(PlacementGroupID, bundle: Int?, capturesChildren: Bool)
    /// On nodes with certain labels: packed as `hybrid` does it, or spread.
    case labelled(LabelSelector, spread: Bool)
}
