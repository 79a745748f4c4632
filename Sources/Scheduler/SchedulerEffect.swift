//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What the scheduler wants done.
package enum SchedulerEffect: Hashable, Sendable {
    /// A request was granted: tell the node to lease out a worker and the owner where.
    case grant(LeaseGrant)
    /// The request can never be granted as it is; it does not wait. Tell the owner why.
    case refused(LeaseID, owner: WorkerID, LeaseRefusal, reason: String)
    /// The lease is gone with its node: tell the owner.
    case leaseLost(LeaseID, owner: WorkerID, node: NodeID, reason: String)
    /// The lease has ended and its resources are free: tell the node.
    case leaseEnded(LeaseID, node: NodeID)
    /// The lease is over with its placement group: end its worker.
    case leaseRevoked(LeaseID, node: NodeID, group: PlacementGroupID)
    /// All bundles of a group have a node, in order.
    case groupPlaced(PlacementGroupID, nodes: [NodeID])
    /// Bundles of a group went with their node; others are looked for.
    case groupLost(PlacementGroupID)
    /// The lease cannot be adopted: the node has not what it holds. End it and kill its worker.
    case adoptionRefused(LeaseID, node: NodeID)
    /// The lease has its CPU again: its worker may go on.
    case resumeGranted(LeaseID, node: NodeID)
    /// Requests wait that could run on leases which this owner may hold idle: ask it to give those back.
    case reclaimIdle(owner: WorkerID)
}

/// Why a request can never be granted.
package enum LeaseRefusal: Hashable, Sendable {
    case unschedulable
    case groupRemoved
}

/// A lease that was granted.
package struct LeaseGrant: Hashable, Sendable {
    package var id: LeaseID
    package var owner: WorkerID
    package var job: JobID
    package var node: NodeID
    /// What the lease holds on the node.
    package var held: ResourceSet
    /// The devices of which the lease holds a whole or a part: of each kind whole ones first, in order.
    package var acceleratorIDs: [AcceleratorID]
    /// The bundle that it takes its resources from; nothing for the node itself.
    package var bundle: BundleKey?

    package init(
        id: LeaseID, owner: WorkerID, job: JobID, node: NodeID, held: ResourceSet, acceleratorIDs: [AcceleratorID],
        bundle: BundleKey? = nil
    ) {
        self.id = id
        self.owner = owner
        self.job = job
        self.node = node
        self.held = held
        self.acceleratorIDs = acceleratorIDs
        self.bundle = bundle
    }
}

/// A buffer of effects in the order in which they are to be performed; reused between inputs.
package struct SchedulerEffects: Sendable {
    package private(set) var items: [SchedulerEffect] = []

    package init() {}

    /// Adds an effect at the end.
    package mutating func append(_ effect: SchedulerEffect) { items.append(effect) }

    /// Forgets all effects and keeps the memory.
    package mutating func removeAll() { items.removeAll(keepingCapacity: true) }
}

/// A fault that the simulator plants to show that it would be found.
package enum SchedulerFault: Hashable, Sendable {
    /// Every 50th grant leaves the resources in the pool, so that they are granted a second time.
    case grantTwice
}
