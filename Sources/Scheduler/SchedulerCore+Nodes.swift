//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension SchedulerCore {
    /// Adds a node unless it is there; whether it was added.
    mutating func addNode(_ node: SchedulerNode) -> Bool {
        guard nodeIndices[node.id] == nil else { return false }
        var node = node
        node.isDraining = awaitedNodes[node.id] ?? false
        for name in implicitNames { node.provideImplicit(name) }
        nodes.insert(node, at: nodes[..<nodeCount].firstIndex { $0.id > node.id } ?? nodeCount)
        nodeCount += 1
        nodesChanged()
        markChanged(.node(node.id))
        return true
    }

    /// Removes a node; its leases are lost.
    mutating func removeNode(_ id: NodeID, reason: String, into effects: inout SchedulerEffects) {
        guard nodeIndices[id] != nil else { return giveUpAwaited(id, into: &effects) }
        loseBundles(on: id, reason: reason, into: &effects)
        guard let index = nodeIndices[id] else { return }
        let node = nodes.remove(at: index)
        nodeCount -= 1
        nodesChanged()
        changedNodes.removeAll { $0 == .node(id) }
        if reservation?.pool == .node(id) { reservation = nil }
        loseLeases(of: node, reason: reason, into: &effects)
        refuseAffinity(to: id, "node \(id.hex), the only one it may use, left the cluster", into: &effects)
    }

    /// A node that was awaited will not come back.
    private mutating func giveUpAwaited(_ id: NodeID, into effects: inout SchedulerEffects) {
        guard awaitedNodes.removeValue(forKey: id) != nil else { return }
        nodesChanged()
        loseAwaitedBundles(on: id, into: &effects) { _, _, _ in false }
        refuseAffinity(to: id, "node \(id.hex), the only one it may use, left the cluster", into: &effects)
    }

    /// A node will leave: nothing new is placed there, what runs there goes on.
    mutating func drainNode(_ id: NodeID, into effects: inout SchedulerEffects) {
        if awaitedNodes[id] != nil { awaitedNodes[id] = true }
        guard let index = nodeIndices[id], !nodes[index].isDraining else { return }
        for index in nodes.indices where nodes[index].id == id { nodes[index].isDraining = true }
        if let reservation, self.index(of: reservation.pool).map({ nodes[$0].id == id }) ?? false {
            self.reservation = nil
        }
        nodesChanged()
        refuseAffinity(to: id, "node \(id.hex), the only one it may use, is being drained", into: &effects)
    }

    /// Takes the leases of a node that is gone out of the tables.
    mutating func loseLeases(of node: SchedulerNode, reason: String, into effects: inout SchedulerEffects) {
        for lease in node.leases.sorted() {
            guard let lost = leases.removeValue(forKey: lease) else { continue }
            forgetLease(lost)
            let text = "node \(node.id.hex) (\(node.host)) left the cluster: \(reason)"
            effects.append(.leaseLost(lease, owner: lost.request.owner, node: node.id, reason: text))
        }
    }

    /// Notes that something on a node became free, so that requests are tried there again.
    mutating func markChanged(_ pool: PoolID) {
        if !changedNodes.contains(pool) { changedNodes.append(pool) }
    }

    /// Refuses what may use one node only, which is not to be had any more.
    private mutating func refuseAffinity(to node: NodeID, _ reason: String, into effects: inout SchedulerEffects) {
        for classID in waitingClasses {
            guard case .nodeAffinity(node, soft: false, _)? = classes[classID]?.key.strategy else { continue }
            refuseAll(of: classID, .unschedulable, reason, into: &effects)
        }
    }

    /// Takes all requests of a class out of the queue and refuses them.
    mutating func refuseAll(
        of classID: Int, _ refusal: LeaseRefusal, _ reason: String, into effects: inout SchedulerEffects
    ) {
        while let waiting = firstRequest(of: classID) {
            removePending(waiting)
            let request = waiting.request
            effects.append(.refused(request.id, owner: request.owner, refusal, reason: reason))
        }
    }

    private mutating func nodesChanged() {
        epoch += 1
        nodeIndices.removeAll(keepingCapacity: true)
        for (index, node) in nodes.enumerated() {
            if let key = node.bundle { bundleIndices[key] = index } else { nodeIndices[node.id] = index }
        }
        // A soft affinity may use other nodes when its own is gone.
        for id in waitingClasses {
            if case .nodeAffinity(_, soft: true, _)? = classes[id]?.key.strategy { classes[id]?.isStuck = false }
        }
    }
}
