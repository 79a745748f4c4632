//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

/// One answer that a thread waits for. Whoever asks has set a limit of its own: the answer comes, or an error.
///
/// Unchecked: the futex word's address never changes, and the kernel compares it before it puts the thread to sleep.
final class AnswerSlot<Value: Sendable>: @unchecked Sendable {
    private let answer = Mutex<Result<Value, RayError>?>(nil)
    private let word: UnsafeMutablePointer<UInt32>

    init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    func fill(_ result: Result<Value, RayError>) {
        answer.withLock {
            $0 = result
            word.pointee = 1
        }
        ray_futex_wake(word, .max)
    }

    /// Waits for at most so long; nothing if the answer has not come.
    func peek(milliseconds: Int) -> Result<Value, RayError>? {
        if let result = answer.withLock({ $0 }) { return result }
        ray_futex_wait(word, 0, UInt64(max(0, milliseconds)) * 1_000)
        return answer.withLock { $0 }
    }

    /// Waits until the answer is there, or the process is to end.
    func wait(_ worker: Worker) -> Result<Value, RayError> {
        _ = worker.poll(microseconds: 200) { answer.withLock { $0 != nil } }
        while true {
            if let result = peek(milliseconds: 500) { return result }
            if worker.hasEnded { return .failure(RayError(.systemError, "the process is to end")) }
        }
    }
}
