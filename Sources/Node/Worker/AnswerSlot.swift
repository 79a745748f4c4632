//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore
internal import RayTransport
internal import Synchronization

/// One answer that a thread waits for, and any thread gives once.
///
/// Unchecked: the futex word's address never changes, it only ever goes from 0 to 1 under the mutex, and the kernel
/// compares it before it puts the thread to sleep.
package final class AnswerSlot<Value: Sendable>: @unchecked Sendable {
    private let answer = Mutex<Result<Value, RayError>?>(nil)
    private let word: UnsafeMutablePointer<UInt32>

    package init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    /// Gives the answer.
    package func fill(_ result: Result<Value, RayError>) {
        answer.withLock {
            $0 = result
            word.pointee = 1
        }
        ray_futex_wake(word, .max)
    }

    /// The answer; nothing while it has not come.
    package var result: Result<Value, RayError>? { answer.withLock { $0 } }

    /// Whether the answer has come.
    package var isFilled: Bool { result != nil }

    /// Sleeps until the answer, at most so long; whether it has come.
    package func sleep(milliseconds: Int) -> Bool {
        if !isFilled { ray_futex_wait(word, 0, UInt64(max(0, milliseconds)) * 1_000) }
        return isFilled
    }
}

extension Worker {
    /// Handles messages on this thread for a moment, which spares a wake-up where the answer is near, then sleeps until
    /// the answer, at most so long; whether it has come.
    package func waitForAnswer<Value>(_ slot: AnswerSlot<Value>, milliseconds: Int) -> Bool {
        reactor.poll(microseconds: min(max(0, milliseconds) * 1_000, 200)) { slot.isFilled }
            || slot.sleep(milliseconds: milliseconds)
    }
}
