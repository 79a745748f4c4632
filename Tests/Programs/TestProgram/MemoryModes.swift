//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// A value with references inside.
struct Bag: Codable, Sendable {
    var numbers: [ObjectRef<Int>] = []
    var blocks: [ObjectRef<[Double]>] = []
}

@Remote func addUp(_ bag: Bag) async throws -> Int {
    try await ray.get(bag.numbers).reduce(0, +) + ray.get(bag.blocks).reduce(0) { $0 + $1.count }
}

/// References in a result: of what the task put, and of what its own tasks make.
@Remote func nest(_ count: Int, depth: Int) async throws -> Bag {
    if depth > 0 { return try await ray.get(ray.remote(nest)(count, depth: depth - 1)) }
    return Bag(
        numbers: try (0..<count).map { $0 % 2 == 0 ? try ray.put($0) : ray.remote(square)($0) },
        blocks: [try ray.put([Double](repeating: 1, count: 50_000)), ray.remote(ones)(50_000)])
}

@RemoteActor actor Keeper {
    private var bag = Bag()

    func keep(_ bag: Bag) { self.bag = bag }
    func give() -> Bag { bag }
    func sum() async throws -> Int { try await ray.get(bag.numbers).reduce(0, +) }
}

extension TestProgram {
    static func memory(_ mode: String, _ argument: String) async throws {
        if mode == "holds" { try await holds(argument) } else { try await leaks(Int(argument) ?? 0) }
    }

    /// Objects that are held in different ways, until a file says that it is enough.
    private static func holds(_ folder: String) async throws {
        let nodes = try await ray.nodes().filter(\.isAlive)
        guard let third = nodes.first(where: { $0.name == "third" }) else { return say("no third node") }
        let there = ray.SchedulingStrategy.nodeAffinity(nodeID: third.id, soft: false)
        let small = try ray.put(5)
        let large = ray.remote(ones).options(schedulingStrategy: there)(1 << 20)
        _ = try await ray.wait([large], count: 1)
        let keeper = ray.remote(Keeper.self).remote()
        _ = try await ray.get(keeper.keep(Bag(numbers: [small], blocks: [large])))
        let outer = try ray.put(Bag(numbers: [small]))
        let gate = ray.remote(square).options(resources: ["nowhere": 1])(2)
        let waits = ray.remote(square)(gate)
        let states = try await ray.listObjects()
        let own = try ray.context.workerID
        say("own: \(states.count { $0.ownerID == own && $0.workerID == own })")
        say("pid is mine: \(states.contains { $0.pid == Int(getpid()) && $0.type == "DRIVER" })")
        say("holds")
        _ = try await wait(for: folder + "/end")
        try ray.cancel(gate)
        _ = (small, large, outer, waits, keeper)
    }

    /// Many objects in all shapes, after which nothing is left: no reference at any process, no byte in any store.
    private static func leaks(_ count: Int) async throws {
        let start = ContinuousClock.now
        var made = 0
        let keepers = (0..<3).map { _ in
            ray.remote(Keeper.self).options(numCPUs: 0, schedulingStrategy: .spread).remote()
        }
        while made < count { made += try await round(keepers) }
        say("made: \(made >= count) in \(start.duration(to: .now))")
        _ = try await ray.get(keepers.map { $0.keep(Bag()) })
        var left: [ray.ObjectState] = []
        let isEmpty = try await eventually {
            left = try await ray.listObjects(limit: 1_000).filter { $0.referenceType != "ACTOR_HANDLE" }
            return left.isEmpty
        }
        say("held: \(left.count)\(left.first.map { " \($0)" } ?? "")")
        let used = try await eventually { try await storesUsed() == 0 }
        say("nothing is left: \(isEmpty && used)")
        _ = keepers
    }

    /// Some objects of each shape; how many they were.
    private static func round(_ keepers: [Keeper.Handle]) async throws -> Int {
        let puts = try (0..<1_000).map { try ray.put($0) }
        let results = (0..<1_000).map { ray.remote(square)($0) }
        let blocks = try (0..<4).map { try ray.put([Double](repeating: Double($0), count: 50_000)) }
        let far = (0..<6).map { ray.remote(ones).options(schedulingStrategy: .spread)(50_000 + $0) }
        // In arguments, and as arguments.
        let sums = (0..<20).map { index in
            ray.remote(addUp)(Bag(numbers: Array(puts[(index * 50)..<(index * 50 + 50)]), blocks: [far[index % 6]]))
        }
        let squares = results.map { ray.remote(square)($0) }
        let totals = far.map { ray.remote(total)($0) }
        // In actors, and out of them again.
        let kept = keepers.enumerated().map { index, keeper in
            keeper.keep(Bag(numbers: Array(results[(index * 100)..<(index * 100 + 100)]), blocks: [blocks[index]]))
        }
        let given = keepers.map { $0.give() }
        // In results, also of tasks of tasks.
        let nested = (0..<6).map { ray.remote(nest)(20, depth: $0 % 3) }
        for bag in try await ray.get(nested) + ray.get(given) { _ = try await ray.get(bag.numbers) }
        _ = try await ray.get(kept)
        _ = try await (ray.get(sums), ray.get(squares), ray.get(totals))
        // Values of values, let go from the outside.
        var outer = try ray.put(Bag(numbers: [puts[0]], blocks: [blocks[0]]))
        for index in 1..<100 {
            let inner = outer
            outer = try ray.put(Bag(numbers: [puts[index]]))
            _ = inner
        }
        return 3_000 + 4 + 6 + 20 + 6 + 6 * 24 + 100
    }
}
