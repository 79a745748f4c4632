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
    package func finish() {
        transact { core, now, effects in core.flushTrace(at: now, into: &effects) }
        send(.finishJob(FinishJob()), to: .gcs)
        shutdown()
        // A moment for the goodbyes to be written; whoever misses them finds the connections closed.
        _ = reactor.poll(microseconds: 5_000) { false }
        reactor.stop()
    }
}
