//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray
import Synchronization

@Remote func stubborn(_ path: String) -> Int {
    writeFile(path, "\(getpid())")
    while !ray.isCancelled { usleep(1_000) }
    writeFile(path + ".end", "seen")
    return 1
}

@Remote func parent(_ path: String) async throws -> Int { try await ray.get(ray.remote(patient)(path)) }

@Remote func patient(_ path: String) async throws -> Int {
    writeFile(path, "\(getpid())")
    do {
        try await Task.sleep(for: .seconds(1000))
    } catch {
        writeFile(path + ".end", "\(type(of: error))")
        throw error
    }
    return 1
}

@Remote func flaky(_ attempts: Int) throws -> Int {
    let attempt = try ray.context.attempt
    if attempt < attempts { throw PlannedFailure(text: "attempt \(attempt)") }
    return attempt
}

/// Counts from 0.
final class Steps: Sendable {
    private let next = Mutex(0)

    func take() -> Int {
        next.withLock { next in
            defer { next += 1 }
            return next
        }
    }
}

@Remote func count(_ number: Int, failAt: Int) -> AsyncThrowingStream<Int, any Error> {
    let steps = Steps()
    return AsyncThrowingStream(unfolding: {
        let step = steps.take()
        if step == failAt { throw PlannedFailure(text: "item \(step)") }
        return step < number ? step : nil
    })
}

@Remote func blocks(_ path: String) -> AsyncStream<[Double]> {
    let steps = Steps()
    let isSecond = (try? ray.context.attempt) ?? 0 > 0
    return AsyncStream(unfolding: {
        let step = steps.take()
        // The first try ends in the middle, with its process.
        if step == 3, !isSecond {
            writeFile(path, "\(getpid())")
            try? await Task.sleep(for: .seconds(1000))
        }
        return step < 5 ? [Double](repeating: Double(step), count: 50_000) : nil
    })
}

@Remote func tally(_ path: String) -> AsyncStream<Int> {
    let steps = Steps()
    return AsyncStream(unfolding: {
        let step = steps.take()
        writeFile(path, "\(step)")
        return step
    })
}

@RemoteActor(.concurrent, groups: ["io": 2]) actor Groups {
    private var underWay = 0
    private var highest = 0

    @ConcurrencyGroup("io") func read() async throws {
        underWay += 1
        highest = max(highest, underWay)
        try await Task.sleep(for: .milliseconds(30))
        underWay -= 1
    }

    func most() -> Int { highest }
    func items(_ number: Int) -> AsyncStream<Int> {
        AsyncStream { continuation in
            for item in 0..<number { continuation.yield(item) }
            continuation.finish()
        }
    }
    func leave() throws { try ray.exitActor() }
    func process() -> Int { Int(getpid()) }
}

/// Modes about cancelling, trying again, generators and the ends of actors.
extension TestProgram {
    /// Waits until a task has written the file.
    static func wait(for path: String) async throws -> String {
        while true {
            if let file = fopen(path, "r") {
                defer { fclose(file) }
                var bytes = [CChar](repeating: 0, count: 256)
                if fgets(&bytes, 256, file) != nil {
                    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                }
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    static func cancel(_ folder: String) async throws {
        let stuck = ray.remote(stubborn)(folder + "/stubborn")
        _ = try await wait(for: folder + "/stubborn")
        try ray.cancel(stuck)
        try await describeError { _ = try await ray.get(stuck) }
        say("flag: \(try await wait(for: folder + "/stubborn.end"))")
        let family = ray.remote(parent)(folder + "/child")
        _ = try await wait(for: folder + "/child")
        try ray.cancel(family)
        try await describeError { _ = try await ray.get(family) }
        say("child: \(try await wait(for: folder + "/child.end"))")
        let spinning = ray.remote(spin)(folder + "/spin")
        let processes = try await wait(for: folder + "/spin").split(separator: " ").compactMap { pid_t($0) }
        try ray.cancel(spinning, force: true)
        try await describeError { _ = try await ray.get(spinning) }
        while Glibc.kill(processes[0], 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        let pending = ray.remote(square).options(numCPUs: 64)(3)
        try ray.cancel(pending)
        try await describeError { _ = try await ray.get(pending) }
        let counter = ray.remote(Counter.self).remote(start: 0)
        try await describeError { try ray.cancel(counter.increment(), force: true) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func generators(_ folder: String) async throws {
        var items: [Int] = []
        try await describeError {
            for try await item in ray.remote(count)(5, failAt: 3) { items.append(try await ray.get(item)) }
        }
        say("items: \(items)")
        let large = ray.remote(blocks)(folder + "/blocks")
        let iterator = large.makeAsyncIterator()
        var sums: [Double] = []
        while let item = try await iterator.next() {
            sums.append(try await ray.get(item).reduce(0, +))
            if sums.count == 2, let process = pid_t(try await wait(for: folder + "/blocks")) {
                Glibc.kill(process, SIGKILL)
            }
        }
        say("sums: \(sums)")
        do {
            let endless = ray.remote(tally).options(generatorBackpressure: 2)(folder + "/tally")
            let reader = endless.makeAsyncIterator()
            for _ in 0..<3 { _ = try await reader.next() }
            try await Task.sleep(for: .milliseconds(300))
            say("made: \(try await wait(for: folder + "/tally"))")
        }
        let groups = ray.remote(Groups.self).remote()
        var total = 0
        for try await item in groups.items(10) { total += try await ray.get(item) }
        say("total: \(total)")
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func actorEnds() async throws {
        let groups = ray.remote(Groups.self).options(maxRestarts: -1).remote()
        try await ray.get((0..<6).map { _ in groups.read() })
        say("at a time: \(try await ray.get(groups.most()))")
        try await describeError { try await ray.get(groups.options(concurrencyGroup: "no").read()) }
        try await describeError { try await ray.get(groups.leave()) }
        try await describeError { _ = try await ray.get(groups.most(), timeout: .seconds(10)) }
        let first = ray.remote(Counter.self).options(name: "only", getIfExists: true).remote(start: 5)
        let second = ray.remote(Counter.self).options(name: "only", getIfExists: true).remote(start: 50)
        say("same: \(first == second) \(try await ray.get([first.increment(), second.increment()]))")
        say("process: \(try await processOfForgotten())")
    }

    /// The process of an actor whose last handle goes with this function.
    private static func processOfForgotten() async throws -> String {
        let process: Int
        do {
            let forgotten = ray.remote(Counter.self).remote(start: 0)
            process = try await ray.get(forgotten.process())
        }
        for _ in 0..<2000 {
            if Glibc.kill(pid_t(process), 0) != 0 { return "gone" }
            try await Task.sleep(for: .milliseconds(5))
        }
        return "left"
    }

    /// Makes a detached actor and leaves, or finds one that another program has made.
    static func detached(_ isFirst: Bool) async throws {
        if isFirst {
            let counter = ray.remote(Counter.self).options(name: "kept", namespace: "n", lifetime: .detached)
                .remote(start: 7)
            say("first: \(try await ray.get(counter.increment()))")
        } else {
            let counter = try await ray.actor(Counter.self, named: "kept", namespace: "n")
            say("second: \(try await ray.get(counter.increment()))")
            try await ray.kill(counter)
        }
    }

    static func tryAgain() async throws {
        let flaky = ray.remote(flaky).options(maxRetries: 2, retryExceptions: .only(PlannedFailure.self))
        say("attempt: \(try await ray.get(flaky(2)))")
        try await describeError { _ = try await ray.get(flaky(3)) }
        try await describeError {
            _ = try await ray.get(flaky.options(retryExceptions: .only(CancellationError.self))(1))
        }
    }
}
