//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

@Suite struct ResourceTests {
    @Test("Fractions of CPU and custom resources add up exactly")
    func fractions() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1), ("licence", 1.5))
        for lease in 1...10 { #expect(harness.request(lease, ("CPU", 0.1), ("licence", 0.15)) == 1) }
        #expect(harness.core.available(of: SchedulerHarness.node(1))?.isEmpty == true)
        #expect(harness.request(11, ("CPU", 0.0001)) == nil)
        for lease in 1...10 { harness.release(lease) }
        #expect(harness.available(1) == 0.9999)
        #expect(harness.available(1, "licence") == 1.5)
    }

    @Test("A custom resource draws the request to the node that has it")
    func custom() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4))
        harness.addNode(2, ("CPU", 1), ("disk", 1))
        #expect(harness.request(1, ("CPU", 1), ("disk", 1)) == 2)
        #expect(harness.request(2, ("disk", 1)) == nil)
        #expect(harness.release(1) == [2])
    }

    @Test("What is held may be less than what is needed to be placed")
    func heldLessThanShape() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        #expect(harness.request(1, ("CPU", 1)) == 1)
        #expect(harness.request(2, ("CPU", 1), held: [], isActor: true) == nil)
        #expect(harness.release(1) == [2])
        #expect(harness.available(1) == 1)
    }

    @Test("Fractions of a GPU fill a used GPU before they open another")
    func gpuFractions() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("GPU", 3))
        harness.request(1, ("GPU", 0.5))
        harness.request(2, ("GPU", 1))
        harness.request(3, ("GPU", 0.3))
        harness.request(4, ("GPU", 0.3))
        harness.request(5, ("GPU", 0.2))
        #expect([1, 2, 3, 4, 5].map { harness.gpus(of: $0) } == [[0], [1], [0], [2], [0]])
        harness.release(2)
        #expect(harness.request(6, ("GPU", 1)) == 1)
        #expect(harness.gpus(of: 6) == [1])
    }

    @Test("Each kind of accelerator is counted device by device, from 0 and apart from the others")
    func accelerators() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 8), ("GPU", 2), ("TPU", 2), ("neuron_cores", 4), ("chips", 2))
        harness.request(1, ("TPU", 1), ("GPU", 1))
        harness.request(2, ("TPU", 0.5), ("neuron_cores", 2))
        harness.request(3, ("TPU", 0.5), ("chips", 1))
        #expect([1, 2, 3].map { harness.devices(of: $0, .tpu) } == [[0], [1], [1]])
        #expect([1, 2, 3].map { harness.gpus(of: $0) } == [[0], [], []])
        #expect([1, 2, 3].map { harness.devices(of: $0, .neuronCores) } == [[], [0, 1], []])
        harness.release(2)
        #expect(harness.request(4, ("TPU", 1)) == nil)
        #expect(harness.reason(4)?.contains("needs 1 TPU; of the 2 TPU of the only node") == true)
        harness.request(5, ("neuron_cores", 3.5))
        #expect(harness.devices(of: 5, .neuronCores) == [0, 1, 2, 3])
        #expect(harness.release(3) == [4])
        #expect(harness.devices(of: 4, .tpu) == [1])
    }

    @Test("Free pieces of several devices of one kind do not make a whole one, and what another kind has does not help")
    func acceleratorPieces() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("TPU", 2), ("GPU", 2))
        harness.request(1, ("TPU", 0.6))
        harness.request(2, ("TPU", 0.6))
        #expect(harness.request(3, ("TPU", 0.8), ("GPU", 1)) == nil)
        #expect(harness.reason(3)?.contains("of the GPU devices of the only node") == false)
        #expect(harness.reason(3)?.contains("of the TPU devices of the only node") == true)
        #expect(harness.release(1) == [3])
        #expect(harness.devices(of: 3, .tpu) == [0])
    }

    @Test("A node that says it has very many devices counts as having some", arguments: ["GPU", "TPU"])
    func manyDevices(_ name: String) {
        var harness = SchedulerHarness()
        harness.addNode(1, (name, 1e9))
        #expect(harness.available(1, name) == 1024)
        #expect(harness.request(1, (name, 1024)) == 1)
    }

    @Test("Requests and nodes may name very many kinds of resources")
    func manyKinds() {
        var harness = SchedulerHarness()
        let names = (0..<2_000).map { "r\($0)" }
        harness.send(
            .nodeAdded(SchedulerHarness.node(1), total: ResourceSet(names.map { ($0, 2) }), host: "10.0.0.1"))
        let shape = ResourceSet(names.map { ($0, 1) })
        for number in 1...3 {
            let request = LeaseRequest(
                id: SchedulerHarness.lease(number), owner: SchedulerHarness.owner(1), job: JobID(1), shape: shape)
            harness.send(.request(request))
        }
        #expect([1, 2, 3].map { harness.node(of: $0) } == [1, 1, nil])
        #expect(harness.release(1) == [3])
    }

    @Test("Free pieces of several GPUs do not make a whole one")
    func gpuPieces() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("GPU", 2))
        harness.request(1, ("GPU", 0.6))
        harness.request(2, ("GPU", 0.6))
        #expect(harness.request(3, ("GPU", 0.8)) == nil)
        #expect(
            harness.reason(3)
                == "needs 0.8 GPU; what is free of the GPU devices of the only node that could run it is in pieces too small"
        )
        #expect(harness.release(1) == [3])
        #expect(harness.gpus(of: 3) == [0])
    }

    @Test("Several whole GPUs come with their indices; the rest of a fraction lies on a further one")
    func gpuIndices() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("GPU", 4))
        harness.request(1, ("GPU", 2))
        harness.request(2, ("GPU", 1.5))
        #expect(harness.gpus(of: 1) == [0, 1])
        #expect(harness.gpus(of: 2) == [2, 3])
        #expect(harness.request(3, ("GPU", 1)) == nil)
        #expect(harness.request(4, ("GPU", 0.5)) == 1)
        #expect(harness.gpus(of: 4) == [3])
    }

    @Test("A node that reports absurd amounts does no harm")
    func absurdNode() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("GPU", 1e14), ("CPU", -3), ("memory", 1e14))
        #expect(harness.available(1, "GPU") == 1024)
        #expect(harness.available(1) == 0)
        #expect(harness.request(1, ("CPU", 1e14), ("memory", 1e14)) == nil)
        #expect(harness.request(2, ("GPU", 1e14)) == nil)
        #expect(harness.request(3, ("memory", 1e14)) == 1)
    }

    @Test("A request that makes no sense is refused with a sentence")
    func refusals() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 1))
        func reasons(_ shape: [(String, Double)], held: [(String, Double)]) -> [String] {
            let request = LeaseRequest(
                id: SchedulerHarness.lease(1), owner: SchedulerHarness.owner(1), job: JobID(1),
                shape: ResourceSet(shape), held: ResourceSet(held))
            return harness.send(.request(request)).compactMap {
                guard case .refused(_, _, _, let reason) = $0 else { return nil }
                return reason
            }
        }
        let lease = SchedulerHarness.lease(1).hex
        #expect(
            reasons([("CPU", -1)], held: [("CPU", -1)])
                == ["lease \(lease) asks for -1 CPU; amounts must not be negative"])
        #expect(
            reasons([("CPU", 1)], held: [("GPU", 1)])
                == [
                    "lease \(lease) wants to hold 1 GPU but asks for 1 CPU; "
                        + "a lease can hold only a part of what it asks for"
                ])
        #expect(harness.core.pendingCount == 0)
    }
}

@Suite("Resources that nodes have without being told") struct ImplicitResourceTests {
    private let name = "node:__internal_implicit_resource_app:Model"

    @Test("There is one of each on every node, also on those that join later; a node shows those that are in use")
    func onePerNode() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4))
        #expect(harness.request(1, (name, 0.5), ("CPU", 1)) == 1)
        #expect(harness.available(1, name) == 0.5)
        #expect(harness.request(2, (name, 0.5), ("CPU", 1)) == 1)
        #expect(harness.request(3, (name, 0.5), ("CPU", 1)) == nil)
        #expect(harness.request(4, ("CPU", 1)) == 1)
        harness.addNode(2, ("CPU", 1))
        #expect(harness.node(of: 3) == 2)
        for lease in 1...2 { harness.release(lease) }
        #expect(harness.core.available(of: SchedulerHarness.node(1)) == ResourceSet([("CPU", 3)]))
    }

    @Test("More than one of it fits nowhere; a node that has more of it by name keeps that") func amounts() {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4))
        #expect(harness.request(1, (name, 1.5)) == nil)
        #expect(harness.reason(1) == "needs 1.5 \(name); no node has more than 1 \(name)")
        harness.addNode(2, (name, 3))
        #expect(harness.node(of: 1) == 2)
    }
}
