//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The end of a worker whose function may be called so often in one process only (Ray's `max_calls`).
///
///     working ──retire──▶ retired: hands back what it has not begun ──nobody depends on it──▶ ended
///
/// Its lease is given back by the owner after the results of what it runs, so nothing waits for its end. What it has
/// submitted goes on meanwhile, and what it owns is there for as long as somebody wants it.
extension WorkerCore {
    /// The task that runs here is the last one of this process. Nothing happens to an actor, which ends otherwise.
    package mutating func retire(into effects: inout WorkerEffects) {
        guard execution.actor == nil, !execution.isRetired else { return }
        execution.isRetired = true
        for task in execution.running.values {
            guard let lease = task.lease else { continue }
            announceRetirement(of: lease, to: task.caller, into: &effects)
            handBack(lease, atMost: .max, into: &effects)
        }
        endIfUnneeded(into: &effects)
    }

    /// Tells the owner of a lease that it is of no more use, and the raylet that nobody else may have the worker.
    func announceRetirement(of lease: LeaseID, to owner: WorkerID, into effects: inout WorkerEffects) {
        let message = Message.workerRetired(WorkerRetired(lease: lease))
        effects.send(message, to: owner)
        if let raylet = configuration.raylet { effects.send(message, to: raylet.worker) }
    }

    /// Whether the process can end without harm to others.
    var isUnneeded: Bool {
        execution.running.isEmpty && execution.hasEmptyQueues && execution.storing.isEmpty && execution.actor == nil
            && tasks.isEmpty && !references.isDependedOn && !ownsActors
    }

    /// Ends a retired worker on which nobody depends any more.
    mutating func endIfUnneeded(into effects: inout WorkerEffects) {
        guard execution.isRetired, isUnneeded, !execution.hasEnded else { return }
        execution.hasEnded = true
        effects.append(.leave(reason: "its function was called as often as it may be in one process"))
    }

    // MARK: The owner's side

    /// A leased worker takes no more tasks: its lease ends with those that it has begun.
    mutating func workerRetired(
        _ message: WorkerRetired, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard let lease = leases[message.lease], lease.worker.worker == peer, !lease.isRetired, lease.lostAt == nil
        else { return }
        leases[message.lease]?.isRetired = true
        endRetired(message.lease, into: &effects)
        dispatch(lease.shape, at: now, into: &effects)
    }

    /// Gives the lease of a retired worker back once nothing is there.
    mutating func endRetired(_ id: LeaseID, into effects: inout WorkerEffects) {
        guard let lease = leases[id], lease.isRetired, lease.inFlight.isEmpty, lease.lostAt == nil else { return }
        leases[id] = nil
        shapes[lease.shape].leases.removeAll { $0 == id }
        effects.send(.returnLease(ReturnLease(lease: id)), to: WorkerID.gcs)
    }
}
