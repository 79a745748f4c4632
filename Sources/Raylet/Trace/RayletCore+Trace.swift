//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Recording transfers, and what goes to disk and comes back (see docs/internals/tracing.md).
extension RayletCore {
    /// Spans that are held for the next reports.
    private static let spansMax = 10_000

    /// A fetch has ended; only those that asked another node count.
    mutating func traceFetch(_ fetch: Fetch, _ error: RayError?, at now: Instant) {
        guard settings.trace.recordsSpans, let source = fetch.source, let began = fetch.askedAt else { return }
        addSpan(
            NodeSpan(
                kind: .transfer, object: fetch.object, byteCount: fetch.sizes?.total ?? 0, source: source,
                started: settings.trace.unixNanoseconds(began), ended: settings.trace.unixNanoseconds(now),
                hasFailed: error != nil))
    }

    /// The disk was used.
    mutating func traceDisk(_ work: DiskWork) {
        guard settings.trace.recordsSpans else { return }
        addSpan(
            NodeSpan(
                kind: work.isRestore ? .restore : .spill, object: work.object, objectCount: work.objectCount,
                byteCount: work.byteCount, started: settings.trace.unixNanoseconds(work.began),
                ended: settings.trace.unixNanoseconds(work.ended), hasFailed: work.hasFailed))
    }

    /// Sends what was recorded, once in each interval.
    mutating func reportSpans(at now: Instant, into effects: inout [RayletEffect]) {
        guard !spans.isEmpty || droppedSpans > 0, now >= nextSpanReport else { return }
        nextSpanReport = now.advanced(milliseconds: settings.trace.reportMilliseconds)
        let part = Array(spans.prefix(TaskEvents.tasksMax))
        spans.removeFirst(part.count)
        effects.append(.send(.nodeSpans(NodeSpans(spans: part, dropped: droppedSpans)), requestID: 0, to: .gcs))
        droppedSpans = 0
    }

    private mutating func addSpan(_ span: NodeSpan) {
        guard spans.count < Self.spansMax else {
            droppedSpans += 1
            return
        }
        spans.append(span)
    }
}
