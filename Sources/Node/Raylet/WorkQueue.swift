//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RaySystem
package import RayTransport
internal import Synchronization

/// A thread that does one job after the other and sleeps when there is none.
package final class WorkQueue: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
        var isEnded = false
    }

    private let state = Mutex(State())
    private let changes = EventCount()

    /// - Throws: `system` if the machine gives no more threads.
    package init(_ name: String) throws(TransportError) {
        try PlainThread.start(name) { self.run() }
    }

    /// Has the job done after those before it; nothing after `stop`.
    package func add(_ job: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.jobs.append(job)
        }
        changes.raise()
    }

    /// Drops what has not begun and waits for the job under way, though not for ever: a disk may never answer. The
    /// thread of such a job goes with the process.
    ///
    /// - Returns: Whether no job is under way any more.
    @discardableResult
    package func stop(within milliseconds: Int = 5_000) -> Bool {
        state.withLock { state in
            state.isStopped = true
            state.jobs = []
        }
        changes.raise()
        let deadline = MonotonicClock().now().advanced(milliseconds: milliseconds)
        while true {
            let seen = changes.current
            let isEnded = state.withLock { $0.isEnded }
            let left = deadline.milliseconds(since: MonotonicClock().now())
            if isEnded || left <= 0 { return isEnded }
            changes.wait(after: seen, milliseconds: left)
        }
    }

    private func run() {
        while true {
            let seen = changes.current
            let (jobs, isStopped) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopped)
            }
            guard !isStopped else { break }
            for job in jobs where !state.withLock({ $0.isStopped }) { job() }
            if jobs.isEmpty { changes.wait(after: seen, milliseconds: 60_000) }
        }
        state.withLock { $0.isEnded = true }
        changes.raise()
    }
}
