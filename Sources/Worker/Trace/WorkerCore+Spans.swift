//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What this process waited for and stored, for the timeline.
extension WorkerCore {
    /// What takes less time than this, and moves fewer bytes, is not worth a place in the timeline.
    package static let spanNanosecondsMin: UInt64 = 1_000_000
    package static let spanBytesMin = 1 << 20

    /// Whether something belongs in the timeline. A get or wait moves nothing: it counts if it waited.
    package static func isSpan(_ kind: ProcessSpan.Kind, byteCount: Int, from start: Instant, to end: Instant) -> Bool {
        let isLong = end.nanoseconds >= start.nanoseconds + spanNanosecondsMin
        switch kind {
        case .get, .wait: return isLong
        case .put, .decodeArguments: return isLong || byteCount >= spanBytesMin
        }
    }

    /// Notes what took from `start` until now, if it is worth it.
    package mutating func trace(
        _ kind: ProcessSpan.Kind, objectCount: Int, byteCount: Int, from task: TaskID?, since start: Instant,
        at now: Instant
    ) {
        guard tracer.settings.recordsSpans, Self.isSpan(kind, byteCount: byteCount, from: start, to: now) else {
            return
        }
        clock = now
        tracer.add(
            ProcessSpan(
                kind: kind, task: task, objectCount: objectCount, byteCount: byteCount,
                started: tracer.settings.unixNanoseconds(start), ended: tracer.settings.unixNanoseconds(now)))
        wantTraceReport()
    }

    /// Sends spans, the oldest first.
    mutating func reportSpans(atMost limit: Int, into effects: inout WorkerEffects) {
        let (spans, dropped) = tracer.takeSpans(atMost: min(limit, ProcessSpans.spansMax))
        guard !spans.isEmpty || dropped > 0, fatal == nil else { return }
        let report = ProcessSpans(process: tracedSelf, spans: spans, dropped: dropped)
        effects.send(.processSpans(report), to: WorkerID.gcs)
    }

    /// This process, as reports name it.
    var tracedSelf: TracedWorker {
        TracedWorker(
            node: configuration.address.node, worker: configuration.address.worker,
            processID: configuration.processID)
    }
}
