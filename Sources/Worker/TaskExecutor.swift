//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A task as the executor sees it: what to run, and its arguments, all at hand.
package struct ExecutableTask: Sendable {
    package var spec: TaskSpec
    /// The arguments in order; none is an error (a failed argument fails the task before it starts).
    package var arguments: [any FetchedObject]

    package init(spec: TaskSpec, arguments: [any FetchedObject]) {
        self.spec = spec
        self.arguments = arguments
    }
}

/// How a task ended.
package enum TaskOutcome: Sendable {
    /// One object for each declared return.
    case success([RayObject])
    /// It threw, or could not be run.
    case failure(RayError)
}

/// Runs user code for a worker: in Swift the records of the executable, in Python the interpreter.
///
/// `Worker` decides what runs when; the executor knows only how.
package protocol TaskExecutor: Sendable {
    /// Starts a task; `completion` must be called exactly once, on any thread, also before this returns.
    ///
    /// Called on the worker's loop thread, one call after the other in the order in which tasks must start.
    func execute(_ task: ExecutableTask, completion: @escaping @Sendable (TaskOutcome) -> Void)
    /// Asks a task that was begun to end: what it awaits is cancelled. One that is not known is none of its own.
    func cancel(_ task: TaskID)
    /// Told before the initialiser of an actor is executed: how many of its calls may run at a time.
    func noteConcurrency(_ count: Int, of actor: ActorID)
    /// The actor's calls have ended; only for those that expect it (`WorkerCore.expectFarewell`).
    func farewell()
}

extension TaskExecutor {
    package func farewell() {}
}
