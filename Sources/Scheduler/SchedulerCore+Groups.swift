//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Placement groups: adding, placing, losing and removing them.
extension SchedulerCore {
    /// Enters a group unless it is there; it is placed when all of its bundles have room.
    mutating func addGroup(_ spec: PlacementGroupSpec) {
        guard groups[spec.id] == nil, spec.flaw == nil else { return }
        arrivalCount += 1
        for bundle in spec.bundles { provideImplicit(bundle.resources) }
        groups[spec.id] = PlacementGroup(spec: spec, arrival: arrivalCount)
        waitingGroups.append(spec.id)
    }

    /// Ends a group: its leases are revoked, what waits for it is refused, and its resources are free.
    mutating func removeGroup(_ id: PlacementGroupID, into effects: inout SchedulerEffects) {
        guard let group = groups.removeValue(forKey: id) else { return }
        waitingGroups.removeAll { $0 == id }
        for classID in waitingClasses {
            guard case .placementGroup(id, _, _)? = classes[classID]?.key.strategy else { continue }
            refuseAll(of: classID, .groupRemoved, "placement group \(id.hex) was removed", into: &effects)
        }
        let keys = group.nodes.indices.map { BundleKey(group: id, number: $0) }
        for key in keys {
            guard let index = bundleIndices[key] else { continue }
            for lease in nodes[index].leases.sorted() {
                guard let revoked = leases.removeValue(forKey: lease) else { continue }
                forgetLease(revoked)
                effects.append(.leaseRevoked(lease, node: revoked.node, group: id))
            }
        }
        removeBundles(keys)
    }

    /// Tries groups that wait: first those that had their bundles once, then in order of arrival.
    mutating func placeGroups(changed: [Int], into effects: inout SchedulerEffects) {
        guard !waitingGroups.isEmpty else { return }
        let order = waitingGroups.sorted { left, right in
            guard let a = groups[left], let b = groups[right] else { return false }
            return (a.wasPlaced ? 0 : 1, a.arrival) < (b.wasPlaced ? 0 : 1, b.arrival)
        }
        for id in order {
            guard let group = groups[id], isWorthTrying(group, changed: changed) else { continue }
            guard let places = placesNow(for: group) else {
                groups[id]?.isStuck = true
                continue
            }
            reserve(group, places)
            waitingGroups.removeAll { $0 == id }
            effects.append(.groupPlaced(id, nodes: groups[id]?.nodes.compactMap { $0 } ?? []))
        }
    }

    /// Where the missing bundles of a group could go now; nothing if not all have room.
    func placesNow(for group: PlacementGroup) -> [Int: Int]? {
        BundlePolicy.place(group.missing, group.spec.strategy, in: rooms(for: group) { free(nodes[$0]) })
    }

    /// Whether the group could be placed if nothing were in use.
    func isFeasible(_ group: PlacementGroup) -> Bool {
        let rooms = rooms(for: group) { (nodes[$0].total, AcceleratorInstances(total: nodes[$0].total)) }
        return BundlePolicy.place(group.missing, group.spec.strategy, in: rooms) != nil
    }

    /// The same, remembered until nodes change.
    mutating func isFeasible(group id: PlacementGroupID) -> Bool {
        guard let group = groups[id] else { return false }
        if group.feasibleEpoch == epoch { return group.isFeasible }
        let isFeasible = isFeasible(group)
        groups[id]?.isFeasible = isFeasible
        groups[id]?.feasibleEpoch = epoch
        return isFeasible
    }

    /// A node left: its bundles have no node any more.
    mutating func loseBundles(on node: NodeID, reason: String, into effects: inout SchedulerEffects) {
        let lost = nodes[nodeCount...].filter { $0.id == node }.compactMap(\.bundle)
        for key in lost {
            guard let index = bundleIndices[key] else { continue }
            loseLeases(of: nodes[index], reason: reason, into: &effects)
            groups[key.group]?.nodes[key.number] = nil
            groups[key.group]?.isStuck = false
            guard !waitingGroups.contains(key.group) else { continue }
            waitingGroups.append(key.group)
            effects.append(.groupLost(key.group))
        }
        removeBundles(lost)
    }

    /// What groups may take of a node. The CPU of blocked leases is theirs: a group would never give it back, and
    /// they could not go on.
    private func free(_ node: SchedulerNode) -> (ResourceSet, AcceleratorInstances) {
        var available = node.available
        for id in node.leases {
            guard let lease = leases[id], lease.state != .running else { continue }
            available[ResourceSet.cpu] = available[ResourceSet.cpu] - lease.cpu
        }
        return (available, node.devices)
    }

    private func rooms(
        for group: PlacementGroup, _ content: (Int) -> (ResourceSet, AcceleratorInstances)
    ) -> [BundleRoom] {
        var counts: [NodeID: Int] = [:]
        for node in group.nodes { if let node { counts[node, default: 0] += 1 } }
        let shape = group.missing.reduce(ResourceSet()) { $0 + $1.bundle.resources }
        return (0..<nodeCount).compactMap { index in
            let node = nodes[index]
            guard !node.isDraining else { return nil }
            if let reservation, reservation.pool == .node(node.id),
                reservation.excludes(shape, arrival: group.arrival)
            {
                return nil
            }
            let (available, devices) = content(index)
            return BundleRoom(
                node: index, labels: node.labels, available: available, devices: devices,
                bundleCount: counts[node.id] ?? 0, isWished: node.id == group.spec.softTarget)
        }
    }

    private func isWorthTrying(_ group: PlacementGroup, changed: [Int]) -> Bool {
        guard group.isStuck else { return true }
        return changed.contains { index in
            index < nodeCount && group.missing.contains { nodes[index].available.contains($0.bundle.resources) }
        }
    }

    /// Takes the resources of bundles from their nodes; each becomes a pool of its own.
    private mutating func reserve(_ group: PlacementGroup, _ places: [Int: Int]) {
        for (number, index) in places.sorted(by: { $0.key < $1.key }) {
            let resources = group.spec.bundles[number].resources
            guard let shares = nodes[index].devices.shares(for: resources) else {
                preconditionFailure("a node was chosen that lacks the devices of a bundle")
            }
            reserve(BundleKey(group: group.spec.id, number: number), resources, shares, on: index)
        }
        groups[group.spec.id]?.wasPlaced = true
        groups[group.spec.id]?.isStuck = false
    }

    /// Takes the resources of a bundle from the node at `index`.
    mutating func reserve(_ key: BundleKey, _ resources: ResourceSet, _ shares: [AcceleratorShare], on index: Int) {
        nodes[index].available = nodes[index].available - resources
        nodes[index].devices.take(shares)
        nodes[index].reserved = nodes[index].reserved + resources
        bundleIndices[key] = nodes.count
        nodes.append(SchedulerNode(bundle: key, resources: resources, shares: shares, on: nodes[index]))
        groups[key.group]?.nodes[key.number] = nodes[index].id
        changedNodes.append(.bundle(key))
        // What waits for CPU that is reserved now is to go on without.
        if !nodes[index].resumeQueue.isEmpty { markChanged(nodes[index].pool) }
    }

    /// Gives what bundles reserve back to their nodes, and forgets the pools. Their leases are gone already.
    private mutating func removeBundles(_ keys: [BundleKey]) {
        let indices = keys.compactMap { bundleIndices.removeValue(forKey: $0) }.sorted()
        guard let first = indices.first else { return }
        for index in indices {
            let pool = nodes[index]
            if reservation?.pool == pool.pool { reservation = nil }
            guard let home = nodeIndices[pool.id] else { continue }
            nodes[home].available = nodes[home].available + pool.total
            nodes[home].devices.giveBack(pool.homeShares)
            nodes[home].reserved = nodes[home].reserved - pool.total
            markChanged(.node(pool.id))
        }
        // The others are moved up, not copied: there may be very many.
        for index in indices.reversed() { nodes.remove(at: index) }
        for index in nodes.indices[first...] {
            if let key = nodes[index].bundle { bundleIndices[key] = index }
        }
        let gone = Set(keys)
        changedNodes.removeAll { if case .bundle(let key) = $0 { gone.contains(key) } else { false } }
    }
}
