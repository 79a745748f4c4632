//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("A process whose head is away")
struct HeadTests {
    private func durable() -> WorkerHarness {
        var harness = WorkerHarness()
        var configuration = harness.core.configuration
        configuration.reconnectMilliseconds = 60_000
        configuration.clusterName = "c"
        harness.core = WorkerCore(configuration, seed: 1)
        return harness
    }

    @Test("Tasks under way end normally, and it says what it has and wants when the head is back")
    func rejoins() throws {
        var harness = durable()
        let first = harness.submit()
        let lease = try #require(harness.leaseRequests().first)
        harness.grant(lease)
        let pushed = try #require(harness.pushes().first)
        let second = harness.submit(cpus: 2)
        let wanted = try #require(harness.leaseRequests().first)
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.advance(100)
        #expect(harness.effects.contains { if case .connect = $0 { true } else { false } })
        harness.done(pushed)
        let got = harness.get([first])
        #expect(harness.outcome(got) != nil)
        harness.effects = []
        harness.step(.peerUp(.gcs))
        let messages = harness.sent().map(\.0)
        let owned = OwnedWorker(lease: lease, node: WorkerHarness.worker.node)
        let expected = Rejoin(job: JobID(1), clusterName: "c", leases: [owned], requests: [wanted])
        #expect(messages.first == .rejoin(expected))
        #expect(
            messages.contains { if case .requestLease(let request) = $0 { request.lease == wanted } else { false } })
        let waiting = harness.get([second])
        #expect(harness.outcome(waiting) == nil)
    }

    @Test("After the limit every wait ends with a reason")
    func givesUp() {
        var harness = durable()
        let token = harness.get([harness.submit()])
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.advance(30_000)
        harness.step(.peerLost(.gcs, reason: "gone"))
        #expect(harness.outcome(token) == nil)
        harness.advance(31_000)
        harness.step(.peerLost(.gcs, reason: "gone"))
        guard case .failed(let error)? = harness.outcome(token)?.first else {
            Issue.record("the get did not end")
            return
        }
        #expect(error.type == .clusterUnreachable)
        #expect(error.message.contains("within 60 s"))
    }

    @Test("A head that refuses the process ends every wait with its sentence")
    func refused() {
        var harness = durable()
        let token = harness.get([harness.submit()])
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.step(.peerUp(.gcs))
        harness.receive(.rejoined(Rejoined(error: RayError(.clusterUnreachable, "another cluster"))))
        guard case .failed(let error)? = harness.outcome(token)?.first else {
            Issue.record("the get did not end")
            return
        }
        #expect(error.message == "another cluster")
    }

    @Test("A worker that is not reached is given up, and a head that comes back later hears of it")
    func abandons() throws {
        var harness = durable()
        _ = harness.get([harness.submit()])
        let lease = try #require(harness.leaseRequests().first)
        harness.grant(lease)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "cut"))
        harness.advance(60_000)
        #expect(harness.sent().contains { $0.0 == .returnLease(ReturnLease(lease: lease, isUnreachable: true)) })
        harness.step(.peerLost(.gcs, reason: "gone"))
        harness.effects = []
        harness.step(.peerUp(.gcs))
        guard case .rejoin(let message)? = harness.sent().first?.0 else {
            Issue.record("it did not rejoin")
            return
        }
        #expect(message.leases.isEmpty)
        #expect(message.abandoned == [lease])
    }
}
