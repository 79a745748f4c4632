//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What must hold of placement groups, judged by what the head says and by where things run.
struct GroupOracle {
    /// How long after a group was removed its workers may take to end.
    private static let endMilliseconds = 1_000

    private var specs: [PlacementGroupID: PlacementGroupSpec] = [:]
    private var removals: [PlacementGroupID: Instant] = [:]
    /// The bundle that each lease takes its resources from.
    private var bundles: [LeaseID: BundleKey] = [:]
    /// Where each bundle was when a lease in it was last assigned.
    private var nodes: [BundleKey: NodeID] = [:]

    // MARK: What scripts do

    mutating func wanted(_ spec: PlacementGroupSpec) { specs[spec.id] = spec }

    /// Whoever removed a group was told that it is gone.
    mutating func removed(_ id: PlacementGroupID, at now: Instant) { removals[id] = now }

    func isRemoved(_ id: PlacementGroupID?) -> Bool { id.map { removals[$0] != nil } ?? false }

    // MARK: What the head does

    /// A bundle stays where it is while its node lives, and those of strict groups lie as they must.
    mutating func assigned(_ assign: AssignLease, to node: NodeID, in cluster: Cluster) {
        bundles[assign.lease] = assign.bundle
        guard let bundle = assign.bundle else { return }
        let isAlive = { (id: NodeID) in cluster.gcs?.hasNode(id) ?? false }
        if let before = nodes[bundle], before != node, isAlive(before) {
            cluster.fail("bundle \(bundle.number) of group \(bundle.group.short) moves away from a node that lives")
        }
        nodes[bundle] = node
        let others = nodes.filter { $0.key.group == bundle.group && $0.key != bundle && isAlive($0.value) }
        check([node] + others.values, of: bundle.group, in: cluster)
    }

    /// A group that is said to be created has all bundles, and those of strict groups lie as they must.
    func shown(_ state: PlacementGroupState, in cluster: Cluster) {
        let used = state.nodes.filter { !$0.isNone }
        if state.phase == .created, used.count != state.spec.bundles.count {
            cluster.fail("group \(state.spec.id.short) is created with \(used.count) of its bundles")
        }
        check(used, of: state.spec.id, in: cluster)
    }

    private func check(_ nodes: [NodeID], of group: PlacementGroupID, in cluster: Cluster) {
        switch specs[group]?.strategy {
        case .strictSpread where Set(nodes).count != nodes.count:
            cluster.fail("bundles of group \(group.short) that must be apart are on one node")
        case .strictPack where Set(nodes).count > 1:
            cluster.fail("bundles of group \(group.short) that must be together are apart")
        default: break
        }
    }

    // MARK: What runs

    /// What names a group runs in it, in the bundle that it names, and nothing else does.
    func started(_ spec: TaskSpec, by worker: WorkerProcess, in cluster: Cluster) {
        let bundle = worker.lease(of: spec).flatMap { bundles[$0] }
        let strategy = spec.kind == .normal ? spec.strategy : worker.actorSpec?.creation.strategy
        guard case .placementGroup(let group, let number, _)? = strategy else {
            if bundle != nil { cluster.fail("\(spec.displayName) runs in a placement group that it does not name") }
            return
        }
        guard let bundle, bundle.group == group, number == nil || number == bundle.number else {
            return cluster.fail("\(spec.displayName) does not run in the bundle that it names")
        }
        guard let removal = removals[group], cluster.killCounts.any == 0 else { return }
        if cluster.now.milliseconds(since: removal) > Self.endMilliseconds {
            cluster.fail("\(spec.displayName) starts in a placement group that was removed")
        }
    }

    /// No more is in use in a bundle than it reserves.
    func cpusTaken(_ used: [(lease: LeaseID?, amount: ResourceAmount)], in cluster: Cluster) {
        var sums: [BundleKey: ResourceAmount] = [:]
        for (lease, amount) in used {
            if let bundle = lease.flatMap({ bundles[$0] }) { sums[bundle] = (sums[bundle] ?? .zero) + amount }
        }
        for (bundle, sum) in sums {
            guard let reserved = specs[bundle.group]?.bundles[bundle.number].resources[ResourceSet.cpu], sum > reserved
            else { continue }
            cluster.fail("\(sum) CPUs are in use in a bundle that reserves \(reserved)")
        }
    }
}
