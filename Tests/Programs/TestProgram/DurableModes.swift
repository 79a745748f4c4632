//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// What a head that is killed must not lose.
extension TestProgram {
    /// Makes an actor and a placement group that stay, says so, and goes on when `signal` is there: the head has just
    /// been killed then.
    static func durableMakes(_ signal: String) async throws {
        try await ray.init(namespace: "n")
        let kept = ray.remote(Counter.self).options(numCPUs: 0, name: "kept", lifetime: .detached).remote(start: 0)
        let own = ray.remote(Counter.self).options(numCPUs: 0).remote(start: 10)
        let group = try await ray.placementGroup(bundles: [["CPU": 1]], name: "held", lifetime: .detached)
        try await group.ready(timeout: .seconds(20))
        _ = try await ray.get([kept.increment(), own.increment()], timeout: .seconds(20))
        let running = ray.remote(pause)(1_500)
        say("made")
        while access(signal, F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        let fresh = ray.remote(Counter.self).options(numCPUs: 0).remote(start: 20)
        let inside = ray.SchedulingStrategy.placementGroup(group)
        let place = ray.remote(whereAmI).options(schedulingStrategy: inside)(0)
        let counts = try await ray.get([kept.increment(), own.increment(), fresh.increment()], timeout: .seconds(30))
        say("counts: \(counts)")
        say("ran on: \(try await ray.get(running, timeout: .seconds(30)))")
        say("in the group: \(try await ray.get(place, timeout: .seconds(30)) == group.info().nodes.first)")
    }

    /// Makes actors with names that stay: four have a process, the others wait for a resource that no node has. As soon
    /// as `signal` is there the head has been killed; says after how many milliseconds it knows nodes and names again.
    static func manyActors(_ count: Int, _ signal: String) async throws {
        try await ray.init(namespace: "n")
        let options = ray.remote(Counter.self).options(numCPUs: 0, lifetime: .detached)
        let running = (0..<4).map { options.options(name: "running \($0)").remote(start: 0) }
        let waiting = (0..<count - 4).map {
            options.options(resources: ["absent": 1], name: "waiting \($0)").remote(start: 0)
        }
        _ = try await ray.get(running.map { $0.increment() }, timeout: .seconds(40))
        _ = try await ray.actor(Counter.self, named: "waiting \(count - 5)")
        say("made")
        while access(signal, F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
        let start = ContinuousClock.now
        while try await ray.nodes().count(where: \.isAlive) < 3 { try await Task.sleep(for: .milliseconds(10)) }
        _ = try await ray.actor(Counter.self, named: "waiting 0")
        let counts = try await ray.get(running.map { $0.increment() }, timeout: .seconds(20))
        let milliseconds = start.duration(to: .now) / .milliseconds(1)
        say("back after \(Int(milliseconds)) ms")
        var found = running.count
        for index in waiting.indices {
            _ = try await ray.actor(Counter.self, named: "waiting \(index)")
            found += 1
        }
        say("found: \(found), counts: \(counts)")
        for actor in running + waiting { try await ray.kill(actor) }
    }

    /// Looks for what another program has made, and removes it.
    static func durableLooks() async throws {
        try await ray.init(namespace: "n")
        let kept = try await ray.actor(Counter.self, named: "kept")
        say("kept: \(try await ray.get(kept.increment(), timeout: .seconds(20)))")
        let group = try await ray.getPlacementGroup(named: "held")
        let inside = ray.SchedulingStrategy.placementGroup(group)
        let place = ray.remote(whereAmI).options(schedulingStrategy: inside)(0)
        say("held: \(try await ray.get(place, timeout: .seconds(20)) == group.info().nodes.first)")
        let nodes = try await ray.nodes().filter(\.isAlive)
        say("CPU: \(try await ray.clusterResources()["CPU"] ?? -1) on \(nodes.count) nodes")
        try await ray.kill(kept)
        try await ray.removePlacementGroup(group)
    }
}
