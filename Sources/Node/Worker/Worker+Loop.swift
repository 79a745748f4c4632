//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
internal import RayTransport
package import RayWorker
internal import Synchronization

extension Worker {
    /// Runs tasks on the calling thread until the process is to end: the life of a worker process.
    ///
    /// - Parameters:
    ///   - hasPending: whether the executor has continuations to run on this thread.
    ///   - runPending: runs them.
    package func runLoop(hasPending: @escaping () -> Bool, runPending: () -> Void) {
        while !hasEnded {
            reactor.runAsLeader(
                until: {
                    readyCount.load(ordering: .sequentiallyConsistent) > 0 || hasPending()
                        || hasEnded
                }, spinMicroseconds: Self.spinMicroseconds)
            while let task = nextReady() {
                start(task)
                runPending()
            }
            runPending()
        }
    }

    /// The next task for an executor that fetches its tasks; nothing after `milliseconds`, when the process is to end, or
    /// when the caller has something else to do. With 0 it only looks, and sends the results that are still here.
    ///
    /// Leads the reactor on the calling thread meanwhile. Whoever gets a task ends it with `finish`.
    package func nextTask(milliseconds: Int, unless hasOther: @escaping () -> Bool = { false }) -> ExecutableTask? {
        if let task = nextFetched() { return task }
        guard milliseconds > 0 else {
            reactor.flush()
            return nil
        }
        // Where other threads run several tasks, they have better use for the processor.
        let spinMicroseconds = fetchedCount.load(ordering: .relaxed) <= 1 ? Self.spinMicroseconds : 0
        reactor.runAsLeader(
            until: {
                readyCount.load(ordering: .sequentiallyConsistent) > 0 || hasOther()
                    || hasEnded
            }, deadline: now().advanced(milliseconds: milliseconds), spinMicroseconds: spinMicroseconds)
        return nextFetched()
    }

    /// Ends a task that `nextTask` gave; once.
    package func finish(_ task: TaskID, _ outcome: TaskOutcome) {
        fetchedCount.wrappingSubtract(1, ordering: .relaxed)
        step(.finished(task, outcome))
    }

    /// Sends what is gathered here: results of tasks that have ended, before the process does.
    package func flush() { reactor.flush() }

    /// For so long a loop polls for its next task before it sleeps: a caller that waits for one result after the other
    /// is spared a wake-up each time.
    private static let spinMicroseconds = 100

    /// Whether the process is to end.
    package var hasEnded: Bool { isEnding.load(ordering: .relaxed) || isLeaving.load(ordering: .relaxed) }

    private func nextFetched() -> ExecutableTask? {
        let task = nextReady()
        if task != nil { fetchedCount.wrappingAdd(1, ordering: .relaxed) }
        return task
    }

    private func nextReady() -> ExecutableTask? {
        guard readyCount.load(ordering: .sequentiallyConsistent) > 0 else { return nil }
        let task = ready.withLock { $0.popFirst() }
        if task != nil { readyCount.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
        return task
    }

    /// Starts a task on this thread; its end may come later, on any thread, once.
    private func start(_ task: ExecutableTask) {
        guard let executor else { return }
        let id = task.spec.id
        executor.execute(task) { [weak self] outcome in self?.step(.finished(id, outcome)) }
    }
}
