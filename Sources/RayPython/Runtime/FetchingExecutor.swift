//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayWorker
internal import Synchronization

/// Stands for Python, which fetches its tasks instead of being given them.
struct FetchingExecutor: TaskExecutor {
    let interrupts: Interrupts

    func execute(_ task: ExecutableTask, completion: @escaping @Sendable (TaskOutcome) -> Void) {
        completion(.failure(RayError(.systemError, "tasks of Python are fetched")))
    }

    func cancel(_ task: TaskID) { interrupts.add(task) }
    func noteConcurrency(_ count: Int, of actor: ActorID) {}
    func farewell() { interrupts.askFarewell() }
}

/// Tasks that are to end before they are done, and the end of the actor, which Python hears of in the same way.
///
/// Only Python's main thread can interrupt itself: it is sent the signal of Ctrl-C, and its handler, which
/// `swift_ray/raylet/cancellation.py` installs, takes them. A signal also ends the waits of whatever runs there.
final class Interrupts: Sendable {
    private let tasks = Mutex<[TaskID]>([])
    private let count = Atomic<Int>(0)
    private let isFarewell = Atomic<Bool>(false)
    private let loopThread = Mutex<pthread_t?>(nil)
    private let isLoopKnown = Atomic<Bool>(false)

    /// Whether there are some.
    var isWanted: Bool { count.load(ordering: .relaxed) > 0 || isFarewell.load(ordering: .relaxed) }

    /// The actor's calls have ended: its loop has nothing to do but this.
    func askFarewell() { isFarewell.store(true, ordering: .relaxed) }

    /// Whether that was asked; once.
    func takeFarewell() -> Bool { isFarewell.exchange(false, ordering: .relaxed) }

    /// The calling thread fetches tasks: it is the one to be interrupted.
    func noteLoopThread() {
        guard !isLoopKnown.load(ordering: .relaxed) else { return }
        loopThread.withLock { $0 = pthread_self() }
        isLoopKnown.store(true, ordering: .relaxed)
    }

    func add(_ task: TaskID) {
        tasks.withLock { $0.append(task) }
        count.wrappingAdd(1, ordering: .relaxed)
        if let thread = loopThread.withLock({ $0 }) { _ = pthread_kill(thread, SIGINT) }
    }

    /// All of them, once.
    func take() -> [TaskID] {
        tasks.withLock { tasks in
            defer { tasks.removeAll() }
            count.wrappingSubtract(tasks.count, ordering: .relaxed)
            return tasks
        }
    }
}
