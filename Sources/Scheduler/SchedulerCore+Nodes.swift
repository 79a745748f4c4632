//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension SchedulerCore {
    /// Adds a node unless it is there.
    mutating func addNode(_ node: SchedulerNode) {
        guard nodeIndices[node.id] == nil else { return }
        nodes.insert(node, at: nodes.firstIndex { $0.id > node.id } ?? nodes.endIndex)
        nodesChanged()
        markChanged(node.id)
    }

    /// Removes a node; its leases are lost.
    mutating func removeNode(_ id: NodeID, reason: String, into effects: inout SchedulerEffects) {
        guard let index = nodeIndices[id] else { return }
        let node = nodes.remove(at: index)
        nodesChanged()
        changedNodes.removeAll { $0 == id }
        if reservation?.node == id { reservation = nil }
        for lease in node.leases.sorted() {
            guard let lost = leases.removeValue(forKey: lease) else { continue }
            forgetLease(lost)
            let text = "node \(id.hex) (\(node.host)) left the cluster: \(reason)"
            effects.append(.leaseLost(lease, owner: lost.request.owner, node: id, reason: text))
        }
    }

    /// Notes that something on a node became free, so that requests are tried there again.
    mutating func markChanged(_ node: NodeID) {
        if !changedNodes.contains(node) { changedNodes.append(node) }
    }

    private mutating func nodesChanged() {
        epoch += 1
        nodeIndices.removeAll(keepingCapacity: true)
        for (index, node) in nodes.enumerated() { nodeIndices[node.id] = index }
        // A soft affinity may use other nodes when its own is gone.
        for id in waitingClasses {
            if case .nodeAffinity(_, soft: true)? = classes[id]?.key.strategy { classes[id]?.isStuck = false }
        }
    }
}
