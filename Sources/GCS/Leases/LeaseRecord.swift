//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A lease on a worker, from the request to the end.
///
///     waiting ──scheduler grants──▶ assigned ──LeaseReady──▶ ready
///
/// - waiting: for resources. Next: assigned, or ended by its owner or refused.
/// - assigned: its node has resources for it and looks for a worker. Next: ready; waiting, if its node dies; or
///   ended by LeaseFailed or its owner.
/// - ready: its worker serves its owner. Ended by its owner, or with its worker or node.
struct LeaseRecord: Sendable {
    enum Purpose: Hashable, Sendable {
        case tasks
        case actor(ActorID)
    }

    enum State: Sendable {
        case waiting
        case assigned(NodeID)
        case ready(NodeID, Address, processID: Int32)
    }

    /// What the scheduler was asked for.
    let request: LeaseRequest
    /// The GCS itself for actors.
    let owner: Address
    private(set) var program: Program
    let purpose: Purpose
    private(set) var environment: RuntimeEnvironmentSpec?
    var state = State.waiting
    /// What the owner was told last of why it waits.
    var reason: PendingReason?

    /// - Parameter program: the job's; an environment may have another.
    init(
        request: LeaseRequest, owner: Address, program: Program, purpose: Purpose,
        environment: RuntimeEnvironmentSpec? = nil
    ) {
        self.request = request
        self.owner = owner
        self.program = environment?.program ?? program
        self.environment = environment
        self.purpose = purpose
    }

    /// Takes over what the owner says again: a raylet that reports a lease to a new head does not tell its environment.
    mutating func learn(_ environment: RuntimeEnvironmentSpec?) {
        guard self.environment == nil, let environment else { return }
        self.environment = environment
        program = environment.program ?? program
    }

    var id: LeaseID { request.id }
    var job: JobID { request.job }
    var isWaiting: Bool { if case .waiting = state { true } else { false } }

    var node: NodeID? {
        switch state {
        case .waiting: nil
        case .assigned(let node), .ready(let node, _, _): node
        }
    }

    var worker: Address? { if case .ready(_, let worker, _) = state { worker } else { nil } }
}

/// What becomes of the worker of a lease that ends.
enum WorkerFate: Hashable, Sendable {
    /// It is idle again.
    case keepWorker
    case killWorker
    /// Its raylet knows already that the lease has ended.
    case isGone
}

/// The requests that wait, in the order in which their owners are to be told why.
struct PendingNotices: Sendable {
    private struct Queue: Sendable {
        var entries: [(due: Instant, lease: LeaseID)] = []
        var head = 0

        mutating func popDue(at now: Instant) -> LeaseID? {
            guard head < entries.count, entries[head].due <= now else { return nil }
            defer {
                head += 1
                if head > 256, head * 2 > entries.count {
                    entries.removeFirst(head)
                    head = 0
                }
            }
            return entries[head].lease
        }
    }

    private var first = Queue()
    private var again = Queue()

    /// A request came.
    mutating func requested(_ lease: LeaseID, at now: Instant) {
        first.entries.append((now.advanced(milliseconds: GCSLimits.pendingNoticeMilliseconds), lease))
    }

    /// A request was looked at and waits on.
    mutating func lookAgain(_ lease: LeaseID, at now: Instant) {
        again.entries.append((now.advanced(milliseconds: GCSLimits.pendingAgainMilliseconds), lease))
    }

    /// A request that is due; it may have ended meanwhile.
    mutating func popDue(at now: Instant) -> LeaseID? { first.popDue(at: now) ?? again.popDue(at: now) }
}
