//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayTransport
import Synchronization
import Testing

@Suite("Reactor", .timeLimit(.minutes(1)))
struct ReactorTests {
    /// Counts, so that closures can share a number.
    final class Counter: Sendable {
        let value = Atomic<Int>(0)
        var count: Int { value.load(ordering: .acquiring) }
        func increment() { value.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    }

    @Test("Jobs and timers run while nobody polls")
    func background() async throws {
        let reactor = try Reactor()
        try reactor.start()
        defer { reactor.stop() }
        await withCheckedContinuation { continuation in reactor.perform { continuation.resume() } }
        let start = reactor.clock.now()
        await withCheckedContinuation { continuation in
            let timer = reactor.makeTimer { _ in continuation.resume() }
            timer.set(start.advanced(milliseconds: 20))
        }
        #expect(reactor.clock.now().milliseconds(since: start) >= 20)
    }

    @Test("A poller takes the lead and gives it back")
    func poller() async throws {
        let reactor = try Reactor()
        try reactor.start()
        defer { reactor.stop() }
        for _ in 0..<200 {
            let counter = Counter()
            reactor.perform { counter.increment() }
            #expect(reactor.poll(microseconds: 5_000_000) { counter.count == 1 })
        }
        #expect(!reactor.poll(microseconds: 50) { false })
        await withCheckedContinuation { continuation in reactor.perform { continuation.resume() } }
    }

    @Test("An executor leads while idle, is woken, and is stood in for while it is busy")
    func executor() async throws {
        let reactor = try Reactor()
        try reactor.start()
        defer { reactor.stop() }
        let work = Counter()
        let answered = Counter()
        let finished = Counter()
        try PlainThread.start("executor") {
            for round in 1...50 {
                reactor.runAsLeader(until: { work.count >= round })
                // Runs user code that does not end before others were answered.
                while answered.count < round { sched_yield() }
            }
            finished.increment()
        }
        for round in 1...50 {
            work.increment()
            reactor.wake()
            if round % 5 == 0 { reactor.perform { answered.increment() } } else { answered.increment() }
            #expect(reactor.poll(microseconds: 5_000_000) { answered.count == round })
        }
        #expect(reactor.poll(microseconds: 5_000_000) { finished.count == 1 })
    }

    @Test("Jobs from many threads all run, whoever leads")
    func manyThreads() throws {
        let reactor = try Reactor()
        try reactor.start()
        defer { reactor.stop() }
        let counter = Counter()
        for _ in 0..<4 {
            try PlainThread.start("sender") {
                for index in 0..<1_000 {
                    reactor.perform { counter.increment() }
                    if index % 100 == 0 { _ = reactor.poll(microseconds: 20) { false } }
                }
            }
        }
        #expect(reactor.poll(microseconds: 20_000_000) { counter.count == 4_000 })
    }

    @Test("A timer that thousands want, each at a time of its own, fires a hundred times a second and not more")
    func spacing() throws {
        let reactor = try Reactor()
        let count = Mutex(0)
        let timer = reactor.makeTimer { _ in count.withLock { $0 += 1 } }
        let start = reactor.clock.now()
        var now = start
        while now.milliseconds(since: start) < 200 {
            timer.set(about: now)
            _ = reactor.poll(microseconds: 100) { false }
            now = reactor.clock.now()
        }
        let fired = count.withLock { $0 }
        #expect(fired >= 1 && fired <= now.milliseconds(since: start) / 10 + 1)
        // An earlier time is not held up.
        timer.set(noLaterThan: reactor.clock.now())
        #expect(reactor.poll(microseconds: 1_000_000) { count.withLock { $0 } > fired })
    }
}
