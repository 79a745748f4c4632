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
/// Unchecked: the pointer to the futex word never changes; the word is atomic, and the kernel compares it before it puts
/// a thread to sleep.
package final class AnswerSlot<Value: Sendable>: @unchecked Sendable {
    private let answer = Mutex<Result<Value, RayError>?>(nil)
    private let word: SlotWord

    package init() {
        word = .allocate(capacity: 1)
        word.initialize(to: Atomic(SlotState.empty))
    }

    deinit {
        word.deinitialize(count: 1)
        word.deallocate()
    }

    /// Gives the answer.
    package func fill(_ result: Result<Value, RayError>) {
        answer.withLock { $0 = result }
        guard word.pointee.exchange(SlotState.filled, ordering: .sequentiallyConsistent) == SlotState.awaited else {
            return
        }
        ray_futex_wake(UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self), .max)
    }

    /// The answer; nothing while it has not come.
    package var result: Result<Value, RayError>? { answer.withLock { $0 } }

    /// Whether the answer has come.
    package var isFilled: Bool { hasAnswer(word) }

    /// Sleeps until the answer, at most so long; whether it has come.
    package func sleep(milliseconds: Int) -> Bool {
        let found = word.pointee.compareExchange(
            expected: SlotState.empty, desired: SlotState.awaited, ordering: .sequentiallyConsistent
        ).original
        if found != SlotState.filled {
            ray_futex_wait(
                UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self), SlotState.awaited,
                UInt64(UInt32(clamping: milliseconds)) * 1_000)
        }
        return isFilled
    }

    /// Handles messages on this thread for a moment, which spares a wake-up where the answer is near, then sleeps until
    /// the answer, at most so long; whether it has come.
    fileprivate func wait(on reactor: Reactor, milliseconds: Int) -> Bool {
        let word = word
        return reactor.poll(microseconds: milliseconds > 0 ? 200 : 0) { hasAnswer(word) }
            || sleep(milliseconds: milliseconds)
    }
}

/// What a slot's word says.
private enum SlotState {
    static let empty: UInt32 = 0
    static let filled: UInt32 = 1
    /// Empty, and somebody sleeps.
    static let awaited: UInt32 = 2
}

private typealias SlotWord = UnsafeMutablePointer<Atomic<UInt32>>

/// Whether the answer has come; asked in a polling loop, which is no place for code that is generic over its kind.
private func hasAnswer(_ word: SlotWord) -> Bool {
    word.pointee.load(ordering: .acquiring) == SlotState.filled
}

extension Worker {
    /// Waits for an answer, at most so long; whether it has come.
    package func waitForAnswer<Value>(_ slot: AnswerSlot<Value>, milliseconds: Int) -> Bool {
        slot.wait(on: reactor, milliseconds: milliseconds)
    }
}
