//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The way to the head, which may be away for a while.
///
///     reached ──link lost──▶ away ──link──▶ (Rejoin, then all that is wanted) ──▶ reached
///                              └── too long, or refused ──▶ everything fails
///
/// While the head is away nothing is sent to it. What was wanted of it is not queued but said anew when it is back,
/// from the state of then: leases held and asked for, actors followed and created, questions without an answer, and
/// whether the CPU of this process is given back.
extension WorkerCore {
    private static let abandonedMax = 256

    mutating func headIsLost(reason: String, at now: Instant, into effects: inout WorkerEffects) {
        guard fatal == nil else { return }
        guard configuration.reconnectMilliseconds > 0 else {
            return failEverything(
                RayError(.clusterUnreachable, "the cluster's head is gone (\(reason)); start it again and reconnect"),
                at: now, into: &effects)
        }
        let since = headAwaySince ?? now
        headAwaySince = since
        effects.isHeadAway = true
        guard now.milliseconds(since: since) < configuration.reconnectMilliseconds else {
            return failEverything(
                RayError(
                    .clusterUnreachable,
                    "failed to connect to the head within \(configuration.reconnectMilliseconds / 1_000) s "
                        + "(\(reason)): it was stopped or has died; start it again with the same storage and reconnect. "
                        + "RAY_gcs_rpc_server_reconnect_timeout_s says how long it is waited for"),
                at: now, into: &effects)
        }
        let retry = now.advanced(milliseconds: Limits.headRetryMilliseconds)
        headRetryAt = retry
        setAlarm(retry)
    }

    mutating func reachHead(at now: Instant, into effects: inout WorkerEffects) {
        guard let headRetryAt, headRetryAt <= now else { return }
        self.headRetryAt = nil
        effects.append(.connect(configuration.gcs))
    }

    mutating func headIsBack(at now: Instant, into effects: inout WorkerEffects) {
        guard headAwaySince != nil, fatal == nil else { return }
        headAwaySince = nil
        effects.isHeadAway = false
        // Why those failed that were lost meanwhile is known only now.
        for id in leases.keys where leases[id]?.lostAt != nil { leases[id]?.lostAt = now }
        for id in actors.keys where actors[id]?.unavailableAt != nil && actors[id]?.news == nil {
            actors[id]?.unavailableAt = now.advanced(milliseconds: Self.unavailableMilliseconds)
        }
        let held = leases.sorted { $0.key < $1.key }.map { OwnedWorker(lease: $0.key, node: $0.value.worker.node) }
        let wanted = shapes.flatMap(\.requests)
        let message = Rejoin(
            job: configuration.job, clusterName: configuration.clusterName, leases: held, requests: wanted,
            abandoned: Array(abandonedLeases))
        effects.send(.rejoin(message), to: WorkerID.gcs)
        for index in shapes.indices {
            for id in shapes[index].requests { sendRequest(id, of: index, into: &effects) }
        }
        sayActors(into: &effects)
        sayStrays(into: &effects)
        for channel in channels.sorted() { effects.send(.subscribe(Subscribe(channel: channel)), to: WorkerID.gcs) }
        if let lease = execution.lease, execution.cpu != .running {
            effects.send(.leaseBlocked(LeaseBlocked(lease: lease)), to: WorkerID.gcs)
            if execution.cpu == .resuming {
                effects.send(.leaseUnblocked(LeaseUnblocked(lease: lease)), to: WorkerID.gcs)
            }
        }
        if let started = execution.started { effects.send(.actorStarted(started), to: WorkerID.gcs) }
        leaveIfDone(into: &effects)
        for (request, message) in requests.sorted(by: { $0.key < $1.key }) {
            effects.send(message, to: WorkerID.gcs, requestID: request)
        }
        setAlarm(now)
    }

    /// Gives a lease up whose worker is not reached: it must die.
    mutating func abandon(_ lease: LeaseID, into effects: inout WorkerEffects) {
        let isUnreachable = !configuration.plantsPoliteAbandon
        effects.send(.returnLease(ReturnLease(lease: lease, isUnreachable: isUnreachable)), to: WorkerID.gcs)
        if abandonedLeases.count >= Self.abandonedMax { abandonedLeases.removeFirst() }
        abandonedLeases.append(lease)
    }

    /// Creates actors again that the head may not know, follows the others, and gives up those that nobody holds.
    private func sayActors(into effects: inout WorkerEffects) {
        for (id, client) in actors.sorted(by: { $0.key < $1.key }) where client.phase != .dead || client.creation != nil
        {
            if client.phase == .dead, let error = client.error {
                effects.send(.abandonActor(AbandonActor(actor: id, error: error)), to: WorkerID.gcs)
            } else if let spec = client.creation {
                guard client.isRegistered else { continue }
                effects.send(.createActor(CreateActor(spec: spec.value)), to: WorkerID.gcs)
            } else if client.isSubscribed {
                subscribe(to: id, into: &effects)
            }
            if client.isUnreferenced { effects.send(.releaseActor(ReleaseActor(actor: id)), to: WorkerID.gcs) }
        }
    }
}
