//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// One named node.
///
/// While that node is in the cluster and could fit the request, the request goes there and nowhere else,
/// also when it must wait. If not, a hard affinity is refused, as in Ray, and a soft one is placed by the hybrid
/// policy.
struct NodeAffinityPolicy {
    /// Whether a request that wants `target` may use other nodes.
    static func mayUseOthers(soft: Bool, target: SchedulerNode?, shape: ResourceSet) -> Bool {
        guard let target, !target.isDraining else { return soft }
        return soft && !target.couldFit(shape)
    }
}
