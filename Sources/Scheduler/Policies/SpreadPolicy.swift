//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Round robin over the nodes that have room, in order of node id, for each class of requests.
struct SpreadPolicy {
    /// The first of `candidates` after the node chosen `last`, and from the start again after the end.
    static func choose(after last: NodeID?, from candidates: [Int], in nodes: [SchedulerNode]) -> Int? {
        guard let last else { return candidates.first }
        return candidates.first { nodes[$0].id > last } ?? candidates.first
    }
}
