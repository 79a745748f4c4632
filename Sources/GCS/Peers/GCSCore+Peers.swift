//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

extension GCSCore {
    mutating func peerUp(
        _ id: WorkerID, role: ProcessRole, address: Address, at now: Instant, into effects: inout GCSEffects
    ) {
        guard id != .gcs, !id.isNone else {
            return effects.append(.disconnect(id, reason: "the id \(id) belongs to no process; use a random one"))
        }
        if peers[id] != nil {
            peers[id]?.address = address
            return
        }
        guard peers.count < GCSLimits.peersMax else {
            return effects.append(.disconnect(id, reason: "the cluster has \(peers.count) processes, its maximum"))
        }
        var address = address
        address.worker = id
        peers[id] = PeerRecord(role: role, address: address, at: now)
        // The raylet may have named it before it came.
        guard let lease = workerLeases[id], let record = leases[lease] else { return }
        peers[id]?.job = record.job
        if case .ready(_, _, let processID) = record.state { peers[id]?.processID = processID }
    }

    mutating func peerLost(_ id: WorkerID, reason: String, at now: Instant, into effects: inout GCSEffects) {
        if workerLeases[id] != nil, !lostWorkers.contains(where: { $0.worker == id }) {
            lostWorkers.append(LostWorker(worker: id, at: now, reason: reason))
        }
        guard let peer = peers[id] else { return }
        if peer.role == .worker { lostStarts.insert(peer.joinedAt, for: id) }
        for actor in peer.actors.sorted() { actors[actor]?.subscribers.remove(id) }
        for actor in peer.actors.sorted() where awaitedActors[actor] != nil { stopAwaiting(actor, id) }
        for channel in peer.channels { leave(channel, id) }
        stopGroupWaits(of: id)
        stopExplains(of: id, into: &effects)
        stopObjectLists(of: id, into: &effects)
        if !peer.isGone {
            switch peer.role {
            case .raylet:
                nodeDied(
                    NodeID(raylet: id), reason: "its raylet's link is lost: \(reason)",
                    isSudden: !reason.hasPrefix(LinkCore.goodbyePrefix), at: now, into: &effects)
            case .driver:
                if let job = peer.job ?? unclaimedJob(of: id) {
                    endJob(job, reason: "its driver's link is lost: \(reason)", at: now, into: &effects)
                } else {
                    processesGone([id], at: now, into: &effects)
                }
            case .worker: processesGone([id], at: now, into: &effects)
            case .commandLine, .gcs:
                guard ownerLeases[id] != nil || creatorActors[id] != nil else { break }
                processesGone([id], at: now, into: &effects)
            }
        }
        peers[id] = nil
    }

    /// The job of a driver that is lost after it has reached a new head, and before it has said whose it is.
    private func unclaimedJob(of driver: WorkerID) -> JobID? {
        jobs.keys.sorted().first { jobs[$0].map { !$0.isEnded && $0.info.driver.worker == driver } ?? false }
    }

    /// Ends all that dead processes owned, here and at all nodes, and tells the others, who may hold something for them.
    /// `jobs` are those that ended with them; those who know of an end that was expected have heard it from the process.
    mutating func processesGone(
        _ gone: [WorkerID], jobs ended: [JobID] = [], isExpected: Bool = false, at now: Instant,
        into effects: inout GCSEffects
    ) {
        let gone = gone.sorted()
        let unknown = gone.filter { goneProcesses[$0] == nil }
        // All are marked and forgotten first, so that nothing freed here is granted to another of them.
        for id in gone {
            peers[id]?.isGone = true
            goneProcesses.insert(true, for: id)
            for lease in (ownerLeases[id] ?? []).sorted() { forgetLease(lease, .killWorker, into: &effects) }
        }
        for id in gone { schedule(.ownerGone(id), at: now, into: &effects) }
        for id in gone {
            for actor in (creatorActors[id] ?? []).sorted() {
                endActor(actor, because: "the process that created it died", .ownerDied, at: now, into: &effects)
            }
        }
        for actor in awaitedActors.filter({ gone.contains($0.value.creator) }).keys.sorted() {
            giveUpAwaited(actor, .abandoned(actor), into: &effects)
        }
        traceOwnersGone(gone, at: now)
        let release = ReleaseOwned(workers: gone, jobs: ended)
        for node in nodeOrder { effects.send(.releaseOwned(release), to: WorkerID(raylet: node)) }
        guard !isExpected, !unknown.isEmpty else { return }
        let message = Message.processesDied(ProcessesDied(processes: unknown))
        for (peer, record) in peers.sorted(by: { $0.key < $1.key })
        where record.role == .driver || record.role == .worker {
            tell(peer, message, into: &effects)
        }
    }

    /// A worker that lost its link should be dead; if its raylet does not say so in time it is killed.
    mutating func killLostWorkers(at now: Instant, into effects: inout GCSEffects) {
        while let lost = lostWorkers.first,
            now >= lost.at.advanced(milliseconds: GCSLimits.lostWorkerMilliseconds)
        {
            lostWorkers.removeFirst()
            guard peers[lost.worker] == nil, let lease = workerLeases[lost.worker], let node = leases[lease]?.node
            else { continue }
            let reason = "its link to the GCS is lost: \(lost.reason)"
            effects.send(.killWorker(KillWorker(lease: lease, reason: reason)), to: WorkerID(raylet: node))
        }
    }

    /// Sends to a peer if its link is up.
    func tell(_ peer: WorkerID, _ message: Message, into effects: inout GCSEffects) {
        guard let record = peers[peer], !record.isGone else { return }
        effects.send(message, to: peer)
    }
}
