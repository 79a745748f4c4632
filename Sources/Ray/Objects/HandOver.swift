//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// Stores a value that an actor owns: it outlives this program and this worker, and ends with the actor's process.
    ///
    /// As everywhere, the value is kept while references to it exist: give one to the actor, or to another program.
    ///
    /// - Parameters:
    ///   - owner: the actor, which must be alive or about to be started (it is waited for up to a minute). A detached
    ///     one keeps the value across jobs.
    ///   - timeout: how long to wait; nil waits as long as the actor lives.
    /// - Throws: `ray.SystemError` if the value cannot be encoded or stored, or the actor dies or cannot be reached.
    public static nonisolated(nonsending) func put<Value: Encodable, Owner: ActorHandle>(
        _ value: Value, owner: Owner, timeout: Duration? = nil
    ) async throws -> ObjectRef<Value> {
        try await handOver(put(value), to: owner, timeout: timeout)
    }

    /// Waits for a value and has an actor own an object of it: that outlives the owner of the given reference, and ends
    /// with the actor's process. The bytes are not copied on the actor's node, and the given reference stays as it is.
    ///
    /// - Parameters:
    ///   - actor: alive or about to be started (it is waited for up to a minute); a detached one keeps the value across
    ///     jobs. In a method of an actor it may be the actor itself.
    ///   - timeout: how long to wait; nil waits as long as the value may come and the actor lives.
    /// - Returns: a reference to the actor's object.
    /// - Throws: `ray.TaskError` or `ray.SystemError` if there is an error in the value's place, which is not handed
    ///   over; `ray.SystemError` if the actor dies or cannot be reached, or the time is over (`.getTimeout`).
    public static nonisolated(nonsending) func handOver<Value, Owner: ActorHandle>(
        _ reference: ObjectRef<Value>, to actor: Owner, timeout: Duration? = nil
    ) async throws -> ObjectRef<Value> {
        let storage = reference.storage
        if let failure = storage.failure ?? actor._ray.failure { throw error(failure) }
        guard let worker = storage.worker else { throw SystemError.system("the reference belongs to no runtime") }
        let deadline = try Fetch.deadline(timeout, worker)
        if worker.getNow([storage.reference]) == nil { try Fetch.refuseWaitForSelf([storage]) }
        let result = try await CancellableWait.run { completion in
            worker.handOver(
                storage.reference, to: actor._ray.id, deadline: deadline, from: TaskContext.current?.task
            ) { result in
                // Where nobody waits any more the reference goes here.
                completion(result.map { ObjectRefStorage(reference: $0, worker: worker) })
            }
        }
        // The actor must not end because this was the last handle.
        return try withExtendedLifetime((storage, actor)) {
            do throws(RayError) {
                return ObjectRef(storage: try result.get())
            } catch {
                throw ray.error(error)
            }
        }
    }
}
