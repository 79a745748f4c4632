//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct RandomTests {
    /// An input drawn at random out of few nodes, owners, leases and shapes, so that they often meet.
    private func randomInput(_ generator: inout SplitMix64) -> SchedulerInput {
        let lease = SchedulerHarness.lease(Int.random(in: 0..<60, using: &generator))
        let node = SchedulerHarness.node(Int.random(in: 1...6, using: &generator))
        let owner = SchedulerHarness.owner(Int.random(in: 1...8, using: &generator))
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<3:
            let total: [(String, Double)] = [
                ("CPU", Double(Int.random(in: 0...4, using: &generator))),
                ("GPU", Double(Int.random(in: 0...2, using: &generator))),
                ("TPU", [0, 0, 1.5, 2].randomElement(using: &generator) ?? 0),
                ("x", [0, 0.5, 2].randomElement(using: &generator) ?? 0),
            ]
            return .nodeAdded(node, total: ResourceSet(total), host: "host")
        case 3: return .nodeRemoved(node, reason: "drawn")
        case 4: return .ownerGone(owner)
        case 5:
            guard Int.random(in: 0..<4, using: &generator) == 0 else {
                return .storeUsed(node, utilisation: .random(in: 0...1, using: &generator))
            }
            return .nodeDraining(node)
        case 6..<8: return .groupRemoved(SchedulerHarness.group(Int.random(in: 1...5, using: &generator)))
        case 8..<11: return .groupAdded(randomGroup(&generator))
        case 11..<45: return .request(randomRequest(lease, owner, node, &generator))
        case 45..<50: return .cancel(lease)
        case 50..<70: return .release(lease)
        case 70..<76: return .blocked(lease)
        case 76..<82: return .blocked(lease, worker: owner)
        case 82..<96: return .unblocked(lease)
        default: return .tick
        }
    }

    private func randomGroup(_ generator: inout SplitMix64) -> PlacementGroupSpec {
        let shapes: [[(String, Double)]] = [
            [("CPU", 1)], [("CPU", 2)], [("CPU", 0.5), ("GPU", 0.5)], [("GPU", 1)], [("x", 0.5)],
            [("TPU", 1)], [("TPU", 0.5), ("GPU", 0.5)],
        ]
        let bundles = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            Bundle(ResourceSet(shapes.randomElement(using: &generator) ?? []))
        }
        return PlacementGroupSpec(
            id: SchedulerHarness.group(Int.random(in: 1...5, using: &generator)),
            strategy: PlacementStrategy.allCases.randomElement(using: &generator) ?? .pack, bundles: bundles)
    }

    private func randomRequest(
        _ lease: LeaseID, _ owner: WorkerID, _ node: NodeID, _ generator: inout SplitMix64
    ) -> LeaseRequest {
        let shapes: [[(String, Double)]] = [
            [("CPU", 1)], [("CPU", 1)], [("CPU", 2)], [("CPU", 4)], [("CPU", 0.3)], [("CPU", 1), ("GPU", 1)],
            [("GPU", 0.4)], [("GPU", 2), ("CPU", 1)], [("x", 0.5)], [], [("CPU", -1)],
            [("TPU", 0.5)], [("TPU", 1), ("GPU", 0.4)],
        ]
        let shape = ResourceSet(shapes.randomElement(using: &generator) ?? [])
        let isActor = Int.random(in: 0..<5, using: &generator) == 0
        let strategies: [SchedulingStrategy] = [
            .hybrid, .hybrid, .spread, .nodeAffinity(node, soft: false), .nodeAffinity(node, soft: true),
            .nodeAffinity(node, soft: false, waits: false),
            SchedulerHarness.inGroup(Int.random(in: 1...5, using: &generator)),
            SchedulerHarness.inGroup(Int.random(in: 1...5, using: &generator), 0),
        ]
        return LeaseRequest(
            id: lease, owner: owner, ownerNode: node, job: JobID(1), shape: shape,
            held: isActor && Bool.random(using: &generator) ? ResourceSet() : shape,
            strategy: strategies.randomElement(using: &generator) ?? .hybrid,
            locality: Bool.random(using: &generator) ? [] : [LeaseRequest.Locality(node, bytes: 10)],
            isActor: isActor)
    }

    /// Sends random inputs; gives all effects and the first violation.
    private func run(
        seed: UInt64, count: Int, fault: SchedulerFault? = nil
    ) -> (effects: [SchedulerEffect], violation: String?) {
        var generator = SplitMix64(seed: seed)
        var core = SchedulerCore()
        core.plantedFault = fault
        var now = Instant.zero
        var all: [SchedulerEffect] = []
        var effects = SchedulerEffects()
        for step in 0..<count {
            let input = randomInput(&generator)
            now = now.advanced(milliseconds: Int.random(in: 0...100, using: &generator))
            effects.removeAll()
            core.receive(input, at: now, into: &effects)
            all += effects.items
            let violations = core.checkInvariants()
            if !violations.isEmpty { return (all, "step \(step), \(input): \(violations)") }
            if let flaw = flaw(in: effects.items, core) { return (all, "step \(step), \(input): \(flaw)") }
            if let wake = core.nextWake, wake <= now { return (all, "step \(step): a wake is due in the past") }
        }
        return (all, nil)
    }

    private func flaw(in effects: [SchedulerEffect], _ core: SchedulerCore) -> String? {
        for effect in effects {
            switch effect {
            case .grant(let grant) where core.grant(of: grant.id) != grant: return "a grant is not in the state"
            case .leaseEnded(let id, _), .leaseLost(let id, _, _, _), .leaseRevoked(let id, _, _):
                if core.grant(of: id) != nil { return "a lease that ended is in the state" }
            default: break
            }
        }
        return nil
    }

    @Test("Twenty thousand random inputs break no invariant", .timeLimit(.minutes(1)), arguments: [1, 2] as [UInt64])
    func randomInputs(seed: UInt64) {
        let (effects, violation) = run(seed: seed, count: 10_000)
        #expect(violation == nil)
        #expect(effects.count > 5_000)
    }

    @Test("The same inputs give the same effects")
    func deterministic() {
        #expect(run(seed: 3, count: 2_000).effects == run(seed: 3, count: 2_000).effects)
    }

    @Test("A lease that is granted twice on the same resources is found")
    func plantedFault() {
        let seeds = UInt64(1)...8
        #expect(seeds.allSatisfy { run(seed: $0, count: 1_000).violation == nil })
        let violations = seeds.compactMap { run(seed: $0, count: 1_000, fault: .grantTwice).violation }
        #expect(violations.contains { $0.contains("is not total") }, "\(violations)")
    }
}
