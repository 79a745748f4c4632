//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// Runs Swift tasks on the thread that calls `runPending`: the worker's loop.
///
/// Tasks of remote functions prefer this executor, so that a task that waited for a message goes on, on the thread
/// that received it, without waking another.
package final class LoopExecutor: _Concurrency.TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// Whether `wake` has been called since jobs were last taken.
        var isWakePending = false
    }

    private let state = Mutex(State())
    /// In a struct: a bare closure in a `Mutex` is wrapped once more at every access, and calls become slow.
    private struct Callback {
        var body: (@Sendable () -> Void)?
    }

    private let wakeCallback = Mutex(Callback())

    /// An executor without jobs.
    package init() {}

    /// Sets what makes the loop's thread call `runPending` soon; called from any thread.
    package func onWake(_ wake: @escaping @Sendable () -> Void) {
        wakeCallback.withLock { $0.body = wake }
        let hasJobs = state.withLock { state in
            guard !state.jobs.isEmpty else { return false }
            state.isWakePending = true
            return true
        }
        if hasJobs { wake() }
    }

    /// Takes a job of the Swift runtime.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustWake = state.withLock { state in
            state.jobs.append(job)
            if state.isWakePending { return false }
            state.isWakePending = true
            return true
        }
        guard mustWake, let wake = wakeCallback.withLock({ $0.body }) else { return }
        wake()
    }

    /// Whether jobs wait to be run.
    package var hasPending: Bool { state.withLock { !$0.jobs.isEmpty } }

    /// Runs the jobs that wait, in order, and those they add, up to `limit`; gives the number run.
    ///
    /// Must be called on one thread only, and not from inside a job.
    @discardableResult
    package func runPending(limit: Int = 1024) -> Int {
        var count = 0
        while count < limit {
            let batch = state.withLock { state in
                state.isWakePending = false
                let jobs = state.jobs
                state.jobs.removeAll(keepingCapacity: true)
                return jobs
            }
            if batch.isEmpty { break }
            for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
            count += batch.count
        }
        // Jobs left over were enqueued while no wake was pending, so `wake` has been called for them.
        return count
    }
}
