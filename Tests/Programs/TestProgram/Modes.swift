//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

extension TestProgram {
    static func squares() async throws {
        say("square: \(try await ray.get(ray.remote(square)(7)))")
    }

    static func thousand() async throws {
        let values = try await ray.get((0..<1000).map { ray.remote(square)($0) })
        say("sum: \(values.reduce(0, +))")
    }

    static func counter() async throws {
        let counter = ray.remote(Counter.self).remote(start: 10)
        let values = try await ray.get((0..<5).map { _ in counter.increment() })
        say("counts: \(values)")
        try await describeError { _ = try await ray.get(counter.add(-1)) }
        say("after: \(try await ray.get(counter.add(5)))")
    }

    static func errors() async throws {
        try await describeError { _ = try await ray.get(ray.remote(fail)("the planned text")) }
        do {
            _ = try await ray.get(ray.remote(fail)("typed"))
        } catch let error as ray.TaskError {
            say("cause: \(error.cause(as: PlannedFailure.self)?.text ?? "none"), pid is a worker's: \(error.pid > 1)")
        }
        // The failure of an argument is the failure of the task that wanted it.
        try await describeError {
            _ = try await ray.get(ray.remote(square)(ray.remote(fail)("from an argument")))
        }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func objects() async throws {
        let count = 1_250_000
        let block = (0..<count).map(Double.init)
        let stored = try ray.put(block)
        say("same: \(try await ray.get(stored) == block)")
        let view = try await ray.view(stored)
        say("view: \(view.count) \(view.withSpan { $0[count - 1] })")
        say("sum: \(try await ray.get(ray.remote(sum)(stored)))")
        let made = ray.remote(numbers)(count)
        say("made: \(try await ray.get(made) == block)")
        say("passed on: \(try await ray.get(ray.remote(sum)(made)))")
        let written = try ray.put(count: 1000, of: Int32.self) { span in
            for index in span.indices { span[index] = Int32(index) }
        }
        say("written: \(try await ray.get(written).last ?? 0)")
    }

    static func waits() async throws {
        let references = [ray.remote(pause)(5000), ray.remote(pause)(1)]
        let (ready, unready) = try await ray.wait(references, count: 1, timeout: .seconds(4))
        say("ready: \(ready.count) \(ready.first == references[1]), unready: \(unready.count)")
        let (none, all) = try await ray.wait([references[0]], count: 1, timeout: .milliseconds(50))
        say("ready: \(none.count), unready: \(all.count)")
    }

    static func fibonacciNumbers(_ arguments: [String]) async throws {
        let number = arguments.first.flatMap { Int($0) } ?? 12
        say("fibonacci: \(try await ray.get(ray.remote(fibonacci)(number)))")
    }

    static func order(_ count: Int) async throws {
        let recorder = ray.remote(Recorder.self).remote()
        let callers = (0..<4).map { ray.remote(record)(recorder, caller: $0, count: count) }
        let done = try await ray.get(callers)
        let (counts, faults) = try await ray.get(recorder.counts(), recorder.faultCount())
        say("done: \(done) counts: \(counts) faults: \(faults)")
    }

    static func named() async throws {
        let first = ray.remote(Counter.self).options(name: "tally").remote(start: 0)
        _ = try await ray.get(first.increment())
        let found = try await ray.actor(Counter.self, named: "tally")
        say("found: \(try await ray.get(found.increment()))")
        say("from a task: \(try await ray.get(ray.remote(incrementNamed)("tally")))")
        try await describeError { _ = try await ray.actor(Recorder.self, named: "tally") }
        try await describeError { _ = try await ray.actor(Counter.self, named: "nobody") }
        let second = ray.remote(Counter.self).options(name: "tally").remote(start: 0)
        try await describeError { _ = try await ray.get(second.increment()) }
        // The name alone does not keep it.
        _ = try await ray.get(first.increment())
    }

    static func killActor() async throws {
        let counter = ray.remote(Counter.self).remote(start: 0)
        _ = try await ray.get(counter.increment())
        try await ray.kill(counter)
        try await describeError { _ = try await ray.get(counter.increment(), timeout: .seconds(10)) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    /// An actor whose process is killed starts again, empty, and its handle goes on.
    static func restart() async throws {
        let counter = ray.remote(Counter.self).options(maxRestarts: 1, maxTaskRetries: 3).remote(start: 0)
        _ = try await ray.get([counter.increment(), counter.increment()])
        let process = try await ray.get(counter.process())
        Glibc.kill(pid_t(process), SIGKILL)
        say("after: \(try await ray.get(counter.increment(), timeout: .seconds(20)))")
        let second = try await ray.get(counter.process())
        Glibc.kill(pid_t(second), SIGKILL)
        try await describeError { _ = try await ray.get(counter.increment(), timeout: .seconds(20)) }
    }

    static func timeout() async throws {
        let slow = ray.remote(pause)(3000)
        try await describeError { _ = try await ray.get(slow, timeout: .milliseconds(200)) }
        say("later: \(try await ray.get(slow))")
    }

    static func hangs(_ path: String, retries: Int) async throws {
        try await describeError {
            say("attempt: \(try await ray.get(ray.remote(hang).options(maxRetries: retries)(path)))")
        }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    /// Waits for a task that takes long; ends early only by an error.
    static func sleeps() async throws {
        _ = try await ray.get(ray.remote(square)(3))
        let slow = ray.remote(pause)(1_000_000)
        say("waiting")
        try await describeError { _ = try await ray.get(slow) }
    }

    static func pending() async throws {
        let large = ray.remote(square).options(numCPUs: 64)(3)
        try await describeError { _ = try await ray.get(large, timeout: .seconds(4)) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func undecodable() async throws {
        try await describeError { _ = try await ray.get(ray.remote(take)(Undecodable()), timeout: .seconds(10)) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func puts(_ count: Int) async throws {
        let block = [UInt8](repeating: 1, count: 1_000_000)
        let start = ContinuousClock.now
        var last: ObjectRef<[UInt8]>?
        for _ in 0..<count { last = try ray.put(block) }
        let (seconds, attoseconds) = start.duration(to: .now).components
        say("puts: \(count) in \(seconds * 1000 + attoseconds / 1_000_000_000_000_000) ms")
        if let last { say("last: \(try await ray.get(last) == block)") }
    }

    /// Rounds of tasks, large objects and actor calls, for a time, while a test kills processes. What fails must fail
    /// with an error of Ray's; the sums of tasks must be right.
    static func churn(milliseconds: Int) async throws {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        let recorder = ray.remote(Counter.self).options(maxRestarts: -1, maxTaskRetries: -1).remote(start: 0)
        var rounds = 0
        var failures: [String: Int] = [:]
        say("begun")
        while ContinuousClock.now < end {
            do {
                let squares = (0..<20).map { ray.remote(square).options(maxRetries: -1)($0) }
                let made = ray.remote(numbers).options(maxRetries: -1)(200_000)
                let total = ray.remote(sum).options(maxRetries: -1)(made)
                let counts = (0..<5).map { _ in recorder.increment() }
                let sum = try await ray.get(squares, timeout: .seconds(20)).reduce(0, +)
                let wholeSum = try await ray.get(total, timeout: .seconds(20))
                guard sum == 2470, wholeSum == 19_999_900_000 else { return say("wrong: \(sum) \(wholeSum)") }
                _ = try await ray.get(counts, timeout: .seconds(20))
                rounds += 1
            } catch let error as ray.SystemError {
                failures[kind(error), default: 0] += 1
                if kind(error) == "getTimeout" { say("hung: \(error)") }
                if failures.values.reduce(0, +) > 1000 { break }
            }
        }
        say("rounds: \(rounds), failures: \(failures.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })")
    }
}
