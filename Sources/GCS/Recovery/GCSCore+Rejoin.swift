//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// Drivers and workers over a new link, and the end of the recovery.
extension GCSCore {
    mutating func rejoin(_ message: Rejoin, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        let error = flaw(of: message, sender)
        effects.send(.rejoined(Rejoined(error: error)), requestID: sender.requestID, to: sender.id)
        guard error == nil else {
            peers[sender.id]?.isGone = true
            return
        }
        peers[sender.id]?.hasRejoined = true
        peers[sender.id]?.earlyCPU = nil
        let abandoned = Set(message.abandoned)
        peers[sender.id]?.abandoned = abandoned
        if sender.role == .driver { peers[sender.id]?.job = message.job }
        if let lease = workerLeases[sender.id], case .actor(let id)? = leases[lease]?.purpose,
            let actor = actors[id], case .starting(lease, let worker) = actor.stage
        {
            sendStart(actor, lease, to: worker, into: &effects)
        }
        let wanted = Set(message.leases.map(\.lease) + message.requests)
        for lease in (ownerLeases[sender.id] ?? []).sorted() where !wanted.contains(lease) {
            endLease(lease, abandoned.contains(lease) ? .killWorker : .keepWorker, at: now, into: &effects)
        }
        for held in message.leases {
            if let known = leases[held.lease] {
                guard let node = known.node, node != held.node, known.owner.worker == sender.id else { continue }
                // A node that was cut off came back with it; its owner had asked again, and was given another worker.
                endLease(held.lease, .killWorker, at: now, into: &effects)
            }
            if recovery != nil, nodes[held.node]?.isConfirmed == false {
                peers[sender.id]?.claims[held.lease] = held.node
            } else {
                let error = RayError(.workerDied, "the lease ended while the head was not reached", node: held.node.hex)
                effects.send(.leaseLost(LeaseLost(lease: held.lease, error: error)), to: sender.id)
            }
        }
    }

    private func flaw(of message: Rejoin, _ sender: Sender) -> RayError? {
        guard message.clusterName.isEmpty || message.clusterName == settings.clusterName else {
            return RayError(
                .clusterUnreachable,
                "the program belongs to the cluster '\(message.clusterName)', and the head at this address is that "
                    + "of '\(settings.clusterName)': start the program again")
        }
        guard goneProcesses[sender.id] == nil, peers[sender.id]?.isGone == false else {
            return RayError(
                .clusterUnreachable, "the cluster took this process for dead, since its link to the head was lost")
        }
        switch sender.role {
        case .worker: return nil
        case .driver:
            if let job = jobs[message.job], !job.isEnded, job.info.driver.worker == sender.id { return nil }
            return RayError(
                .clusterUnreachable,
                "job \(message.job.value) has ended: its driver was not reached for too long; start the program again")
        case .raylet, .commandLine, .gcs: return RayError(.invalidArgument, "\(sender.id) has nothing to rejoin")
        }
    }

    /// Takes for dead what nobody has confirmed in time.
    mutating func endRecovery(at now: Instant, into effects: inout GCSEffects) {
        guard let recovery, recovery.end <= now else { return }
        self.recovery = nil
        let reason = "it did not come back in time after the head was started again"
        for id in nodeOrder where nodes[id]?.isConfirmed == false {
            nodeDied(id, reason: reason, at: now, into: &effects)
        }
        let error = RayError(.workerDied, "its worker \(reason.dropFirst(3))")
        for id in unconfirmedActors.sorted() {
            guard let lease = actors[id]?.lease else { continue }
            incarnationEnded(id, lease, error, at: now, into: &effects)
        }
        unconfirmedActors = []
        for id in jobs.keys.sorted() {
            guard let job = jobs[id], !job.isEnded, peers[job.info.driver.worker] == nil else { continue }
            endJob(id, reason: "its driver did not come back after the head was started again", at: now, into: &effects)
        }
        let owners = Set(ownerLeases.keys).union(creatorActors.keys).union(recovery.owners)
            .union(awaitedActors.values.map(\.creator))
        let absent = owners.filter { peers[$0] == nil && $0 != .gcs && !$0.isNone }.sorted()
        if !absent.isEmpty { processesGone(absent, at: now, into: &effects) }
        for (peer, record) in peers.sorted(by: { $0.key < $1.key }) {
            peers[peer]?.claims = [:]
            for lease in record.claims.keys.sorted() {
                tell(peer, .leaseLost(LeaseLost(lease: lease, error: error)), into: &effects)
            }
        }
        for worker in workerLeases.keys.sorted() where peers[worker] == nil {
            lostWorkers.append(LostWorker(worker: worker, at: now, reason: reason))
        }
        effects.log(.info, "recovery ended: \(nodes.count) nodes, \(jobs.count) jobs, \(actors.count) actors")
    }
}
