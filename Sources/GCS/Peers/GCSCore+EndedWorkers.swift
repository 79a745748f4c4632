//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Remembers how drivers and workers ended: not durably, and only the last ones.
///
///     somebody orders an end ──▶ orderedEnds ──WorkerExited──▶ endedWorkers
///                      a process crashes ──────WorkerExited─────▲
///                      a driver, a node ends ───────────────────┘
extension GCSCore {
    /// A worker is to end for this reason; what its raylet reports later does not say that. The first reason counts.
    mutating func noteOrder(_ worker: WorkerID?, _ exitType: EndedWorker.ExitType, _ reason: String) {
        guard let worker, endedWorkers[worker] == nil, orderedEnds[worker] == nil else { return }
        orderedEnds.insert((exitType, reason), for: worker)
    }

    /// A raylet reports the end of a worker.
    ///
    /// - Parameters:
    ///   - killed: why the raylet killed it, if it said so.
    ///   - text: how the process ended.
    mutating func noteEnd(
        of exited: WorkerExited, on node: NodeID, killed: RayError?, _ text: String, at now: Instant,
        into effects: inout GCSEffects
    ) {
        guard !exited.worker.isNone, endedWorkers[exited.worker] == nil else { return }
        let exitType: EndedWorker.ExitType
        var detail = text
        if let killed {
            exitType = killed.type == .outOfMemory ? .outOfMemory : .intendedSystemExit
            detail = killed.message
        } else if let order = orderedEnds[exited.worker] {
            (exitType, detail) = order
        } else if exited.intended {
            exitType = .intendedSystemExit
        } else {
            exitType = exited.exitCode == 0 && exited.signal == 0 ? .intendedUserExit : .systemError
        }
        var address = Address.none
        address.node = node
        address.host = nodes[node]?.info.address.host ?? ""
        let job = workerLeases[exited.worker].flatMap { leases[$0]?.job } ?? peers[exited.worker]?.job
        if exitType == .systemError, workerLeases[exited.worker] != nil || exited.lease != nil {
            // For Ray's tools in its words.
            let words = "A worker died or was killed while executing a task by an unexpected system error: \(detail)"
            let worker = Array(exited.worker.hex.utf8)
            report(
                ErrorReport("worker_died", words, job: job, key: worker, reportedAt: now.nanoseconds), into: &effects)
        }
        remember(
            EndedWorker(
                id: exited.worker, isDriver: false, address: peers[exited.worker]?.address ?? address,
                processID: exited.processID, job: job, exitType: exitType, detail: detail,
                startedAt: peers[exited.worker]?.joinedAt ?? lostStarts[exited.worker], endedAt: now))
    }

    /// A driver ended, or a process whose node is gone.
    mutating func noteEnd(
        of id: WorkerID, _ exitType: EndedWorker.ExitType, _ detail: String, at now: Instant
    ) {
        guard endedWorkers[id] == nil, let peer = peers[id] else { return }
        remember(
            EndedWorker(
                id: id, isDriver: peer.role == .driver, address: peer.address, processID: processID(of: id, peer),
                job: peer.job, exitType: exitType, detail: detail, startedAt: peer.joinedAt, endedAt: now))
    }

    private mutating func remember(_ worker: EndedWorker) {
        var worker = worker
        if worker.detail.utf8.count > EndedWorker.detailBytesMax {
            worker.detail = String(decoding: worker.detail.utf8.prefix(EndedWorker.detailBytesMax), as: UTF8.self) + "…"
        }
        endedWorkers.insert(worker, for: worker.id)
        deleteDebuggerNotes(of: worker.id)
    }
}
