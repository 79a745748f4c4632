//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayScheduler
package import RayWire

extension GCSCore {
    /// The cluster at this moment. O(nodes + peers + placement groups + kinds of waiting requests * nodes).
    ///
    /// - Parameter now: From when the time is counted that nodes have left which will leave.
    package func clusterStatus(at now: Instant = .zero) -> ClusterStatus {
        let waiting = scheduler.pendingSummary()
        let groups = groupDemands()
        var pending = 0
        for actor in actors.values where actor.phase != .alive { pending += 1 }
        var spill = SpillReport()
        for node in nodes.values { spill.add(node.spill) }
        let alive = nodeOrder.compactMap { id in nodes[id].map { status(of: $0, id, at: now) } }
        let dead = deadNodes.all.map { status(of: $0, nil, at: now) }
        let demands = waiting.prefix(GCSLimits.demandsMax).map {
            Demand(shape: $0.shape, count: $0.count, reason: $0.reason)
        }
        return ClusterStatus(
            nodes: alive + dead, demands: demands, actorsAlive: actors.count - pending, actorsPending: pending,
            actorsDead: deadActorCount, jobs: jobs.values.count { !$0.isEnded },
            warnings: warnings(waiting, groups), spill: spill, groups: groups)
    }

    /// Placement groups that wait, those of one kind together.
    private func groupDemands() -> [GroupDemand] {
        struct Kind: Hashable {
            var bundles: [GroupDemand.Bundles]
            var strategy: String
        }
        var demands: [GroupDemand] = []
        var places: [Kind: Int] = [:]
        for id in groups.keys.sorted() {
            guard let group = groups[id], group.phase != .created else { continue }
            let kind = Kind(bundles: group.spec.likeBundles, strategy: group.spec.strategy.name)
            if let place = places[kind] {
                demands[place].count += 1
            } else if demands.count < GCSLimits.demandsMax, let reason = scheduler.pendingReason(of: id) {
                places[kind] = demands.count
                demands.append(
                    GroupDemand(bundles: kind.bundles, strategy: kind.strategy, count: 1, reason: reason))
            }
        }
        return demands
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
            deathReason: node.deathReason, drainMilliseconds: node.drain?.millisecondsLeft(at: now), end: node.end,
            endMessage: node.endMessage)
    }

    private func warnings(_ waiting: [PendingGroup], _ groups: [GroupDemand]) -> [String] {
        var warnings = nodeOrder.compactMap { id in
            nodes[id].flatMap { node in node.drain.map { "node \(node.title) is \($0.sentence)" } }
        }
        if settings.isOpen {
            warnings.append(
                "whoever reaches \(settings.address.host) may use this cluster: it asks for no token. "
                    + "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN for all of its nodes")
        }
        for kind in waiting.prefix(GCSLimits.demandsMax) where kind.reason.code == .infeasible {
            let subject = kind.count == 1 ? "1 request" : "\(kind.count) requests"
            warnings.append("\(subject) can never run on this cluster: \(kind.reason.sentence)")
        }
        for kind in groups where kind.reason.code == .infeasible {
            let subject = kind.count == 1 ? "1 placement group" : "\(kind.count) placement groups"
            warnings.append("\(subject) can never be created on this cluster: \(kind.reason.sentence)")
        }
        return warnings
    }
}

extension PlacementGroupSpec {
    /// The bundles, those that are alike together, in the order in which they first come.
    fileprivate var likeBundles: [GroupDemand.Bundles] {
        var kinds: [GroupDemand.Bundles] = []
        var places: [ResourceSet: Int] = [:]
        for bundle in bundles {
            if let place = places[bundle.resources] {
                kinds[place].count += 1
            } else {
                places[bundle.resources] = kinds.count
                kinds.append(GroupDemand.Bundles(shape: bundle.resources, count: 1))
            }
        }
        return kinds
    }
}
