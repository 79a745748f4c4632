//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The way to the head, which may be away for a while.
///
///     joining ──NodeRegistered──▶ joined ──link lost──▶ away ──link──▶ (RejoinNode) ──NodeRegistered──▶ joined
///        └──── refused, or link lost ──▶ (left) ◀── too long, or refused ──┘
///
/// While the head is away, what runs here goes on. Ends of workers are kept for it: they say more than that a
/// lease is not served any more, which is all that `RejoinNode` can say.
extension RayletCore {
    private static let unsentMax = 10_000

    /// The link to the head is lost: a head that comes back is waited for.
    mutating func headIsLost(reason: String, at now: Instant, into effects: inout [RayletEffect]) {
        guard isRegistered, reconnectMilliseconds > 0 else {
            return leave(
                reason: "the link to the control store is lost (\(reason)); start the node again once the head is up",
                into: &effects)
        }
        let since = headAwaySince ?? now
        if headAwaySince == nil {
            effects.append(.log(.warning, "the head is not reached (\(reason)); work goes on, and it is waited for"))
        }
        headAwaySince = since
        guard now.milliseconds(since: since) < reconnectMilliseconds else {
            return leave(
                reason: "the head was not reached for \(reconnectMilliseconds / 1_000) s (\(reason)); "
                    + "start the node again once it is up",
                into: &effects)
        }
        headRetryAt = now.advanced(milliseconds: Limits.headRetryMilliseconds)
    }

    /// The head does not want this node: another cluster has taken its place, or the token is another one.
    mutating func refused(
        by peer: WorkerID, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard peer == .gcs else { return peerLost(peer, reason: reason, at: now, into: &effects) }
        leave(reason: "the head refused this node: \(reason)", into: &effects)
    }

    /// The link to the head is up: joins, or says what is served here.
    mutating func headIsBack(into effects: inout [RayletEffect]) {
        guard isRegistered else {
            return effects.append(
                .send(.registerNode(RegisterNode(info: settings.info)), requestID: 0, to: .gcs))
        }
        headAwaySince = nil
        reportedSpill = SpillReport()
        for message in unsent { effects.append(.send(message, requestID: 0, to: .gcs)) }
        unsent = []
        let jobs = Set(pool.workers.values.map(\.key.job)).union(leases.values.map(\.key.job))
        effects.append(
            .rejoin(
                RejoinNode(
                    info: settings.info, clusterName: clusterName, leases: leases.keys.sorted().compactMap(held),
                    jobs: jobs.sorted(), owners: [])))
    }

    private func held(_ id: LeaseID) -> HeldLease? {
        guard let lease = leases[id] else { return nil }
        let worker = lease.worker.flatMap { pool[$0] }
        // The worker of one that was told to die is not there any more for anybody.
        if let worker, worker.state != .leased(id) { return nil }
        return HeldLease(
            lease: id, job: lease.key.job, owner: lease.owner, held: lease.held,
            acceleratorIDs: lease.key.acceleratorIDs,
            actor: lease.actor, worker: worker?.address, processID: worker?.processID ?? 0,
            bundle: lease.bundle)
    }

    /// Tells the head of the end of a worker, now or when it is back.
    mutating func tellHead(_ message: Message, into effects: inout [RayletEffect]) {
        guard headAwaySince == nil else {
            if unsent.count < Self.unsentMax { unsent.append(message) }
            return
        }
        effects.append(.send(message, requestID: 0, to: .gcs))
    }
}
