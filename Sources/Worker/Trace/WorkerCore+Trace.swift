//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Recording tasks (see docs/internals/tracing.md).
///
/// The owner tells submission, waiting and end; the process that runs a task tells that it runs, if it still does at a
/// report, and sends the times with the reply.
extension WorkerCore {
    /// Reports in one interval: a long one goes out in parts, so that no call waits behind it.
    private static let reportsPerInterval = 10

    // MARK: What happens

    /// A task was submitted.
    mutating func traceSubmitted(_ spec: TaskSpec, at now: Instant) {
        guard tracer.isEnabled, spec.isTraced else { return }
        clock = now
        tracer.add(fresh: spec.id)
        wantTraceReport()
    }

    /// An attempt of a task ended; what may come is another attempt.
    mutating func traceEnded(
        _ task: PendingTask, _ error: RayError?, _ execution: ExecutionTimes? = nil
    ) {
        guard tracer.isEnabled, task.spec.isTraced else { return }
        var worker: Address?
        var processID: Int32 = 0
        switch task.phase {
        case .pushed(let lease), .orphaned(let lease):
            if let lease = leases[lease] {
                worker = lease.worker
                processID = lease.processID
            }
        case .called:
            if case .actorCall(let actor, _) = task.spec.kind { worker = actors.update(actor) { $0.address } }
        case .waiting, .queued: break
        }
        tracer.add(
            ended: EndedAttempt(
                task: task.spec.id, attempt: UInt32(clamping: task.spec.attempt),
                kind: TracedCall.Kind(task.spec.kind), call: task.spec.call, worker: worker, processID: processID,
                parent: task.parent, times: task.times, execution: execution, ended: clock.nanoseconds,
                failure: error))
        wantTraceReport()
    }

    /// A task is tried again: what is told from now on is about the new attempt.
    mutating func traceAgain(_ id: TaskID) {
        guard tracer.isEnabled, tasks[id]?.spec.isTraced == true else { return }
        tasks[id]?.times = AttemptTimes(submitted: clock.nanoseconds, ready: clock.nanoseconds)
        tasks[id]?.reported = nil
        tracer.add(fresh: id)
    }

    mutating func wantTraceReport() {
        if let due = tracer.wantReport(at: clock) { setAlarm(due) }
    }

    /// When a task that this process ran began and ended, for its owner.
    func executionTimes(of task: Execution.Received) -> ExecutionTimes? {
        guard tracer.isEnabled, task.startedAt != 0 else { return nil }
        return ExecutionTimes(
            started: unix(task.startedAt), returned: unix(task.returnedAt), ended: unix(clock.nanoseconds))
    }

    // MARK: Reports

    /// Sends what is due.
    mutating func reportTrace(at now: Instant, into effects: inout WorkerEffects) {
        guard let due = tracer.reportAt, due <= now else { return }
        let limit = max(1, tracer.settings.batchMax / Self.reportsPerInterval)
        var report = TaskReport(dropped: tracer.takeDropped())
        addEnded(to: &report, atMost: limit)
        let waiting = addFresh(to: &report, atMost: limit)
        addRunning(to: &report)
        send(report, into: &effects)
        reportSpans(atMost: limit, into: &effects)
        let interval = tracer.settings.reportMilliseconds
        if !tracer.ended.isEmpty || !tracer.spans.isEmpty {
            tracer.setReport(now.advanced(milliseconds: max(1, interval / Self.reportsPerInterval)))
        } else {
            tracer.setReport(waiting || !tracer.fresh.isEmpty ? now.advanced(milliseconds: interval) : nil)
        }
    }

    /// Sends what has ended, as far as one interval allows: the process ends, or somebody wants to look.
    package mutating func flushTrace(at now: Instant, into effects: inout WorkerEffects) {
        guard tracer.isEnabled, canReport else { return }
        clock = now
        var left = tracer.settings.batchMax
        while left > 0, !tracer.ended.isEmpty {
            var report = TaskReport(dropped: tracer.takeDropped())
            addEnded(to: &report, atMost: min(left, TaskEvents.tasksMax))
            left -= report.events.tasks.count
            send(report, into: &effects)
        }
        left = tracer.settings.batchMax
        while left > 0, !tracer.spans.isEmpty {
            left -= ProcessSpans.spansMax
            reportSpans(atMost: ProcessSpans.spansMax, into: &effects)
        }
    }

    /// Whether the head hears this process, as it does when only the raylet is gone.
    private var canReport: Bool { fatal == nil || fatal?.type == .localRayletDied }

    private func send(_ report: TaskReport, into effects: inout WorkerEffects) {
        guard !report.isEmpty, canReport else { return }
        effects.send(.taskEvents(report.events), to: WorkerID.gcs)
    }

    private mutating func addEnded(to report: inout TaskReport, atMost limit: Int) {
        while report.events.tasks.count < limit, !report.isFull, let attempt = tracer.takeEnded() {
            var times = unix(attempt.times)
            times.started = attempt.execution?.started ?? 0
            times.returned = attempt.execution?.returned ?? 0
            times.ended = attempt.execution?.ended ?? unix(attempt.ended)
            report.add(
                attempt.task, attempt: Int(attempt.attempt), attempt.failure == nil ? .finished : .failed,
                attempt.kind, attempt.call,
                on: attempt.worker.map {
                    TracedWorker(node: $0.node, worker: $0.worker, processID: attempt.processID)
                }, parent: attempt.parent, times, attempt.failure.map { TaskFailure($0) })
        }
    }

    /// Tells where tasks stand that live; whether one of them may still change before it is sent to a worker.
    private mutating func addFresh(to report: inout TaskReport, atMost limit: Int) -> Bool {
        var waiting: [TaskID] = []
        var looks = tracer.settings.batchMax
        let last = report.events.tasks.count + limit
        while looks > 0, report.events.tasks.count < last, !report.isFull, let id = tracer.takeFresh() {
            looks -= 1
            guard let task = tasks[id] else { continue }
            let state = traceState(of: task)
            if state != .submitted { waiting.append(id) }
            guard task.reported != state else { continue }
            tasks[id]?.reported = state
            report.add(
                id, attempt: task.spec.attempt, state, TracedCall.Kind(task.spec.kind), task.spec.call, on: nil,
                parent: task.parent,
                unix(task.times))
        }
        for id in waiting { tracer.add(fresh: id) }
        return !waiting.isEmpty
    }

    /// Tells what this process runs at the moment.
    private mutating func addRunning(to report: inout TaskReport) {
        let own = tracedSelf
        for id in execution.running.keys.sorted() where !report.isFull {
            guard let task = execution.running[id], !task.isReported, task.startedAt != 0, task.spec.isTraced
            else { continue }
            if case .actorCreation = task.spec.kind { continue }  // The GCS sees when actors start.
            execution.running[id]?.isReported = true
            var times = TaskTimes()
            times.started = unix(task.startedAt)
            report.add(
                id, attempt: task.spec.attempt, .running, TracedCall.Kind(task.spec.kind), task.spec.call, on: own,
                parent: nil, times)
        }
    }

    private func traceState(of task: PendingTask) -> TaskState {
        switch task.phase {
        case .waiting: .pendingArguments
        case .queued: .pendingNode
        // At its worker behind others it still waits for its turn, and may go elsewhere.
        case .pushed(let lease): leases[lease]?.inFlight.first == task.spec.id ? .submitted : .pendingNode
        case .called, .orphaned: .submitted
        }
    }

    private func unix(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds == 0 ? 0 : tracer.settings.unixNanoseconds(Instant(nanoseconds: nanoseconds))
    }

    private func unix(_ times: AttemptTimes) -> TaskTimes {
        var result = TaskTimes()
        result.submitted = unix(times.submitted)
        result.ready = unix(times.ready)
        result.pushed = unix(times.pushed)
        return result
    }
}

extension TracedCall {
    /// What a task has in common with others.
    init(_ kind: Kind, _ call: TaskCall) {
        var group: PlacementGroupID?
        if case .placementGroup(let id, _, _) = call.strategy { group = id }
        self.init(kind: kind, function: call.function, name: call.name, resources: call.resources, group: group)
    }
}

extension TracedCall.Kind {
    init(_ kind: TaskKind) {
        switch kind {
        case .normal: self = .normal
        case .actorCreation: self = .actorCreation
        case .actorCall: self = .actorCall
        }
    }
}
