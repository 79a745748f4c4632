//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RaySystem
import RayTransport
import Synchronization
import Testing

@Suite("Event count", .timeLimit(.minutes(1)))
struct EventCountTests {
    @Test("A wait of any length is one, and one for what has happened is none", arguments: [Int.min, -1, .max])
    func extremes(_ milliseconds: Int) {
        let events = EventCount()
        let seen = events.current
        events.raise()
        events.wait(after: seen, milliseconds: milliseconds)
        #expect(events.current != seen)
    }

    @Test("What happens between the look and the sleep is not missed")
    func missed() {
        let events = EventCount()
        let seen = events.current
        events.raise()
        let start = MonotonicClock().now()
        events.wait(after: seen, milliseconds: 30_000)
        #expect(MonotonicClock().now().milliseconds(since: start) < 10_000)
    }

    @Test("Where nothing happens the sleep has its limit")
    func limit() {
        let events = EventCount()
        let end = MonotonicClock().now().advanced(milliseconds: 20)
        while MonotonicClock().now() < end { events.wait(after: events.current, milliseconds: 20) }
        #expect(events.current == 0)
    }

    @Test("Two threads pass 10,000 turns to each other")
    func turns() throws {
        let events = EventCount()
        let turn = Mutex(0)
        let isDone = EventCount()
        /// Takes each second turn, beginning with `first`.
        @Sendable func play(from first: Int) {
            var next = first
            while next < 10_000 {
                let seen = events.current
                guard turn.withLock({ $0 == next }) else {
                    events.wait(after: seen, milliseconds: 30_000)
                    continue
                }
                turn.withLock { $0 += 1 }
                events.raise()
                next += 2
            }
        }
        try PlainThread.start("test.turns") {
            play(from: 1)
            isDone.raise()
        }
        play(from: 0)
        isDone.wait(after: 0, milliseconds: 30_000)
        #expect(turn.withLock { $0 } == 10_000)
    }
}
