//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension SchedulerCore {
    /// Takes over a lease that a node serves already.
    ///
    /// Which of a node's leases are blocked is not known of all yet. Those whose CPUs no longer fit are taken as waiting
    /// for them: so no CPU is given to anybody else before each of them has it or says that it is blocked.
    mutating func adopt(_ adopted: AdoptedLease, on node: NodeID, into effects: inout SchedulerEffects) {
        let request = adopted.request
        guard leases[request.id] == nil else { return }
        provideImplicit(request.held)
        let place = adopted.bundle.map { bundleIndices[$0] } ?? nodeIndices[node]
        guard let index = place, nodes[index].id == node else {
            return effects.append(.adoptionRefused(request.id, node: node))
        }
        var rest = request.held
        rest[ResourceSet.cpu] = .zero
        guard request.flaw == nil, nodes[index].total.contains(request.held), nodes[index].available.contains(rest),
            let shares = nodes[index].devices.shares(for: request.held, at: adopted.acceleratorIDs)
        else { return effects.append(.adoptionRefused(request.id, node: node)) }
        if let waiting = pending[request.id] { removePending(waiting) }
        var lease = Lease(
            request: request, node: node, pool: nodes[index].pool, shares: shares,
            acceleratorIDs: adopted.acceleratorIDs)
        switch adopted.cpu {
        case .unknown: if !nodes[index].available.contains(request.held) { lease.state = .resuming }
        case .blocked: lease.state = .blocked
        case .resuming: lease.state = .resuming
        }
        if lease.state == .resuming {
            nodes[index].resumeQueue.append(request.id)
            resumingPools.insert(lease.pool)
        }
        leases[request.id] = lease
        nodes[index].leases.insert(request.id)
        nodes[index].available = nodes[index].available - lease.heldNow
        nodes[index].devices.take(shares)
        if request.isActor { nodes[index].heldByActors = nodes[index].heldByActors + lease.heldNow }
        if request.held.isEmpty { nodes[index].holdingNothingCount += 1 }
        owners[request.owner, default: OwnerRecord()].leases.insert(request.id)
        if !request.isActor { owners[request.owner]?.reclaimableCount += 1 }
    }
}

// MARK: Placement groups

extension SchedulerCore {
    /// Enters a group from before; its bundles wait for their nodes.
    mutating func restoreGroup(_ spec: PlacementGroupSpec, _ places: [BundlePlace?]) {
        guard groups[spec.id] == nil, spec.flaw == nil else { return }
        arrivalCount += 1
        for bundle in spec.bundles { provideImplicit(bundle.resources) }
        var group = PlacementGroup(spec: spec, arrival: arrivalCount)
        for (number, place) in places.prefix(spec.bundles.count).enumerated() {
            guard let place, awaitedNodes[place.node] != nil else { continue }
            group.nodes[number] = place.node
            group.awaited[number] = place
        }
        group.wasPlaced = places.contains { $0 != nil }
        groups[spec.id] = group
        if !group.isPlaced { waitingGroups.append(spec.id) }
    }

    /// Reserves bundles again on the node that they were on, before anything else is placed there.
    mutating func restoreBundles(on id: NodeID, into effects: inout SchedulerEffects) {
        guard awaitedNodes.removeValue(forKey: id) != nil, let index = nodeIndices[id] else { return }
        loseAwaitedBundles(on: id, into: &effects) { core, key, place in
            guard let resources = core.groups[key.group]?.spec.bundles[key.number].resources,
                core.nodes[index].available.contains(resources),
                let shares = core.nodes[index].devices.shares(for: resources, at: place.acceleratorIDs)
            else { return false }
            core.reserve(key, resources, shares, on: index)
            return true
        }
    }

    /// Ends the waiting of bundles for a node: each has its place again, or it needs another one.
    mutating func loseAwaitedBundles(
        on id: NodeID, into effects: inout SchedulerEffects,
        unless isRestored: (inout SchedulerCore, BundleKey, BundlePlace) -> Bool
    ) {
        for (group, entry) in groups.sorted(by: { $0.key < $1.key }) where !entry.awaited.isEmpty {
            for (number, place) in entry.awaited.sorted(by: { $0.key < $1.key }) where place.node == id {
                groups[group]?.awaited[number] = nil
                if isRestored(&self, BundleKey(group: group, number: number), place) { continue }
                groups[group]?.nodes[number] = nil
                guard !waitingGroups.contains(group) else { continue }
                waitingGroups.append(group)
                effects.append(.groupLost(group))
            }
        }
    }
}
