//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Values that one program leaves to the next.
struct Estate: Codable, Sendable {
    var small: ObjectRef<[UInt8]>
    var large: ObjectRef<[UInt8]>
    var result: ObjectRef<[Double]>
    var bag: ObjectRef<Bag>
    var unread: ObjectRef<[UInt8]>
}

@RemoteActor actor Vault {
    private var estate: Estate?
    private var own: ObjectRef<Int>?

    func process() -> Int32 { getpid() }

    func keep(_ estate: Estate) { self.estate = estate }

    /// Keeps a value beyond its owner's end.
    func adopt(_ bag: Bag, _ vault: Vault.Handle) async throws {
        own = try await ray.handOver(bag.numbers[0], to: vault)
    }

    func adopted() async throws -> Int {
        guard let own else { throw PlannedFailure(text: "nothing was adopted") }
        return try await ray.get(own)
    }

    func open() throws -> Estate {
        guard let estate else { throw PlannedFailure(text: "nothing was kept") }
        return estate
    }
}

extension TestProgram {
    /// Leaves values of 10 bytes and 10 MB to a detached actor, or finds them.
    static func estate(_ isFirst: Bool) async throws {
        if isFirst { try await leave() } else { try await inherit() }
    }

    private static let largeCount = 10_000_000

    private static func leave() async throws {
        let vault = ray.remote(Vault.self).options(numCPUs: 0, name: "vault", namespace: "n", lifetime: .detached)
            .remote()
        let nodes = try await ray.nodes().filter(\.isAlive)
        guard let third = nodes.first(where: { $0.name == "third" }) else { return say("no third node") }
        let there = ray.SchedulingStrategy.nodeAffinity(nodeID: third.id, soft: false)
        let squared = try await ray.handOver(ray.remote(square)(7), to: vault)
        let far = ray.remote(ones).options(schedulingStrategy: there)(1 << 20)
        let estate = Estate(
            small: try await ray.put([UInt8](repeating: 1, count: 10), owner: vault),
            large: try await ray.put([UInt8](repeating: 2, count: largeCount), owner: vault),
            result: try await ray.handOver(far, to: vault),
            bag: try await ray.put(Bag(numbers: [squared]), owner: vault),
            unread: try await ray.put([UInt8](repeating: 3, count: largeCount), owner: vault))
        _ = try await ray.get(vault.keep(estate))
        _ = try await ray.get(vault.adopt(Bag(numbers: [ray.put(5)]), vault))
        try await describeError { _ = try await ray.handOver(ray.remote(flaky)(3), to: vault) }
        say("left")
    }

    private static func inherit() async throws {
        let vault = try await ray.actor(Vault.self, named: "vault", namespace: "n")
        let estate = try await ray.get(vault.open())
        let small = try await ray.get(estate.small)
        let large = try await ray.get(estate.large)
        say("small: \(small == [UInt8](repeating: 1, count: 10))")
        say("large: \(large == [UInt8](repeating: 2, count: largeCount))")
        let result = try await ray.get(estate.result)
        say("result: \(result.count == 1 << 20 && result.allSatisfy { $0 == 1 })")
        say("bag: \(try await ray.get(ray.get(estate.bag).numbers))")
        say("adopted: \(try await ray.get(vault.adopted()))")
        let process = try await ray.get(vault.process())
        try await ray.kill(vault)
        // Until it has ended it may still give what it owns.
        _ = try await eventually { kill(process, 0) != 0 }
        try await describeError { _ = try await ray.get(estate.unread) }
        try await describeError { _ = try await ray.put(1, owner: vault) }
    }
}
