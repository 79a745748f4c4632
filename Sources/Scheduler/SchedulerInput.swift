//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What can happen to the scheduler. Every input may be repeated without harm.
package enum SchedulerInput: Sendable {
    /// A node joined with these resources. Ignored if the node is there already.
    ///
    /// `adopted` are leases that the node serves already, from before the scheduler was started: they are granted
    /// before anything else is placed there.
    case nodeAdded(
        NodeID, total: ResourceSet, labels: [String: String] = [:], host: String, adopted: [AdoptedLease] = [])
    /// A node is there that has not joined yet: it will be added or removed. What may be nowhere else waits for it.
    case nodeAwaited(NodeID, isDraining: Bool)
    /// A node left; all leases on it are lost.
    case nodeRemoved(NodeID, reason: String)
    /// An owner asks for a lease. Ignored while it waits; answered again if it was granted.
    case request(LeaseRequest)
    /// The owner no longer wants the lease, whether it waits or was granted.
    case cancel(LeaseID)
    /// The lease has ended and its resources are free.
    case release(LeaseID)
    /// The owner died: its requests are dropped and its leases end.
    case ownerGone(WorkerID)
    /// The lease's worker waits for an object: its CPU, and nothing else, goes back to the pool. What that worker, if it
    /// is named, has asked for or asks for meanwhile is urgent.
    case blocked(LeaseID, worker: WorkerID? = nil)
    /// The lease's worker has what it waited for and wants its CPU again.
    case unblocked(LeaseID)
    /// A node will leave: nothing new is placed there.
    case nodeDraining(NodeID)
    /// What share of a node's object store is filled with primary copies, which cannot be evicted, from 0 to 1.
    case storeUsed(NodeID, utilisation: Double)
    /// A placement group is wanted. Ignored if it is there.
    case groupAdded(PlacementGroupSpec)
    /// A placement group from before the scheduler was started: a bundle with a place is reserved there again when its
    /// node, which is awaited, joins. Ignored if the group is there.
    case groupRestored(PlacementGroupSpec, places: [BundlePlace?])
    /// A placement group is over: what runs in it ends, what waits for it is refused.
    case groupRemoved(PlacementGroupID)
    /// Time has passed; due at `SchedulerCore.nextWake`.
    case tick
}

/// Whether an adopted lease uses its CPU.
package enum AdoptedCPU: Hashable, Sendable {
    /// It has it, or has given it back; its worker has not said.
    case unknown
    case blocked
    /// It has given it back, and wants it again.
    case resuming
}

/// A lease that a node serves and that the scheduler does not know.
package struct AdoptedLease: Hashable, Sendable {
    package var request: LeaseRequest
    /// The devices that it holds, whole or in part.
    package var acceleratorIDs: [AcceleratorID]
    /// The bundle that it takes its resources from; nothing for the node itself.
    package var bundle: BundleKey?
    /// What its worker has said of its CPU.
    package var cpu: AdoptedCPU

    package init(
        _ request: LeaseRequest, acceleratorIDs: [AcceleratorID], bundle: BundleKey? = nil, cpu: AdoptedCPU = .unknown
    ) {
        self.request = request
        self.acceleratorIDs = acceleratorIDs
        self.bundle = bundle
        self.cpu = cpu
    }
}
