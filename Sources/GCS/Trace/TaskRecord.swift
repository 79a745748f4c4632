//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What is known of one attempt of a task.
struct TaskRecord: Sendable {
    struct Key: Hashable, Sendable {
        var task: TaskID
        var attempt: UInt32
    }

    let key: Key
    /// The process that submitted it, as soon as that is known.
    var owner: WorkerID
    var state: TaskState
    /// Shared by all tasks of one report that are alike.
    let call: Shared<TracedCall>
    var worker: Shared<TracedWorker>?
    var parent: TaskID?
    var times: TaskTimes
    var failure: Shared<TaskFailure>?

    /// Adds what another report says; what has ended stays as it ended.
    mutating func merge(_ other: TaskRecord) {
        times.fill(from: other.times)
        if owner == .none { owner = other.owner }
        if parent == nil { parent = other.parent }
        if worker == nil || worker?.value.processID == 0 { worker = other.worker ?? worker }
        guard !state.isEnd, other.state.rawValue > state.rawValue else { return }
        state = other.state
        failure = other.failure
    }
}

/// What nodes reported of transfers and spills, the newest.
struct SpanTable: Sendable {
    static let countMax = 100_000

    private(set) var dropped = 0
    /// A ring: the oldest is at `head`.
    private var spans: [TimelineSpan] = []
    private var head = 0

    /// Oldest first.
    var all: [TimelineSpan] { Array(spans[head...]) + spans[..<head] }
    var count: Int { spans.count }

    mutating func add(_ report: NodeSpans, of node: NodeID) {
        dropped += max(0, report.dropped)
        for span in report.spans {
            guard spans.count == Self.countMax else {
                spans.append(TimelineSpan(node: node, span: span))
                continue
            }
            spans[head] = TimelineSpan(node: node, span: span)
            head = (head + 1) % Self.countMax
            dropped += 1
        }
    }
}
