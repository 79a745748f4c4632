//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import DequeModule
internal import Synchronization

/// What any thread adds and any number of readers read, each at its own pace. Of more than `countMax` the oldest go.
///
/// Unchecked: the futex word's address never changes, and it is only changed under the mutex.
final class EventLog<Event: Sendable>: @unchecked Sendable {
    private struct State {
        var events: Deque<Event> = []
        /// The position of the first of them.
        var first = 0
    }

    private let state = Mutex(State())
    private let word: UnsafeMutablePointer<UInt32>
    private let countMax: Int

    init(countMax: Int) {
        self.countMax = countMax
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    func add(_ event: Event) {
        state.withLock {
            if $0.events.count >= countMax {
                $0.events.removeFirst()
                $0.first += 1
            }
            $0.events.append(event)
            word.pointee &+= 1
        }
        ray_futex_wake(word, .max)
    }

    /// The position of what is added next.
    var end: Int { state.withLock { $0.first + $0.events.count } }

    /// The event at a position, or the oldest that is kept behind it, and the position of the next one. Waits for it up
    /// to `milliseconds`.
    func next(at position: Int, milliseconds: Int) -> (event: Event?, next: Int) {
        let (found, seen) = state.withLock { (Self.find(position, $0), word.pointee) }
        guard found.event == nil else { return found }
        ray_futex_wait(word, seen, UInt64(max(0, milliseconds)) * 1_000)
        return state.withLock { Self.find(position, $0) }
    }

    private static func find(_ position: Int, _ state: State) -> (event: Event?, next: Int) {
        let index = max(0, position - state.first)
        guard index < state.events.count else { return (nil, position) }
        return (state.events[index], state.first + index + 1)
    }
}
