//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayScheduler
package import RayWire

extension GCSCore {
    /// The cluster at this moment. O(nodes + peers + kinds of waiting requests * nodes).
    ///
    /// - Parameter now: From when the time is counted that nodes have left which will leave.
    package func clusterStatus(at now: Instant = .zero) -> ClusterStatus {
        let groups = scheduler.pendingSummary()
        var pending = 0
        for actor in actors.values where actor.phase != .alive { pending += 1 }
        var spill = SpillReport()
        for node in nodes.values { spill.add(node.spill) }
        let alive = nodeOrder.compactMap { id in nodes[id].map { status(of: $0, id, at: now) } }
        let dead = deadNodes.all.map { status(of: $0, nil, at: now) }
        let demands = groups.prefix(GCSLimits.demandsMax).map {
            Demand(shape: $0.shape, count: $0.count, reason: $0.reason)
        }
        return ClusterStatus(
            nodes: alive + dead, demands: demands, actorsAlive: actors.count - pending, actorsPending: pending,
            actorsDead: deadActorCount, jobs: jobs.values.count { !$0.isEnded }, warnings: warnings(groups),
            spill: spill)
    }

    /// How many placement groups are not removed, and how many bundles nodes reserve.
    package var reservations: (groups: Int, bundles: Int) { (groups.count, scheduler.bundleCount) }

    /// Whether a node is in the cluster.
    package func hasNode(_ id: NodeID) -> Bool { nodes[id] != nil }

    /// Whether a lease has gone on though there was no CPU for it.
    package func isOverdrawn(_ lease: LeaseID) -> Bool { scheduler.isOverdrawn(lease) }

    /// The seconds of silence, resources and so on of one node.
    private func status(of node: NodeRecord, _ id: NodeID?, at now: Instant) -> NodeStatus {
        NodeStatus(
            info: node.info, isAlive: id != nil, available: id.flatMap { scheduler.available(of: $0) } ?? ResourceSet(),
            storeUsed: node.storeUsed, objectCount: node.objectCount, workerCount: node.workerCount,
            deathReason: node.deathReason, drainMilliseconds: node.drain?.millisecondsLeft(at: now))
    }

    private func warnings(_ groups: [PendingGroup]) -> [String] {
        var warnings = nodeOrder.compactMap { id in
            nodes[id].flatMap { node in node.drain.map { "node \(node.title) is \($0.sentence)" } }
        }
        if settings.isOpen {
            warnings.append(
                "whoever reaches \(settings.address.host) may use this cluster: it asks for no token. "
                    + "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN for all of its nodes")
        }
        for group in groups.prefix(GCSLimits.demandsMax) where group.reason.code == .infeasible {
            let subject = group.count == 1 ? "1 request" : "\(group.count) requests"
            warnings.append("\(subject) can never run on this cluster: \(group.reason.sentence)")
        }
        return warnings
    }
}
