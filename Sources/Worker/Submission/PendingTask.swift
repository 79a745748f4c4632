//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A task that this process submitted and whose results are not all known.
struct PendingTask: Sendable {
    /// Where a task is on its way.
    ///
    ///     waiting ──▶ queued ──▶ pushed ──▶ (done)
    ///                   ▲──────────┘ handed back, its worker died, or it threw what is tried again
    enum Phase: Sendable, Hashable {
        /// For this many arguments. Next: queued.
        case waiting(Int)
        /// In the queue of its shape, or of its actor. Next: pushed.
        case queued
        /// At a leased worker. Next: done, queued.
        case pushed(LeaseID)
        /// At an actor, of this incarnation. Next: done, queued.
        case called(UInt32)
        /// Its worker died while it ran; the cause, which is awaited, decides. Next: queued, done.
        case orphaned(LeaseID)
    }

    var spec: TaskSpec
    var phase: Phase
    /// Tries that are left after the present one; -1 without limit.
    var retriesLeft: Int
    /// Whether there was ever a try to be left.
    var allowsRetries = true
    /// How often it ran again after its worker was killed for want of memory.
    var oomRetries = 0
    /// Which errors of user code use up a retry instead of ending the task.
    var retryExceptions = RetryExceptions.none
    /// The task of this process that submitted it.
    var parent: TaskID?
    /// When the present attempt got where.
    var times = AttemptTimes()
    /// What was reported last of where it stands.
    var reported: TaskState?
    /// Whether it was done once, and makes again those of its results that are lost.
    var isRebuild = false
    /// Whether the present try was asked to end at its next item, since one that it sent is lost.
    var isStopped = false
    /// Whether it was cancelled since nobody reads its items, which may be made again all the same.
    var isUnread = false
    /// Nodes on which tries at it were lost: what those had stored is freed with its results.
    var strays: [NodeID] = []
    /// Whether and how it was cancelled; only its end is awaited then.
    var cancellation = Cancellation.none

    /// Whether somebody cancelled it who wants no other run of it, either.
    var wasCancelledByUser: Bool { !isRebuild && cancellation != .none && !isUnread }

    /// Its arguments exist.
    mutating func queue(at now: Instant) {
        phase = .queued
        if times.ready == 0 { times.ready = now.nanoseconds }
    }

    /// It is sent to a worker or an actor.
    mutating func send(_ phase: Phase, at now: Instant) {
        isStopped = false
        self.phase = phase
        times.pushed = now.nanoseconds
    }

    /// How a task was cancelled.
    enum Cancellation: Sendable {
        case none
        /// It was asked to end, and its results are what it makes of that.
        case outcomeAwaited
        /// It was asked to end, and its results have failed.
        case asked
        /// The process that runs it must end, and its results have failed.
        case forced

        /// Whether the results failed when it was cancelled.
        var hasFailedResults: Bool { self == .asked || self == .forced }
    }
}
