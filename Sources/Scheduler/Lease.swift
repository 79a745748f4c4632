//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A granted lease.
///
///     running ──blocked──▶ blocked ──unblocked──▶ resuming ──CPU free──▶ running
///        ▲                    ▲                       │ actors hold it
///        │                    ├───────blocked─────────┤
///        │                    │                       ▼
///        └──────CPU free──────┴───────blocked───── overdrawn
///
/// In every state the lease can end. Only a running lease holds its CPU.
struct Lease: Sendable {
    enum State: Hashable, Sendable {
        /// Holds all of `held`.
        case running
        /// Its CPU is in the pool.
        case blocked
        /// Its CPU is in the pool, and it is in its node's resume queue.
        case resuming
        /// As `resuming`, but its worker goes on meanwhile, as in Ray: actors or bundles have what it had, and may be
        /// waiting for this very lease to end.
        case overdrawn
    }

    let request: LeaseRequest
    let node: NodeID
    /// What it takes its resources from: the node, or a bundle on it.
    let pool: PoolID
    let shares: [AcceleratorShare]
    /// The devices of those shares.
    let acceleratorIDs: [AcceleratorID]
    var state = State.running
    /// Its worker while that waits, if it is known: what it asks for goes first.
    var waitingWorker: WorkerID?

    var grant: LeaseGrant {
        var bundle: BundleKey?
        if case .bundle(let key) = pool { bundle = key }
        return LeaseGrant(
            id: request.id, owner: request.owner, job: request.job, node: node, held: request.held,
            acceleratorIDs: acceleratorIDs, bundle: bundle)
    }

    /// The CPU that goes back to the pool while the lease is blocked.
    var cpu: ResourceAmount { request.held[ResourceSet.cpu] }

    /// Whether it is in its node's resume queue.
    var wantsCPU: Bool { state == .resuming || state == .overdrawn }

    /// What the lease holds in its present state.
    var heldNow: ResourceSet {
        guard state != .running else { return request.held }
        var held = request.held
        held[ResourceSet.cpu] = .zero
        return held
    }
}

/// What one owner has.
struct OwnerRecord: Sendable {
    var pending: Set<LeaseID> = []
    var leases: Set<LeaseID> = []
    /// How many of `leases` are not actors and could be given back.
    var reclaimableCount = 0

    var isEmpty: Bool { pending.isEmpty && leases.isEmpty }
}
