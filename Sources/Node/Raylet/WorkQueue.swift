//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
package import RayTransport
internal import Synchronization

/// A thread that does one job after the other and sleeps when there is none.
///
/// Unchecked: the futex word's address never changes, it is only changed under the mutex, and the kernel compares it
/// before it puts the thread to sleep.
package final class WorkQueue: @unchecked Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
        var isEnded = false
    }

    private let state = Mutex(State())
    private let word: UnsafeMutablePointer<UInt32>

    /// - Throws: `system` if the machine gives no more threads.
    package init(_ name: String) throws(TransportError) {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
        try PlainThread.start(name) { self.run() }
    }

    deinit { word.deallocate() }

    /// Has the job done after those before it; nothing after `stop`.
    package func add(_ job: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.jobs.append(job)
            word.pointee &+= 1
        }
        ray_futex_wake(word, 1)
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
            word.pointee &+= 1
        }
        ray_futex_wake(word, 1)
        let deadline = MonotonicClock().now().advanced(milliseconds: milliseconds)
        while true {
            let (isEnded, seen) = state.withLock { ($0.isEnded, word.pointee) }
            if isEnded || MonotonicClock().now() >= deadline { return isEnded }
            ray_futex_wait(word, seen, 1_000)
        }
    }

    private func run() {
        while true {
            let (jobs, isStopped, seen) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopped, word.pointee)
            }
            guard !isStopped else { break }
            for job in jobs where !state.withLock({ $0.isStopped }) { job() }
            if jobs.isEmpty { ray_futex_wait(word, seen, 60_000_000) }
        }
        state.withLock { $0.isEnded = true }
    }
}
