//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

/// A message and the payload that stands for it on the wire for ever.
///
/// The bytes were put together by hand from docs/internals/wire.md, not by the code under test.
struct Golden: Sendable, CustomTestStringConvertible {
    var kind: UInt16
    var message: Message
    var hex: String

    var testDescription: String { "kind \(kind)" }
}

extension Golden {
    static let all: [Golden] = [
        Golden(
            kind: 281, message: .rejoin(MessageSamples.rejoin),
            hex: """
                070000000100000063010000000100000000000000020000000000000003000000000000000400000009\
                000000000000000a000000000000000b000000000000000c000000010000000100000000000000020000\
                000000000003000000000000000400000001000000010000000000000002000000000000000300000000\
                00000004000000
                """),
        Golden(kind: 282, message: .rejoined(Rejoined()), hex: "00"),
        Golden(
            kind: 18,
            message: .nodeReport(
                NodeReport(storeUsed: 1, storeCapacity: 2, objectCount: 3, workerCount: 4, storePrimary: 5)),
            hex: "01000000000000000200000000000000030000000000000004000000000000000500000000000000"),
        Golden(
            kind: 20,
            message: .leaseReady(
                LeaseReady(lease: MessageSamples.leaseID, worker: MessageSamples.address, processID: 42)),
            hex: """
                010000000000000002000000000000000300000000000000040000005500000009000000000000000a00\
                0000000000000b000000000000000c000000050000000000000006000000000000000700000000000000\
                080000000800000031302e302e302e31eb180b0000002f72756e2f612e736f636b2a000000
                """),
        Golden(
            kind: 21,
            message: .leaseFailed(LeaseFailed(lease: MessageSamples.leaseID, error: MessageSamples.error)),
            hex: """
                010000000000000002000000000000000300000000000000040000005400000003000000080000006974\
                2062726f6b65030000004d2e45030000004d2e660002000000616201000000682a000000020000000000\
                00000300000001020302000000050000006669727374060000007365636f6e64
                """),
        Golden(
            kind: 64,
            message: .requestLease(
                RequestLease(
                    lease: MessageSamples.leaseID, job: MessageSamples.jobID, shape: MessageSamples.resources,
                    strategy: .spread, locality: [Locality(node: MessageSamples.nodeID, bytes: 5)],
                    owner: MessageSamples.address)),
            hex: """
                010000000000000002000000000000000300000000000000040000000700000003000000030000004350\
                55983a0000000000000300000047505510270000000000000700000068c3a475736572c4090000000000\
                00010100000009000000000000000a000000000000000b000000000000000c0000000500000000000000\
                5500000009000000000000000a000000000000000b000000000000000c00000005000000000000000600\
                0000000000000700000000000000080000000800000031302e302e302e31eb180b0000002f72756e2f61\
                2e736f636b
                """),
        Golden(
            kind: 71,
            message: .leasePending(
                LeasePending(lease: MessageSamples.leaseID, reason: PendingReason(.infeasible, "no node has 4 GPU"))),
            hex: """
                0100000000000000020000000000000003000000000000000400000001110000006e6f206e6f64652068\
                6173203420475055
                """),
        Golden(
            kind: 80,
            message: .createActor(CreateActor(spec: MessageSamples.actorSpec)),
            hex: """
                1401000011110000000000002222222207000000ac000000333300000000000011110000000000002222\
                222207000000011111000000000000222222220700000003010000004d01000000430c0000004d2e6628\
                783a2928496e742901000000680000000001000000000000000003000000000000000000000042000000\
                ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
                ffffffffffffffffffffffffffff00000000000000000000000000000100000061010000006e01ffffff\
                ffffffffff0200000000000000030000000300000003000000435055983a000000000000030000004750\
                5510270000000000000700000068c3a475736572c409000000000000
                """),
        Golden(
            kind: 86,
            message: .done(Done()),
            hex: "00"),
        Golden(
            kind: 97,
            message: .keyValueReply(KeyValueReply(value: [1], keys: [Key(bytes: [2])], count: 3)),
            hex: "0101000000010100000001000000020300000000000000"),
        Golden(
            kind: 98,
            message: .subscribe(Subscribe(channel: "c")),
            hex: "0100000063"),
        Golden(
            kind: 102,
            message: .queryCluster(QueryCluster()),
            hex: ""),
        Golden(
            kind: 118,
            message: .freeObjects(FreeObjects(objects: [MessageSamples.objectID])),
            hex: "0100000033330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 270,
            message: .objectCopied(ObjectCopied(object: MessageSamples.objectID, raylet: MessageSamples.address)),
            hex: """
                333300000000000011110000000000002222222207000000010000005500000009000000000000000a00\
                0000000000000b000000000000000c000000050000000000000006000000000000000700000000000000\
                080000000800000031302e302e302e31eb180b0000002f72756e2f612e736f636b
                """),
        Golden(
            kind: 271,
            message: .copiesGone(CopiesGone(objects: [MessageSamples.objectID])),
            hex: "0100000033330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 272,
            message: .keepCopies(KeepCopies(objects: [MessageSamples.objectID])),
            hex: "0100000033330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 273,
            message: .nodeDied(NodeDied(node: MessageSamples.nodeID, name: "n", reason: "why")),
            hex: "09000000000000000a000000000000000b000000000000000c000000010000006e03000000776879"),
        Golden(
            kind: 274,
            message: .argumentLost(
                ArgumentLost(
                    task: MessageSamples.taskID, attempt: 1, object: MessageSamples.objectID, version: 2,
                    nodes: [MessageSamples.nodeID])),
            hex: """
                333300000000000011110000000000002222222207000000010000003333000000000000111100000000\
                000022222222070000000100000002000000010000000900000000000000\
                0a000000000000000b000000000000000c000000
                """),
        Golden(
            kind: 149,
            message: .queryObject(
                QueryObject(object: MessageSamples.objectID, version: 2, lost: [MessageSamples.nodeID])),
            hex: """
                333300000000000011110000000000002222222207000000010000000200000001000000\
                09000000000000000a000000000000000b000000000000000c000000
                """),
        Golden(
            kind: 200,
            message: .borrowObjects(BorrowObjects(objects: [MessageSamples.objectID])),
            hex: "0100000033330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 201,
            message: .borrowNoted(BorrowNoted()),
            hex: "00000000"),
        Golden(
            kind: 202,
            message: .returnObjects(ReturnObjects(objects: [MessageSamples.objectID])),
            hex: "0100000033330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 204,
            message: .referencesTaken(ReferencesTaken(task: MessageSamples.taskID, attempt: 2, item: 3)),
            hex: "3333000000000000111100000000000022222222070000000200000003000000"),
        Golden(
            kind: 128,
            message: .pullChunk(PullChunk(object: MessageSamples.objectID, offset: 1, count: 2)),
            hex: """
                333300000000000011110000000000002222222207000000010000000100000000000000020000000000\
                0000
                """),
        Golden(
            kind: 144,
            message: .pushTask(PushTask(lease: MessageSamples.leaseID, spec: MessageSamples.call)),
            hex: """
                010000000000000002000000000000000300000000000000040000003402000033330000000000001111\
                000000000000222222220700000002111100000000000022222222070000000300000000000000030100\
                00004d01000000430c0000004d2e6628783a2928496e7429010000006802000000000300000001020305\
                000000535749465401000000333300000000000011110000000000002222222207000000010000005500\
                000009000000000000000a000000000000000b000000000000000c000000050000000000000006000000\
                000000000700000000000000080000000800000031302e302e302e31eb180b0000002f72756e2f612e73\
                6f636b09000000612e73776966743a310133330000000000001111000000000000222222220700000001\
                0000005500000009000000000000000a000000000000000b000000000000000c00000005000000000000\
                0006000000000000000700000000000000080000000800000031302e302e302e31eb180b0000002f7275\
                6e2f612e736f636b09000000612e73776966743a31020000000300000003000000435055983a00000000\
                00000300000047505510270000000000000700000068c3a475736572c409000000000000020900000000\
                0000000a000000000000000b000000000000000c00000001ffffffffffffffff01000000550000000900\
                0000000000000a000000000000000b000000000000000c00000005000000000000000600000000000000\
                0700000000000000080000000800000031302e302e302e31eb180b0000002f72756e2f612e736f636b05\
                0000006e616d6564
                """),
        Golden(
            kind: 220,
            message: .cancelTask(CancelTask(task: MessageSamples.taskID, attempt: 1, force: true, recursive: false)),
            hex: "333300000000000011110000000000002222222207000000010000000100"),
        Golden(
            kind: 226,
            message: .generatorConsumed(GeneratorConsumed(task: MessageSamples.taskID, count: 3)),
            hex: "33330000000000001111000000000000222222220700000003000000"),
        Golden(
            kind: 145,
            message: .taskDone(
                TaskDone(
                    task: MessageSamples.taskID, attempt: 1,
                    results: [.inline(MessageSamples.object), .stored(at: MessageSamples.address, byteCount: 5)])),
            hex: """
                333300000000000011110000000000002222222207000000010000000200000000030000000102030500\
                000053574946540100000033330000000000001111000000000000222222220700000001000000550000\
                0009000000000000000a000000000000000b000000000000000c00000005000000000000000600000000\
                0000000700000000000000080000000800000031302e302e302e31eb180b0000002f72756e2f612e736f\
                636b09000000612e73776966743a31015500000009000000000000000a000000000000000b0000000000\
                00000c000000050000000000000006000000000000000700000000000000080000000800000031302e30\
                2e302e31eb180b0000002f72756e2f612e736f636b050000000000000000
                """),
        Golden(
            kind: 244,
            message: .awaitPlacementGroup(
                AwaitPlacementGroup(group: MessageSamples.groupID, milliseconds: 1_500)),
            hex: "111100000000000022220000000007000000dc05000000000000"),
        Golden(
            kind: 245,
            message: .drainNode(
                DrainNode(
                    node: MessageSamples.nodeID, isPreemption: true, message: "spot", deadlineMilliseconds: 1_500)),
            hex: """
                09000000000000000a000000000000000b000000000000000c000000010400000073706f74dc05000000\
                000000
                """),
        Golden(
            kind: 290, message: .taskEvents(TaskEvents(dropped: 2)),
            hex: "0000000000000000000000000200000000000000"),
        Golden(kind: 291, message: .nodeSpans(NodeSpans(spans: [], dropped: 3)), hex: "000000000300000000000000"),
        Golden(kind: 292, message: .queryTimeline(QueryTimeline(cursor: 5)), hex: "0500000000000000"),
        Golden(
            kind: 293, message: .timelinePart(TimelinePart(tasks: TaskEvents(), spans: [], nodes: [], next: nil)),
            hex: "0000000000000000000000000000000000000000" + "000000000000000000"),
        Golden(
            kind: 294,
            message: .queryState(
                QueryState(
                    resource: .nodes, filters: [StateFilter(key: "a", isNegated: false, value: "b")], limit: 7,
                    isDetailed: true)),
            hex: "02010000000100000061000100000062070000000000000001"),
        Golden(
            kind: 295, message: .stateRows(StateRows(columns: ["a"], rows: [[.int(5)]], matched: 1)),
            hex: "0100000001000000610100000001000000020500000000000000" + "0100000000000000000000000000000000"),
        Golden(
            kind: 300, message: .listObjects(ListObjects(token: 3, limit: 4)),
            hex: "0300000000000000" + "0400000000000000"),
        Golden(
            kind: 301, message: .objectsListed(ObjectsListed(token: 3, objects: [], omitted: 5)),
            hex: "0300000000000000" + "00000000" + "0500000000000000"),
        Golden(
            kind: 320,
            message: .handOver(
                HandOver(
                    token: 3, actor: MessageSamples.actorID, incarnation: 1,
                    object: .value(RayObject(data: [7], metadata: [8])))),
            hex: "0300000000000000" + "11110000000000002222222207000000" + "01000000" + "00" + "0100000007"
                + "0100000008" + "00000000"),
        Golden(kind: 321, message: .handedOver(HandedOver(token: 3)), hex: "0300000000000000" + "00" + "00"),
        Golden(
            kind: 322,
            message: .shareObject(ShareObject(source: MessageSamples.objectID, object: MessageSamples.objectID)),
            hex: "33330000000000001111000000000000222222220700000001000000"
                + "33330000000000001111000000000000222222220700000001000000"),
        Golden(
            kind: 323,
            message: .objectShared(ObjectShared(object: MessageSamples.objectID, byteCount: 2, contained: [5])),
            hex: "33330000000000001111000000000000222222220700000001000000" + "0200000000000000" + "0100000005" + "00"),
        Golden(
            kind: 324,
            message: .rebuildBlocked(
                RebuildBlocked(task: MessageSamples.taskID, attempt: 2, awaited: [[MessageSamples.objectID], []])),
            hex: "333300000000000011110000000000002222222207000000" + "02000000" + "02000000" + "01000000"
                + "33330000000000001111000000000000222222220700000001000000" + "00000000"),
    ]
}
