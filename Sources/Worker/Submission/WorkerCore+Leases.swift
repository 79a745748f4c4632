//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// Leases: asking for workers, keeping them busy, giving them back (see docs/ARCHITECTURE.md, life of a task).
extension WorkerCore {
    /// Starts of workers that may fail one after the other before the tasks that wait for them fail: as many as a task has
    /// tries.
    private static let startDeathsMax = 4

    /// How long a lease of a shape without work is kept now: only briefly while our own task waits for others, which may
    /// need it, and not at all where tasks are to be spread: the next one is another node's turn.
    func leaseIdleMilliseconds(_ shape: Int) -> Int {
        if shapes[shape].isSpread { return 0 }
        return execution.cpu == .running
            ? configuration.leaseIdleMilliseconds : configuration.leaseIdleBlockedMilliseconds
    }

    // MARK: Queue

    mutating func shape(of spec: TaskSpec) -> Int {
        guard spec.arguments.contains(where: \.isReference) else {
            if let lastShape, lastShape.call.identity == spec.call.identity { return lastShape.index }
            let index = shape(of: spec, near: [:])
            lastShape = (spec.call, index)
            return index
        }
        var bytesByNode: [NodeID: Int] = [:]
        for case .reference(let reference) in spec.arguments {
            guard case .stored(let raylets, let byteCount)? = objects[reference.id]?.value else { continue }
            for raylet in raylets { bytesByNode[raylet.node, default: 0] += byteCount }
        }
        return shape(of: spec, near: bytesByNode)
    }

    private mutating func shape(of spec: TaskSpec, near bytesByNode: [NodeID: Int]) -> Int {
        var key = ShapeKey(
            resources: spec.resources, strategy: spec.strategy, preferredNode: nil, environment: spec.environment)
        let best = bytesByNode.max { ($0.value, $1.key) < ($1.value, $0.key) }
        if spec.strategy == .hybrid { key.preferredNode = best?.key }
        if let index = shapeIndices[key] { return index }
        shapes.append(Shape(key, localityBytes: best?.value ?? 0))
        shapeIndices[key] = shapes.count - 1
        return shapes.count - 1
    }

    /// Puts a task into the queue of its shape; gives the shape.
    @discardableResult
    mutating func enqueue(_ id: TaskID, _ spec: TaskSpec, atFront: Bool) -> Int {
        let index = shape(of: spec)
        if atFront { shapes[index].queue.prepend(id) } else { shapes[index].queue.append(id) }
        return index
    }

    /// Pushes queued tasks to leases with room, asks for further leases, and lets idle leases steal.
    mutating func dispatch(_ index: Int, at now: Instant, into effects: inout WorkerEffects) {
        adoptIdleLeases(index)
        while !shapes[index].queue.isEmpty, let lease = leaseWithRoom(index) {
            let id = shapes[index].queue.removeFirst()
            guard tasks[id]?.phase == .queued else { continue }
            push(id, to: lease, into: &effects)
        }
        requestLeases(index, into: &effects)
        steal(index, into: &effects)
        markIdle(index, at: now)
    }

    /// Takes over leases without work from shapes that differ only in the node they prefer.
    private mutating func adoptIdleLeases(_ index: Int) {
        var wanted = shapes[index].queue.count - shapes[index].leases.count
        guard wanted > 0, shapes.count > 1 else { return }
        let key = shapes[index].key
        for other in shapes.indices where other != index && shapes[other].queue.isEmpty {
            let otherKey = shapes[other].key
            guard otherKey.resources == key.resources, otherKey.strategy == key.strategy,
                otherKey.environment == key.environment
            else { continue }
            for id in shapes[other].leases where wanted > 0 {
                guard let lease = leases[id], lease.inFlight.isEmpty, lease.lostAt == nil,
                    key.preferredNode == nil || key.preferredNode == lease.worker.node
                else { continue }
                shapes[other].leases.removeAll { $0 == id }
                shapes[index].leases.append(id)
                leases[id]?.shape = index
                wanted -= 1
            }
        }
    }

    /// The lease with fewest tasks that may take another. A few per worker: enough to hide the way there.
    private func leaseWithRoom(_ index: Int) -> LeaseID? {
        var best: LeaseID?
        var bestCount = Limits.tasksInFlightPerLeaseMax
        for id in shapes[index].leases {
            if let count = leases[id]?.countIfOpen, count < bestCount {
                best = id
                bestCount = count
            }
        }
        return best
    }

    private mutating func push(_ id: TaskID, to leaseID: LeaseID, into effects: inout WorkerEffects) {
        guard let task = tasks[id], let shape = leases[leaseID]?.shape, let worker = leases[leaseID]?.worker.worker
        else { return }
        tasks.update(id) { $0.send(.pushed(leaseID), at: clock) }
        leases.update(leaseID) { lease in
            lease.inFlight.append(id)
            lease.idleSince = nil
            lease.isBare = false
        }
        shapes[shape].pushedCount += 1
        var spec = withItemsWanted(task)
        if spec.environment != nil { spec.environment = nil }
        effects.send(.pushTask(PushTask(lease: leaseID, spec: spec)), to: worker)
        if task.spec.generator != nil { tellConsumed(id, into: &effects) }
    }

    /// One lease for each task that could run by itself, up to a limit of requests under way.
    private mutating func requestLeases(_ index: Int, into effects: inout WorkerEffects) {
        let outstanding = shapes[index].queue.count + shapes[index].pushedCount
        let wanted = outstanding - shapes[index].leases.count
        let requestCount = min(wanted, Limits.leaseRequestsInFlightMax)
        while shapes[index].requests.count < requestCount {
            leaseCounter += 1
            let id = LeaseID.number(leaseCounter, owner: configuration.address.worker)
            shapes[index].requests.append(id)
            sendRequest(id, of: index, into: &effects)
        }
        while shapes[index].requests.count > max(0, requestCount) {
            let id = shapes[index].requests.removeLast()
            effects.send(.cancelLease(CancelLease(lease: id)), to: WorkerID.gcs)
        }
    }

    func sendRequest(_ id: LeaseID, of index: Int, into effects: inout WorkerEffects) {
        let shape = shapes[index]
        let locality = shape.key.preferredNode.map { [Locality(node: $0, bytes: shape.localityBytes)] } ?? []
        var request = RequestLease(
            lease: id, job: configuration.job, shape: shape.key.resources, strategy: shape.key.strategy,
            locality: locality, owner: configuration.address)
        request.environment = shape.key.environment
        effects.send(.requestLease(request), to: WorkerID.gcs)
    }

    /// A lease without work takes tasks that wait behind others: asks the most loaded worker to hand some back.
    private mutating func steal(_ index: Int, into effects: inout WorkerEffects) {
        guard shapes[index].queue.isEmpty, shapes[index].leases.count > 1 else { return }
        var hasIdle = false
        var victim: LeaseID?
        for id in shapes[index].leases {
            guard let lease = leases[id], lease.lostAt == nil, !lease.isRetired else { continue }
            if lease.isStealing { return }
            if lease.inFlight.isEmpty { hasIdle = true }
            if !lease.isBare, lease.inFlight.count > max(1, victim.flatMap { leases[$0]?.inFlight.count } ?? 0) {
                victim = id
            }
        }
        guard hasIdle, let victim, let lease = leases[victim] else { return }
        leases[victim]?.isStealing = true
        let count = UInt32((lease.inFlight.count + 1) / 2)
        effects.send(.stealTasks(StealTasks(lease: victim, count: count)), to: lease.worker.worker)
    }

    private mutating func markIdle(_ index: Int, at now: Instant) {
        // What is asked back may be work for them; others are kept that long anyway.
        if shapes[index].isSpread,
            shapes[index].leases.contains(where: { leases[$0]?.isStealing == true && leases[$0]?.lostAt == nil })
        {
            return
        }
        for id in shapes[index].leases where leases.update(id, { $0.becomesIdle(at: now) }) == true {
            setAlarm(now.advanced(milliseconds: leaseIdleMilliseconds(index)))
        }
    }

    // MARK: Grants

    mutating func leaseGranted(_ message: LeaseGranted, at now: Instant, into effects: inout WorkerEffects) {
        guard leases[message.lease] == nil else { return }
        guard let index = shapes.firstIndex(where: { $0.requests.contains(message.lease) }) else {
            effects.send(.returnLease(ReturnLease(lease: message.lease)), to: WorkerID.gcs)
            return
        }
        shapes[index].requests.removeAll { $0 == message.lease }
        shapes[index].leases.append(message.lease)
        shapes[index].startDeaths = 0
        leases[message.lease] = OwnedLease(shape: index, worker: message.worker, processID: message.processID)
        effects.append(.connect(message.worker))
        dispatch(index, at: now, into: &effects)
    }

    /// No worker can be had: without a lease that takes tasks the queued ones of the shape fail.
    ///
    /// What runs on a lease that takes none may itself wait for them.
    mutating func leaseRefused(_ message: LeaseRefused, at now: Instant, into effects: inout WorkerEffects) {
        guard let index = shapes.firstIndex(where: { $0.requests.contains(message.lease) }) else { return }
        shapes[index].requests.removeAll { $0 == message.lease }
        let isServed = shapes[index].leases.contains { leases[$0].map { !$0.isPaused && $0.lostAt == nil } ?? false }
        guard !isServed else { return }
        // A worker that is killed while it starts says nothing about the program: the lease is asked for again.
        if message.error.type == .workerDied {
            if shapes[index].countedRequests.remove(message.lease) == nil {
                shapes[index].startDeaths += 1
                shapes[index].countedRequests = Set(shapes[index].requests)
            }
            if shapes[index].startDeaths < Self.startDeathsMax { return dispatch(index, at: now, into: &effects) }
        }
        shapes[index].startDeaths = 0
        shapes[index].countedRequests = []
        let queued = shapes[index].queue
        shapes[index].queue = []
        for id in queued { fail(task: id, message.error, into: &effects) }
        dispatch(index, at: now, into: &effects)
    }

    mutating func leasePending(_ message: LeasePending, into effects: inout WorkerEffects) {
        guard shapes.contains(where: { $0.requests.contains(message.lease) }) else { return }
        // That others use the CPUs is the usual course; what no waiting will mend is worth a word, once.
        guard [.infeasible, .nodeUnavailable, .noNodes].contains(message.reason.code),
            lastWarning != message.reason
        else { return }
        lastWarning = message.reason
        effects.append(.warn("a task waits: \(message.reason.sentence)"))
    }

    // MARK: Ends

    /// A task is not at its worker any more.
    mutating func taskLeft(_ leaseID: LeaseID, _ id: TaskID, at now: Instant, into effects: inout WorkerEffects) {
        let left = leases.update(leaseID) { lease in
            lease.remove(id)
            let loss = lease.inFlight.isEmpty ? lease.loss : nil
            return (shape: lease.shape, isRetired: lease.isRetired, loss: loss)
        }
        guard let left else { return }
        shapes[left.shape].pushedCount -= 1
        if let loss = left.loss {
            return leaseLost(leaseID, loss.error, wasPreempted: loss.wasPreempted, at: now, into: &effects)
        }
        if left.isRetired { endRetired(leaseID, into: &effects) }
        dispatch(left.shape, at: now, into: &effects)
    }

    /// The worker did not begin these tasks and will not.
    mutating func handedBack(_ message: HandBack, at now: Instant, into effects: inout WorkerEffects) {
        guard var lease = leases[message.lease] else { return }
        let returned = Set(message.tasks.filter { tasks[$0]?.phase == .pushed(message.lease) })
        lease.isStealing = false
        lease.idleSince = nil
        lease.isBare = returned.isEmpty
        lease.inFlight.removeAll { returned.contains($0) }
        lease.isPaused = !lease.inFlight.isEmpty
        leases[message.lease] = lease
        shapes[lease.shape].pushedCount -= returned.count
        for id in message.tasks.reversed() where returned.contains(id) {
            if dropCancelled(id, into: &effects) { continue }
            tasks[id]?.phase = .queued
            shapes[lease.shape].queue.prepend(id)
        }
        if lease.isRetired { endRetired(message.lease, into: &effects) }
        dispatch(lease.shape, at: now, into: &effects)
    }

    /// Returns leases that have had no work for as long as they are kept; without `now` all that have none.
    mutating func returnIdleLeases(at now: Instant? = nil, into effects: inout WorkerEffects) {
        for index in shapes.indices where shapes[index].queue.isEmpty {
            let idleMilliseconds = leaseIdleMilliseconds(index)
            for id in shapes[index].leases {
                guard let lease = leases[id], lease.inFlight.isEmpty, lease.lostAt == nil, let since = lease.idleSince,
                    !lease.isStealing, now.map({ since.advanced(milliseconds: idleMilliseconds) <= $0 }) ?? true
                else { continue }
                leases[id] = nil
                shapes[index].leases.removeAll { $0 == id }
                effects.send(.returnLease(ReturnLease(lease: id)), to: WorkerID.gcs)
            }
        }
    }

    mutating func expireLeases(at now: Instant, into effects: inout WorkerEffects) {
        returnIdleLeases(at: now, into: &effects)
        for (id, lease) in leases.sorted(by: { $0.key < $1.key }) {
            if let killAt = lease.killAt, killAt <= now { killForced(id, lease, at: now, into: &effects) }
            if let loss = lease.loss {
                guard loss.due <= now else { continue }
                leaseLost(id, loss.error, wasPreempted: loss.wasPreempted, at: now, into: &effects)
                continue
            }
            guard headAwaySince == nil, let lostAt = lease.lostAt,
                now >= lostAt.advanced(milliseconds: configuration.deathCauseMilliseconds)
            else { continue }
            let error = RayError(
                .workerDied, "the worker (pid \(lease.processID)) is gone; the cluster could not say why",
                processID: lease.processID)
            // Perhaps only the way there is broken: the lease must end for the cluster, too.
            abandon(id, into: &effects)
            leaseLost(id, error, wasPreempted: false, at: now, into: &effects)
        }
    }

    /// Workers of a node that died are sent nothing more, though the links to them may still stand: above all not what was
    /// lost with the node, and has a try less then. What they have is up to the cluster's word on their leases.
    mutating func leaveLeases(on node: NodeID, at now: Instant) {
        for (id, lease) in leases where lease.worker.node == node && lease.lostAt == nil {
            leases[id]?.lostAt = now
            leases[id]?.idleSince = nil
            setAlarm(now.advanced(milliseconds: configuration.deathCauseMilliseconds))
        }
    }

    /// The link to a leased worker is gone, and all is read that it said: what it had begun waits for the cause, unless that
    /// is known, the rest goes elsewhere.
    mutating func leasedWorkerLost(
        _ peer: WorkerID, reason: String, at now: Instant, into effects: inout WorkerEffects
    ) {
        for (id, lease) in leases.sorted(by: { $0.key < $1.key }) where lease.worker.worker == peer {
            leases[id]?.isUnlinked = true
            if let loss = lease.loss {
                leaseLost(id, loss.error, wasPreempted: loss.wasPreempted, at: now, into: &effects)
            }
            guard lease.lostAt == nil else { continue }
            leases[id]?.lostAt = now
            setAlarm(now.advanced(milliseconds: configuration.deathCauseMilliseconds))
            leases[id]?.idleSince = nil
            orphan(id, into: &effects)
            dispatch(lease.shape, at: now, into: &effects)
        }
    }
}
