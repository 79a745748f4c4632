//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// Has a process started that may serve leases of `key`.
    mutating func startWorker(
        _ key: PoolKey, path: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        let token = takeNumber()
        let memoryNode = memoryNode(for: key)
        pool.insert(WorkerProcess(startToken: token, key: key, since: now, memoryNode: memoryNode))
        var environment = key.program.environment
        environment.append("SWIFT_RAY_JOB_ID=\(key.job.value)")
        environment.append("SWIFT_RAY_START_TOKEN=\(token)")
        environment.append("SWIFT_RAY_RECONNECT_MS=\(reconnectMilliseconds)")
        if !key.acceleratorIDs.isEmpty {
            let ids = key.acceleratorIDs.map(\.description).joined(separator: ",")
            environment.append("SWIFT_RAY_ACCELERATOR_IDS=" + ids)
        }
        var start = WorkerStart(
            startToken: token, program: key.program, path: path, job: key.job, environment: environment)
        start.variables = key.environment?.variables ?? []
        start.folder = folder(of: key.environment, at: now)
        start.memoryNode = memoryNode
        effects.append(.spawnWorker(start))
    }

    /// The process runs; its time to report begins.
    mutating func workerSpawned(
        _ token: UInt64, processID: Int32, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let worker = pool[token], worker.state == .requested else {
            // Nobody waits for it any more, so it must not stay.
            return effects.append(.kill(processID: processID, group: true))
        }
        pool.update(token) { $0.processID = processID }
        pool.move(token, to: .starting, at: now)
        if worker.isDoomed { return killWorker(token: token, isIntended: true, at: now, into: &effects) }
        guard let early = worker.earlyReport else { return }
        pool.update(token) { $0.earlyReport = nil }
        workerReady(early.ready, requestID: early.requestID, from: early.peer, at: now, into: &effects)
    }

    /// The process could not be started.
    mutating func spawnFailed(
        _ token: UInt64, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard pool[token]?.state == .requested, let worker = pool.remove(token) else { return }
        // The executable may have gone from where it was: look again before the next start.
        programs.remove(worker.key.program.key)
        startFailed(
            worker, "a worker could not be started from \(worker.key.program.path): \(reason)", isOwnDoing: true,
            at: now, into: &effects)
    }

    /// A worker or driver of this node reports.
    mutating func workerReady(
        _ ready: WorkerReady, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        if let worker = pool[ready.startToken], worker.state == .requested {
            // On a busy machine a process can be faster than the news that it was started.
            let early = WorkerProcess.EarlyReport(ready: ready, requestID: requestID, peer: peer)
            return pool.update(ready.startToken) { $0.earlyReport = early }
        }
        if ready.startToken != 0 {
            guard let worker = pool[ready.startToken], worker.state == .starting,
                pool.token(worker: peer) == nil
            else {
                let isRepeated = pool[ready.startToken]?.address?.worker == peer
                let error = RayError(.systemError, "this node did not start a worker with this start token")
                return accept(peer, requestID: requestID, error: isRepeated ? nil : error, into: &effects)
            }
            var address = ready.address
            address.worker = peer
            pool.update(ready.startToken) { $0.address = address }
            pool.startFailures[worker.key] = nil
            pool.move(ready.startToken, to: .idle, at: now)
        }
        if clients[peer] == nil { clients[peer] = StoreClientState() }
        accept(peer, requestID: requestID, error: nil, into: &effects)
        if ready.startToken != 0 { serveWaitingLeases(at: now, into: &effects) }
    }

    private func accept(
        _ peer: WorkerID, requestID: UInt64, error: RayError?, into effects: inout [RayletEffect]
    ) {
        var accepted = WorkerAccepted(error: error, storeCapacity: settings.info.storeCapacity)
        accepted.environment = pool.token(worker: peer).flatMap { pool[$0]?.key.environment }
        effects.append(.send(.workerAccepted(accepted), requestID: requestID, to: peer))
    }

    /// Fails a lease that waited for this start, and all of them if starts keep failing.
    ///
    /// - Parameter isOwnDoing: whether it failed by itself: then its runtime environment, if it has one, is at fault.
    mutating func startFailed(
        _ worker: WorkerProcess, _ reason: String, isOwnDoing: Bool, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        guard !worker.isIntended else { return serveWaitingLeases(at: now, into: &effects) }
        effects.append(.log(.error, reason))
        let failures = (pool.startFailures[worker.key] ?? 0) + 1
        let waiting = waitingLeases.filter { leases[$0]?.key == worker.key }
        let isHopeless = failures >= settings.startFailuresMax
        let error =
            worker.key.environment != nil && isOwnDoing
            ? RayError(.runtimeEnvSetupFailed, "the runtime environment could not be set up: \(reason)")
            : RayError(.workerDied, reason)
        for id in isHopeless ? waiting : Array(waiting.prefix(1)) { failLease(id, error, into: &effects) }
        // Without a waiting lease nobody asks for the count again soon; it must not grow with every job.
        pool.startFailures[worker.key] = waiting.count <= 1 || isHopeless ? nil : failures
        serveWaitingLeases(at: now, into: &effects)
    }
}
