//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// Leases from the owner's side, and what the scheduler decides.
extension GCSCore {
    mutating func requestLease(
        _ request: RequestLease, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        let id = request.lease
        if let known = leases[id], known.owner.worker == sender.id {
            leases[id]?.learn(request.environment)
            guard case .ready(_, let worker, let processID) = known.state else { return }
            let granted = LeaseGranted(lease: id, worker: worker, processID: processID)
            return effects.send(.leaseGranted(granted), to: sender.id)
        }
        if let error = flaw(of: request, sender) {
            return effects.send(.leaseRefused(LeaseRefused(lease: id, error: error)), to: sender.id)
        }
        guard let program = jobs[request.job]?.info.program else { return }
        let locality = request.locality.prefix(GCSLimits.localityNodesMax).map {
            LeaseRequest.Locality($0.node, bytes: max(0, $0.bytes))
        }
        let wanted = LeaseRequest(
            id: id, owner: sender.id, ownerNode: request.owner.node, job: request.job, shape: request.shape,
            strategy: request.strategy, locality: Array(locality))
        leases[id] = LeaseRecord(
            request: wanted, owner: request.owner, program: program, purpose: .tasks, environment: request.environment)
        ownerLeases[sender.id, default: []].insert(id)
        notices.requested(id, at: now)
        if let environment = request.environment { hold(environment, for: .job(request.job)) }
        schedule(.request(wanted), at: now, into: &effects)
    }

    private func flaw(of request: RequestLease, _ sender: Sender) -> RayError? {
        guard leases[request.lease] == nil, request.owner.worker == sender.id else {
            return RayError(.invalidArgument, "lease \(request.lease) belongs to another process")
        }
        guard acts(sender.id, for: request.job) else {
            return jobIsGone(request.job)
        }
        guard request.shape.entries.count <= GCSLimits.resourcesPerRequestMax else {
            return RayError(
                .invalidArgument, "a task names more than \(GCSLimits.resourcesPerRequestMax) resources")
        }
        guard request.environment?.variableBytes ?? 0 <= Limits.environmentBytesMax else {
            return RayError(
                .invalidArgument,
                "the variables of a runtime environment have more than \(Limits.environmentBytesMax >> 10) KiB")
        }
        guard leases.count < GCSLimits.leasesMax,
            ownerLeases[sender.id, default: []].count < GCSLimits.leasesPerOwnerMax
        else { return RayError(.systemError, "too many lease requests are open; submit fewer kinds of tasks at once") }
        return nil
    }

    /// The owner withdraws a request or gives a lease back.
    mutating func ownerEndsLease(
        _ id: LeaseID, _ fate: WorkerFate, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let record = leases[id] else {
            // Its node has not said yet that it serves it; when it does, nobody wants that any more.
            let wasClaimed = peers[sender.id]?.claims.removeValue(forKey: id) != nil
            if wasClaimed, fate == .killWorker { peers[sender.id]?.abandoned.insert(id) }
            return
        }
        guard record.owner.worker == sender.id else { return }
        endLease(id, fate, at: now, into: &effects)
    }

    /// Ends a lease and frees its resources.
    mutating func endLease(_ id: LeaseID, _ fate: WorkerFate, at now: Instant, into effects: inout GCSEffects) {
        guard forgetLease(id, fate, into: &effects) else { return }
        schedule(.release(id), at: now, into: &effects)
    }

    /// Takes a lease out of the tables and tells its node, before anything new is assigned there; the scheduler must
    /// be told next.
    @discardableResult
    mutating func forgetLease(_ id: LeaseID, _ fate: WorkerFate, into effects: inout GCSEffects) -> Bool {
        guard let record = leases.removeValue(forKey: id) else { return false }
        if record.purpose == .tasks {
            ownerLeases[record.owner.worker]?.remove(id)
            if ownerLeases[record.owner.worker]?.isEmpty == true { ownerLeases[record.owner.worker] = nil }
        }
        if let worker = record.worker { workerLeases[worker.worker] = nil }
        if fate != .isGone, let node = record.node, nodes[node] != nil {
            let release = ReleaseLease(lease: id, kill: fate == .killWorker)
            effects.send(.releaseLease(release), to: WorkerID(raylet: node))
        }
        return true
    }

    mutating func leaseBlocked(_ id: LeaseID, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        guard workerLeases[sender.id] == id else {
            if isAwaited(sender) { peers[sender.id]?.earlyCPU = (id, .blocked) }
            return
        }
        schedule(.blocked(id, worker: sender.id), at: now, into: &effects)
    }

    /// Whether the node of a worker has not come back yet after a new start.
    private func isAwaited(_ sender: Sender) -> Bool {
        guard recovery != nil, let node = peers[sender.id]?.address.node else { return false }
        return nodes[node]?.isConfirmed == false
    }

    mutating func leaseUnblocked(_ id: LeaseID, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        guard workerLeases[sender.id] == id else {
            if isAwaited(sender), peers[sender.id]?.earlyCPU?.lease == id {
                peers[sender.id]?.earlyCPU = (id, .resuming)
                return
            }
            // The lease ended meanwhile: nobody gives a CPU back for it, so its worker must not wait for one.
            return effects.send(.leaseResumed(LeaseResumed(lease: id)), to: sender.id)
        }
        let start = effects.items.count
        schedule(.unblocked(id), at: now, into: &effects)
        let isAnswered = effects.items[start...].contains { effect in
            switch effect {
            case .send(.leaseResumed(let resumed), _, _): resumed.lease == id
            case .send(.reclaimLeases, _, to: sender.id): true
            default: false
            }
        }
        // What it waits for is perhaps held by a lease of its own that has no work any more. It is asked at once, the others
        // now and then (`SchedulerCore.reclaim`).
        if !isAnswered, ownerLeases[sender.id] != nil {
            effects.send(.reclaimLeases(ReclaimLeases()), to: sender.id)
        }
    }

    // MARK: Scheduler

    /// Tells the scheduler something and does what it decides.
    mutating func schedule(_ input: SchedulerInput, at now: Instant, into effects: inout GCSEffects) {
        var decisions = SchedulerEffects()
        scheduler.receive(input, at: now, into: &decisions)
        for decision in decisions.items { perform(decision, at: now, into: &effects) }
    }

    private mutating func perform(_ decision: SchedulerEffect, at now: Instant, into effects: inout GCSEffects) {
        switch decision {
        case .grant(let grant): assign(grant, at: now, into: &effects)
        case .refused(let id, _, let refusal, let reason):
            refused(id, refusal, reason: reason, at: now, into: &effects)
        case .leaseRevoked(let id, _, let group): leaseRevoked(id, group, at: now, into: &effects)
        case .groupPlaced(let id, _): groupPlaced(id, into: &effects)
        case .groupLost(let id): groupLost(id, into: &effects)
        case .leaseLost(let id, _, let node, let reason):
            lostWithNode(id, node: node, reason: reason, at: now, into: &effects)
        case .leaseEnded: break  // Its node was told by `forgetLease`.
        case .adoptionRefused(let id, let node): adoptionRefused(id, node, at: now, into: &effects)
        case .resumeGranted(let id, _):
            guard let worker = leases[id]?.worker else { break }
            tell(worker.worker, .leaseResumed(LeaseResumed(lease: id)), into: &effects)
        case .reclaimIdle(let owner): tell(owner, .reclaimLeases(ReclaimLeases()), into: &effects)
        }
    }

    private mutating func assign(_ grant: LeaseGrant, at now: Instant, into effects: inout GCSEffects) {
        guard let record = leases[grant.id], record.isWaiting else {
            // It ended while the scheduler decided.
            if leases[grant.id] == nil { schedule(.release(grant.id), at: now, into: &effects) }
            return
        }
        leases[grant.id]?.state = .assigned(grant.node)
        var actor: ActorID?
        if case .actor(let id) = record.purpose { actor = id }
        var assign = AssignLease(
            lease: grant.id, job: record.job, owner: record.owner, program: record.program,
            acceleratorIDs: grant.acceleratorIDs,
            actor: actor, held: grant.held, bundle: grant.bundle)
        assign.environment = record.environment
        effects.send(.assignLease(assign), to: WorkerID(raylet: grant.node))
    }

    private mutating func refused(
        _ id: LeaseID, _ refusal: LeaseRefusal, reason: String, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let record = leases[id] else { return }
        forgetLease(id, .isGone, into: &effects)
        let isRemoved = refusal == .groupRemoved
        let group = isRemoved ? record.request.strategy.group : nil
        let reason = group.map { removalReason(of: $0) } ?? reason
        switch record.purpose {
        case .tasks:
            let error = RayError(isRemoved ? .taskPlacementGroupRemoved : .taskUnschedulable, reason)
            tell(record.owner.worker, .leaseRefused(LeaseRefused(lease: id, error: error)), into: &effects)
        case .actor(let actor):
            let type: ErrorType = isRemoved ? .actorPlacementGroupRemoved : .actorUnschedulable
            endActor(actor, RayError(type, reason), at: now, into: &effects)
        }
    }

    private mutating func lostWithNode(
        _ id: LeaseID, node: NodeID, reason: String, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let record = leases[id] else { return }
        if record.purpose == .tasks, case .assigned = record.state {
            // No task knows of it yet: another node will do as well.
            leases[id]?.state = .waiting
            return schedule(.request(record.request), at: now, into: &effects)
        }
        forgetLease(id, .isGone, into: &effects)
        let host = deadNodes[node]?.info.address.host ?? ""
        let error = RayError(.nodeDied, reason, node: node.hex, host: host)
        end(record, error, wasPreempted: wasPreempted(node), at: now, into: &effects)
    }

    /// Tells whoever used a lease that ended against its will. The lease is out of the tables already.
    mutating func end(
        _ record: LeaseRecord, _ error: RayError, wasPreempted: Bool = false, at now: Instant,
        into effects: inout GCSEffects
    ) {
        switch (record.purpose, record.state) {
        case (.actor(let actor), _):
            incarnationEnded(actor, record.id, error, wasPreempted: wasPreempted, at: now, into: &effects)
        case (.tasks, .ready):
            let lost = LeaseLost(lease: record.id, error: error, wasPreempted: wasPreempted)
            tell(record.owner.worker, .leaseLost(lost), into: &effects)
        case (.tasks, _):
            let refused = LeaseRefused(lease: record.id, error: error)
            tell(record.owner.worker, .leaseRefused(refused), into: &effects)
        }
    }

    // MARK: Reasons

    /// Tells owners why their requests wait.
    mutating func notifyPending(at now: Instant, into effects: inout GCSEffects) {
        var lookedCount = 0
        while lookedCount < GCSLimits.noticesPerTickMax, let id = notices.popDue(at: now) {
            // Most requests have been served before they are due: those cost nothing.
            guard let record = leases[id], record.worker == nil else { continue }
            lookedCount += 1
            guard let reason = reason(of: record) else { continue }
            notices.lookAgain(id, at: now)
            guard reason != record.reason else { continue }
            leases[id]?.reason = reason
            if case .actor(let actor) = record.purpose {
                warn(of: actor, reason, at: now, into: &effects)
            } else {
                tell(record.owner.worker, .leasePending(LeasePending(lease: id, reason: reason)), into: &effects)
            }
        }
    }

    /// Tells the drivers of an actor's job that it fits nowhere; who calls it would wait without a word.
    private func warn(
        of id: ActorID, _ reason: PendingReason, at now: Instant, into effects: inout GCSEffects
    ) {
        guard reason.code == .infeasible, let actor = actors[id] else { return }
        let words = "The actor \(actor.title) cannot be started on any node and waits: \(reason.sentence)"
        report(
            ErrorReport("infeasible_actor", words, job: id.job, key: id.bytes, reportedAt: now.nanoseconds),
            into: &effects)
    }

    func reason(of record: LeaseRecord) -> PendingReason? {
        switch record.state {
        case .waiting: return scheduler.pendingReason(of: record.id)
        case .assigned(let node):
            let title = nodes[node]?.title ?? node.hex
            return PendingReason(.workerStarting, "a worker process is being started on node \(title)")
        case .ready: return nil
        }
    }
}
