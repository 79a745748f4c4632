//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// Leases from the raylet's side.
extension GCSCore {
    mutating func leaseReady(
        _ ready: LeaseReady, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let node = node(of: sender), let record = leases[ready.lease], case .assigned(node) = record.state
        else { return }
        let worker = ready.worker
        guard worker.node == node, workerLeases[worker.worker] == nil, worker.worker != .gcs,
            peers[worker.worker].map({ $0.role == .worker }) ?? true
        else {
            let error = RayError(.systemError, "node \(node) named a worker that serves another lease; report this")
            effects.log(.error, error.message)
            endLease(ready.lease, .killWorker, at: now, into: &effects)
            return end(record, error, at: now, into: &effects)
        }
        leases[ready.lease]?.state = .ready(node, worker, processID: ready.processID)
        workerLeases[worker.worker] = ready.lease
        peers[worker.worker]?.job = record.job
        peers[worker.worker]?.processID = ready.processID
        switch record.purpose {
        case .tasks:
            let granted = LeaseGranted(lease: ready.lease, worker: worker, processID: ready.processID)
            tell(record.owner.worker, .leaseGranted(granted), into: &effects)
        case .actor(let actor): startActor(actor, ready.lease, on: worker, at: now, into: &effects)
        }
    }

    mutating func leaseFailed(
        _ failed: LeaseFailed, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let node = node(of: sender), let record = leases[failed.lease], record.node == node else { return }
        var error = failed.error
        if error.node.isEmpty { error.node = node.hex }
        if error.host.isEmpty { error.host = nodes[node]?.info.address.host ?? "" }
        effects.log(.warning, "a lease on node \(nodes[node]?.title ?? "") failed: \(error.message)")
        endLease(failed.lease, .isGone, at: now, into: &effects)
        end(record, error, at: now, into: &effects)
    }

    /// A worker process is gone: whoever used it is told why, and what it owned is freed.
    mutating func workerExited(
        _ exited: WorkerExited, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let node = node(of: sender), peers[exited.worker].map({ $0.role == .worker }) ?? true else { return }
        let served = workerLeases[exited.worker] ?? exited.lease
        var killed = nodes[node]?.killed.removeValue(forKey: exited.worker)
        killed?.processID = exited.processID
        let text = exited.error(node: node, nodes[node], linkLost: lostWorker(exited.worker))
        noteEnd(of: exited, on: node, killed: killed, text.message, at: now, into: &effects)
        endUnconfirmedActor(exited, on: node, at: now, into: &effects)
        // A lease that its owner gave back meanwhile is unknown here; the raylet cannot know that yet.
        if let id = served, let record = leases[id], record.node == node,
            record.worker?.worker ?? exited.worker == exited.worker
        {
            let error = killed ?? text
            endLease(id, .isGone, at: now, into: &effects)
            end(record, error, at: now, into: &effects)
        }
        lostWorkers.removeAll { $0.worker == exited.worker }
        guard peers[exited.worker]?.isGone != true else { return }
        let isExpected = exited.intended && exited.exitCode == 0 && exited.signal == 0
        processesGone([exited.worker], isExpected: isExpected, at: now, into: &effects)
    }

    /// The worker of an actor ended while the GCS was away: its raylet says so before it says what it serves.
    private mutating func endUnconfirmedActor(
        _ exited: WorkerExited, on node: NodeID, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let lease = exited.lease,
            let id = unconfirmedActors.first(where: {
                actors[$0]?.lease == lease && actors[$0]?.worker?.worker == exited.worker
            })
        else { return }
        unconfirmedActors.remove(id)
        let error = exited.error(node: node, nodes[node], linkLost: nil)
        incarnationEnded(id, lease, error, at: now, into: &effects)
    }

    /// Why the link to a worker was lost before its end was reported.
    private func lostWorker(_ id: WorkerID) -> String? { lostWorkers.first { $0.worker == id }?.reason }
}

extension WorkerExited {
    /// How the process ended, for those who used it.
    fileprivate func error(node: NodeID, _ record: NodeRecord?, linkLost: String?) -> RayError {
        let end = ExitSentence(code: exitCode, signal: signal).text
        var message = "worker process \(processID) on node \(record?.title ?? node.hex) \(end)"
        if intended, signal == 9, let linkLost { message += " because it did not answer: \(linkLost)" }
        if !intended, signal == 9 { message += "; the kernel may have ended it for want of memory (OOM)" }
        if !lastLines.isEmpty {
            message += "; its last lines:\n" + lastLines.map { "    \($0)" }.joined(separator: "\n")
        }
        return RayError(
            .workerDied, message, node: node.hex, host: record?.info.address.host ?? "", processID: processID)
    }
}
