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
        guard leases[request.id] == nil, let index = nodeIndices[node] else { return }
        var rest = request.held
        rest[ResourceSet.cpu] = .zero
        let gpu = request.held[ResourceSet.gpu]
        guard request.flaw == nil, nodes[index].total.contains(request.held), nodes[index].available.contains(rest),
            let shares = nodes[index].gpus.shares(for: gpu, at: adopted.gpuIDs)
        else { return effects.append(.adoptionRefused(request.id, node: node)) }
        if let waiting = pending[request.id] { removePending(waiting) }
        var lease = Lease(
            request: request, node: node, pool: nodes[index].pool, gpus: shares, gpuIDs: adopted.gpuIDs)
        switch adopted.cpu {
        case .unknown: if !nodes[index].available.contains(request.held) { lease.state = .resuming }
        case .blocked: lease.state = .blocked
        case .resuming: lease.state = .resuming
        }
        if lease.state == .resuming { nodes[index].resumeQueue.append(request.id) }
        leases[request.id] = lease
        nodes[index].leases.insert(request.id)
        nodes[index].available = nodes[index].available - lease.heldNow
        nodes[index].gpus.take(shares)
        if request.isActor { nodes[index].heldByActors = nodes[index].heldByActors + lease.heldNow }
        if request.held.isEmpty { nodes[index].holdingNothingCount += 1 }
        owners[request.owner, default: OwnerRecord()].leases.insert(request.id)
        if !request.isActor { owners[request.owner]?.reclaimableCount += 1 }
    }
}

extension GPUInstances {
    /// The shares of `amount` on just these GPUs: whole ones first, the rest on the last; nothing if one is in use.
    func shares(for amount: ResourceAmount, at indices: [Int]) -> [GPUShare]? {
        guard amount > .zero else { return indices.isEmpty ? [] : nil }
        guard Set(indices).count == indices.count else { return nil }
        let one = ResourceAmount(units: ResourceAmount.unitsPerOne)
        var left = amount
        var shares: [GPUShare] = []
        for index in indices {
            guard free.indices.contains(index), left > .zero else { return nil }
            let share = min(left, one)
            guard share <= free[index] else { return nil }
            shares.append(GPUShare(index: index, amount: share))
            left = left - share
        }
        return left > .zero ? nil : shares
    }
}
