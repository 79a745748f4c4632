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

/// What nodes or processes reported of what took them time, the newest.
struct SpanTable<Span: Sendable>: Sendable {
    let countMax = 100_000

    private(set) var dropped = 0
    /// A ring: the oldest is at `head`.
    private var spans: [Span] = []
    private var head = 0

    /// Oldest first.
    var all: [Span] { Array(spans[head...]) + spans[..<head] }
    var count: Int { spans.count }

    /// The next spans, and how many their reporter has dropped.
    mutating func add(_ fresh: some Sequence<Span>, dropped count: Int) {
        dropped += max(0, count)
        for span in fresh {
            guard spans.count == countMax else {
                spans.append(span)
                continue
            }
            spans[head] = span
            head = (head + 1) % countMax
            dropped += 1
        }
    }
}
