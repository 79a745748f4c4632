//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A node of the cluster.
///
///     (unknown) ──RegisterNode──▶ alive ──silence, or its link is lost──▶ dead
///
/// - alive: takes leases. Next: dead.
/// - dead: for good; a raylet that comes back under this id is told to shut down. The record is kept for the
///   status until `GCSLimits.deadNodesMax` others have died.
struct NodeRecord: Sendable {
    var info: NodeInfo
    /// The node as it joined: what the journal has.
    let joined: NodeInfo
    /// How many nodes had joined when it did.
    let number: UInt64
    /// Whether it has a link; after a new start of the GCS a node must come back first.
    var isConfirmed = true
    var lastReport: Instant
    /// Whether what its store holds is known; a node that came back has yet to report it.
    var isStoreKnown = true
    var storeUsed = 0
    var storePrimary = 0
    var objectCount = 0
    var workerCount = 0
    /// For how many workers for each CPU users are warned next.
    var warnsOfWorkersAt = GCSLimits.workersPerCPUWarned
    /// Why it will leave, if it will.
    var drain: Drain?
    /// What its store wrote to disk and read back.
    var spill = SpillReport()
    /// How much of that drivers have been told of.
    var noticedSpillBytes = 0
    /// Workers that its raylet kills, and why, until they are gone.
    var killed: [WorkerID: RayError] = [:]
    /// Why it died; empty while it lives.
    var deathReason = ""
    /// The same for programs, and for people who know it from Ray.
    var end = NodeEnd.unspecified
    var endMessage = ""
    /// When it joined; after a new start of the GCS, when that was.
    let joinedAt: Instant
    var diedAt: Instant?

    init(info: NodeInfo, number: UInt64, at now: Instant) {
        self.info = info
        joined = info
        self.number = number
        lastReport = now
        joinedAt = now
    }

    /// "n1 (10.0.0.1)": what people call it.
    var title: String {
        let host = info.address.host
        return host.isEmpty || host == info.name ? info.name : "\(info.name) (\(host))"
    }
}
