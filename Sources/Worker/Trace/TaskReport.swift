//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A report that is being put together: what tasks have in common is in it once.
struct TaskReport {
    private(set) var events = TaskEvents()
    private var calls: [TracedCall: UInt32] = [:]
    /// The latest call, by what tasks share, and where it is.
    private var last: (kind: TracedCall.Kind, call: Shared<TaskCall>, index: UInt32)?
    private var workers: [TracedWorker: UInt32] = [:]

    var isFull: Bool { events.tasks.count >= TaskEvents.tasksMax }
    var isEmpty: Bool { events.tasks.isEmpty && events.dropped == 0 }

    init(dropped: Int = 0) { events.dropped = dropped }

    mutating func add(
        _ task: TaskID, attempt: Int, _ state: TaskState, _ kind: TracedCall.Kind, _ call: Shared<TaskCall>,
        on worker: TracedWorker?,
        parent: TaskID?, _ times: TaskTimes, _ failure: TaskFailure? = nil
    ) {
        events.tasks.append(
            TaskTrace(
                task: task, attempt: UInt32(clamping: attempt), state: state, call: index(of: call, kind),
                worker: worker.map { index(of: $0) }, parent: parent, times: times, failure: failure))
    }

    private mutating func index(of shared: Shared<TaskCall>, _ kind: TracedCall.Kind) -> UInt32 {
        // Most tasks are like the one before.
        if let last, last.kind == kind, last.call == shared { return last.index }
        let call = TracedCall(kind, shared.value)
        let index = calls[call] ?? UInt32(events.calls.count)
        if index == events.calls.count {
            calls[call] = index
            events.calls.append(call)
        }
        last = (kind, shared, index)
        return index
    }

    private mutating func index(of worker: TracedWorker) -> UInt32 {
        if let last = events.tasks.last?.worker, events.workers[Int(last)] == worker { return last }
        if let known = workers[worker] { return known }
        let index = UInt32(events.workers.count)
        workers[worker] = index
        events.workers.append(worker)
        return index
    }
}
