//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Ray's default: pack nodes up to a share of their use, half unless told otherwise, then take the least used one.
///
/// 1. A request without GPU keeps off nodes that have GPUs while another is free.
/// 2. The node that has most bytes of the arguments wins.
/// 3. A node's score is its utilisation, counted as 0 below the threshold. The owner's node wins if no
///    score is better, else the lowest score, else the lowest id. (Ray draws among the best fifth; a draw
///    spares its distributed raylets collisions, of which a central scheduler has none.)
///
/// A lease that holds nothing changes no score and would pile up on one node, so it goes where the
/// fewest of its kind are.
struct HybridPolicy {
    /// The utilisation up to which nodes are packed, from 0 to 1 (Ray's `scheduler_spread_threshold`).
    var spreadThreshold = 0.5

    /// The node for `request` out of `candidates`, indices in order of node id of nodes that have room.
    func choose(for request: LeaseRequest, from candidates: [Int], in nodes: [SchedulerNode]) -> Int? {
        var candidates = candidates
        if request.shape[ResourceSet.gpu] == .zero {
            let withoutGPU = candidates.filter { !nodes[$0].hasGPU }
            if !withoutGPU.isEmpty { candidates = withoutGPU }
        }
        if let local = Self.mostLocal(for: request, from: candidates, in: nodes) { return local }
        guard var best = candidates.first else { return nil }
        let score = request.held.isEmpty ? Self.scoreHoldingNothing : self.score
        var bestScore = score(nodes[best])
        for index in candidates {
            let candidate = score(nodes[index])
            let isPreferred = nodes[index].id == request.ownerNode
            if candidate < bestScore || isPreferred && candidate == bestScore {
                best = index
                bestScore = candidate
            }
        }
        return best
    }

    /// The utilisation, or 0 below the threshold.
    func score(_ node: SchedulerNode) -> Double {
        let utilisation = node.utilisation
        return utilisation < spreadThreshold ? 0 : utilisation
    }

    private static func scoreHoldingNothing(_ node: SchedulerNode) -> Double { Double(node.holdingNothingCount) }

    private static func mostLocal(
        for request: LeaseRequest, from candidates: [Int], in nodes: [SchedulerNode]
    ) -> Int? {
        guard !request.locality.isEmpty else { return nil }
        var best: Int?
        var bestBytes = 0.0
        for index in candidates {
            let bytes = request.locality.reduce(into: 0.0) { sum, local in
                if local.node == nodes[index].id { sum += Double(max(0, local.bytes)) }
            }
            let isPreferred = nodes[index].id == request.ownerNode
            if bytes > bestBytes || bytes > 0 && isPreferred && bytes == bestBytes {
                best = index
                bestBytes = bytes
            }
        }
        return best
    }
}
