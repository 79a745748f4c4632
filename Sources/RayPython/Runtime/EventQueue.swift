//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import DequeModule
internal import Synchronization

/// Numbers that one thread waits for and any thread adds.
///
/// Unchecked: the futex word's address never changes, and it is only changed under the mutex.
final class EventQueue: @unchecked Sendable {
    private struct State {
        var numbers: Deque<UInt64> = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let word: UnsafeMutablePointer<UInt32>

    init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    func add(_ number: UInt64) {
        state.withLock {
            $0.numbers.append(number)
            word.pointee &+= 1
        }
        ray_futex_wake(word, 1)
    }

    /// Nobody gets anything any more.
    func close() {
        state.withLock {
            $0.isClosed = true
            word.pointee &+= 1
        }
        ray_futex_wake(word, .max)
    }

    /// The next number; 0 after `milliseconds`, nothing once closed.
    func next(milliseconds: Int) -> UInt64? {
        for isLast in [false, true] {
            let (number, isClosed, seen) = state.withLock { ($0.numbers.popFirst(), $0.isClosed, word.pointee) }
            if isClosed { return nil }
            if let number { return number }
            if !isLast { ray_futex_wait(word, seen, UInt64(max(0, milliseconds)) * 1_000) }
        }
        return 0
    }
}
