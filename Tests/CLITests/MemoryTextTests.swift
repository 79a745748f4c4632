//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import RayCore
import RayWire
import Testing

@Suite("ray memory: text") struct MemoryTextTests {
    private let rows = StateRows(
        columns: [
            "object_id", "object_size", "task_status", "attempt_number", "reference_type", "call_site", "type", "pid",
            "ip",
            "held_by", "where",
        ],
        rows: [
            [
                .text("aa"), .int(2_000), .text("NIL"), .int(0), .text("LOCAL_REFERENCE"), .text("disabled"),
                .text("DRIVER"), .int(20), .text("10.0.0.1"), .text("1 reference"), .text("in its owner"),
            ],
            [
                .text("bb"), .null, .text("FINISHED"), .int(1), .text("USED_BY_PENDING_TASK"), .text("disabled"),
                .text("WORKER"), .int(10), .text("10.0.0.1"), .text("1 task"), .text("not made yet"),
            ],
            [
                .text("cc"), .int(500), .text("NIL"), .int(0), .text("LOCAL_REFERENCE"), .text("disabled"),
                .text("WORKER"), .int(5), .text("10.0.0.2"), .text("1 reference"), .text("in its owner"),
            ],
        ], matched: 3)

    @Test("References stand under their node, with its sums, in the order that is wanted") func nodes() {
        let text = MemoryText(rows).text(by: .nodeAddress, sortedBy: .processID, in: .kilobytes)
        #expect(
            text == """
                Grouping by node address...        Sorting by pid...        Display all entries per group...


                --- Summary for node address: 10.0.0.1 ---
                Mem Used by Objects  Local References  Pinned       Used by task  Captured in Objects  Actor Handles
                2.0 KB               1, (2.0 KB)       0, (0.0 KB)  1, (0.0 KB)   0, (0.0 KB)          0, (0.0 KB)

                --- Object references for node address: 10.0.0.1 ---
                IP Address  PID  Type    Call Site  Status    Attempt  Size    Reference Type        Object Ref  Where         Held by
                10.0.0.1    10   Worker  disabled   FINISHED  2        ?       USED_BY_PENDING_TASK  bb          not made yet  1 task
                10.0.0.1    20   Driver  disabled   -         1        2.0 KB  LOCAL_REFERENCE       aa          in its owner  1 reference

                --- Summary for node address: 10.0.0.2 ---
                Mem Used by Objects  Local References  Pinned       Used by task  Captured in Objects  Actor Handles
                0.5 KB               1, (0.5 KB)       0, (0.0 KB)  0, (0.0 KB)   0, (0.0 KB)          0, (0.0 KB)

                --- Object references for node address: 10.0.0.2 ---
                IP Address  PID  Type    Call Site  Status  Attempt  Size    Reference Type   Object Ref  Where         Held by
                10.0.0.2    5    Worker  disabled   -       1        0.5 KB  LOCAL_REFERENCE  cc          in its owner  1 reference


                """)
    }

    @Test("By size the unknown come first; of each group so many are shown as are wanted") func sizes() {
        let text = MemoryText(rows).text(by: .stackTrace, sortedBy: .objectSize, in: .bytes, entries: 2)
        let ids = text.split(separator: "\n").compactMap { line in
            ["aa", "bb", "cc"].first { line.contains("  \($0)  ") }
        }
        #expect(ids == ["bb", "cc"])
        #expect(text.contains("Display 2 entries per group") && text.contains("2500.0 B"))
    }

    @Test("The stores of living nodes are summed up") func stores() {
        let text = MemoryText.stores(
            ClusterStatus(
                nodes: [], demands: [], actorsAlive: 0, actorsPending: 0, actorsDead: 0, jobs: 0, warnings: [],
                spill: SpillReport(spilledBytes: 3 << 20, restoredBytes: 2 << 20, bytesOnDisk: 1 << 20, objectCount: 4))
        )
        #expect(
            text == """
                --- Aggregate object store stats across all nodes ---
                Plasma memory usage 0 MiB, 0 objects, 0.0% full
                Spilled 3 MiB, 4 objects on disk now (1 MiB)
                Restored 2 MiB

                """)
    }
}
