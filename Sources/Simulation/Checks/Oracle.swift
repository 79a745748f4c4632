//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What must hold in every run, whatever fails: results, order, at most one start, leases, CPUs.
struct Oracle {
    private struct Start: Hashable {
        var task: TaskID
        var attempt: Int
    }

    private struct Caller: Hashable {
        var actor: ActorID
        var incarnation: UInt32
        var caller: WorkerID
    }

    private var starts: Set<Start> = []
    var groups = GroupOracle()
    private var lastCounts: [Caller: UInt64] = [:]
    /// The lease that each worker was granted under.
    private var grants: [WorkerID: LeaseID] = [:]
    private var workers: [LeaseID: WorkerID] = [:]
    /// Leases that ended with an order to kill their workers.
    private var revoked: Set<LeaseID> = []
    /// Leases that went on without the CPU that actors or bundles had taken.
    private var overdrawn: Set<LeaseID> = []

    // MARK: Leases

    /// A worker serves one lease at a time.
    mutating func sentByGCS(_ message: Message, to peer: WorkerID, in cluster: Cluster) {
        switch message {
        case .leaseGranted(let granted):
            if let other = grants[granted.worker.worker], other != granted.lease {
                cluster.fail(
                    "worker \(granted.worker.worker.short) is granted as lease \(granted.lease.short) while it serves "
                        + other.short)
            }
            if let former = workers[granted.lease], former != granted.worker.worker, grants[former] == granted.lease {
                // The owner asked again since its head died: the grant before was lost with that.
                if cluster.killCounts.heads == 0 {
                    cluster.fail("lease \(granted.lease.short) is granted with two workers")
                }
                grants[former] = nil
            }
            grants[granted.worker.worker] = granted.lease
            workers[granted.lease] = granted.worker.worker
        case .releaseLease(let release):
            ended(release.lease)
            if release.kill { revoked.insert(release.lease) }
        case .leaseLost(let lost): ended(lost.lease)
        case .leaseResumed(let resumed):
            overdrawn.remove(resumed.lease)
            if cluster.gcs?.isOverdrawn(resumed.lease) == true { overdrawn.insert(resumed.lease) }
        case .assignLease(let assign): groups.assigned(assign, to: NodeID(raylet: peer), in: cluster)
        case .placementGroupsFound(let found): for state in found.groups { groups.shown(state, in: cluster) }
        default: break
        }
    }

    private mutating func ended(_ lease: LeaseID) {
        guard let worker = workers.removeValue(forKey: lease), grants[worker] == lease else { return }
        grants[worker] = nil
    }

    // MARK: References

    /// An owner tells somebody who holds a reference that the object is gone.
    ///
    /// Only a connection that is taken for lost, or the end of a process, may be the reason.
    func sentByOwner(_ message: Message, to peer: WorkerID, in cluster: Cluster) {
        let missing: [ObjectID]
        switch message {
        case .borrowNoted(let noted): missing = noted.missing
        case .objectStatus(let status) where status.error?.type == .objectFreed: missing = [status.object]
        default: return
        }
        guard let id = missing.first, cluster.killCounts.any == 0 else { return }
        cluster.fail("object \(id.short) was freed while \(peer.short) holds it")
    }

    // MARK: Tasks

    /// A task starts at most once for each attempt, and no more run on a node than it has CPUs.
    mutating func started(_ spec: TaskSpec, by worker: WorkerProcess, in cluster: Cluster) {
        cluster.report.taskCount += 1
        cluster.digest.add(spec.id.word0 ^ UInt64(spec.attempt))
        cluster.note("\(worker.name) starts task \(spec.id.short)/\(spec.attempt) \(spec.function.function)")
        groups.started(spec, by: worker, in: cluster)
        if case .actorCreation = spec.kind { return }
        if !starts.insert(Start(task: spec.id, attempt: spec.attempt)).inserted {
            cluster.fail("task \(spec.id.short) (\(spec.displayName)) starts twice in attempt \(spec.attempt)")
        }
        if case .actorCall(let actor, _) = spec.kind {
            if actor != worker.actor { cluster.fail("a call on actor \(actor) runs in another process") }
            if !worker.frames.isEmpty { cluster.fail("\(worker.name) runs two calls of its actor at the same time") }
            return
        }
        cpuTaken(by: worker, plus: spec, in: cluster)
    }

    /// No more runs on a node than it has CPUs.
    ///
    /// A worker that is to be killed does not count: the order goes to its raylet, while others hear on their own links
    /// that they may go on, and can hear it first. Nor does one that was told to go on without CPU.
    func cpuTaken(by worker: WorkerProcess, plus spec: TaskSpec? = nil, in cluster: Cluster) {
        guard let raylet = worker.raylet else { return }
        var used = raylet.workers.values.flatMap(\.cpusInUse)
        if let spec { used.append((worker.lease(of: spec), spec.resources[ResourceSet.cpu])) }
        used.removeAll { $0.lease.map { revoked.contains($0) || overdrawn.contains($0) } ?? false }
        groups.cpusTaken(used, in: cluster)
        let sum = used.reduce(ResourceAmount.zero) { $0 + $1.amount }
        if sum > ResourceAmount(Double(raylet.cpuCount)) {
            cluster.fail("\(sum) CPUs are in use on \(raylet.name), which has \(raylet.cpuCount)")
        }
    }

    /// An actor runs the calls of one caller in the order in which they were made, none of them twice.
    ///
    /// Unless its reply was lost with the link to an actor that lives on: then calls that have retries are made again,
    /// from the first one without a reply on.
    mutating func counted(_ number: UInt64, _ spec: TaskSpec, by worker: WorkerProcess, in cluster: Cluster) {
        guard case .actorCall(let actor, _) = spec.kind else { return }
        let caller = Caller(actor: actor, incarnation: worker.incarnation, caller: spec.owner.worker)
        let last = lastCounts[caller] ?? 0
        let isNext = cluster.killCounts.any == 0 ? number == last + 1 : number > last || spec.attempt > 0
        if !isNext {
            cluster.fail("actor \(actor) runs call \(number) of \(spec.owner.worker.short) after call \(last)")
        }
        lastCounts[caller] = number
    }

    // MARK: Results

    /// A driver got a result: the right one, or an error that a fault of this run explains.
    func delivered(
        _ result: Result<UInt64, RayError>, _ expected: Expectation, hasDeadline: Bool = false,
        _ driver: WorkerProcess, _ cluster: Cluster
    ) {
        if case .groupRemoved(let other?) = expected {
            guard case .failure(let error) = result, error.isOfRemovedGroup else {
                return delivered(result, other, hasDeadline: hasDeadline, driver, cluster)
            }
        }
        cluster.report.resultCount += 1
        switch (result, expected) {
        case (.success(let value), .value(let wanted)):
            cluster.digest.add(value)
            if value != wanted { cluster.fail("\(driver.name) got \(value), not \(wanted)") }
        case (.success(let value), .thrown): cluster.fail("\(driver.name) got \(value) from a task that throws")
        case (.success(let value), .cancelled(let late)):
            cluster.digest.add(value)
            if value != late { cluster.fail("\(driver.name) got \(value) from a task that is cancelled") }
        case (.success(let value), .groupRemoved):
            cluster.fail("\(driver.name) got \(value) from a task that ends with its group only")
        case (.success(let value), .ended): cluster.fail("\(driver.name) got \(value) after the last item")
        case (.success, .unchecked): break
        case (.failure(let error), .thrown) where error.type == .taskExecution,
            (.failure(let error), .cancelled) where error.type == .taskCancelled,
            (.failure(let error), .groupRemoved) where error.isOfRemovedGroup,
            (.failure(let error), .ended) where error.type == .endOfStreamingGenerator:
            cluster.digest.add(UInt64(error.type.rawValue))
        case (.failure(let error), _):
            cluster.report.errorCount += 1
            cluster.digest.add(UInt64(error.type.rawValue))
            cluster.note("\(driver.name) got the error \(error.type): \(error.message)")
            // What an actor kept or a task was given is lost with a process: then some wait until their time is up.
            // What runs in groups may wait for nodes that are gone, also inside of a task; and a script asks groups that
            // need not fit for a while only.
            let mayWait = cluster.plan.workload == .groups
            let isTimeout =
                error.type == .getTimeout
                && (hasDeadline && (mayWait || cluster.killCounts.any > 0) || mayWait && cluster.killCounts.any > 0)
            if !isTimeout, !isExplained(error, cluster) {
                cluster.fail("\(driver.name) got an error that no fault explains: \(error.type): \(error.message)")
            }
        }
    }

    private func isExplained(_ error: RayError, _ cluster: Cluster) -> Bool {
        let counts = cluster.killCounts
        let isLinkLost = counts.partitions + counts.silences + counts.longCuts > 0
        return switch error.type {
        // Tasks are tried four times: fewer deaths do not explain that all of them ended so.
        case .workerDied: counts.workers + counts.crashes + counts.partitions > 3
        case .nodeDied: counts.nodes > 0 || isLinkLost
        case .actorDied, .actorUnavailable: counts.workers + counts.nodes > 0 || isLinkLost
        // What tasks made is made again, so only what was put is lost with a node, or where nobody can reach it.
        case .objectUnreconstructablePut: counts.nodes > 0 || isLinkLost
        case .objectUnreconstructableMaxAttemptsExceeded:
            counts.workers + counts.crashes + counts.nodes + counts.partitions > 3
        case .objectUnreconstructableBorrowed: counts.workers + counts.nodes > 0 || isLinkLost
        // A generator that failed has fewer items.
        case .endOfStreamingGenerator: counts.any > 0
        case .ownerDied: counts.workers + counts.nodes + counts.drivers + counts.crashes > 0 || isLinkLost
        // Who was taken for dead by an owner comes too late.
        case .objectFreed: counts.workers + counts.nodes > 0 || isLinkLost
        case .localRayletDied: counts.nodes > 0
        case .clusterUnreachable: isLinkLost
        case .objectStoreFull: true
        // Its job counted as over.
        case .taskPlacementGroupRemoved, .actorPlacementGroupRemoved: isLinkLost
        case .outOfDisk: counts.disks > 0
        default: false
        }
    }
}

extension RayError {
    /// Whether it says that something ended with its placement group.
    var isOfRemovedGroup: Bool { type == .taskPlacementGroupRemoved || type == .actorPlacementGroupRemoved }
}
