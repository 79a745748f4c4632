//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// Ends the actor in whose method it is called; it is never started again.
    ///
    /// Calls under way still end; this one and those that have not begun fail with `ray.SystemError.actorDied`.
    ///
    /// - Throws: always: let the error through. `ray.SystemError.invalidArgument` outside of a remote actor's method.
    public static func exitActor() throws -> Never {
        guard let context = TaskContext.current, let worker = context.worker else {
            throw SystemError.invalidArgument("ray.exitActor() can be called in methods of remote actors only")
        }
        do throws(RayError) {
            try worker.exitActor(context.task)
        } catch {
            throw ray.error(error)
        }
        throw RayError(.actorDied, "the actor died: exitActor() was called in \(context.name)")
    }
}
