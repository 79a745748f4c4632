//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Task and actor events in bounded memory (see docs/internals/tracing.md).
extension GCSCore {
    /// What a process reports of its tasks; garbage in it is left out.
    mutating func tasksReported(_ events: TaskEvents, _ sender: Sender) {
        guard settings.trace.isEnabled, sender.role == .driver || sender.role == .worker,
            events.tasks.count <= TaskEvents.tasksMax, events.calls.count <= events.tasks.count,
            events.workers.count <= events.tasks.count
        else { return }
        let calls = events.calls.map { Shared($0.bounded) }
        let workers = events.workers.map { Shared(located($0)) }
        for task in events.tasks {
            guard calls.indices.contains(Int(task.call)) else { continue }
            let worker = task.worker.flatMap { workers.indices.contains(Int($0)) ? workers[Int($0)] : nil }
            // Who runs a task does not own it.
            let owner = task.state == .running ? WorkerID.none : sender.id
            tasks.add(
                TaskRecord(
                    key: TaskRecord.Key(task: task.task, attempt: task.attempt), owner: owner, state: task.state,
                    call: calls[Int(task.call)], worker: worker, parent: task.parent, times: task.times,
                    failure: task.failure.map { Shared($0.bounded) }))
        }
        unreportedTasks = unreportedTasks.addingReportingOverflow(max(0, events.dropped)).partialValue
    }

    /// What a node reports of transfers and of its disk.
    mutating func spansReported(_ report: NodeSpans, _ sender: Sender) {
        guard settings.trace.recordsSpans, let node = node(of: sender), report.spans.count <= TaskEvents.tasksMax
        else { return }
        spans.add(report.spans.lazy.map { TimelineSpan(node: node, span: $0) }, dropped: report.dropped)
    }

    /// What a process reports of what it waited for and stored.
    mutating func processSpansReported(_ report: ProcessSpans, _ sender: Sender) {
        let isDriver = sender.role == .driver
        guard settings.trace.recordsSpans, isDriver || sender.role == .worker,
            report.spans.count <= ProcessSpans.spansMax, report.process.worker == sender.id
        else { return }
        let fresh = report.spans.lazy.map { TimelineProcessSpan(process: report.process, isDriver: isDriver, span: $0) }
        processSpans.add(fresh, dropped: report.dropped)
    }

    /// What dead processes had submitted or ran will not be reported any more.
    ///
    /// An owner that lives says more of a task whose worker died, if it does so first.
    mutating func traceOwnersGone(_ gone: [WorkerID], at now: Instant) {
        guard tasks.count > 0 else { return }
        let gone = Set(gone)
        let ownerDied = Shared(TaskFailure(RayError(.ownerDied, "the process that submitted it is gone")))
        let workerDied = Shared(TaskFailure(RayError(.workerDied, "the process that ran it is gone")))
        let ended = settings.trace.unixNanoseconds(now)
        tasks.updateLiving { record in
            let isRunning = record.state == .running
            let hasOwnerDied = gone.contains(record.owner)
            let hasWorkerDied = isRunning && record.worker.map { gone.contains($0.value.worker) } ?? false
            guard hasOwnerDied || hasWorkerDied else { return }
            // An actor goes on with a call whose caller is gone, and nobody will say more of it.
            if isRunning, !hasWorkerDied, record.call.value.kind == .actorCall { return }
            record.state = .failed
            record.failure = hasWorkerDied ? workerDied : ownerDied
            record.times.ended = ended
        }
    }

    // MARK: Actors

    /// An actor is to be started: its initialiser is a task of its own, with an attempt for each incarnation.
    mutating func traceActorQueued(_ id: ActorID, at now: Instant) {
        guard settings.trace.isEnabled, let actor = actors[id], actor.spec.creation.isTraced else { return }
        var times = TaskTimes()
        times.submitted = settings.trace.unixNanoseconds(now)
        times.ready = times.submitted
        tasks.add(
            TaskRecord(
                key: key(of: actor), owner: .gcs, state: .pendingNode,
                call: Shared(TracedCall(actor.spec).bounded), worker: nil, parent: nil, times: times, failure: nil))
    }

    /// A worker runs the initialiser.
    mutating func traceActorStarting(_ id: ActorID, on worker: Address, at now: Instant) {
        guard settings.trace.isEnabled, let actor = actors[id] else { return }
        let started = settings.trace.unixNanoseconds(now)
        let place = Shared(located(TracedWorker(node: worker.node, worker: worker.worker)))
        tasks.update(key(of: actor)) { record in
            record.state = .running
            record.worker = place
            record.times.pushed = started
            record.times.started = started
        }
    }

    /// The initialiser ended, with an error or without.
    mutating func traceActorStarted(_ actor: ActorRecord, _ error: RayError?, at now: Instant) {
        guard settings.trace.isEnabled else { return }
        let ended = settings.trace.unixNanoseconds(now)
        tasks.update(key(of: actor)) { record in
            record.state = error == nil ? .finished : .failed
            record.failure = error.map { Shared(TaskFailure($0)) }
            record.times.returned = ended
            record.times.ended = ended
        }
    }

    private func key(of actor: ActorRecord) -> TaskRecord.Key {
        TaskRecord.Key(task: actor.spec.creation.id, attempt: actor.incarnation)
    }

    /// With the process id, if the reporter did not know it.
    private func located(_ worker: TracedWorker) -> TracedWorker {
        guard worker.processID == 0 else { return worker }
        let processID = peers[worker.worker]?.processID ?? endedWorkers[worker.worker]?.processID ?? 0
        return TracedWorker(node: worker.node, worker: worker.worker, processID: processID)
    }
}

extension TracedCall {
    /// The initialiser of an actor.
    init(_ actor: ActorSpec) {
        var group: PlacementGroupID?
        if case .placementGroup(let id, _, _) = actor.creation.strategy { group = id }
        self.init(
            kind: .actorCreation, function: actor.creation.function, name: actor.creation.name,
            resources: actor.creation.resources, group: group)
    }

    /// Without texts that are too long to be kept a hundred thousand times.
    fileprivate var bounded: TracedCall {
        let bytesMax = 512
        let texts = [name, function.module, function.className, function.function]
        guard texts.contains(where: { $0.utf8.count > bytesMax }) else { return self }
        func cut(_ text: String) -> String { String(decoding: text.utf8.prefix(bytesMax), as: UTF8.self) }
        var call = self
        call.name = cut(name)
        call.function.module = cut(function.module)
        call.function.className = cut(function.className)
        call.function.function = cut(function.function)
        return call
    }
}

extension TaskFailure {
    fileprivate var bounded: TaskFailure {
        guard message.utf8.count > 2 * Self.messageBytesMax else { return self }
        var failure = self
        failure.message = String(decoding: message.utf8.prefix(Self.messageBytesMax), as: UTF8.self)
        return failure
    }
}
