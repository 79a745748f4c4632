//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray
import Synchronization

/// Numbers of a value of the shuffle: 1 MB.
let shuffleCount = 125_000

@Remote func square(_ value: Int) async throws -> Int {
    Runs.note("begin")
    defer { Runs.note("end") }
    try await Task.sleep(for: .milliseconds(value % 7))
    return value * value
}

@Remote func next(_ value: Int) async throws -> Int {
    Runs.note("begin")
    defer { Runs.note("end") }
    try await Task.sleep(for: .milliseconds(20))
    return value + 1
}

/// Calls itself, and waits for both.
@Remote func fibonacci(_ number: Int) async throws -> Int {
    Runs.note("begin")
    defer { Runs.note("end") }
    if number < 2 { return number }
    let function = ray.remote(fibonacci).options(maxRetries: -1)
    let parts = try await ray.get([function(number - 1), function(number - 2)])
    return parts[0] + parts[1]
}

@Remote func part(_ value: Int) -> [Double] {
    Runs.note("begin")
    defer { Runs.note("end") }
    return [Double](repeating: Double(value), count: shuffleCount)
}

@Remote func merge(_ first: [Double], _ second: [Double], _ third: [Double]) async throws -> [Double] {
    Runs.note("begin")
    defer { Runs.note("end") }
    try await Task.sleep(for: .milliseconds(50))
    return first.indices.map { first[$0] + second[$0] + third[$0] }
}

/// Numbers from `first` on; every second item is large.
@Remote func series(_ first: Int, _ count: Int) -> AsyncThrowingStream<[Int], any Error> {
    Runs.note("begin")
    let steps = Mutex(0)
    return AsyncThrowingStream(unfolding: {
        try await Task.sleep(for: .milliseconds(30))
        let step = steps.withLock { step in
            defer { step += 1 }
            return step
        }
        if step == count { Runs.note("end") }
        return step < count ? [Int](repeating: first + step, count: step % 2 == 0 ? 1 : 20_000) : nil
    })
}

/// What a call of `Book` has found.
struct Entry: Codable, Sendable {
    /// Which life of the actor.
    var life: UInt64
    /// How many calls there were in this life.
    var count: Int
    var index: Int
}

/// Counts its calls, from 0 in each life.
@RemoteActor actor Book {
    private let life = UInt64.random(in: 0...UInt64.max)
    private var count = 0

    init() { Runs.note("actor") }

    func enter(_ index: Int) -> Entry {
        count += 1
        return Entry(life: life, count: count, index: index)
    }
}
