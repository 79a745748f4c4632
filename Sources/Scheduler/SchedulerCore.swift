//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The cluster's scheduler: who gets which resources of which node.
///
/// It runs in the head process and is the only authority on what is available, so nothing can be granted
/// twice. It sees leases, never tasks.
///
/// **Order.** Requests of one class (same shape, held resources and strategy) are granted in order of
/// arrival. Between classes the oldest request is tried first, and one that finds no room is passed over, so
/// it never holds up others that fit. So that small requests do not keep a big one waiting for ever, a node
/// is reserved for it at times: see `Reservation`. A lease that was blocked and goes on comes before all
/// requests for CPU on its node.
///
/// **Cost.** A class that found no room is tried again only on nodes on which something was freed. So an
/// input costs O(classes that wait), not O(requests), plus O(nodes) per request that is granted.
package struct SchedulerCore: Sendable {
    /// A fault for the simulator to find; nothing in real use.
    package var plantedFault: SchedulerFault?

    // Nodes in order of id, behind them the bundles of placement groups, and where each is.
    var nodes: [SchedulerNode] = []
    var nodeCount = 0
    var nodeIndices: [NodeID: Int] = [:]
    var bundleIndices: [BundleKey: Int] = [:]
    /// Nodes that will be added or removed, and whether they are draining.
    var awaitedNodes: [NodeID: Bool] = [:]
    /// The implicit resources that somebody has asked for.
    var implicitNames: Set<String> = []
    /// Counts changes of the set of nodes.
    var epoch: UInt64 = 1

    let hybridPolicy: HybridPolicy
    var leases: [LeaseID: Lease] = [:]
    var pending: [LeaseID: PendingRequest] = [:]
    var owners: [WorkerID: OwnerRecord] = [:]

    var classes: [Int: RequestClass] = [:]
    var classIDs: [RequestClass.Key: Int] = [:]
    /// The classes in which a request waits, in order of their ids.
    var waitingClasses: [Int] = []
    var classCount = 0

    var groups: [PlacementGroupID: PlacementGroup] = [:]
    /// The groups of which a bundle has no node.
    var waitingGroups: [PlacementGroupID] = []

    /// Workers whose tasks wait.
    var waitingOwners: Set<WorkerID> = []
    /// When a request was granted last that is not urgent.
    var ordinaryGrantAt = Instant.zero

    var arrivalCount: UInt64 = 0
    var grantCount: UInt64 = 0

    /// Nodes and bundles on which something became free during this input.
    var changedNodes: [PoolID] = []
    var reservation: Reservation?
    /// When owners may next be asked for idle leases.
    var nextReclaim = Instant.zero
    /// Whether something waits for which owners should be asked for idle leases.
    var wantsReclaim = false
    /// Where leases have begun to wait for their CPU; some may have it by now.
    var resumingPools: Set<PoolID> = []

    /// A scheduler without nodes; the default strategy packs them up to `spreadThreshold` of their use, from 0 to 1.
    package init(spreadThreshold: Double = 0.5) { hybridPolicy = HybridPolicy(spreadThreshold: spreadThreshold) }

    /// Takes one input and adds what is to be done to `effects`.
    package mutating func receive(_ input: SchedulerInput, at now: Instant, into effects: inout SchedulerEffects) {
        switch input {
        case .nodeAdded(let id, let total, let labels, let host, let adopted):
            guard addNode(SchedulerNode(id: id, total: total, labels: labels, host: host)) else { break }
            restoreBundles(on: id, into: &effects)
            for lease in adopted { adopt(lease, on: id, into: &effects) }
        case .nodeAwaited(let id, let isDraining):
            if nodeIndices[id] == nil { awaitedNodes[id] = isDraining }
        case .nodeRemoved(let id, let reason):
            removeNode(id, reason: reason, into: &effects)
        case .request(let request):
            enqueue(request, at: now, into: &effects)
        case .cancel(let id), .release(let id):
            end(id, into: &effects)
        case .ownerGone(let owner):
            guard let record = owners[owner] else { break }
            for id in record.pending.sorted() + record.leases.sorted() { end(id, into: &effects) }
        case .blocked(let id, let worker):
            block(id, worker)
        case .unblocked(let id):
            unblock(id, into: &effects)
        case .nodeDraining(let id):
            drainNode(id, into: &effects)
        case .storeUsed(let id, let utilisation):
            if let index = nodeIndices[id] { nodes[index].storeUtilisation = min(max(utilisation, 0), 1) }
        case .groupAdded(let spec):
            addGroup(spec)
        case .groupRestored(let spec, let places):
            restoreGroup(spec, places)
        case .groupRemoved(let id):
            removeGroup(id, into: &effects)
        case .tick:
            break
        }
        place(at: now, into: &effects)
        reclaim(at: now, into: &effects)
    }

    /// When the next `tick` is due; nothing if none is needed.
    package var nextWake: Instant? {
        let reclaim = wantsReclaim ? nextReclaim : nil
        guard let end = reservation?.end else { return reclaim }
        return min(end, reclaim ?? end)
    }

    /// The ids of the nodes, in order.
    package var nodeIDs: [NodeID] { nodes[..<nodeCount].map(\.id) }

    /// How many requests wait.
    package var pendingCount: Int { pending.count }

    /// Whether something waits that a node could take, and only actors, groups and tasks that wait themselves are in its
    /// way: nothing that runs will make room. O(leases) while something waits.
    package mutating func isStalled() -> Bool {
        let waits = waitingClasses.contains { isFeasible($0) } || waitingGroups.contains { isFeasible(group: $0) }
        return waits && leases.values.allSatisfy { $0.request.isActor || $0.state != .running }
    }

    /// How many bundles nodes reserve.
    package var bundleCount: Int { bundleIndices.count }

    /// How many leases are granted.
    package var leaseCount: Int { leases.count }

    /// All resources of a node; nothing if the node is unknown.
    package func total(of node: NodeID) -> ResourceSet? { self[node]?.total }

    /// The resources of a node that no lease holds; nothing if the node is unknown.
    package func available(of node: NodeID) -> ResourceSet? { self[node]?.shownAvailable }

    /// Whether a lease has gone on though there was no CPU for it.
    package func isOverdrawn(_ id: LeaseID) -> Bool { leases[id]?.state == .overdrawn }

    /// The labels of a node; nothing if the node is unknown.
    package func labels(of node: NodeID) -> [String: String]? { self[node]?.labels }

    /// The leases on a node, those in bundles included, in order of id. O(bundles + n log n).
    package func leases(on node: NodeID) -> [LeaseID] {
        let bundles = nodes[nodeCount...].filter { $0.id == node }.flatMap(\.leases)
        return ((self[node]?.leases ?? []) + bundles).sorted()
    }

    /// Whether a node has no lease and no bundle.
    package func isIdle(_ node: NodeID) -> Bool {
        self[node].map { $0.leases.isEmpty && $0.reserved.isEmpty } ?? true
    }

    /// The nodes of a group's bundles, `NodeID.none` where one has none; nothing if the group is unknown.
    package func nodes(of group: PlacementGroupID) -> [NodeID]? { groups[group]?.nodes.map { $0 ?? .none } }

    /// Where a group's bundles are, or are expected back; nothing for a bundle without a node.
    package func places(of group: PlacementGroupID) -> [BundlePlace?] {
        guard let entry = groups[group] else { return [] }
        return entry.nodes.enumerated().map { number, node in
            if let place = entry.awaited[number] { return place }
            guard let node, let index = bundleIndices[BundleKey(group: group, number: number)] else { return nil }
            return BundlePlace(node: node, acceleratorIDs: nodes[index].devices.ids)
        }
    }

    /// The grant of a lease, as it was answered; nothing if it waits or is unknown.
    package func grant(of lease: LeaseID) -> LeaseGrant? { leases[lease]?.grant }

    func index(of pool: PoolID) -> Int? {
        switch pool {
        case .node(let id): nodeIndices[id]
        case .bundle(let key): bundleIndices[key]
        }
    }

    subscript(node: NodeID) -> SchedulerNode? { nodeIndices[node].map { nodes[$0] } }
}
