//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayTransport
internal import RayWire
internal import RayWorker
internal import Synchronization

extension Worker {
    /// Makes the loop's thread look for work.
    package func wakeLoop() { reactor.wake() }

    /// Says goodbye: the job ends, its workers and objects go. For drivers.
    ///
    /// Whoever still waits, or asks later, has the error `runtimeEnded`; a wait tells no flags at all.
    package func finish() {
        transact { core, now, effects in core.flushTrace(at: now, into: &effects) }
        send(.finishJob(FinishJob()), to: .gcs)
        shutdown()
        // A moment for the goodbyes to be written; whoever misses them finds the connections closed.
        _ = reactor.poll(microseconds: 5_000) { false }
        reactor.stop()
        failRooms(.runtimeEnded)
        let puts = transactState { state, _ in
            state.isOver = true
            return state.core.putCounter
        }
        Self.lastPut.max(puts, ordering: .relaxed)
    }

    /// Answers what nothing will be heard about.
    func end(_ completion: Completion) {
        switch completion {
        case .get(let references, _, _, let body): body(references.map { _ in .failure(.runtimeEnded) })
        case .wait(let body): body([])
        case .request(let body): body(.failure(.runtimeEnded))
        }
    }
}
