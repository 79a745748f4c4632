//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension SchedulerCore {
    /// What is wrong with the state, one sentence each; empty if all is well. O(everything).
    package func checkInvariants() -> [String] {
        var violations: [String] = []
        for node in nodes { check(node, &violations) }
        checkLeases(&violations)
        checkQueues(&violations)
        checkGroups(&violations)
        checkOwners(&violations)
        return violations
    }

    private func check(_ node: SchedulerNode, _ violations: inout [String]) {
        let name = "node \(node.id.hex.prefix(8))"
        let here = node.leases.sorted().compactMap { leases[$0] }
        if here.count != node.leases.count { violations.append("\(name) has a lease that does not exist") }
        let held = here.reduce(ResourceSet()) { $0 + $1.heldNow }
        if held + node.reserved + node.available != node.total {
            violations.append(
                "\(name): held \(held) + reserved \(node.reserved) + available \(node.available) is not total "
                    + "\(node.total)")
        }
        for entry in node.available.entries where entry.amount < .zero {
            violations.append("\(name) has \(entry.amount) \(entry.name) available")
        }
        var free = node.devices.capacity
        let bundles = node.bundle == nil ? nodes[nodeCount...].filter { $0.id == node.id } : []
        let reserved = bundles.reduce(ResourceSet()) { $0 + $1.total }
        if reserved != node.reserved { violations.append("\(name): what bundles reserve is wrong") }
        for share in here.flatMap(\.shares) + bundles.flatMap(\.homeShares) {
            free[share.index] = free[share.index] - share.amount
        }
        if free != node.devices.free { violations.append("\(name): shares of devices do not match the leases") }
        if free.contains(where: { $0 < .zero }) { violations.append("\(name): a device is oversubscribed") }
        for kind in Accelerator.allCases {
            let parts = zip(node.devices.ids, free).reduce(ResourceAmount.zero) { sum, device in
                device.0.kind == kind ? sum + device.1 : sum
            }
            if parts != node.available[kind.resource] {
                violations.append("\(name): parts of \(kind.resource) do not add up")
            }
        }
        let actors = here.filter(\.request.isActor).reduce(ResourceSet()) { $0 + $1.heldNow }
        if actors != node.heldByActors { violations.append("\(name): what actors hold is wrong") }
        if here.count(where: \.request.held.isEmpty) != node.holdingNothingCount {
            violations.append("\(name): the count of leases that hold nothing is wrong")
        }
        if here.filter(\.wantsCPU).map(\.request.id).sorted() != node.resumeQueue.sorted() {
            violations.append("\(name): the resume queue is not the leases that want their CPU")
        }
        let resuming = node.resumeQueue.compactMap { leases[$0] }.filter { $0.state == .resuming }
        if let next = resuming.first, next.cpu <= node.available[ResourceSet.cpu] {
            violations.append("\(name): a lease waits for CPU that is free")
        }
        if !resuming.isEmpty, !resumingPools.contains(node.pool) {
            violations.append("\(name): nobody asks for idle leases, though a lease waits for CPU")
        }
        if resuming.contains(where: { !node.canResume($0.cpu) }) {
            violations.append("\(name): a lease waits for CPU that actors or bundles have")
        }
    }

    private func checkLeases(_ violations: inout [String]) {
        for (id, lease) in leases {
            if pending[id] != nil { violations.append("lease \(id.hex.prefix(8)) is granted and waits") }
            if index(of: lease.pool).map({ nodes[$0].leases.contains(id) }) != true {
                violations.append("lease \(id.hex.prefix(8)) is not known to its node")
            }
            var parts = ResourceSet()
            for (device, share) in zip(lease.acceleratorIDs, lease.shares) {
                parts[device.kind.resource] = parts[device.kind.resource] + share.amount
            }
            if parts != lease.request.held.filter({ Accelerator(resource: $0) != nil })
                || lease.acceleratorIDs.count != lease.shares.count
            {
                violations.append("lease \(id.hex.prefix(8)) has shares of devices that are not what it holds")
            }
        }
        let sorted = nodes[..<nodeCount].map(\.id)
        if zip(sorted, sorted.dropFirst()).contains(where: { $0 >= $1 }) { violations.append("nodes are not sorted") }
        for (index, node) in nodes.enumerated() where self.index(of: node.pool) != index {
            violations.append("node \(node.id.hex.prefix(8)) is not where its index says")
        }
        if let reservation, pending[reservation.lease] == nil || index(of: reservation.pool) == nil {
            violations.append("a reservation outlived its request or node")
        }
        if !changedNodes.isEmpty { violations.append("a changed node was not looked at") }
    }

    private func checkGroups(_ violations: inout [String]) {
        if nodes.count != nodeCount + bundleIndices.count { violations.append("bundles are counted wrongly") }
        if nodes.prefix(nodeCount).contains(where: { $0.bundle != nil }) { violations.append("a bundle is a node") }
        var placed = 0
        for (id, group) in groups {
            let name = "group \(id.hex.prefix(8))"
            for (number, node) in group.nodes.enumerated() {
                let key = BundleKey(group: id, number: number)
                let pool = bundleIndices[key].map { nodes[$0] }
                if let place = group.awaited[number] {
                    let isSound = pool == nil && place.node == node && awaitedNodes[place.node] != nil
                    if !isSound { violations.append("\(name): bundle \(number) is wrongly awaited") }
                    continue
                }
                if pool?.id != node { violations.append("\(name): bundle \(number) is not where it says") }
                if let pool, pool.total != group.spec.bundles[number].resources {
                    violations.append("\(name): bundle \(number) has other resources")
                }
                placed += node == nil ? 0 : 1
            }
            if waitingGroups.count(where: { $0 == id }) != (group.isPlaced ? 0 : 1) {
                violations.append("\(name) is wrongly listed among those that wait")
            }
            let used = group.nodes.compactMap { $0 }
            if group.spec.strategy == .strictSpread, Set(used).count != used.count {
                violations.append("\(name): two bundles that must be apart are on one node")
            }
            if group.spec.strategy == .strictPack, Set(used).count > 1 {
                violations.append("\(name): bundles that must be together are apart")
            }
            if !group.isPlaced, placesNow(for: group) != nil { violations.append("\(name) waits though it fits") }
        }
        if placed != bundleIndices.count { violations.append("a bundle outlived its group") }
        for id in waitingGroups where groups[id] == nil { violations.append("a group that is gone waits") }
        for waiting in pending.values {
            if case .placementGroup(let id, _, _) = waiting.request.strategy, groups[id] == nil {
                violations.append("a request waits for a group that is gone")
            }
        }
    }

    private func checkQueues(_ violations: inout [String]) {
        var waitingCount = 0
        for (id, group) in classes {
            let live = group.places[group.head...].filter { pending[$0.id]?.arrival == $0.arrival }
            waitingCount += live.count
            if live.count != group.count { violations.append("class \(id) counts its requests wrongly") }
            if waitingClasses.contains(id) != (group.count > 0) {
                violations.append("class \(id) is wrongly listed among those that wait")
            }
            guard let first = live.first else { continue }
            for node in nodes where accepts(node, group.key, arrival: first.arrival) && allows(group.key, node) {
                violations.append("\(group.key.shape) waits though node \(node.id.hex.prefix(8)) has room")
            }
        }
        if waitingCount != pending.count { violations.append("a request that waits is in no queue, or in two") }
        if zip(waitingClasses, waitingClasses.dropFirst()).contains(where: { $0 >= $1 }) {
            violations.append("the classes that wait are not sorted")
        }
    }

    private func checkOwners(_ violations: inout [String]) {
        var leaseCount = 0
        var pendingCount = 0
        for (owner, record) in owners {
            leaseCount += record.leases.count
            pendingCount += record.pending.count
            let isSound =
                !record.isEmpty && record.leases.allSatisfy { leases[$0]?.request.owner == owner }
                && record.pending.allSatisfy { pending[$0]?.request.owner == owner }
                && record.reclaimableCount == record.leases.count { leases[$0]?.request.isActor == false }
            if !isSound { violations.append("the record of owner \(owner.hex.prefix(8)) is wrong") }
        }
        let waiting = leases.values.compactMap(\.waitingWorker)
        if waiting.count != waitingOwners.count || Set(waiting) != waitingOwners {
            violations.append("the workers that wait are not those of leases that wait")
        }
        if leaseCount != leases.count || pendingCount != pending.count {
            violations.append("a lease or request has no owner")
        }
    }
}
