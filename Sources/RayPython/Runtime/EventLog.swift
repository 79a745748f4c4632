//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RaySystem
internal import Synchronization

/// What any thread adds and any number of readers read, each at its own pace. Of more than `countMax` the oldest go.
final class EventLog<Event: Sendable>: Sendable {
    private struct State {
        var events: Deque<Event> = []
        /// The position of the first of them.
        var first = 0
    }

    private let state = Mutex(State())
    private let changes = EventCount()
    private let countMax: Int

    init(countMax: Int) { self.countMax = countMax }

    func add(_ event: Event) {
        state.withLock {
            if $0.events.count >= countMax {
                $0.events.removeFirst()
                $0.first += 1
            }
            $0.events.append(event)
        }
        changes.raise()
    }

    /// The position of what is added next.
    var end: Int { state.withLock { $0.first + $0.events.count } }

    /// The event at a position, or the oldest that is kept behind it, and the position of the next one. Waits for it up
    /// to `milliseconds`.
    func next(at position: Int, milliseconds: Int) -> (event: Event?, next: Int) {
        let seen = changes.current
        let found = state.withLock { Self.find(position, $0) }
        guard found.event == nil else { return found }
        changes.wait(after: seen, milliseconds: milliseconds)
        return state.withLock { Self.find(position, $0) }
    }

    private static func find(_ position: Int, _ state: State) -> (event: Event?, next: Int) {
        let index = max(0, position - state.first)
        guard index < state.events.count else { return (nil, position) }
        return (state.events[index], state.first + index + 1)
    }
}
