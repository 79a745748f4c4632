//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Requests come in, leases are granted, blocked, resumed and end.
extension SchedulerCore {
    /// Classes without requests beyond this number are forgotten.
    static let idleClassesMax = 1024
    private static let faultPeriod: UInt64 = 50

    /// Queues a request, or answers again if it was granted.
    mutating func enqueue(_ request: LeaseRequest, at now: Instant, into effects: inout SchedulerEffects) {
        if let lease = leases[request.id] {
            effects.append(.grant(lease.grant))
            return
        }
        guard pending[request.id] == nil else { return }
        if let flaw = request.flaw {
            let reason = "lease \(request.id.hex) \(flaw)"
            effects.append(.refused(request.id, owner: request.owner, .unschedulable, reason: reason))
            return
        }
        provideImplicit(request.shape)
        provideImplicit(request.held)
        if let (refusal, reason) = refusal(of: request) {
            effects.append(.refused(request.id, owner: request.owner, refusal, reason: reason))
            return
        }
        queue(request, isUrgent: waitingOwners.contains(request.owner), at: now)
    }

    /// Puts a request behind those of its class.
    private mutating func queue(_ request: LeaseRequest, isUrgent: Bool, at now: Instant) {
        let classID = classID(for: RequestClass.Key(request, isUrgent: isUrgent))
        arrivalCount += 1
        pending[request.id] = PendingRequest(
            request: request, arrival: arrivalCount, arrivedAt: now, classID: classID)
        if classes[classID]?.count == 0 { waitingClasses.insert(classID, at: waitingIndex(of: classID)) }
        classes[classID]?.append(request.id, arrival: arrivalCount)
        owners[request.owner, default: OwnerRecord()].pending.insert(request.id)
    }

    /// Turns a request into a lease on the node at `index`, which has room.
    mutating func grant(_ waiting: PendingRequest, on index: Int, into effects: inout SchedulerEffects) {
        let request = waiting.request
        guard let shares = nodes[index].devices.shares(for: request.held) else {
            preconditionFailure("a node was chosen that lacks the devices of the request")
        }
        removePending(waiting)
        let lease = Lease(
            request: request, node: nodes[index].id, pool: nodes[index].pool, shares: shares,
            acceleratorIDs: nodes[index].devices.ids(of: shares))
        leases[request.id] = lease
        grantCount += 1
        nodes[index].leases.insert(request.id)
        let isFaulty = plantedFault == .grantTwice && grantCount.isMultiple(of: Self.faultPeriod)
        if !isFaulty {
            nodes[index].available = nodes[index].available - request.held
            nodes[index].devices.take(shares)
        }
        if request.isActor { nodes[index].heldByActors = nodes[index].heldByActors + request.held }
        if request.held.isEmpty { nodes[index].holdingNothingCount += 1 }
        owners[request.owner, default: OwnerRecord()].leases.insert(request.id)
        if !request.isActor { owners[request.owner]?.reclaimableCount += 1 }
        effects.append(.grant(lease.grant))
    }

    /// Ends a lease or withdraws a request; unknown ids are ignored.
    mutating func end(_ id: LeaseID, into effects: inout SchedulerEffects) {
        if let waiting = pending[id] { return removePending(waiting) }
        guard let lease = leases.removeValue(forKey: id) else { return }
        forgetLease(lease)
        effects.append(.leaseEnded(id, node: lease.node))
        guard let index = index(of: lease.pool) else { return }
        nodes[index].leases.remove(id)
        nodes[index].available = nodes[index].available + lease.heldNow
        nodes[index].devices.giveBack(lease.shares)
        if lease.request.isActor { nodes[index].heldByActors = nodes[index].heldByActors - lease.heldNow }
        if lease.request.held.isEmpty { nodes[index].holdingNothingCount -= 1 }
        if lease.wantsCPU { nodes[index].resumeQueue.removeAll { $0 == id } }
        markChanged(lease.pool)
    }

    /// Gives the CPU of a lease back to the pool; what its worker has asked for goes first from here on.
    mutating func block(_ id: LeaseID, _ worker: WorkerID?) {
        guard let lease = leases[id], let index = index(of: lease.pool) else { return }
        switch lease.state {
        case .blocked: return
        case .running: changeCPU(of: lease, on: index, isTaken: false)
        case .resuming, .overdrawn: nodes[index].resumeQueue.removeAll { $0 == id }
        }
        leases[id]?.state = .blocked
        markChanged(lease.pool)
        guard let worker, lease.state != .resuming, !waitingOwners.contains(worker) else { return }
        leases[id]?.waitingWorker = worker
        waitingOwners.insert(worker)
        let waiting = (owners[worker]?.pending ?? []).compactMap { pending[$0] }.sorted { $0.arrival < $1.arrival }
        for request in waiting where classes[request.classID]?.key.isUrgent == false {
            removePending(request)
            queue(request.request, isUrgent: true, at: request.arrivedAt)
        }
    }

    /// Queues a lease for its CPU; answers again if it has it already.
    mutating func unblock(_ id: LeaseID, into effects: inout SchedulerEffects) {
        guard let lease = leases[id], let index = index(of: lease.pool) else { return }
        switch lease.state {
        case .running, .overdrawn:
            effects.append(.resumeGranted(id, node: lease.node))
        case .resuming:
            break
        case .blocked:
            if let worker = lease.waitingWorker { waitingOwners.remove(worker) }
            leases[id]?.waitingWorker = nil
            leases[id]?.state = .resuming
            nodes[index].resumeQueue.append(id)
            resumingPools.insert(lease.pool)
            markChanged(lease.pool)
        }
    }

    /// Gives leases that want their CPU again what is free, first come first served.
    ///
    /// One whose CPU actors have taken meanwhile goes on without it, until there is some.
    mutating func resume(on index: Int, into effects: inout SchedulerEffects) {
        guard !nodes[index].resumeQueue.isEmpty else { return }
        var left: [LeaseID] = []
        var isHeldUp = false
        for id in nodes[index].resumeQueue {
            guard let lease = leases[id] else { continue }
            if !isHeldUp, lease.cpu <= nodes[index].available[ResourceSet.cpu] {
                changeCPU(of: lease, on: index, isTaken: true)
                leases[id]?.state = .running
                if lease.state == .resuming { effects.append(.resumeGranted(id, node: lease.node)) }
                continue
            }
            left.append(id)
            guard lease.state == .resuming else { continue }
            if nodes[index].canResume(lease.cpu) {
                isHeldUp = true
            } else {
                leases[id]?.state = .overdrawn
                effects.append(.resumeGranted(id, node: lease.node))
            }
        }
        nodes[index].resumeQueue = left
    }

    /// Whether free CPU of a node is kept for leases that go on.
    func keepsCPUForResume(_ node: SchedulerNode) -> Bool {
        node.resumeQueue.contains { leases[$0]?.state == .resuming }
    }

    /// Forgets a lease on the side of its owner.
    mutating func forgetLease(_ lease: Lease) {
        if let worker = lease.waitingWorker { waitingOwners.remove(worker) }
        let owner = lease.request.owner
        owners[owner]?.leases.remove(lease.request.id)
        if !lease.request.isActor { owners[owner]?.reclaimableCount -= 1 }
        if owners[owner]?.isEmpty == true { owners[owner] = nil }
    }

    /// Takes a request out of the queue.
    mutating func removePending(_ waiting: PendingRequest) {
        let id = waiting.request.id
        pending[id] = nil
        owners[waiting.request.owner]?.pending.remove(id)
        if owners[waiting.request.owner]?.isEmpty == true { owners[waiting.request.owner] = nil }
        if reservation?.lease == id { endReservation() }
        classes[waiting.classID]?.placeBecameVoid()
        guard let group = classes[waiting.classID] else { return }
        if group.count == 0 {
            waitingClasses.remove(at: waitingIndex(of: waiting.classID))
            if classes.count > Self.idleClassesMax {
                classes[waiting.classID] = nil
                classIDs[group.key] = nil
            }
        } else if group.isMostlyVoid {
            classes[waiting.classID]?.removeVoid { pending[$0.id]?.arrival == $0.arrival }
        }
    }

    private mutating func changeCPU(of lease: Lease, on index: Int, isTaken: Bool) {
        let change = isTaken ? ResourceAmount.zero - lease.cpu : lease.cpu
        let cpu = ResourceSet.cpu
        nodes[index].available[cpu] = nodes[index].available[cpu] + change
        if lease.request.isActor { nodes[index].heldByActors[cpu] = nodes[index].heldByActors[cpu] - change }
    }

    private mutating func classID(for key: RequestClass.Key) -> Int {
        if let id = classIDs[key] { return id }
        classCount += 1
        classIDs[key] = classCount
        classes[classCount] = RequestClass(key: key)
        return classCount
    }

    /// Where a class is, or belongs, in `waitingClasses`.
    private func waitingIndex(of id: Int) -> Int {
        var low = 0
        var high = waitingClasses.count
        while low < high {
            let middle = (low + high) / 2
            if waitingClasses[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
