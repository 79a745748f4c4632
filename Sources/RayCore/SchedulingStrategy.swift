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
    /// On one node; `soft` allows others when it is gone or cannot ever fit. What is not soft and does not wait is
    /// refused where that node has no room now.
    case nodeAffinity(NodeID, soft: Bool, waits: Bool = true)
    /// In a placement group: in bundle number `bundle`, or in any if nil. With `capturesChildren` what runs there
    /// starts its own tasks and actors in the group, too, unless they have a strategy of their own.
    case placementGroup(PlacementGroupID, bundle: Int?, capturesChildren: Bool)
    /// On nodes with certain labels: packed as `hybrid` does it, or spread. Of several selectors the first counts that
    /// a node with room fulfils; there is at least one.
    case labelled([LabelSelector], spread: Bool)

    /// Most selectors of one strategy.
    package static let selectorsMax = 64

    /// Whether nodes are taken in turn.
    package var isSpread: Bool {
        switch self {
        case .spread, .labelled(_, spread: true): true
        default: false
        }
    }

    /// The placement group that it names.
    package var group: PlacementGroupID? { if case .placementGroup(let id, _, _) = self { id } else { nil } }

    /// Where what runs there starts its own tasks and actors, unless they have a strategy; nothing if they are free.
    package var captured: SchedulingStrategy? {
        guard case .placementGroup(let group, _, capturesChildren: true) = self else { return nil }
        return .placementGroup(group, bundle: nil, capturesChildren: true)
    }
}
