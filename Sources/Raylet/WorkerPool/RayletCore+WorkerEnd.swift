//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// Kills a worker with its process group; its lease ends when it is reaped.
    mutating func killWorker(
        token: UInt64, isIntended: Bool, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let worker = pool[token], !worker.isDead else { return }
        if isIntended { pool.update(token) { $0.isIntended = true } }
        guard let processID = worker.processID else {
            pool.update(token) { $0.isDoomed = true }
            return
        }
        if case .leased(let lease) = worker.state { pool.update(token) { $0.lease = lease } }
        pool.move(token, to: .killed, at: now)
        effects.append(.kill(processID: processID, group: true))
    }

    /// A worker that cannot be reached is of no use.
    mutating func workerLinkLost(_ token: UInt64, at now: Instant, into effects: inout [RayletEffect]) {
        guard let worker = pool[token] else { return }
        if case .ended(let exit) = worker.state { return workerEnded(token, exit, at: now, into: &effects) }
        let isAsked = worker.state == .leaving
        killWorker(token: token, isIntended: isAsked, at: now, into: &effects)
    }

    /// A process is reaped. What it said last may not have been read: it ends here with its link.
    ///
    /// A seal among that is of an object which its caller may have been told of, on another link.
    mutating func processExited(
        _ processID: Int32, _ exit: ProcessExit, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let token = pool.token(processID: processID), let worker = pool[token] else { return }
        guard let address = worker.address, peers.contains(address.worker), !settings.plantsHastyEnd else {
            return workerEnded(token, exit, at: now, into: &effects)
        }
        if case .leased(let lease) = worker.state { pool.update(token) { $0.lease = lease } }
        pool.move(token, to: .ended(exit), at: now)
    }

    /// Nothing more comes from a worker: its lease ends, what it was writing is given back.
    private mutating func workerEnded(
        _ token: UInt64, _ exit: ProcessExit, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let worker = pool.remove(token) else { return }
        guard let address = worker.address else {
            let reason =
                worker.startFailure
                ?? "a worker running \(worker.key.program.path) \(exit.sentence) before it was ready"
                + Self.advice(worker.key.program, "; the program must call ray.init() before anything that can end it.")
            startFailed(
                worker, reason + exit.lastLinesText, isOwnDoing: exit.signal == 0 || worker.startFailure != nil,
                at: now, into: &effects)
            return endJobIfUnused(worker.key.job)
        }
        var served = worker.lease
        if case .leased(let lease) = worker.state { served = lease }
        if let lease = served, leases[lease]?.worker != token || removeLease(lease) == nil { served = nil }
        let report = WorkerExited(
            worker: address.worker, lease: served, processID: worker.processID ?? 0, exitCode: exit.code,
            signal: exit.signal,
            intended: worker.isIntended, lastLines: exit.lastLines)
        tellHead(.workerExited(report), into: &effects)
        clientGone(address.worker, at: now, into: &effects)
        serveWaitingLeases(at: now, into: &effects)
        endJobIfUnused(worker.key.job)
    }

    /// Ends workers that took too long to start, to leave, or to be needed.
    mutating func checkWorkerDeadlines(at now: Instant, into effects: inout [RayletEffect]) {
        for token in pool.order {
            guard let worker = pool[token] else { continue }
            let age = now.milliseconds(since: worker.since)
            switch worker.state {
            case .starting where age >= startMillisecondsMax(of: worker.key):
                let seconds = startMillisecondsMax(of: worker.key) / 1_000
                let reason =
                    "a worker running \(worker.key.program.path) was not ready within \(seconds) s"
                    + Self.advice(
                        worker.key.program, "; the program must call ray.init() first, before any longer work.")
                pool.update(token) { $0.startFailure = reason }
                killWorker(token: token, isIntended: false, at: now, into: &effects)
            case .leaving where age >= settings.exitMillisecondsMax && !worker.isRetired:
                killWorker(token: token, isIntended: true, at: now, into: &effects)
            case .killed where age >= settings.killMillisecondsMax:
                // The kernel has not let it go yet; the lease must not wait for that.
                reportUnreaped(worker, at: now, into: &effects)
            case .ended(let exit) where age >= settings.lastWordsMillisecondsMax:
                workerEnded(token, exit, at: now, into: &effects)
            default: break
            }
        }
        endIdleWorkers(at: now, into: &effects)
    }

    /// What helps a program that is its own worker. Nobody writes the one that Python's workers run.
    private static func advice(_ program: Program, _ text: String) -> String { program.isPython ? "." : text }

    /// An interpreter that loads its libraries takes longer than a program, and one that installs packages minutes:
    /// the variable `SWIFT_RAY_START_SECONDS` of the environment, or else of the program, tells.
    private func startMillisecondsMax(of key: PoolKey) -> Int {
        let name = "SWIFT_RAY_START_SECONDS"
        let ofEnvironment = key.environment?.variables.last { $0.name == name }?.value
        let ofProgram = key.program.environment.last { $0.hasPrefix(name + "=") }?.dropFirst(name.utf8.count + 1)
        guard let text = ofEnvironment ?? ofProgram.map(String.init), let seconds = Int(text),
            (1...Self.startSecondsMax).contains(seconds)
        else { return settings.startMillisecondsMax }
        return seconds * 1_000
    }

    private static var startSecondsMax: Int { 24 * 60 * 60 }

    /// Answers for a killed process that is still not reaped; it stays in the pool until it is.
    private mutating func reportUnreaped(
        _ worker: WorkerProcess, at now: Instant, into effects: inout [RayletEffect]
    ) {
        if let reason = worker.startFailure, !worker.isIntended {
            pool.update(worker.startToken) { $0.isIntended = true }
            startFailed(worker, reason, isOwnDoing: true, at: now, into: &effects)
        }
        if let lease = worker.lease, let address = worker.address,
            leases[lease]?.worker == worker.startToken, removeLease(lease) != nil
        {
            let report = WorkerExited(
                worker: address.worker, lease: lease, processID: worker.processID ?? 0, exitCode: 0, signal: 9,
                intended: worker.isIntended, lastLines: [])
            tellHead(.workerExited(report), into: &effects)
        }
    }

    /// Tells idle workers beyond the node's CPUs, those with accelerators, and those of ended jobs, to go.
    private mutating func endIdleWorkers(at now: Instant, into effects: inout [RayletEffect]) {
        let idle = pool.idleWorkers
        var surplus = idle.count - settings.cpuCount
        for token in idle {
            guard let worker = pool[token], now.milliseconds(since: worker.since) >= settings.idleMillisecondsMax
            else { break }
            // What it has allocated on a device nobody else can use.
            let holdsDevice = !worker.key.acceleratorIDs.isEmpty
            guard surplus > 0 || holdsDevice || endedJobs.contains(worker.key.job) else { continue }
            surplus -= 1
            askToLeave(token, reason: "nobody needed this worker for some time", at: now, into: &effects)
        }
    }

    /// Tells an idle worker to end; it declines if it owns what others need.
    mutating func askToLeave(
        _ token: UInt64, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let worker = pool[token], worker.state == .idle, let address = worker.address else { return }
        pool.update(token) { $0.isIntended = true }
        pool.move(token, to: .leaving, at: now)
        effects.append(.send(.exitWorker(ExitWorker(reason: reason)), requestID: 0, to: address.worker))
    }

    /// A worker that was asked to go owns what others need: it stays, unless its job has ended.
    mutating func exitDeclined(by peer: WorkerID, at now: Instant) {
        guard let token = pool.token(worker: peer), let worker = pool[token], worker.state == .leaving,
            !worker.isRetired, !endedJobs.contains(worker.key.job)
        else { return }
        pool.update(token) { $0.isIntended = false }
        pool.move(token, to: .idle, at: now)
    }

    /// A worker has done its part and will end by itself: nobody else gets it.
    mutating func workerRetired(by peer: WorkerID, at now: Instant) {
        guard let token = pool.token(worker: peer), let worker = pool[token], !worker.isRetired else { return }
        switch worker.state {
        case .leased: break
        case .idle: pool.move(token, to: .leaving, at: now)
        case .requested, .starting, .leaving, .killed, .ended: return
        }
        pool.update(token) {
            $0.isRetired = true
            $0.isIntended = true
        }
    }

    private mutating func endJobIfUnused(_ job: JobID) {
        guard endedJobs.contains(job), !pool.workers.values.contains(where: { $0.key.job == job }) else { return }
        endedJobs.remove(job)
    }
}
