//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

/// A fetch or wait that a thread of Python waits for, in slices, so that it can look for signals in between.
///
/// Unchecked: the futex word's address never changes, and the kernel compares it before it puts the thread to sleep.
final class PythonRequest: @unchecked Sendable {
    enum Outcome: Sendable {
        case objects([Result<any FetchedObject, RayError>])
        case ready([Bool])
    }

    private let outcome = Mutex<Outcome?>(nil)
    private let word: UnsafeMutablePointer<UInt32>
    private let worker: Worker

    init(_ worker: Worker) {
        self.worker = worker
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    func finish(_ result: Outcome) {
        outcome.withLock {
            $0 = result
            word.pointee = 1
        }
        ray_futex_wake(word, .max)
    }

    /// What came; nothing while it has not.
    var result: Outcome? { outcome.withLock { $0 } }

    private var isDone: Bool { outcome.withLock { $0 != nil } }

    /// Waits for a while; whether the request is done. The first moments handle messages on this thread.
    func wait(milliseconds: Int) -> Bool {
        if worker.poll(microseconds: min(milliseconds * 1_000, 200), until: { isDone }) { return true }
        ray_futex_wait(word, 0, UInt64(max(0, milliseconds)) * 1_000)
        return isDone
    }
}
