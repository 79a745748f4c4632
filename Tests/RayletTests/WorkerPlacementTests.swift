//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Which part of the machine a worker gets") struct WorkerPlacementTests {
    private func placed(
        _ harness: inout RayletHarness, _ number: UInt32, cpus: Double, actor: ActorID? = nil
    ) -> MemoryNode? {
        var assign = AssignLease(
            lease: lease(number), job: JobID(1), owner: .none, program: makeProgram("p"), actor: actor)
        assign.held = ResourceSet([(ResourceSet.cpu, cpus)])
        _ = harness.take()
        harness.gcs(.assignLease(assign))
        return starts(harness).last?.memoryNode
    }

    private func starts(_ harness: RayletHarness) -> [WorkerStart] {
        harness.effects.compactMap { if case .spawnWorker(let start) = $0 { start } else { nil } }
    }

    private let nodes = [MemoryNode(number: 0, cpus: [0, 1]), MemoryNode(number: 3, cpus: [2, 3, 4])]

    @Test("Workers are spread over the memory nodes, each new one to where the fewest are")
    func spread() {
        var harness = RayletHarness(cpus: 8) { $0.memoryNodes = nodes }
        #expect(placed(&harness, 1, cpus: 1) == nodes[0])
        let first = starts(harness)[0].startToken
        #expect(placed(&harness, 2, cpus: 2) == nodes[1])
        #expect(placed(&harness, 3, cpus: 0.5) == nodes[0])
        #expect(placed(&harness, 4, cpus: 1) == nodes[1])
        // The end of one makes room on its node.
        let process = harness.spawn(first)
        harness.give(.processExited(processID: process, ProcessExit(signal: 9)))
        #expect(placed(&harness, 5, cpus: 1) == nodes[0])
    }

    @Test("A lease that wants more CPUs than a node has, or does not say how many, gets the whole machine")
    func wide() {
        var harness = RayletHarness(cpus: 8) { $0.memoryNodes = nodes }
        #expect(placed(&harness, 1, cpus: 3) == nil)
        #expect(placed(&harness, 2, cpus: 0, actor: ActorID.none) == nil)
    }

    @Test("A worker that is kept to one node does not serve a lease that wants more")
    func separation() {
        var harness = RayletHarness(cpus: 8) { $0.memoryNodes = nodes }
        #expect(placed(&harness, 1, cpus: 1) == nodes[0])
        let token = starts(harness)[0].startToken
        _ = harness.ready(token, harness.spawn(token))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        #expect(placed(&harness, 2, cpus: 4) == nil)
        #expect(starts(harness).count == 1)
        #expect(placed(&harness, 3, cpus: 1) == nil)
        #expect(starts(harness).isEmpty && harness.leaseReady.map(\.lease) == [lease(3)])
    }

    @Test("One memory node is no choice")
    func single() {
        var harness = RayletHarness { $0.memoryNodes = [nodes[0]] }
        #expect(placed(&harness, 1, cpus: 1) == nil)
        #expect(starts(harness).count == 1)
    }

    // MARK: GPUs

    private func idleWorker(_ harness: inout RayletHarness, _ number: UInt32, gpus: [UInt32]) -> WorkerID {
        harness.assign(number, gpus: gpus)
        let token = harness.wantedStarts.last ?? 0
        let worker = harness.ready(token, harness.spawn(token))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(number), kill: false)))
        _ = harness.take()
        return worker
    }

    private func told(_ harness: RayletHarness) -> [WorkerID] {
        harness.sent.filter { if case .exitWorker = $0.message { true } else { false } }.map(\.to)
    }

    @Test("An idle process leaves its GPU when other work gets it, and serves its own kind")
    func clearing() {
        var harness = RayletHarness()
        let first = idleWorker(&harness, 1, gpus: [0])
        let second = idleWorker(&harness, 2, gpus: [1])
        let plain = idleWorker(&harness, 3, gpus: [])
        harness.assign(4, gpus: [0])
        #expect(told(harness).isEmpty && harness.leaseReady.map(\.worker.worker) == [first])
        harness.assign(5, gpus: [0, 1])
        #expect(told(harness) == [second])
        harness.assign(6)
        #expect(harness.leaseReady.last?.worker.worker == plain)
    }

    @Test("One that owns what others need stays, and is asked again by the next lease")
    func declining() {
        var harness = RayletHarness()
        let worker = idleWorker(&harness, 1, gpus: [0])
        for number in 2...3 {
            harness.assign(UInt32(number), job: 2, gpus: [0])
            #expect(told(harness) == [worker])
            harness.send(.exitDeclined(ExitDeclined()), from: worker)
            _ = harness.take()
        }
        harness.tick(after: 4_000)
        #expect(harness.kills.isEmpty)
    }

    @Test("Without work a process with a GPU ends after a while, since what it has there nobody can use")
    func idleness() {
        var harness = RayletHarness()
        _ = idleWorker(&harness, 1, gpus: [])
        let worker = idleWorker(&harness, 2, gpus: [1])
        harness.tick(after: 5_000)
        #expect(told(harness) == [worker])
    }
}
