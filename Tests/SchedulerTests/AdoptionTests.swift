//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

/// A scheduler that was started anew: nodes come back with the leases that they serve.
@Suite struct AdoptionTests {
    private typealias Harness = SchedulerHarness

    private func served(
        _ number: Int, _ held: (String, Double)..., gpus: [Int] = [], in bundle: BundleKey? = nil,
        cpu: AdoptedCPU = .unknown
    ) -> AdoptedLease {
        let request = LeaseRequest(
            id: Harness.lease(number), owner: Harness.owner(1), ownerNode: .none, job: JobID(1),
            shape: ResourceSet(held))
        let devices = gpus.map { AcceleratorID(.gpu, UInt32($0)) }
        return AdoptedLease(request, acceleratorIDs: devices, bundle: bundle, cpu: cpu)
    }

    private func returned(
        _ harness: inout Harness, _ node: Int, _ total: [(String, Double)], _ adopted: [AdoptedLease]
    ) -> [SchedulerEffect] {
        harness.send(
            .nodeAdded(Harness.node(node), total: ResourceSet(total), host: "10.0.0.\(node)", adopted: adopted))
    }

    private func restore(
        _ harness: inout Harness, _ number: Int, _ bundles: [[(String, Double)]], on node: Int, gpus: [[Int]]
    ) {
        let spec = PlacementGroupSpec(id: Harness.group(number), bundles: bundles.map { Bundle(ResourceSet($0)) })
        harness.send(
            .groupRestored(
                spec,
                places: gpus.map { numbers in
                    let devices = numbers.map { AcceleratorID(.gpu, UInt32($0)) }
                    return BundlePlace(node: Harness.node(node), acceleratorIDs: devices)
                }))
    }

    @Test("Leases that are served keep what they hold, GPUs by number")
    func adopts() {
        var harness = Harness()
        harness.request(9, ("CPU", 3))
        _ = returned(&harness, 1, [("CPU", 4), ("GPU", 2)], [served(1, ("CPU", 2), ("GPU", 1), gpus: [1])])
        #expect(harness.node(of: 1) == 1)
        #expect(harness.node(of: 9) == nil)
        #expect(harness.request(2, ("GPU", 1)) == 1)
        #expect(harness.gpus(of: 2) == [0])
        harness.release(1)
        #expect(harness.node(of: 9) == 1)
    }

    @Test("A lease that is served keeps its devices of each kind, and is refused if it names others than it holds")
    func adoptsAccelerators() {
        var harness = Harness()
        func served(_ number: Int, _ held: [(String, Double)], _ devices: [AcceleratorID]) -> AdoptedLease {
            let request = LeaseRequest(
                id: Harness.lease(number), owner: Harness.owner(1), job: JobID(1), shape: ResourceSet(held))
            return AdoptedLease(request, acceleratorIDs: devices)
        }
        let effects = returned(
            &harness, 1, [("GPU", 2), ("TPU", 3)],
            [
                served(1, [("GPU", 1), ("TPU", 1.5)], [.init(.gpu, 1), .init(.tpu, 2), .init(.tpu, 0)]),
                served(2, [("TPU", 1)], [.init(.gpu, 0)]), served(3, [("TPU", 1)], []),
                served(4, [("TPU", 1)], [.init(.tpu, 9)]), served(5, [], [.init(.tpu, 1)]),
                served(6, [("TPU", 2)], [.init(.tpu, 1), .init(.tpu, 1)]),
            ])
        let refused = effects.map { if case .adoptionRefused(let id, _) = $0 { id } else { LeaseID.none } }
        #expect(refused == [2, 3, 4, 5, 6].map(Harness.lease))
        #expect(harness.devices(of: 1, .tpu) == [2, 0])
        harness.request(7, ("TPU", 1), ("GPU", 1))
        #expect(harness.devices(of: 7, .tpu) == [1])
        #expect(harness.gpus(of: 7) == [0])
        harness.request(8, ("TPU", 0.5))
        #expect(harness.devices(of: 8, .tpu) == [0])
    }

    @Test("What the node has not is refused, alone")
    func refuses() {
        var harness = Harness()
        let effects = returned(
            &harness, 1, [("CPU", 4), ("GPU", 1)],
            [served(1, ("GPU", 1), gpus: [0]), served(2, ("GPU", 1), gpus: [0]), served(3, ("CPU", 1))])
        #expect(effects == [.adoptionRefused(Harness.lease(2), node: Harness.node(1))])
        #expect(harness.node(of: 3) == 1)
    }

    @Test("A lease whose CPU does not fit waits for it, unless its worker has said that it is blocked")
    func blocked() {
        var harness = Harness()
        harness.request(9, ("CPU", 1))
        _ = returned(
            &harness, 1, [("CPU", 1)],
            [served(1, ("CPU", 1), cpu: .blocked), served(2, ("CPU", 1)), served(3, ("CPU", 1), cpu: .resuming)])
        #expect(harness.available(1) == 0)
        let effects = harness.send(.blocked(Harness.lease(2)))
        #expect(effects == [.resumeGranted(Harness.lease(3), node: Harness.node(1))])
        harness.release(3)
        #expect(harness.node(of: 9) == 1)
    }

    @Test("Bundles are reserved before anything is placed, on the GPUs that they had, and take their leases")
    func bundles() {
        var harness = Harness()
        harness.send(.nodeAwaited(Harness.node(1), isDraining: false))
        restore(&harness, 1, [[("CPU", 2), ("GPU", 1)], [("CPU", 1)]], on: 1, gpus: [[1], []])
        #expect(harness.nodes(ofGroup: 1) == [1, 1])
        harness.request(8, ("CPU", 2))
        #expect(harness.request(7, ("CPU", 1), strategy: Harness.inGroup(1, 0)) == nil)
        #expect(harness.reason(7)?.contains("to come back after the head was started again") == true)
        let key = BundleKey(group: Harness.group(1), number: 0)
        _ = returned(
            &harness, 1, [("CPU", 4), ("GPU", 2)], [served(1, ("CPU", 1), ("GPU", 1), gpus: [1], in: key)])
        #expect(harness.node(of: 1) == 1)
        #expect(harness.node(of: 7) == 1)
        #expect(harness.node(of: 8) == nil)
        #expect(harness.request(6, ("GPU", 1)) == 1)
        #expect(harness.gpus(of: 6) == [0])
        let effects = harness.send(.groupRemoved(Harness.group(1)))
        #expect(effects.contains(.leaseRevoked(Harness.lease(1), node: Harness.node(1), group: Harness.group(1))))
    }

    @Test("Bundles of a node that has less now, or does not come back, need another one", arguments: [true, false])
    func bundlesLost(comesBack: Bool) {
        var harness = Harness()
        harness.send(.nodeAwaited(Harness.node(1), isDraining: false))
        restore(&harness, 1, [[("CPU", 2)]], on: 1, gpus: [[]])
        let effects =
            comesBack
            ? returned(&harness, 1, [("CPU", 1)], [])
            : harness.send(.nodeRemoved(Harness.node(1), reason: "gone"))
        #expect(effects == [.groupLost(Harness.group(1))])
        harness.addNode(2, ("CPU", 2))
        #expect(harness.nodes(ofGroup: 1) == [2])
    }

    @Test("A lease in a bundle that is not there is refused")
    func noBundle() {
        var harness = Harness()
        let key = BundleKey(group: Harness.group(1), number: 0)
        let effects = returned(&harness, 1, [("CPU", 4)], [served(1, ("CPU", 1), in: key)])
        #expect(effects == [.adoptionRefused(Harness.lease(1), node: Harness.node(1))])
    }

    @Test("What may use one node only waits for it; a soft wish goes elsewhere when it does not come back")
    func affinity() {
        var harness = Harness()
        harness.send(.nodeAwaited(Harness.node(1), isDraining: false))
        harness.addNode(2, ("CPU", 4))
        harness.request(1, ("CPU", 1), strategy: .nodeAffinity(Harness.node(1), soft: false))
        #expect(harness.reason(1)?.contains("to come back") == true)
        #expect(harness.request(2, ("CPU", 1), strategy: .nodeAffinity(Harness.node(1), soft: true)) == nil)
        let effects = harness.send(.nodeRemoved(Harness.node(1), reason: "gone"))
        #expect(harness.granted(in: effects) == [2])
        #expect(
            effects.contains { if case .refused(Harness.lease(1), _, .unschedulable, _) = $0 { true } else { false } })
    }

    @Test("What is not to wait for room waits for a node that may come back, and is refused there if that is full")
    func affinityThatDoesNotWait() {
        var harness = Harness()
        harness.send(.nodeAwaited(Harness.node(1), isDraining: false))
        let strategy = SchedulingStrategy.nodeAffinity(Harness.node(1), soft: false, waits: false)
        for lease in 1...2 { #expect(harness.request(lease, ("CPU", 1), strategy: strategy) == nil) }
        #expect(harness.core.pendingCount == 2)
        let effects = harness.addNode(1, ("CPU", 1))
        #expect(harness.granted(in: effects) == [1])
        #expect(
            effects.contains { if case .refused(Harness.lease(2), _, .unschedulable, _) = $0 { true } else { false } })
    }

    @Test("A node that was being drained takes nothing new when it is back")
    func draining() {
        var harness = Harness()
        harness.send(.nodeAwaited(Harness.node(1), isDraining: true))
        _ = returned(&harness, 1, [("CPU", 4)], [served(1, ("CPU", 1))])
        #expect(harness.request(2, ("CPU", 1)) == nil)
    }
}
