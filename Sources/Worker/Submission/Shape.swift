//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore

/// Tasks that can share leases: same resources, same strategy, same preferred node, same environment.
struct ShapeKey: Hashable, Sendable {
    var resources: ResourceSet
    var strategy: SchedulingStrategy
    /// The node that holds most bytes of the arguments, where they are large.
    var preferredNode: NodeID?
    /// A worker of one environment is of no use for another.
    var environment: RuntimeEnvironmentSpec?
}

/// One shape's tasks that are ready to be pushed, and the leases that serve them.
struct Shape: Sendable {
    let key: ShapeKey
    /// Whether each task is for another node than the one before.
    let isSpread: Bool
    /// Bytes of arguments on the preferred node, for the scheduler.
    var localityBytes: Int
    var queue: Deque<TaskID> = []
    /// Granted leases in order of their grant.
    var leases: [LeaseID] = []
    /// Requests under way, in order.
    var requests: [LeaseID] = []
    /// Tasks at workers.
    var pushedCount = 0
    /// Workers that died while they were started for this shape, one after the other.
    var startDeaths = 0
    /// Requests that were under way when the last of these was counted: they may be refused for the same death.
    var countedRequests: Set<LeaseID> = []

    init(_ key: ShapeKey, localityBytes: Int) {
        self.key = key
        isSpread = key.strategy.isSpread
        self.localityBytes = localityBytes
    }
}

/// A worker that this process may push tasks to.
///
///     serving ──LeaseLost──▶ ending: its last words are read ──link ends, or time is up──▶ gone
///        └──link ends──▶ orphaned: the cause is awaited ──LeaseLost, or time is up────────▶ gone
struct OwnedLease: Sendable {
    /// Why its worker is gone, as the cluster says.
    struct Loss: Sendable {
        var error: RayError
        var wasPreempted: Bool
        /// When that counts though the link has not ended.
        var due: Instant
    }

    var shape: Int
    var worker: Address
    var processID: Int32
    /// Pushed tasks in the order of their start.
    var inFlight: Deque<TaskID> = []
    /// The worker handed tasks back: it gets no more until what it runs has ended.
    var isPaused = false
    /// It had nothing to hand back when it was last asked, and was given nothing since.
    var isBare = false
    /// Tasks were asked back and the answer is awaited.
    var isStealing = false
    /// The worker begins no further tasks: the lease ends with those that it has.
    var isRetired = false
    /// Since when it has no work.
    var idleSince: Instant?
    /// The worker was told to end itself with a task that was cancelled; past this it is killed.
    var killAt: Instant?
    /// Its worker is gone, since when.
    var lostAt: Instant?
    /// Whether all is read that it has said.
    var isUnlinked = false
    /// Why it is gone; what it has said last may not have been read.
    var loss: Loss?

    /// How many tasks it has, if it may be given more.
    var countIfOpen: Int? { isPaused || lostAt != nil || isStealing || isRetired ? nil : inFlight.count }

    /// A task is not at the worker any more.
    mutating func remove(_ task: TaskID) {
        if inFlight.first == task {
            inFlight.removeFirst()
        } else {
            inFlight.removeAll { $0 == task }
        }
        if inFlight.isEmpty { isPaused = false }
    }

    /// Notes since when it has no work; whether that was not noted before.
    mutating func becomesIdle(at now: Instant) -> Bool {
        guard inFlight.isEmpty, idleSince == nil else { return false }
        idleSince = now
        return true
    }

    func wake(idleMilliseconds: Int, deathCauseMilliseconds: Int) -> Instant {
        if let loss { return loss.due }
        if let lostAt { return lostAt.advanced(milliseconds: deathCauseMilliseconds) }
        // Its answer may bring work: until then it is not given back, and nothing is due.
        let idleEnd = isStealing ? nil : idleSince?.advanced(milliseconds: idleMilliseconds)
        return min(killAt ?? .distantFuture, idleEnd ?? .distantFuture)
    }
}
