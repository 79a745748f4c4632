//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray
import Synchronization

/// Synchronous calls that meet, if they run at the same time.
@RemoteActor final class Meeting: Sendable {
    private struct State {
        var started: [Int] = []
        var present = 0
        var highest = 0
    }

    private let state = Mutex(State())

    /// Stays until `count` calls have been here at the same time; whether they were within the time.
    func meet(_ number: Int, count: Int, milliseconds: Int) -> Bool {
        state.withLock { state in
            state.started.append(number)
            state.present += 1
            state.highest = max(state.highest, state.present)
        }
        defer { state.withLock { $0.present -= 1 } }
        for _ in 0..<milliseconds {
            if highest() >= count { return true }
            usleep(1_000)
        }
        return false
    }

    func highest() -> Int { state.withLock { $0.highest } }
    func started() -> [Int] { state.withLock { $0.started } }
}

/// An actor of which one method needs no isolation.
@RemoteActor actor HalfGuarded {
    private let met = Mutex(0)
    private var count = 0

    nonisolated func meet(milliseconds: Int) -> Bool {
        met.withLock { $0 += 1 }
        for _ in 0..<milliseconds {
            if met.withLock({ $0 >= 2 }) { return true }
            usleep(1_000)
        }
        return false
    }

    func increment() -> Int {
        count += 1
        return count
    }
}

/// Modes about actors with several threads.
extension TestProgram {
    static func threads() async throws {
        let wide = ray.remote(Meeting.self).options(maxConcurrency: 3).remote()
        let calls = (0..<9).map { wide.meet($0, count: 3, milliseconds: 10_000) }
        say("met: \(try await ray.get(calls).allSatisfy { $0 })")
        say("at a time: \(try await ray.get(wide.highest()))")
        let started = try await ray.get(wide.started())
        // Three threads take calls up in order and may then overtake each other by what is under way.
        say("in order: \(zip(started, 0...).allSatisfy { abs($0 - $1) < 3 }) \(started.count)")
        let alone = ray.remote(Meeting.self).remote()
        let tries = (0..<3).map { alone.meet($0, count: 2, milliseconds: 100) }
        say("met alone: \(try await ray.get(tries))")
        say("at a time: \(try await ray.get(alone.highest())), \(try await ray.get(alone.started()))")
        let half = ray.remote(HalfGuarded.self).options(maxConcurrency: 2).remote()
        let pair = [half.meet(milliseconds: 10_000), half.meet(milliseconds: 10_000)]
        say("nonisolated: \(try await ray.get(pair)) \(try await ray.get(half.increment()))")
    }
}
