//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Why placement groups, and what waits in them, are not placed.
extension SchedulerCore {
    /// Why a group waits; nothing if it does not. O(bundles * nodes).
    package func pendingReason(of id: PlacementGroupID) -> PendingReason? {
        guard let group = groups[id], !group.isPlaced else { return nil }
        let missing = group.missing
        guard nodeCount > 0 else { return PendingReason(.noNodes, "no node has joined the cluster yet") }
        for item in missing {
            if let reason = hopelessReason(item) { return reason }
        }
        let name = "\(missing.count) bundles by \(group.spec.strategy.name)"
        guard isFeasible(group) else { return infeasibleReason(of: group) }
        if let item = missing.first(where: { item in !nodes[..<nodeCount].contains { takesNow($0, item.bundle) } }) {
            let most = nodes[..<nodeCount].filter { couldTake($0, item.bundle) }
                .min { lacking($0, item.bundle) < lacking($1, item.bundle) }
            let best = most.map { "; the node with most has \($0.available) free of \($0.total)" } ?? ""
            return PendingReason(
                .resourcesBusy,
                "needs \(item.bundle.resources) for bundle \(item.number), which no node has free\(best)")
        }
        return PendingReason(
            .resourcesBusy, "needs \(name): each would fit by itself, but not all of them at once; work must end first")
    }

    /// Why a request for a bundle waits.
    func reason(_ key: RequestClass.Key, inGroup id: PlacementGroupID, _ number: Int?) -> PendingReason {
        if let reason = pendingReason(of: id), indices(for: key).isEmpty {
            return PendingReason(.placementGroup, "waits for placement group \(id.hex), which \(reason.sentence)")
        }
        if indices(for: key).isEmpty, groups[id]?.awaited.isEmpty == false {
            return PendingReason(
                .nodeUnavailable,
                "waits for the nodes of placement group \(id.hex) to come back after the head was started again")
        }
        let pools = indices(for: key).map { nodes[$0] }.filter { $0.couldFit(key.shape) }
        guard !pools.allSatisfy(\.isDraining) else {
            return PendingReason(
                .nodeUnavailable, "the nodes of placement group \(id.hex) are being drained; waits for other ones")
        }
        return busyReason(key, pools.filter { !$0.isDraining })
    }

    /// Why no node has the labels that are asked for; nothing if some node has.
    func labelReason(_ selectors: [LabelSelector]) -> PendingReason? {
        let isFulfilled = nodes[..<nodeCount].contains { node in
            !node.isDraining && selectors.contains { $0.matches(node.labels) }
        }
        guard !isFulfilled else { return nil }
        let names = selectors.map(\.description).joined(separator: ", or else ")
        return PendingReason(
            .labels, "needs a node with the labels \(names); none has them, start one with 'ray start --labels'")
    }

    /// Why no node could take a bundle even when idle; nothing if one could.
    private func hopelessReason(_ item: BundlePolicy.Item) -> PendingReason? {
        let bundle = item.bundle
        if let reason = labelReason([bundle.labels]) {
            return PendingReason(reason.code, "for bundle \(item.number) \(reason.sentence)")
        }
        guard !nodes[..<nodeCount].contains(where: { couldTake($0, bundle) }) else { return nil }
        for entry in bundle.resources.entries {
            let most = nodes[..<nodeCount].map { $0.total[entry.name] }.max() ?? .zero
            guard most < entry.amount else { continue }
            let has = most == .zero ? "no node has any" : "no node has more than \(most)"
            return PendingReason(.infeasible, "needs \(entry.amount) \(entry.name) for bundle \(item.number); \(has)")
        }
        return PendingReason(
            .infeasible, "needs \(bundle.resources) for bundle \(item.number); no single node has all of that")
    }

    private func infeasibleReason(of group: PlacementGroup) -> PendingReason {
        let missing = group.missing
        switch group.spec.strategy {
        case .strictPack:
            let sum = missing.reduce(ResourceSet()) { $0 + $1.bundle.resources }
            return PendingReason(.infeasible, "needs \(sum) on one node (STRICT_PACK); no single node has all of that")
        case .strictSpread:
            let used = Set(group.nodes.compactMap { $0 })
            let able = nodes[..<nodeCount].count { node in
                !used.contains(node.id) && missing.contains { couldTake(node, $0.bundle) }
            }
            return PendingReason(
                .infeasible,
                "needs \(missing.count) nodes (STRICT_SPREAD), and only \(able) could take one of its bundles")
        case .pack, .spread:
            let sum = missing.reduce(ResourceSet()) { $0 + $1.bundle.resources }
            return PendingReason(.infeasible, "needs \(sum) in \(missing.count) bundles; the nodes have not that much")
        }
    }

    private func couldTake(_ node: SchedulerNode, _ bundle: Bundle) -> Bool {
        !node.isDraining && node.couldFit(bundle.resources) && bundle.labels.matches(node.labels)
    }

    private func takesNow(_ node: SchedulerNode, _ bundle: Bundle) -> Bool {
        couldTake(node, bundle) && node.fits(bundle.resources)
    }

    /// How much of a bundle a node lacks now, as a sum of shares.
    private func lacking(_ node: SchedulerNode, _ bundle: Bundle) -> Double {
        bundle.resources.entries.reduce(0.0) { sum, entry in
            sum + max(0, Double((entry.amount - node.available[entry.name]).units) / Double(entry.amount.units))
        }
    }
}
