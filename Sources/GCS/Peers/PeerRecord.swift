//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A process with a link to the GCS.
struct PeerRecord: Sendable {
    var role: ProcessRole
    var address: Address
    /// When it came; after a new start of the GCS, when it came back.
    let joinedAt: Instant
    /// The job of a driver, or of a worker since its first lease.
    var job: JobID?
    /// Known since its first lease.
    var processID: Int32 = 0
    /// Whether the process is known to be dead or unwanted; what it still sends is ignored.
    var isGone = false
    /// Actors whose state it is told.
    var actors: Set<ActorID> = []
    var channels: Set<String> = []
    /// Whether it was here before the GCS was started, and has said what it has.
    var hasRejoined = false
    /// Leases that it has, on nodes that have not come back yet.
    var claims: [LeaseID: NodeID] = [:]
    /// Leases that it gave up because their workers were not reached.
    var abandoned: Set<LeaseID> = []
    /// What it said of the CPU of the lease that it serves before its node came back.
    var earlyCPU: (lease: LeaseID, cpu: AdoptedCPU)?

    init(role: ProcessRole, address: Address, at now: Instant) {
        self.role = role
        self.address = address
        joinedAt = now
    }
}

/// A worker whose link was lost.
struct LostWorker: Sendable {
    var worker: WorkerID
    var at: Instant
    var reason: String
}
