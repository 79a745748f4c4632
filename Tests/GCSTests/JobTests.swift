//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct JobTests {
    @Test("Jobs are numbered from 1 and told the nodes and whether their program is known")
    func register() {
        var harness = GCSHarness()
        harness.join(0)
        harness.startJob(driver: 1, namespace: "mine")
        harness.give(.fileStored(hash: "abc", by: nil))
        harness.startJob(driver: 2)
        guard case .jobRegistered(let first) = harness.messages(to: driver(1)).first,
            case .jobRegistered(let second) = harness.messages(to: driver(2)).first
        else {
            Issue.record("no answer")
            return
        }
        #expect(first.job == JobID(1))
        #expect(first.namespace == "mine")
        #expect(first.nodes.map(\.name) == ["n0"])
        #expect(!first.hasProgram)
        #expect(second.job == JobID(2))
        #expect(second.namespace.utf8.count == 32)
        #expect(second.hasProgram)
    }

    @Test("Garbage is collected by all drivers and workers, and whoever asks for it is answered")
    func garbage() {
        var harness = GCSHarness.cluster(cpus: 2)
        harness.startJob(driver: 2)
        harness.request(lease(1), from: driver(1))
        harness.give(.peerUp(worker(1), role: .worker, address: address(worker(1), on: 0)))
        harness.effects = []
        harness.send(.collectGarbage(CollectGarbage()), from: raylet(0))
        harness.send(.collectGarbage(CollectGarbage()), requestID: 3, from: driver(1))
        for peer in [driver(1), driver(2), worker(1)] {
            #expect(harness.messages(to: peer).count { $0 == .collectGarbage(CollectGarbage()) } == 2)
        }
        #expect(harness.sent(.done(Done()), to: driver(1)))
        #expect(!harness.sent(.collectGarbage(CollectGarbage()), to: raylet(0)))
    }

    @Test("What lost tries have left is freed by the nodes that there are")
    func strays() {
        var harness = GCSHarness.cluster(cpus: 2)
        harness.startJob(driver: 2)
        let object = ObjectID.taskReturn(.driver(job: JobID(1)), index: 0)
        let nodes = [NodeID(raylet: raylet(0)), NodeID(raylet: raylet(0)), NodeID(7, 7, 7, 7)]
        harness.send(.freeStrays(FreeStrays(objects: [object], nodes: nodes)), from: driver(2))
        let free = Message.freeObjects(FreeObjects(objects: [object]))
        #expect(harness.messages(to: raylet(0)).count { $0 == free } == 1)
    }

    @Test(
        "What a job has exported goes with it, or with its last detached actor; what others have, and other keys, stay")
    func functions() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.startJob(driver: 2)
        func keyValue(_ operation: KeyValueOperation, _ key: String, in namespace: String = "fun") -> KeyValueReply? {
            let request = KeyValueRequest(
                operation: operation, namespace: namespace, key: Array(key.utf8), value: [1], overwrite: true)
            harness.send(.keyValueRequest(request), requestID: 9, from: raylet(0))
            return harness.messages(to: raylet(0))
                .compactMap { if case .keyValueReply(let reply) = $0 { reply } else { nil } }.last
        }
        let (first, second) = (JobID(1).hex, JobID(2).hex)
        for key in ["RemoteFunction:\(first):a", "ActorClass:\(first):b", "FunctionsToRun:\(first):c"] {
            _ = keyValue(.put, key)
        }
        _ = keyValue(.put, "RemoteFunction:\(second):a")
        _ = keyValue(.put, "RemoteFunction:\(first):a", in: "")
        let spec = spec(actor(1), lifetime: .detached)
        harness.live(spec, from: driver(1), worker: 1)
        harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(1))
        #expect(keyValue(.keys, "")?.count == 4)
        harness.send(.killActor(KillActor(actor: spec.id, restart: false)), requestID: 1, from: driver(2))
        #expect(keyValue(.keys, "")?.keys == [Key(bytes: Array("RemoteFunction:\(second):a".utf8))])
        #expect(keyValue(.exists, "RemoteFunction:\(first):a", in: "")?.count == 1)
        harness.restart()
        harness.rejoinNode([])
        #expect(keyValue(.keys, "")?.count == 1)
    }

    @Test("Registering again gives the same job")
    func registerTwice() {
        var harness = GCSHarness()
        harness.startJob(driver: 1)
        harness.startJob(driver: 1)
        let answers = harness.messages(to: driver(1))
        #expect(answers.count == 2)
        #expect(answers[0] == answers[1])
        #expect(harness.core.clusterStatus().jobs == 1)
    }

    @Test("A finished or lost job gives back its leases and frees what it owned", arguments: [true, false])
    func end(isOrderly: Bool) {
        var harness = GCSHarness.cluster(cpus: 2)
        for index in 1...2 { harness.request(lease(UInt32(index)), from: driver(1)) }
        harness.ready(lease(1), worker: 1)
        harness.request(lease(3), from: driver(1))
        harness.request(lease(1, of: worker(1)), from: worker(1))
        harness.effects = []
        if isOrderly {
            harness.send(.finishJob(FinishJob()), requestID: 4, from: driver(1))
            #expect(harness.sent(.done(Done()), to: driver(1)))
            harness.send(.finishJob(FinishJob()), from: driver(1))
        } else {
            harness.give(.peerLost(driver(1), reason: "gone"))
        }
        let orders = harness.messages(to: raylet(0))
        #expect(orders.contains(.releaseLease(ReleaseLease(lease: lease(1), kill: true))))
        #expect(orders.contains(.releaseLease(ReleaseLease(lease: lease(2), kill: true))))
        let gone = [driver(1), worker(1)].sorted()
        #expect(orders.last == .releaseOwned(ReleaseOwned(workers: gone, jobs: [JobID(1)])))
        #expect(orders.count == 3)
        let status = harness.core.clusterStatus()
        #expect(status.jobs == 0)
        #expect(status.demands.isEmpty)
        #expect(status.nodes[0].available[ResourceSet.cpu] == ResourceAmount(2))
    }

    @Test("Log lines go to the driver of a running job")
    func logLines() {
        var harness = GCSHarness.cluster()
        let lines = LogLines(job: JobID(1), host: "h", processID: 1, name: "f", isError: false, lines: ["x"])
        harness.send(.logLines(lines), from: raylet(0))
        #expect(harness.sent(.logLines(lines), to: driver(1)))
        harness.send(.finishJob(FinishJob()), from: driver(1))
        harness.effects = []
        harness.send(.logLines(lines), from: raylet(0))
        #expect(harness.effects.isEmpty)
    }

    @Test("A driver has all raylets pass on what its workers have printed, and nobody else does")
    func flushLines() {
        var harness = GCSHarness.cluster()
        harness.join(1, cpus: 4)
        let flush = Message.flushLines(FlushLines(job: JobID(1)))
        harness.effects = []
        harness.send(flush, requestID: 5, from: driver(1))
        #expect(harness.messages(to: raylet(0)) == [flush])
        #expect(harness.messages(to: raylet(1)) == [flush])
        #expect(harness.messages(to: driver(1)) == [.done(Done())])
        harness.startJob(driver: 2)
        harness.send(.finishJob(FinishJob()), from: driver(1))
        harness.effects = []
        for other in [driver(2), driver(1), raylet(0)] { harness.send(flush, from: other) }
        #expect(harness.effects.isEmpty)
    }
}
