//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// When an attempt got where, by this machine's clock; 0 is not yet.
struct AttemptTimes: Sendable {
    var submitted: UInt64 = 0
    var ready: UInt64 = 0
    var pushed: UInt64 = 0
}

/// An attempt that has ended, until it is reported.
struct EndedAttempt: Sendable {
    var task: TaskID
    var attempt: UInt32
    var kind: TracedCall.Kind
    var call: Shared<TaskCall>
    var worker: Address?
    /// Of the worker; 0 if not known.
    var processID: Int32
    var parent: TaskID?
    var times: AttemptTimes
    var execution: ExecutionTimes?
    var ended: UInt64
    var failure: RayError?
}

/// What a process has to report about tasks, in bounded memory.
///
///     submit ──▶ fresh ──report──▶ told where it stands (again when that changes)
///     end    ──▶ ended ──report──▶ told whole, once
///
/// On the way of a call are a few stores and nothing that waits. A task that ends before its first report is told
/// once. What is more than the rings hold is dropped, oldest first, and counted.
struct TaskTracer: Sendable {
    let settings: TraceSettings
    /// Tasks that were submitted and whose state is to be told, if they live then.
    private(set) var fresh: Deque<TaskID> = []
    private(set) var ended: Deque<EndedAttempt> = []
    /// Ended attempts that were dropped since the last report.
    private(set) var dropped = 0
    /// What took this process time, and how much of it was dropped since the last report.
    private(set) var spans: Deque<ProcessSpan> = []
    private(set) var droppedSpans = 0
    /// When something is to be reported; nothing while there is nothing.
    private(set) var reportAt: Instant?

    init(_ settings: TraceSettings) { self.settings = settings }

    var isEnabled: Bool { settings.isEnabled }

    /// Wants a report within the interval; gives its time if none was wanted before.
    mutating func wantReport(at now: Instant) -> Instant? {
        guard reportAt == nil else { return nil }
        reportAt = now.advanced(milliseconds: settings.reportMilliseconds)
        return reportAt
    }

    /// The next report, after one that left something over.
    mutating func setReport(_ instant: Instant?) { reportAt = instant }

    mutating func add(fresh task: TaskID) {
        if fresh.count >= settings.bufferMax { fresh.removeFirst() }
        fresh.append(task)
    }

    mutating func add(ended attempt: EndedAttempt) {
        if ended.count >= settings.bufferMax {
            ended.removeFirst()
            dropped += 1
        }
        ended.append(attempt)
    }

    mutating func takeFresh() -> TaskID? { fresh.popFirst() }

    /// The oldest ended attempt; the memory of the last one is given back.
    mutating func takeEnded() -> EndedAttempt? {
        guard let attempt = ended.popFirst() else { return nil }
        if ended.isEmpty { ended = [] }
        return attempt
    }

    mutating func add(_ span: ProcessSpan) {
        if spans.count >= settings.spansMax {
            spans.removeFirst()
            droppedSpans += 1
        }
        spans.append(span)
    }

    /// The oldest spans, and how many are lost.
    mutating func takeSpans(atMost limit: Int) -> (spans: [ProcessSpan], dropped: Int) {
        let part = Array(spans.prefix(limit))
        spans.removeFirst(part.count)
        if spans.isEmpty { spans = [] }
        defer { droppedSpans = 0 }
        return (part, droppedSpans)
    }

    mutating func takeDropped() -> Int {
        defer { dropped = 0 }
        return dropped
    }

    /// What is not told at the end of the process counts as dropped.
    mutating func dropRest() {
        dropped += ended.count
        ended = []
    }
}
