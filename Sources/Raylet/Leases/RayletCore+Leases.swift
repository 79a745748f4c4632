//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// The GCS wants a worker for a lease.
    mutating func assignLease(_ assign: AssignLease, at now: Instant, into effects: inout [RayletEffect]) {
        if let lease = leases[assign.lease] {
            // The GCS repeats itself after a new link: the answer may have been lost with the old one.
            if let token = lease.worker { sendLeaseReady(lease.id, worker: token, into: &effects) }
            return
        }
        let key = PoolKey(
            job: assign.job, program: assign.program, acceleratorIDs: assign.acceleratorIDs,
            environment: assign.environment,
            isOnOneMemoryNode: fitsMemoryNode(assign.held))
        clearAccelerators(for: key, at: now, into: &effects)
        leases[assign.lease] = Lease(
            id: assign.lease, key: key, owner: assign.owner, held: assign.held, bundle: assign.bundle,
            actor: assign.actor)
        waitingLeases.append(assign.lease)
        serveWaitingLeases(at: now, into: &effects)
    }

    /// Gives idle workers to waiting leases, and starts workers for those that find none.
    mutating func serveWaitingLeases(at now: Instant, into effects: inout [RayletEffect]) {
        var wanted: [(key: PoolKey, count: Int)] = []
        // Looked for once, not for each lease: mostly there are none.
        var idle = pool.idleWorkers
        for id in waitingLeases {
            guard let lease = leases[id] else { continue }
            if let index = idle.lastIndex(where: { pool[$0]?.suits(lease) == true }) {
                serve(id, with: idle.remove(at: index), at: now, into: &effects)
            } else if let index = wanted.firstIndex(where: { $0.key == lease.key }) {
                wanted[index].count += 1
            } else {
                wanted.append((lease.key, 1))
            }
        }
        for (key, count) in wanted {
            // Both are fetched at the same time.
            let isReady = isReady(key.environment, at: now, into: &effects)
            guard let path = path(of: key.program, at: now, into: &effects), isReady else { continue }
            var missing = count - pool.startingCount(of: key)
            while missing > 0, pool.startingCount < settings.workersStartingMax {
                startWorker(key, path: path, at: now, into: &effects)
                missing -= 1
            }
        }
    }

    /// The lease has ended: its worker is idle, or killed.
    mutating func releaseLease(
        _ id: LeaseID, kill: Bool, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let lease = removeLease(id) else { return }
        guard let token = lease.worker else { return }
        guard !kill, lease.actor == nil, pool[token]?.state == .leased(id) else {
            return killWorker(token: token, isIntended: true, at: now, into: &effects)
        }
        pool.move(token, to: pool[token]?.isRetired == true ? .leaving : .idle, at: now)
        serveWaitingLeases(at: now, into: &effects)
    }

    /// Kills the worker of a lease; the lease ends with it.
    mutating func killWorker(
        _ id: LeaseID, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let lease = leases[id] else { return }
        guard let token = lease.worker else {
            failLease(id, RayError(.workerDied, "the worker was killed before it was there: \(reason)"), into: &effects)
            return
        }
        effects.append(.log(.info, "killing the worker of lease \(id): \(reason)"))
        killWorker(token: token, isIntended: true, at: now, into: &effects)
    }

    /// Processes and jobs are gone: frees what they owned, ends workers that nobody needs.
    mutating func releaseOwned(
        _ release: ReleaseOwned, at now: Instant, into effects: inout [RayletEffect]
    ) {
        for owner in release.workers.sorted() { ownerGone(owner, at: now, into: &effects) }
        for job in release.jobs.sorted() {
            // A lease that was not released serves a detached actor, or was asked for by one: it goes on.
            let isUsed = Set(waitingLeases.compactMap { leases[$0]?.key })
            var isKept = false
            for token in pool.order {
                guard let worker = pool[token], worker.key.job == job else { continue }
                switch worker.state {
                case .leased: isKept = true
                case .requested, .starting:
                    if isUsed.contains(worker.key) {
                        isKept = true
                    } else {
                        killWorker(token: token, isIntended: true, at: now, into: &effects)
                    }
                case .idle, .leaving: killWorker(token: token, isIntended: true, at: now, into: &effects)
                case .killed, .ended: break
                }
            }
            if isKept { endedJobs.insert(job) }
        }
    }

    /// Answers a lease with an error and forgets it.
    mutating func failLease(_ id: LeaseID, _ error: RayError, into effects: inout [RayletEffect]) {
        guard removeLease(id) != nil else { return }
        var error = error
        if error.host.isEmpty { error.host = settings.info.address.host }
        effects.append(.send(.leaseFailed(LeaseFailed(lease: id, error: error)), requestID: 0, to: .gcs))
    }

    /// Takes a lease out of all tables.
    mutating func removeLease(_ id: LeaseID) -> Lease? {
        guard let lease = leases.removeValue(forKey: id) else { return nil }
        if lease.worker == nil { waitingLeases.removeAll { $0 == id } }
        return lease
    }

    private mutating func serve(
        _ id: LeaseID, with token: UInt64, at now: Instant, into effects: inout [RayletEffect]
    ) {
        waitingLeases.removeAll { $0 == id }
        leases[id]?.worker = token
        pool.update(token) { $0.hasServed = true }
        pool.move(token, to: .leased(id), at: now)
        sendLeaseReady(id, worker: token, into: &effects)
    }

    private func sendLeaseReady(_ id: LeaseID, worker token: UInt64, into effects: inout [RayletEffect]) {
        guard let worker = pool[token], let address = worker.address else { return }
        let ready = LeaseReady(lease: id, worker: address, processID: worker.processID ?? 0)
        effects.append(.send(.leaseReady(ready), requestID: 0, to: .gcs))
    }

    /// Where the executable is, or nothing while it is being fetched.
    private mutating func path(of program: Program, at now: Instant, into effects: inout [RayletEffect]) -> String? {
        switch programs[program.key] {
        case .ready(let path): return path
        case .fetching: return nil
        case nil:
            programs.begin(program.key, at: now)
            effects.append(.fetchProgram(program))
            return nil
        }
    }

    /// The executable is here: workers that wait for it are started.
    mutating func programReady(
        _ key: String, path: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard programs.finish(key, path: path, at: now) else { return }
        serveWaitingLeases(at: now, into: &effects)
    }

    /// Deletes executables that nobody has used for some time, as a job that uses them again brings them again.
    mutating func checkPrograms(at now: Instant, into effects: inout [RayletEffect]) {
        guard now >= nextProgramCheck else { return }
        nextProgramCheck = now.advanced(milliseconds: settings.programIdleMilliseconds / 10)
        let inUse = Set(leases.values.map(\.key.program.key) + pool.workers.values.map(\.key.program.key))
        for key in programs.removeUnused(for: settings.programIdleMilliseconds, inUse: inUse, at: now) {
            effects.append(.removeProgram(key))
        }
    }

    /// The executable cannot be had or run: leases that wait for it fail.
    mutating func programFailed(_ key: String, _ error: RayError, into effects: inout [RayletEffect]) {
        programs.remove(key)
        for id in waitingLeases where leases[id]?.key.program.key == key { failLease(id, error, into: &effects) }
    }
}
