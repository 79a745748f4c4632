//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import DequeModule
internal import Synchronization

/// What one thread waits for and any thread adds. Of more than `countMax` the oldest go.
///
/// Unchecked: the futex word's address never changes, and it is only changed under the mutex.
final class EventQueue<Event: Sendable>: @unchecked Sendable {
    private struct State {
        var events: Deque<Event> = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let word: UnsafeMutablePointer<UInt32>
    private let countMax: Int

    init(countMax: Int = .max) {
        self.countMax = countMax
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    func add(_ event: Event) {
        state.withLock {
            if $0.events.count >= countMax { $0.events.removeFirst() }
            $0.events.append(event)
            word.pointee &+= 1
        }
        ray_futex_wake(word, 1)
    }

    /// Whoever waits gets nothing, now.
    func wake() {
        state.withLock { _ in word.pointee &+= 1 }
        ray_futex_wake(word, .max)
    }

    /// Nobody gets anything any more.
    func close() {
        state.withLock {
            $0.isClosed = true
            word.pointee &+= 1
        }
        ray_futex_wake(word, .max)
    }

    /// Whether nobody gets anything any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The next one; nothing after `milliseconds`, or once closed.
    func next(milliseconds: Int) -> Event? {
        let (first, seen) = state.withLock { ($0.isClosed ? nil : $0.events.popFirst(), word.pointee) }
        if let first { return first }
        if isClosed { return nil }
        ray_futex_wait(word, seen, UInt64(max(0, milliseconds)) * 1_000)
        return state.withLock { $0.isClosed ? nil : $0.events.popFirst() }
    }
}
