//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import Synchronization

/// A thread's wait for room in the node's store.
///
/// Unchecked: the futex word's address never changes, and the outcome is under a mutex.
final class RoomRequest: @unchecked Sendable {
    private let outcome = Mutex<Result<Int, RayError>?>(nil)
    private let word: UnsafeMutablePointer<UInt32>

    init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    var isAnswered: Bool { outcome.withLock { $0 != nil } }

    func answer(_ result: Result<Int, RayError>) {
        outcome.withLock { $0 = result }
        word.pointee = 1
        ray_futex_wake(word, 1)
    }

    /// Sleeps until the answer, at most `milliseconds`.
    func sleep(milliseconds: Int) {
        // The word only ever goes from 0 to 1, and the kernel compares it before it puts the thread to sleep.
        ray_futex_wait(word, 0, UInt64(milliseconds) * 1_000)
    }

    func take() -> Result<Int, RayError>? { outcome.withLock { $0 } }
}
