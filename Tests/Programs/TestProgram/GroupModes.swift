//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

extension TestProgram {
    /// Placement groups on a cluster of nodes with one CPU each; ends when a bundle has moved to another node.
    static func groups() async throws {
        let one = Array(repeating: ["CPU": 1.0], count: 2)
        let spread = try await ray.placementGroup(bundles: one, strategy: .strictSpread, name: "apart")
        try await spread.ready(timeout: .seconds(20))
        let first = ray.SchedulingStrategy.placementGroup(spread, bundleIndex: 0)
        let second = ray.SchedulingStrategy.placementGroup(spread, bundleIndex: 1)
        let places = try await ray.get([
            ray.remote(whereAmI).options(schedulingStrategy: first)(0),
            ray.remote(whereAmI).options(schedulingStrategy: second)(0),
        ])
        say("apart: \(places[0] != places[1]), as told: \(try await spread.info().nodes == places)")
        let found = try await ray.getPlacementGroup(named: "apart")
        say("found: \(found == spread)")
        let together = try await ray.placementGroup(bundles: one, strategy: .strictPack)
        say("together: \(try await together.wait(timeout: .milliseconds(200)))")
        try await ray.removePlacementGroup(together)
        let captured = ray.SchedulingStrategy.placementGroup(spread, bundleIndex: 0, capturesChildTasks: true)
        let groups = try await ray.get(ray.remote(childGroup).options(numCPUs: 0, schedulingStrategy: captured)())
        say("captured: \(groups == spread.id)")
        try await removal()
        say("waits for a node to die")
        var nodes = try await spread.info().nodes
        while nodes == places.map(Optional.some) || nodes.contains(nil) {
            try await Task.sleep(for: .milliseconds(100))
            nodes = try await spread.info().nodes
        }
        try await spread.ready(timeout: .seconds(20))
        let moved = nodes.firstIndex { node in !places.contains { $0 == node } } ?? 0
        let strategy = ray.SchedulingStrategy.placementGroup(spread, bundleIndex: moved)
        let place = try await ray.get(ray.remote(whereAmI).options(schedulingStrategy: strategy)(0))
        say("moved: \(place == nodes[moved] && !places.contains(place))")
    }

    /// What runs in a group that is removed ends with an error that says so.
    private static func removal() async throws {
        let group = try await ray.placementGroup(bundles: [["CPU": 1]])
        try await group.ready(timeout: .seconds(20))
        let strategy = ray.SchedulingStrategy.placementGroup(group)
        let running = ray.remote(pause).options(schedulingStrategy: strategy)(60_000)
        let actor = ray.remote(Counter.self).options(numCPUs: 0, maxRestarts: -1, schedulingStrategy: strategy)
            .remote(start: 1)
        _ = try await ray.get(actor.add(1), timeout: .seconds(20))
        try await ray.removePlacementGroup(group)
        try await describeError { _ = try await ray.get(running, timeout: .seconds(20)) }
        try await describeError { _ = try await ray.get(actor.add(1), timeout: .seconds(20)) }
        try await describeError {
            _ = try await ray.get(ray.remote(pause).options(schedulingStrategy: strategy)(0), timeout: .seconds(20))
        }
    }
}

/// The placement group of a task that it starts without saying where.
@Remote func childGroup() async throws -> String {
    try await ray.get(ray.remote(ownGroup).options(numCPUs: 0)())
}

/// The placement group in which this runs.
@Remote func ownGroup() -> String { ray.currentPlacementGroup?.id ?? "none" }
