//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Messages that the transport refuses, since a frame does not hold them: what user code gave is too large.
///
/// Values, results and errors are kept below that where they are made; names, descriptions and the references inside one
/// value are not. Whoever waits for what such a message was to bring hears of it, here or over there.
extension WorkerCore {
    mutating func unsendable(
        _ message: Message, requestID: UInt64, to peer: WorkerID, _ byteCount: Int, at now: Instant,
        into effects: inout WorkerEffects
    ) {
        switch message {
        case .pushTask(let push): refuse(push.spec, "a task", byteCount, by: peer, at: now, into: &effects)
        case .callActor(let call): refuse(call.spec, "a call", byteCount, by: peer, at: now, into: &effects)
        case .requestLease(let request):
            let error = RayError.tooLarge("the description of a task", byteCount: byteCount)
            leaseRefused(LeaseRefused(lease: request.lease, error: error), at: now, into: &effects)
        case .createActor(let creation):
            let error = RayError.tooLarge("the description of an actor", byteCount: byteCount)
            creationFailed(creation.spec.id, error, into: &effects)
            releaseCreation(of: creation.spec.id, .dead, into: &effects)
        case .taskDone(let done):
            giveUp(done.task, done.attempt, "the reply of a task", byteCount, for: peer, into: &effects)
        case .resultReferences(let inside):
            endTransfer(.init(task: inside.task, attempt: inside.attempt), into: &effects)
            let what = "the list of the references inside a result"
            giveUp(inside.task, inside.attempt, what, byteCount, for: peer, into: &effects)
        case .generatorItem(let item):
            let what = "an item of a generator, with the references inside it,"
            endTransfer(.init(task: item.task, attempt: item.attempt, item: item.index + 1), into: &effects)
            giveUp(item.task, item.attempt, what, byteCount, for: peer, into: &effects)
            execution.running[item.task]?.isCallerLost = true
            readerLost(of: item.task, into: &effects)
        case .actorStarted(let started):
            let error = RayError.tooLarge("the error of an initialiser", byteCount: byteCount)
            let message = ActorStarted(actor: started.actor, incarnation: started.incarnation, error: error)
            execution.started = message
            effects.send(.actorStarted(message), to: peer)
        case .objectStatus(let status):
            let what = "object \(status.object), which is in the memory of a process without an object store,"
            let error = RayError.tooLarge(what, byteCount: byteCount)
            effects.send(
                .objectStatus(ObjectStatus(object: status.object, error: error, version: status.version)), to: peer)
        default:
            let error = RayError.tooLarge("a message", byteCount: byteCount)
            guard requests.removeValue(forKey: requestID) != nil else { return effects.append(.warn(error.message)) }
            effects.append(.completeRequest(requestID, .failure(error)))
        }
    }

    /// As if who was to run it had refused it.
    private mutating func refuse(
        _ spec: TaskSpec, _ what: String, _ byteCount: Int, by peer: WorkerID, at now: Instant,
        into effects: inout WorkerEffects
    ) {
        let error = RayError.tooLarge(what, byteCount: byteCount)
        let reply = TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [], error: error)
        taskDone(reply, from: peer, at: now, into: &effects)
    }

    /// The caller gets an error in the place of what cannot be sent.
    private func giveUp(
        _ task: TaskID, _ attempt: UInt32, _ what: String, _ byteCount: Int, for caller: WorkerID,
        into effects: inout WorkerEffects
    ) {
        let error = RayError.tooLarge(what, byteCount: byteCount)
        effects.send(.taskDone(TaskDone(task: task, attempt: attempt, results: [], error: error)), to: caller)
    }
}
