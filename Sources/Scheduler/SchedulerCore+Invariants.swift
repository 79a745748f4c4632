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
        checkOwners(&violations)
        return violations
    }

    private func check(_ node: SchedulerNode, _ violations: inout [String]) {
        let name = "node \(node.id.hex.prefix(8))"
        let here = node.leases.sorted().compactMap { leases[$0] }
        if here.count != node.leases.count { violations.append("\(name) has a lease that does not exist") }
        let held = here.reduce(ResourceSet()) { $0 + $1.heldNow }
        if held + node.available != node.total {
            violations.append("\(name): held \(held) + available \(node.available) is not total \(node.total)")
        }
        for entry in node.available.entries where entry.amount < .zero {
            violations.append("\(name) has \(entry.amount) \(entry.name) available")
        }
        var free = node.gpus.capacity
        for share in here.flatMap(\.gpus) { free[share.index] = free[share.index] - share.amount }
        if free != node.gpus.free { violations.append("\(name): GPU shares do not match the leases") }
        if node.gpus.free.contains(where: { $0 < .zero }) { violations.append("\(name): a GPU is oversubscribed") }
        let gpu = node.gpus.free.reduce(ResourceAmount.zero, +)
        if gpu != node.available[ResourceSet.gpu] { violations.append("\(name): GPU parts do not add up") }
        let actors = here.filter(\.request.isActor).reduce(ResourceSet()) { $0 + $1.heldNow }
        if actors != node.heldByActors { violations.append("\(name): what actors hold is wrong") }
        if here.count(where: \.request.held.isEmpty) != node.holdingNothingCount {
            violations.append("\(name): the count of leases that hold nothing is wrong")
        }
        let resuming = here.filter { $0.state == .resuming }.map(\.request.id)
        if resuming.sorted() != node.resumeQueue.sorted() {
            violations.append("\(name): the resume queue is not the leases that resume")
        }
        let next = node.resumeQueue.first { id in leases[id].map { node.canResume($0.cpu) } ?? false }
        if let next, let lease = leases[next], lease.cpu <= node.available[ResourceSet.cpu] {
            violations.append("\(name): a lease waits for CPU that is free")
        }
    }

    private func checkLeases(_ violations: inout [String]) {
        for (id, lease) in leases {
            if pending[id] != nil { violations.append("lease \(id.hex.prefix(8)) is granted and waits") }
            if self[lease.node]?.leases.contains(id) != true {
                violations.append("lease \(id.hex.prefix(8)) is not known to its node")
            }
            if lease.gpus.reduce(.zero, { $0 + $1.amount }) != lease.request.held[ResourceSet.gpu] {
                violations.append("lease \(id.hex.prefix(8)) has GPU shares that are not what it holds")
            }
        }
        let sorted = nodes.map(\.id)
        if zip(sorted, sorted.dropFirst()).contains(where: { $0 >= $1 }) { violations.append("nodes are not sorted") }
        for (index, node) in nodes.enumerated() where nodeIndices[node.id] != index {
            violations.append("node \(node.id.hex.prefix(8)) is not where its index says")
        }
        if let reservation, pending[reservation.lease] == nil || self[reservation.node] == nil {
            violations.append("a reservation outlived its request or node")
        }
        if !changedNodes.isEmpty { violations.append("a changed node was not looked at") }
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
        if leaseCount != leases.count || pendingCount != pending.count {
            violations.append("a lease or request has no owner")
        }
    }
}
