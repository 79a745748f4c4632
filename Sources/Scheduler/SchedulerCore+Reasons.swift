//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Requests of one kind that wait, for `ray status`.
package struct PendingGroup: Hashable, Sendable {
    package var shape: ResourceSet
    package var count: Int
    package var reason: PendingReason
}

extension SchedulerCore {
    /// Why a request waits, or why a blocked lease does not go on; nothing if it does neither. O(nodes).
    package func pendingReason(of id: LeaseID) -> PendingReason? {
        if let waiting = pending[id], let group = classes[waiting.classID] {
            return reason(group.key, arrival: waiting.arrival)
        }
        guard let lease = leases[id], lease.state == .resuming else { return nil }
        return PendingReason(.resourcesBusy, "waits to take its \(lease.cpu) CPU back; other leases of its node use it")
    }

    /// What waits and why, one group per shape and strategy, in order of shape. O(classes * nodes).
    package func pendingSummary() -> [PendingGroup] {
        let groups = waitingClasses.compactMap { id -> PendingGroup? in
            guard let group = classes[id] else { return nil }
            let arrivals = group.places[group.head...].lazy
                .filter { pending[$0.id]?.arrival == $0.arrival }.map(\.arrival)
            guard let first = arrivals.first else { return nil }
            return PendingGroup(
                shape: group.key.shape, count: group.count, reason: reason(group.key, arrival: first))
        }
        return groups.sorted {
            let left = ($0.shape.description, $0.reason.sentence, $0.count)
            return left < ($1.shape.description, $1.reason.sentence, $1.count)
        }
    }

    private func reason(_ key: RequestClass.Key, arrival: UInt64) -> PendingReason {
        switch key.strategy {
        case .nodeAffinity(let target, soft: false, _):
            guard awaitedNodes[target] == nil else {
                return PendingReason(
                    .nodeUnavailable, "waits for node \(target.hex) to come back after the head was started again")
            }
            guard let node = self[target] else {
                return PendingReason(.nodeUnavailable, "waits for node \(target.hex) which is not in the cluster")
            }
            return reason(key, arrival: arrival, onlyNode: node)
        case .placementGroup(let id, let number, _): return reason(key, inGroup: id, number)
        default: break
        }
        guard nodeCount > 0 else { return PendingReason(.noNodes, "no node has joined the cluster yet") }
        let feasible = nodes[..<nodeCount].filter { $0.couldFit(key.shape) && allows(key, $0) }
        guard !feasible.isEmpty else {
            if case .labelled(let selectors, _) = key.strategy, let reason = labelReason(selectors) { return reason }
            return infeasibleReason(key.shape)
        }
        if case .nodeAffinity(let target, soft: true, _) = key.strategy, feasible.map(\.id) == [target] {
            return reason(key, arrival: arrival, onlyNode: feasible[0])
        }
        return busyReason(key, feasible)
    }

    /// The reason of a request that may use one node only.
    private func reason(_ key: RequestClass.Key, arrival: UInt64, onlyNode node: SchedulerNode) -> PendingReason {
        let name = "node \(node.id.hex), the only one it may use,"
        guard node.couldFit(key.shape) else {
            let lacking = node.total.lacking(for: key.shape).first ?? key.shape.firstAccelerator
            let has = node.total[lacking] == .zero ? "no \(lacking)" : "\(node.total[lacking]) \(lacking)"
            return PendingReason(.infeasible, "needs \(key.shape[lacking]) \(lacking); \(name) has \(has)")
        }
        guard !node.fits(key.shape) else { return keptReason(key, [node]) }
        let lacking =
            node.available.lacking(for: key.shape).first ?? node.inPieces(key.shape) ?? key.shape.firstAccelerator
        return PendingReason(
            .resourcesBusy,
            "needs \(key.shape[lacking]) \(lacking); \(name) has \(node.available[lacking]) of its "
                + "\(node.total[lacking]) \(lacking) free")
    }

    private func infeasibleReason(_ shape: ResourceSet) -> PendingReason {
        for entry in shape.entries {
            let most = nodes[..<nodeCount].map { $0.total[entry.name] }.max() ?? .zero
            guard most < entry.amount else { continue }
            let has = most == .zero ? "no node has any \(entry.name)" : "no node has more than \(most) \(entry.name)"
            return PendingReason(.infeasible, "needs \(entry.amount) \(entry.name); \(has)")
        }
        return PendingReason(.infeasible, "needs \(shape); no single node has all of that")
    }

    func busyReason(_ key: RequestClass.Key, _ feasible: [SchedulerNode]) -> PendingReason {
        let full = feasible.filter { !$0.fits(key.shape) }
        guard full.count == feasible.count else { return keptReason(key, feasible) }
        let kind = feasible.first?.bundle == nil ? "node" : "bundle"
        let which =
            feasible.count == 1
            ? "the only \(kind) that could run it" : "the \(feasible.count) \(kind)s that could run it"
        // The resource that the most nodes lack says most.
        var lackers: [String: Int] = [:]
        for name in feasible.flatMap({ $0.available.lacking(for: key.shape) }) { lackers[name, default: 0] += 1 }
        let names = key.shape.entries.map(\.name)
        guard let most = lackers.values.max(), let name = names.first(where: { lackers[$0] == most }) else {
            let name = feasible.lazy.compactMap { $0.inPieces(key.shape) }.first ?? key.shape.firstAccelerator
            return PendingReason(
                .resourcesBusy,
                "needs \(key.shape[name]) \(name); what is free of the \(name) devices of \(which) is in pieces too small"
            )
        }
        let total = ResourceAmount(feasible.reduce(0.0) { $0 + $1.total[name].value })
        let free = ResourceAmount(feasible.reduce(0.0) { $0 + $1.available[name].value })
        let use =
            free <= .zero
            ? "all \(total) \(name) of \(which) are in use"
            : "of the \(total) \(name) of \(which) only \(free) are free"
                + (feasible.count == 1 ? "" : ", too few on any one \(kind)")
        return PendingReason(.resourcesBusy, "needs \(key.shape[name]) \(name); \(use)")
    }

    /// The reason when there is room that is kept for others.
    private func keptReason(_ key: RequestClass.Key, _ feasible: [SchedulerNode]) -> PendingReason {
        let keeps = feasible.contains { $0.fits(key.shape) && keepsCPUForResume($0) }
        let sentence =
            keeps
            ? "the CPU that is free is kept for leases that were blocked and go on"
            : "what is free is kept for an older request"
        return PendingReason(.resourcesBusy, "needs \(key.shape); \(sentence)")
    }
}
