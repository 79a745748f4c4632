//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("A raylet whose head is away")
struct HeadTests {
    private let head = Address(node: .none, worker: .gcs, host: "head", port: 6379, socketPath: "")

    private func durable() -> RayletHarness {
        var harness = RayletHarness { $0.gcs = head }
        harness.gcs(.nodeRegistered(NodeRegistered(clusterName: "c", reconnectMilliseconds: 60_000)))
        return harness
    }

    private func leaveReason(_ effects: [RayletEffect]) -> String? {
        effects.compactMap { if case .leave(let reason) = $0 { reason } else { nil } }.first
    }

    @Test("It tries again, and says what it serves when the head is back; ends of workers first")
    func rejoins() throws {
        var harness = durable()
        let first = harness.startWorker(for: 1)
        let second = harness.startWorker(for: 2)
        harness.give(.peerLost(.gcs, reason: "gone"))
        harness.effects = []
        harness.tick()
        #expect(harness.effects.contains(.connect(head)))
        harness.give(.processExited(processID: second.processID, ProcessExit(code: 3)))
        #expect(!harness.effects.contains { if case .send(.workerExited, _, _) = $0 { true } else { false } })
        harness.effects = []
        harness.give(.peerUp(head))
        let said = harness.effects.compactMap { effect -> String? in
            switch effect {
            case .send(.workerExited(let exited), _, _): "exited \(exited.worker == second.id)"
            case .rejoin(let message): "rejoin \(message.leases.map(\.worker?.worker) == [first.id])"
            default: nil
            }
        }
        #expect(said == ["exited true", "rejoin true"])
    }

    @Test("It leaves after the limit, with a reason")
    func givesUp() {
        var harness = durable()
        harness.give(.peerLost(.gcs, reason: "gone"))
        harness.tick(after: 59_000)
        harness.give(.peerLost(.gcs, reason: "gone"))
        #expect(leaveReason(harness.effects) == nil)
        harness.tick(after: 2_000)
        harness.give(.peerLost(.gcs, reason: "gone"))
        #expect(leaveReason(harness.effects)?.contains("not reached for 60 s") == true)
    }

    @Test("It leaves at once when the head does not come back, or does not want it", arguments: [true, false])
    func leaves(isRefused: Bool) {
        var harness = isRefused ? durable() : RayletHarness()
        harness.give(isRefused ? .refused(.gcs, reason: "no") : .peerLost(.gcs, reason: "gone"))
        #expect(leaveReason(harness.effects) != nil)
    }

    @Test("Why it killed a worker while the head was away is said before the end of that worker")
    func killedMeanwhile() {
        var harness = durable()
        let worker = harness.startWorker(for: 1)
        harness.give(.peerLost(.gcs, reason: "gone"))
        harness.give(.memory(MemoryReading(usedBytes: 99, limitBytes: 100, source: "", users: [])))
        harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 9)))
        harness.effects = []
        harness.give(.peerUp(head))
        let said = harness.effects.compactMap { effect -> String? in
            switch effect {
            case .send(.workerKilled(let killed), _, _): "killed for \(killed.error.type)"
            case .send(.workerExited, _, _): "exited"
            case .rejoin: "rejoin"
            default: nil
            }
        }
        #expect(said == ["killed for outOfMemory", "exited", "rejoin"])
    }
}
