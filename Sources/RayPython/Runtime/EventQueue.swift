//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RaySystem
internal import Synchronization

/// What one thread waits for and any thread adds. Of more than `countMax` the oldest go.
final class EventQueue<Event: Sendable>: Sendable {
    private struct State {
        var events: Deque<Event> = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let changes = EventCount()
    private let countMax: Int

    init(countMax: Int = .max) { self.countMax = countMax }

    func add(_ event: Event) {
        state.withLock {
            if $0.events.count >= countMax { $0.events.removeFirst() }
            $0.events.append(event)
        }
        changes.raise(waking: 1)
    }

    /// Whoever waits gets nothing, now.
    func wake() { changes.raise() }

    /// Nobody gets anything any more.
    func close() {
        state.withLock { $0.isClosed = true }
        changes.raise()
    }

    /// Whether nobody gets anything any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The next one; nothing after `milliseconds`, or once closed.
    func next(milliseconds: Int) -> Event? {
        let seen = changes.current
        if let first = takeFirst() { return first }
        if isClosed { return nil }
        changes.wait(after: seen, milliseconds: milliseconds)
        return takeFirst()
    }

    private func takeFirst() -> Event? {
        state.withLock { $0.isClosed ? nil : $0.events.popFirst() }
    }
}
