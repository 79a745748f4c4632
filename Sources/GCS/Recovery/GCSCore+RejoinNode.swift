//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A node over a new link: after a new start of the GCS, or of the link alone.
///
/// What the raylet says it serves is compared with what the GCS believes:
///
///     served, and wanted ───────────▶ adopted, before anything else is placed on the node
///     served, and wanted by nobody ─▶ ReleaseLease
///     believed, and not served ─────▶ ended; actors restart by their rules
extension GCSCore {
    mutating func rejoinNode(
        _ message: RejoinNode, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        let id = NodeID(raylet: sender.id)
        if let dead = deadNodes[id] { return shutDown(id, dead.deathReason, into: &effects) }
        if let error = flaw(of: message, sender) {
            effects.log(.warning, error.message)
            let reply = NodeRegistered(error: error, clusterName: settings.clusterName)
            return answer(.nodeRegistered(reply), sender, into: &effects)
        }
        answer(.nodeRegistered(registered), sender, into: &effects)
        let served = Set(message.leases.map(\.lease))
        // Only those of before: what is placed there from now on the raylet cannot know.
        let believed = leases.filter { $0.value.node == id }.map(\.key)
        if nodes[id]?.isConfirmed == true {
            nodes[id]?.lastReport = now
            releaseUnknown(message, id, into: &effects)
        } else {
            adoptNode(id, message, at: now, into: &effects)
        }
        endUnserved(on: id, believed.filter { !served.contains($0) }.sorted(), at: now, into: &effects)
        let ended = message.jobs.filter { jobs[$0].map(\.isEnded) ?? true }
        if !ended.isEmpty {
            effects.send(.releaseOwned(ReleaseOwned(workers: [], jobs: ended.sorted())), to: sender.id)
        }
        recovery?.owners.formUnion(message.owners)
    }

    private func flaw(of message: RejoinNode, _ sender: Sender) -> RayError? {
        guard sender.role == .raylet, message.info.address.node == NodeID(raylet: sender.id) else {
            return RayError(.invalidArgument, "\(sender.id) is not the raylet of node \(message.info.address.node)")
        }
        guard message.clusterName == settings.clusterName else {
            return RayError(
                .invalidArgument,
                "the node belongs to the cluster '\(message.clusterName)', and the head at this address is that of "
                    + "'\(settings.clusterName)': start the node again to join it")
        }
        guard nodes[NodeID(raylet: sender.id)] != nil || nodes.count < GCSLimits.nodesMax else {
            return RayError(.systemError, "the cluster has \(nodes.count) nodes, its maximum")
        }
        return nil
    }

    private mutating func adoptNode(
        _ id: NodeID, _ message: RejoinNode, at now: Instant, into effects: inout GCSEffects
    ) {
        var adopted: [AdoptedLease] = []
        var isWaited: [LeaseID] = []
        for held in message.leases {
            let wasWaiting = leases[held.lease] != nil
            guard let request = adopt(held, on: id) else {
                release(held, on: id, into: &effects)
                continue
            }
            let early = held.worker.flatMap { peers[$0.worker]?.earlyCPU }
            let cpu = early?.lease == held.lease ? early?.cpu : nil
            adopted.append(
                AdoptedLease(request, acceleratorIDs: held.acceleratorIDs, bundle: held.bundle, cpu: cpu ?? .unknown))
            if wasWaiting { isWaited.append(held.lease) }
        }
        enterNode(id, message.info, adopted: adopted, at: now, into: &effects)
        for lease in isWaited {
            guard let record = leases[lease], case .ready(_, let worker, let processID) = record.state else { continue }
            let granted = LeaseGranted(lease: lease, worker: worker, processID: processID)
            tell(record.owner.worker, .leaseGranted(granted), into: &effects)
        }
        for held in message.leases { repeatOrder(to: held, into: &effects) }
    }

    /// Whether the order to start or to end reached an actor's worker is not known; it answers the second as the first.
    private mutating func repeatOrder(to held: HeldLease, into effects: inout GCSEffects) {
        guard let id = held.actor, let actor = actors[id], actor.lease == held.lease,
            leases[held.lease]?.worker != nil
        else { return }
        switch actor.stage {
        case .starting(_, let worker): sendStart(actor, held.lease, to: worker, into: &effects)
        case .alive(_, let worker): if actor.isUnreferenced { sendDrain(actor, to: worker, into: &effects) }
        case .queued, .backingOff: break
        }
    }

    /// Enters a lease that a raylet serves into the tables if somebody still wants it; what the scheduler must know.
    private mutating func adopt(_ held: HeldLease, on id: NodeID) -> LeaseRequest? {
        guard let program = jobs[held.job]?.info.program, held.worker.map({ $0.node == id }) ?? true,
            held.worker.map({ workerLeases[$0.worker] == nil && $0.worker != .gcs }) ?? true
        else { return nil }
        if let bundle = held.bundle, groups[bundle.group] == nil { return nil }
        var record: LeaseRecord
        if let actor = held.actor {
            guard let known = actors[actor], unconfirmedActors.contains(actor), known.lease == held.lease,
                let worker = known.worker, worker.worker == held.worker?.worker
            else { return nil }
            unconfirmedActors.remove(actor)
            record = LeaseRecord(
                request: request(held.lease, for: known), owner: settings.address, program: program,
                purpose: .actor(actor), environment: known.spec.creation.environment)
        } else {
            let owner = held.owner.worker
            guard owner != .gcs, goneProcesses[owner] == nil, peers[owner]?.isGone != true else { return nil }
            if let known = leases[held.lease] {
                guard known.owner.worker == owner, known.isWaiting else { return nil }
                record = known
            } else {
                let isGivenUp = peers[owner].map { $0.hasRejoined && $0.claims[held.lease] != id } ?? false
                guard !isGivenUp, leases.count < GCSLimits.leasesMax else { return nil }
                let request = LeaseRequest(
                    id: held.lease, owner: owner, ownerNode: held.owner.node, job: held.job, shape: held.held)
                record = LeaseRecord(request: request, owner: held.owner, program: program, purpose: .tasks)
            }
            ownerLeases[owner, default: []].insert(held.lease)
            peers[owner]?.claims[held.lease] = nil
        }
        record.state = held.worker.map { .ready(id, $0, processID: held.processID) } ?? .assigned(id)
        leases[held.lease] = record
        if let worker = held.worker {
            workerLeases[worker.worker] = held.lease
            peers[worker.worker]?.job = held.job
        }
        return record.request
    }

    private func release(_ held: HeldLease, on id: NodeID, into effects: inout GCSEffects) {
        var isOrphan = goneProcesses[held.owner.worker] != nil || jobs[held.job] == nil
        if let bundle = held.bundle, groups[bundle.group] == nil { isOrphan = true }
        // Another node serves it, too: which of the two workers has the owner's tasks is not known yet.
        if let node = leases[held.lease]?.node, node != id { isOrphan = true }
        let isAbandoned = peers[held.owner.worker]?.abandoned.contains(held.lease) ?? false
        let release = ReleaseLease(lease: held.lease, kill: held.actor != nil || isOrphan || isAbandoned)
        effects.send(.releaseLease(release), to: WorkerID(raylet: id))
        // Nobody gives a CPU back for it.
        if let worker = held.worker, peers[worker.worker]?.earlyCPU?.cpu == .resuming {
            tell(worker.worker, .leaseResumed(LeaseResumed(lease: held.lease)), into: &effects)
        }
    }

    /// Only the link is new: leases that ended meanwhile are still served there, since the word was lost.
    private mutating func releaseUnknown(_ message: RejoinNode, _ id: NodeID, into effects: inout GCSEffects) {
        for held in message.leases where leases[held.lease]?.node != id { release(held, on: id, into: &effects) }
        for held in message.leases {
            guard let worker = held.worker, let record = leases[held.lease], case .assigned(id) = record.state
            else { continue }
            lateReady.append((id, LeaseReady(lease: held.lease, worker: worker, processID: held.processID)))
        }
    }

    /// Ends what the GCS believes to be on a node and its raylet does not serve.
    private mutating func endUnserved(
        on id: NodeID, _ lost: [LeaseID], at now: Instant, into effects: inout GCSEffects
    ) {
        for (node, ready) in lateReady {
            let sender = Sender(id: WorkerID(raylet: node), role: .raylet, requestID: 0)
            leaseReady(ready, sender, at: now, into: &effects)
        }
        lateReady = []
        let error = RayError(
            .workerDied, "its worker on node \(nodes[id]?.title ?? id.hex) ended while the head was not reached",
            node: id.hex, host: nodes[id]?.info.address.host ?? "")
        for lease in lost {
            guard let record = leases[lease] else { continue }
            endLease(lease, .isGone, at: now, into: &effects)
            end(record, error, at: now, into: &effects)
        }
        endUnconfirmedActors(on: id, error, at: now, into: &effects)
        for (peer, record) in peers.sorted(by: { $0.key < $1.key }) {
            for (lease, node) in record.claims.sorted(by: { $0.key < $1.key }) where node == id {
                peers[peer]?.claims[lease] = nil
                tell(peer, .leaseLost(LeaseLost(lease: lease, error: error)), into: &effects)
            }
        }
    }

    /// Actors that were in workers of a node, which does not say so.
    mutating func endUnconfirmedActors(
        on node: NodeID, _ error: RayError, at now: Instant, into effects: inout GCSEffects
    ) {
        for id in unconfirmedActors.sorted() {
            guard let actor = actors[id], let lease = actor.lease, actor.worker?.node == node else { continue }
            unconfirmedActors.remove(id)
            incarnationEnded(
                id, lease, error, wasPreempted: wasPreempted(node), at: now, into: &effects)
        }
    }

    mutating func adoptionRefused(
        _ id: LeaseID, _ node: NodeID, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let record = leases[id] else { return }
        forgetLease(id, .killWorker, into: &effects)
        let error = RayError(
            .workerDied, "node \(nodes[node]?.title ?? node.hex) does not have what the lease holds", node: node.hex)
        effects.log(.error, error.message)
        end(record, error, at: now, into: &effects)
    }
}
