//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Modes about references on the way, placement and the view of the cluster.
extension TestProgram {
    static func parcels() async throws {
        let counter = ray.remote(Counter.self).remote(start: 0)
        let own = Parcel(reference: try ray.put([1.5, 2.5]), counter: counter)
        say("sent: \(try await ray.get(ray.remote(open)(own)))")
        let received = try await ray.get(ray.remote(pack)(counter))
        say("received: \(try await ray.get(received.reference).count)")
        say("passed on: \(try await ray.get(ray.remote(open)(received)))")
    }

    /// The task that is waited for is submitted after the one that waits, and there is one CPU.
    static func followers() async throws {
        let box = ray.remote(Box.self).remote()
        let first = ray.remote(follow)(box)
        try await Task.sleep(for: .milliseconds(300))
        let second = ray.remote(square)(6)
        try await ray.get(box.hold([second]))
        say("followed: \(try await ray.get(first, timeout: .seconds(20)))")
    }

    /// One long task among many short ones: the short ones do not queue up behind it.
    static func mixed() async throws {
        let start = ContinuousClock.now
        var references = [ray.remote(pause)(5000)]
        references += (0..<1000).map { _ in ray.remote(pause)(1) }
        say("sum: \(try await ray.get(references).reduce(0, +))")
        say("in time: \(start.duration(to: .now) < .seconds(6)), \(start.duration(to: .now))")
    }

    static func view() async throws {
        let nodes = try await ray.nodes()
        say("nodes: \(nodes.count) \(nodes.allSatisfy(\.isAlive)) \(nodes.filter(\.isHead).count)")
        say("CPU: \(try await ray.clusterResources()["CPU"] ?? -1)")
        say("available: \(try await ray.availableResources()["CPU"] ?? -1)")
        let context = try ray.context
        say("driver: \(context.taskID == nil) \(context.actorID == nil) \(nodes.contains { $0.id == context.nodeID })")
        say("initialized: \(ray.isInitialized) \(ray.isWorker)")
    }

    /// A task for a node that lacks the toolchain.
    static func bare() async throws {
        try await describeError {
            let function = ray.remote(square).options(resources: ["bare": 1])
            say("bare: \(try await ray.get(function(7), timeout: .seconds(20)))")
        }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func speaks() async throws {
        try await ray.get(ray.remote(speak)("hello"))
        // Lines travel beside the results; the next ones may be faster.
        try await Task.sleep(for: .milliseconds(500))
        say("spoken")
    }

    /// Tasks on a chosen node, and on all nodes.
    static func placement() async throws {
        let nodes = try await ray.nodes().filter(\.isAlive)
        for node in nodes {
            let strategy = ray.SchedulingStrategy.nodeAffinity(nodeID: node.id, soft: false)
            let found = try await ray.get(ray.remote(whereAmI).options(schedulingStrategy: strategy)(0))
            guard found == node.id else { return say("wrong node \(found), wanted \(node.id)") }
        }
        let spread = ray.remote(whereAmI).options(schedulingStrategy: .spread)
        let places = Set(try await ray.get((0..<nodes.count * 2).map { _ in spread(500) }))
        say("placed: \(nodes.count), spread over \(places.count)")
    }
}

/// Copies on other nodes.
extension TestProgram {
    /// Objects that are read on all nodes leave nothing on any of them when their references go.
    static func copies() async throws {
        let nodes = try await ray.nodes().filter(\.isAlive)
        var put: ObjectRef<[Double]>? = try ray.put([Double](repeating: 1, count: 1 << 20))
        var made: ObjectRef<[Double]>? = ray.remote(ones).options(schedulingStrategy: .spread)(1 << 20)
        var sums: [Double] = []
        if let put, let made {
            for node in nodes {
                let there = ray.SchedulingStrategy.nodeAffinity(nodeID: node.id, soft: false)
                sums.append(try await ray.get(ray.remote(total).options(schedulingStrategy: there)(put)))
                sums.append(try await ray.get(ray.remote(total).options(schedulingStrategy: there)(made)))
            }
        }
        say("sums: \(sums.count { $0 == Double(1 << 20) })")
        say("full: \(try await eventually { try await storesUsed() >= 2 * nodes.count * (8 << 20) })")
        put = nil
        made = nil
        say("empty: \(try await eventually { try await storesUsed() == 0 })")
    }

    /// A shuffle of two levels, whose third node is lost before the results are read: as soon as the file exists.
    static func shuffle(goOn path: String) async throws {
        let count = 6
        guard let third = try await ray.nodes().first(where: { $0.name == "third" }) else { return say("two nodes") }
        var results: [ObjectRef<[Double]>] = []
        do {
            let maps = (0..<count).map { ray.remote(part).options(schedulingStrategy: .spread)($0) }
            let merge = ray.remote(merged).options(schedulingStrategy: .spread)
            let middle = (0..<count).map { merge(maps[$0], maps[($0 + 1) % count], maps[($0 + 2) % count]) }
            // Half of the results are on the node that goes; without it they are made elsewhere.
            let there = merge.options(schedulingStrategy: .nodeAffinity(nodeID: third.id, soft: true))
            results = (0..<count).map { index in
                let place = index % 2 == 0 ? merge : there
                return place(middle[index], middle[(index + 2) % count], middle[(index + 3) % count])
            }
            _ = try await ray.wait(results, count: count)
        }
        say("made")
        while access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        let got = try await ray.get(results)
        var right = 0
        for (index, numbers) in got.enumerated() {
            var wanted = 0
            for upper in [0, 2, 3] { for lower in [0, 1, 2] { wanted += (index + upper + lower) % count } }
            if numbers.count == partSize, numbers.allSatisfy({ $0 == Double(wanted) }) { right += 1 }
        }
        say("right: \(right)")
    }

    /// Rounds in which values go from all nodes to all others, for a time.
    static func exchange(seconds: Int) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        let count = 4
        let make = ray.remote(part).options(maxRetries: -1, schedulingStrategy: .spread)
        let merge = ray.remote(merged).options(maxRetries: -1, schedulingStrategy: .spread)
        var round = 0
        while ContinuousClock.now < end {
            round += 1
            let parts = (0..<count).map { make(round + $0) }
            let results = (0..<count).map { merge(parts[$0], parts[($0 + 1) % count], parts[($0 + 2) % count]) }
            for (index, numbers) in try await ray.get(results, timeout: .seconds(40)).enumerated() {
                let wanted = (0...2).reduce(0) { $0 + round + (index + $1) % count }
                guard numbers.count == partSize, numbers.allSatisfy({ $0 == Double(wanted) }) else {
                    return say("wrong: \(index) of round \(round)")
                }
            }
            say("round \(round)")
        }
        say("all right")
    }

    /// Bytes of objects on all nodes.
    static func storesUsed() async throws -> Int {
        try await ray.nodes().filter(\.isAlive).map(\.objectStoreUsed).reduce(0, +)
    }

    /// Whether something comes true within 10 s.
    static func eventually(_ isTrue: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<100 {
            if try await isTrue() { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}

@Remote func ones(_ count: Int) -> [Double] { [Double](repeating: 1, count: count) }

/// Numbers of a part of a shuffle; too many to travel in messages.
let partSize = 100_000

@Remote func part(_ number: Int) -> [Double] { [Double](repeating: Double(number), count: partSize) }

@Remote func merged(_ first: [Double], _ second: [Double], _ third: [Double]) -> [Double] {
    first.indices.map { first[$0] + second[$0] + third[$0] }
}

@Remote func total(_ numbers: [Double]) -> Double { numbers.reduce(0, +) }

/// The node on which this runs.
@Remote func whereAmI(_ milliseconds: Int) async throws -> String {
    try await Task.sleep(for: .milliseconds(milliseconds))
    return try ray.context.nodeID
}
