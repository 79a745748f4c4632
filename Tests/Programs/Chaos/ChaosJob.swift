//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

/// The parts of the job; all go on at the same time, round by round.
enum ChaosJob: String, CaseIterable, Sendable {
    case tasks, chains, recursion, shuffle, counter, actors, generators, groups

    /// Works until the end; what is wrong, if something is.
    func run(until end: ContinuousClock.Instant, seed: UInt64, _ tally: Tally) async -> String? {
        var generator = SeededGenerator(state: seed ^ UInt64(rawValue.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
        let books = ray.remote(Book.self).options(numCPUs: 0, maxRestarts: -1, maxTaskRetries: -1)
        // One that lives as long as the job.
        let book = self == .counter ? books.remote() : nil
        var round = 0
        do {
            while ContinuousClock.now < end, !Task.isCancelled {
                round += 1
                let number = Int.random(in: 1...1_000, using: &generator)
                tally.step(self, "round \(round), with \(number)")
                let count =
                    switch self {
                    case .tasks: try await tasks(number)
                    case .chains: try await chain(number)
                    case .recursion: try await recursion(5 + number % 3)
                    case .shuffle: try await shuffle(number)
                    case .counter: try await count(book ?? books.remote(), from: round * 1_000)
                    case .actors: try await count(books.remote(), from: number)
                    case .generators: try await items(number)
                    case .groups: try await group(number)
                    }
                tally.right(self, count)
            }
            tally.done(self)
            return nil
        } catch {
            return "\(rawValue), round \(round): \(error)"
        }
    }

    private func expect<Value: Equatable>(_ value: Value, _ wanted: Value, _ what: String) throws {
        guard value == wanted else { throw ChaosError(text: "\(what) is \(value), not \(wanted)") }
    }

    private func tasks(_ number: Int) async throws -> Int {
        let numbers = Array(number..<(number + 40))
        let function = ray.remote(square).options(maxRetries: -1)
        try expect(try await ray.get(numbers.map { function($0) }), numbers.map { $0 * $0 }, "the list of squares")
        return numbers.count
    }

    private func chain(_ number: Int) async throws -> Int {
        let function = ray.remote(next).options(maxRetries: -1)
        var last = function(number)
        for _ in 1..<8 { last = function(last) }
        try expect(try await ray.get(last), number + 8, "the end of the chain")
        return 8
    }

    private func recursion(_ number: Int) async throws -> Int {
        let numbers = [0, 1, 1, 2, 3, 5, 8, 13]
        let reference = ray.remote(fibonacci).options(maxRetries: -1)(number)
        try expect(try await ray.get(reference), numbers[number], "Fibonacci's number \(number)")
        return 1
    }

    /// Two levels of values of 1 MB, of which only the last are held, and read after a while.
    private func shuffle(_ number: Int) async throws -> Int {
        let count = 4
        var results: [ObjectRef<[Double]>] = []
        do {
            let part = ray.remote(part).options(maxRetries: -1, schedulingStrategy: .spread)
            let merge = ray.remote(merge).options(maxRetries: -1, schedulingStrategy: .spread)
            let maps = (0..<count).map { part(number + $0) }
            let middle = (0..<count).map { merge(maps[$0], maps[($0 + 1) % count], maps[($0 + 2) % count]) }
            results = (0..<count).map { merge(middle[$0], middle[($0 + 1) % count], middle[($0 + 3) % count]) }
        }
        _ = try await ray.wait(results, count: count)
        try await Task.sleep(for: .milliseconds(number * 3))
        for (index, values) in try await ray.get(results).enumerated() {
            var wanted = 0
            for upper in [0, 1, 3] { for lower in [0, 1, 2] { wanted += number + (index + upper + lower) % count } }
            let isRight = values.count == shuffleCount && values.allSatisfy { $0 == Double(wanted) }
            try expect(isRight, true, "whether result \(index) of the shuffle has \(shuffleCount) times \(wanted)")
        }
        return 3 * count
    }

    /// Calls of an actor are made in order, each at least once.
    private func count(_ book: Book.Handle, from first: Int) async throws -> Int {
        let references = (first..<(first + 20)).map { book.enter($0) }
        var last: Entry?
        for (index, entry) in try await ray.get(references).enumerated() {
            try expect(entry.index, first + index, "the index of an entry")
            if let last, last.life == entry.life {
                try expect(last.count < entry.count, true, "whether \(entry) comes after \(last)")
            }
            last = entry
        }
        return references.count
    }

    private func items(_ number: Int) async throws -> Int {
        var references: [ObjectRef<[Int]>] = []
        for try await item in ray.remote(series).options(maxRetries: -1)(number, 6) { references.append(item) }
        try await Task.sleep(for: .milliseconds(number))
        let values = try await ray.get(references)
        let wanted = (0..<6).map { [Int](repeating: number + $0, count: $0 % 2 == 0 ? 1 : 20_000) }
        try expect(values == wanted, true, "whether the items \(values.map { ($0.first ?? -1, $0.count) }) are right")
        return wanted.count
    }

    /// Two bundles on different nodes; both are used.
    private func group(_ number: Int) async throws -> Int {
        let group = try await ray.placementGroup(bundles: [["CPU": 0.5], ["CPU": 0.5]], strategy: .spread)
        try await group.ready()
        let references = (0..<2).map { index in
            let strategy = ray.SchedulingStrategy.placementGroup(group, bundleIndex: index)
            return ray.remote(square).options(numCPUs: 0.5, maxRetries: -1, schedulingStrategy: strategy)(number)
        }
        try expect(try await ray.get(references), [number * number, number * number], "the squares in a group")
        try await ray.removePlacementGroup(group)
        return 3
    }
}
