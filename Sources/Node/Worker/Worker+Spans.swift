//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire
internal import RayWorker

/// What the process waits for and stores, for the timeline. What ends at once pays for two looks at the clock, no more.
extension Worker {
    package func traceDecoding(byteCount: Int, of task: TaskID?, since start: Instant) {
        trace(.decodeArguments, objectCount: 1, byteCount: byteCount, from: task, since: start)
    }

    /// Notes what took from `start` until now, if it is worth it.
    func trace(
        _ kind: ProcessSpan.Kind, objectCount: Int, byteCount: Int, from task: TaskID?, since start: Instant
    ) {
        guard configuration.core.trace.recordsSpans else { return }
        let now = now()
        guard WorkerCore.isSpan(kind, byteCount: byteCount, from: start, to: now) else { return }
        transact { core, _, _ in
            core.trace(kind, objectCount: objectCount, byteCount: byteCount, from: task, since: start, at: now)
        }
    }

    /// A get's completion that notes how long it waited.
    func traced(
        _ task: TaskID?, _ completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void
    ) -> @Sendable ([Result<any FetchedObject, RayError>]) -> Void {
        guard configuration.core.trace.recordsSpans else { return completion }
        let start = now()
        return { [weak self] results in
            let bytes = results.reduce(0) { $0 + ((try? $1.get().byteCount) ?? 0) }
            self?.trace(.get, objectCount: results.count, byteCount: bytes, from: task, since: start)
            completion(results)
        }
    }

    /// A wait's completion that notes how long it waited.
    func traced(_ task: TaskID?, _ completion: @escaping @Sendable ([Bool]) -> Void) -> @Sendable ([Bool]) -> Void {
        guard configuration.core.trace.recordsSpans else { return completion }
        let start = now()
        return { [weak self] flags in
            self?.trace(.wait, objectCount: flags.count, byteCount: 0, from: task, since: start)
            completion(flags)
        }
    }
}
