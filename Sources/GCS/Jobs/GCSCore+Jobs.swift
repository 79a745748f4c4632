//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension GCSCore {
    mutating func registerJob(_ info: JobInfo, _ sender: Sender, into effects: inout GCSEffects) {
        guard sender.role == .driver, jobs.count < GCSLimits.jobsMax, jobCount < .max else {
            effects.log(.error, "a job of \(sender.id) was refused: it is no driver, or there are too many jobs")
            let reason = "only a driver can register a job, and at most \(GCSLimits.jobsMax) run at a time"
            return effects.append(.disconnect(sender.id, reason: reason))
        }
        let job: JobRecord
        if let known = peers[sender.id]?.job.flatMap({ jobs[$0] }) {
            job = known
        } else {
            jobCount += 1
            var info = info
            info.driver.worker = sender.id
            let name = info.namespace.isEmpty ? anonymousNamespace() : info.namespace
            job = JobRecord(id: JobID(jobCount), info: info, namespace: name)
            jobs[job.id] = job
            peers[sender.id]?.job = job.id
            effects.log(.info, "job \(jobCount) began: \(info.entrypoint)")
        }
        let program = job.info.program
        hold(nil, program: program, for: .job(job.id))
        let reply = JobRegistered(
            job: job.id, namespace: job.namespace, nodes: nodeOrder.compactMap { nodes[$0]?.info },
            hasProgram: program.hash.isEmpty || files[program.hash]?.isStored == true,
            clusterName: settings.clusterName,
            reconnectMilliseconds: settings.reconnectMilliseconds)
        answer(.jobRegistered(reply), sender, into: &effects)
    }

    mutating func finishJob(_ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        confirm(nil, sender, into: &effects)
        guard sender.role == .driver, let job = peers[sender.id]?.job else { return }
        let reason = "its program ended"
        noteEnd(of: sender.id, .intendedUserExit, "\(reason) by ray.shutdown()", at: now)
        endJob(job, reason: reason, at: now, into: &effects)
    }

    /// Ends a job's leases, actors and workers, except what its detached actors need.
    mutating func endJob(_ id: JobID, reason: String, at now: Instant, into effects: inout GCSEffects) {
        guard let job = jobs[id], !job.isEnded else { return }
        jobs[id]?.isEnded = true
        endedJobs.insert(job, for: id)
        jobs[id]?.actorCount += 1  // Keeps the record until the end of this function.
        effects.log(.info, "job \(id.value) ended: \(reason)")
        let survivors = survivors(of: id)
        let gone = peers.filter { $0.value.job == id && !survivors.contains($0.key) && !$0.value.isGone }.map(\.key)
        let serving = workerLeases.filter { leases[$0.value]?.job == id && !survivors.contains($0.key) }.map(\.key)
        let ending = actors.filter { $0.key.job == id && $0.value.spec.lifetime == .job }.map(\.key)
        noteEnd(of: job.info.driver.worker, .systemError, reason, at: now)
        for worker in serving.sorted() { noteOrder(worker, .intendedSystemExit, "its job ended (\(reason))") }
        for actor in ending.sorted() {
            endActor(actor, because: "the job that created it ended (\(reason))", .ownerDied, at: now, into: &effects)
        }
        for actor in awaitedActors.keys.filter({ $0.job == id }).sorted() {
            let error = RayError(.actorDied, "actor \(actor) will never live: its job ended before it was created")
            giveUpAwaited(actor, .unknown(actor, error), into: &effects)
        }
        processesGone(Array(Set(gone + serving + [job.info.driver.worker])), jobs: [id], at: now, into: &effects)
        removeGroups(of: id, at: now, into: &effects)
        releaseFiles(of: .job(id))
        actorOfJobEnded(id)
    }

    /// Counts an actor less, and forgets the job with its last one.
    mutating func actorOfJobEnded(_ id: JobID) {
        jobs[id]?.actorCount -= 1
        guard let job = jobs[id], job.isEnded, job.actorCount <= 0 else { return }
        jobs[id] = nil
        // What the workers of its detached actors wanted.
        releaseFiles(of: .job(id))
        deleteFunctions(of: id)
        deleteLateKeys()
    }

    /// Whether a process may still ask for something on behalf of a job: an ended one has only workers left that
    /// serve its detached actors.
    func acts(_ process: WorkerID, for id: JobID) -> Bool {
        guard let job = jobs[id], let role = peers[process]?.role, role == .driver || role == .worker else {
            return false
        }
        return !job.isEnded || workerLeases[process].flatMap { leases[$0]?.job } == id
    }

    mutating func forward(_ lines: LogLines, _ sender: Sender, into effects: inout GCSEffects) {
        guard sender.role == .raylet || sender.role == .worker, let job = jobs[lines.job], !job.isEnded else { return }
        tell(job.info.driver.worker, .logLines(lines), into: &effects)
    }

    /// Why nothing more is done for a job; those of its processes that ask may not have heard of its end.
    func jobIsGone(_ job: JobID, _ type: ErrorType = .ownerDied) -> RayError {
        RayError(
            type,
            "job \(job.value) is not running: its program has ended, or was taken for dead since the head did not hear "
                + "of it; call ray.init() again")
    }

    /// Has all raylets pass on what workers of a driver have printed.
    func flushLines(_ message: FlushLines, _ sender: Sender, into effects: inout GCSEffects) {
        guard let job = jobs[message.job], !job.isEnded, job.info.driver.worker == sender.id else {
            return confirm(
                RayError(.invalidArgument, "only a job's driver is told what is printed"), sender, into: &effects)
        }
        for (peer, record) in peers.sorted(by: { $0.key < $1.key }) where !record.isGone && record.role == .raylet {
            tell(peer, .flushLines(message), into: &effects)
        }
        confirm(nil, sender, into: &effects)
    }

    /// The workers that detached actors of a job run in, and those that these have leased, and so on.
    private func survivors(of id: JobID) -> Set<WorkerID> {
        var survivors: Set<WorkerID> = []
        var queue: [WorkerID] = []
        for (worker, lease) in workerLeases {
            guard case .actor(let actor)? = leases[lease]?.purpose, actor.job == id,
                actors[actor]?.spec.lifetime == .detached
            else { continue }
            queue.append(worker)
        }
        while let worker = queue.popLast() {
            guard survivors.insert(worker).inserted else { continue }
            for lease in ownerLeases[worker] ?? [] {
                if let leased = leases[lease]?.worker { queue.append(leased.worker) }
            }
        }
        return survivors
    }

    private mutating func anonymousNamespace() -> String {
        let high = generator.next()
        return [high, generator.next()].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }.hex
    }
}
