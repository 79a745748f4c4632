//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import RayCore
import RayWire
import Testing

private func node(
    _ number: UInt8, isHead: Bool = false, isAlive: Bool = true, total: ResourceSet, available: ResourceSet,
    storeUsed: Int = 0, deathReason: String = ""
) -> NodeStatus {
    let bytes = [UInt8](repeating: number, count: NodeID.byteCount)
    let id = bytes.withUnsafeBytes { NodeID(bytes: $0) }
    let address = Address(node: id, worker: WorkerID(raylet: id), host: "10.0.0.\(number)", port: 7000, socketPath: "")
    return NodeStatus(
        info: NodeInfo(
            address: address, name: "", isHead: isHead, processID: 10, total: total,
            labels: [NodeLabel(key: "zone", value: "a")], storeCapacity: 1 << 30, sessionDirectory: "/tmp/ray/s"),
        isAlive: isAlive, available: available, storeUsed: storeUsed, objectCount: 3, workerCount: 2,
        deathReason: deathReason, drainMilliseconds: nil)
}

@Suite("ray status: text")
struct StatusTextTests {
    private static let total = ResourceSet([("CPU", 2), ("memory", 1_288_490_189), ("object_store_memory", 1e9)])

    private static let status = ClusterStatus(
        nodes: [
            node(2, total: total, available: total),
            node(
                1, isHead: true, total: total, available: total - ResourceSet([("CPU", 1.5)]),
                storeUsed: 3 << 19),
            node(3, isAlive: false, total: total, available: total, deathReason: "no report for 5 s"),
        ],
        demands: [
            Demand(
                shape: ResourceSet([("CPU", 4)]), count: 3,
                reason: PendingReason(.infeasible, "no node has 4 CPU; the largest has 2"))
        ],
        actorsAlive: 2, actorsPending: 1, actorsDead: 0, jobs: 1,
        warnings: ["the cluster asks for no token"])

    @Test("What was spilled to disk and restored")
    func spilled() {
        let status = ClusterStatus(
            nodes: [], demands: [], actorsAlive: 0, actorsPending: 0, actorsDead: 0, jobs: 0, warnings: [],
            spill: SpillReport(spilledBytes: 3 << 20, restoredBytes: 2 << 20, bytesOnDisk: 1 << 20, objectCount: 4))
        let text = StatusText(status, isVerbose: false).text(at: "")
        #expect(
            text.contains(" 3.00MiB spilled to disk, 2.00MiB restored; 4 objects (1.00MiB) on disk now"), "\(text)")
    }

    @Test("Placement groups that wait are demands, as Ray writes them")
    func groups() {
        var status = Self.status
        let bundles = [
            GroupDemand.Bundles(shape: ResourceSet([("CPU", 50)]), count: 2),
            GroupDemand.Bundles(shape: ResourceSet([("GPU", 1)]), count: 1),
        ]
        let reason = PendingReason(.infeasible, "needs 50 CPU")
        status.groups = [GroupDemand(bundles: bundles, strategy: "PACK", count: 3, reason: reason)]
        let line = " {'CPU': 50.0} * 2, {'GPU': 1.0} * 1 (PACK): 3+ pending placement groups (needs 50 CPU)\n"
        #expect(StatusText(status, isVerbose: false).text(at: "").contains(")\n" + line))
        status.demands = []
        #expect(StatusText(status, isVerbose: false).text(at: "").contains("Pending Demands:\n" + line))
    }

    @Test("A cluster with work, idle and dead nodes")
    func full() {
        let expected = """
            ======== Autoscaler status: 2026-01-02 03:04:05.000000 ========
            Node status
            ---------------------------------------------------------------
            Active:
             1 node_\(String(repeating: "01", count: 28))
            Idle:
             1 node_\(String(repeating: "02", count: 28))
            Pending:
             (no pending nodes)
            Recent failures:
             node_\(String(repeating: "03", count: 28)): no report for 5 s

            Resources
            ---------------------------------------------------------------
            Total Usage:
             1.5/4.0 CPU
             0B/2.40GiB memory
             1.50MiB/2.00GiB object_store_memory

            From request_resources:
             (none)
            Pending Demands:
             {'CPU': 4.0}: 3+ pending tasks/actors (no node has 4 CPU; the largest has 2)

            Cluster
            ---------------------------------------------------------------
             1 jobs running
             2 actors alive, 1 pending, 0 dead
             Warning: the cluster asks for no token
            """
        #expect(StatusText(Self.status, isVerbose: false).text(at: "2026-01-02 03:04:05.000000") == expected)
    }

    @Test("A cluster without nodes")
    func empty() {
        let status = ClusterStatus(
            nodes: [], demands: [], actorsAlive: 0, actorsPending: 0, actorsDead: 0, jobs: 0, warnings: [])
        let text = StatusText(status, isVerbose: false).text(at: "t")
        #expect(
            text.contains(
                "Active:\n (no active nodes)\nPending:\n (no pending nodes)\nRecent failures:\n (no failures)"))
        #expect(text.contains("Total Usage:\n 0B/0B object_store_memory\n"))
        #expect(text.contains("Pending Demands:\n (no resource demands)"))
    }

    @Test("Verbose text tells each living node's resources")
    func verbose() {
        let text = StatusText(Self.status, isVerbose: true).text(at: "t")
        let head = """
            Node: node_\(String(repeating: "01", count: 28)) (head)
             Id: \(String(repeating: "01", count: 28))
             Address: 10.0.0.1:7000, pid 10
             Labels: zone=a
             Usage:
              1.5/2.0 CPU
              0B/1.20GiB memory
              1.50MiB/1.00GiB object_store_memory
             Workers: 2
             Objects: 3
             Session: /tmp/ray/s
            """
        #expect(text.contains(head))
        #expect(!text.contains("Node: node_03"))
    }

    @Test(
        "Memory is written as Ray writes it",
        arguments: [
            (0.0, "0B"), (1023, "1023B"), (1024, "1.00KiB"), (1_073_741_824, "1.00GiB"), (1_155_346_202, "1.08GiB"),
        ])
    func bytes(count: Double, text: String) { #expect(StatusText.bytes(count) == text) }
}
