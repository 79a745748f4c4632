//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// A large result, after a while.
@Remote func bulk(_ count: Int) async throws -> [Double] {
    try await Task.sleep(for: .milliseconds(300))
    return [Double](repeating: 1, count: count)
}

/// Notes where each attempt runs; only the third one ends.
@Remote func settle(_ folder: String) async throws -> Int {
    let context = try ray.context
    writeFile("\(folder)/attempt-\(context.attempt)", "\(getpid()) \(context.nodeID)")
    if context.attempt < 2 { try await Task.sleep(for: .seconds(1000)) }
    return context.attempt
}

/// Says where it lives.
@RemoteActor actor Settler {
    func place() throws -> String { "\(getpid()) \(try ray.context.nodeID)" }
}

/// Modes about what can be seen of a cluster, and about nodes that leave.
extension TestProgram {
    static func looks(_ mode: String, _ folder: String) async throws {
        switch mode {
        case "traced": try await traced(folder)
        case "drained": try await drained(folder)
        default: try await stuck(folder)
        }
    }

    /// Some of everything that is recorded.
    static func traced(_ folder: String) async throws {
        _ = try await ray.get((0..<20).map { ray.remote(square)($0) })
        let counter = ray.remote(Counter.self).remote(start: 1)
        _ = try await ray.get(counter.add(2))
        try await describeError { _ = try await ray.get(counter.add(-1)) }
        let spread = (0..<3).map {
            ray.remote(bulk).options(name: "far \($0)", schedulingStrategy: .spread)($0 + 1_000_000)
        }
        let sizes = try await ray.get(spread).map(\.count)
        say("sizes: \(sizes)")
        // More than the store of this node holds: some of it goes to disk and comes back.
        let blocks = try (0..<10).map { try ray.put([Double](repeating: Double($0), count: 4_000_000)) }
        let sums = try await ray.get(blocks.map { ray.remote(total)($0) })
        say("sums: \(sums)")
        try await ray.timeline(to: folder + "/trace.json")
        say("waits")
        _ = try await wait(for: folder + "/end")
    }

    /// A task and an actor that move with their node's end.
    static func drained(_ folder: String) async throws {
        let away = ["away": 1.0]
        let settler = ray.remote(Settler.self).options(resources: away, maxRestarts: 1, maxTaskRetries: -1).remote()
        var place = try await ray.get(settler.place())
        say("actor 0: \(place)")
        let task = ray.remote(settle).options(resources: away, maxRetries: 1)(folder)
        // Once with the node that is drained, once with its process, which costs the one restart that there is.
        for move in 1...2 {
            let before = place
            while place == before {
                try await Task.sleep(for: .milliseconds(50))
                place = try await ray.get(settler.place())
            }
            say("actor \(move): \(place)")
        }
        say("attempt: \(try await ray.get(task))")
    }

    /// A task, an actor and a placement group that nobody can serve.
    static func stuck(_ folder: String) async throws {
        let task = ray.remote(square).options(numCPUs: 64)(3)
        let actor = ray.remote(Counter.self).options(resources: ["nowhere": 1]).remote(start: 1)
        let group = try await ray.placementGroup(
            bundles: [["CPU": 1], ["CPU": 1]], strategy: .strictSpread, name: "wide")
        say("group: \(group.id)")
        let call = actor.add(1)
        _ = try await wait(for: folder + "/end")
        try ray.cancel(task)
        try ray.cancel(call)
    }
}
