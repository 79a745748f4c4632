//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// Cancels the task that makes a value: `get` of its results throws `ray.SystemError.taskCancelled` from now on.
    ///
    /// A task that has not begun never will. An `async` function that runs finds `Task.isCancelled` set and what it
    /// awaits cancelled; a synchronous one can look at `ray.isCancelled`. One that looks at neither runs to its end for
    /// nothing, unless it is forced. A task that has ended, and a value that was put, stay as they are.
    ///
    /// - Parameters:
    ///   - force: end the process that runs the task, if it runs; tasks behind it go elsewhere. Not for calls on actors.
    ///   - recursive: cancel the tasks that it has submitted, too, and theirs.
    /// - Throws: `ray.SystemError.invalidArgument` if `force` is asked for a call on an actor.
    public static func cancel<Value>(
        _ reference: ObjectRef<Value>, force: Bool = false, recursive: Bool = true
    ) throws {
        try cancel(reference.storage, force: force, recursive: recursive)
    }

    /// Cancels a generator: its next item is the error `ray.SystemError.taskCancelled`, and its last.
    ///
    /// The parameters are those of `cancel` for a reference.
    public static func cancel<Value>(
        _ stream: ObjectRefStream<Value>, force: Bool = false, recursive: Bool = true
    ) throws {
        try cancel(stream.storage.completed, force: force, recursive: recursive)
    }

    static func cancel(_ storage: ObjectRefStorage, force: Bool, recursive: Bool) throws {
        guard storage.failure == nil, let worker = storage.worker else { return }
        do throws(RayError) {
            try worker.cancel(storage.reference, force: force, recursive: recursive)
        } catch {
            throw ray.error(error)
        }
    }

    /// Whether the remote call that runs this code was cancelled; outside of one, whether the Swift task was.
    public static var isCancelled: Bool {
        guard let context = TaskContext.current else { return Task.isCancelled }
        return context.worker?.isCancelled(context.task) ?? Task.isCancelled
    }
}
