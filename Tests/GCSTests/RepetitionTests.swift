//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// A day in the life of a cluster, told once and with every message repeated.
@Suite struct RepetitionTests {
    @Test("Every message may be repeated: the cluster is the same afterwards, and nobody is asked for more")
    func repeated() {
        var once = GCSHarness()
        var twice = GCSHarness()
        for input in script() {
            once.give(input)
            twice.give(input)
            twice.give(input)
        }
        #expect(once.core.clusterStatus() == twice.core.clusterStatus())
        #expect(orders(once) == orders(twice))
    }

    /// What raylets and workers are told to do.
    private func orders(_ harness: GCSHarness) -> [GCSEffect] {
        harness.effects.filter { effect in
            guard case .send(let message, _, _) = effect else { return false }
            switch message {
            case .assignLease, .releaseLease, .startActor, .killWorker, .leaseLost: return true
            default: return false
            }
        }
    }

    private func script() -> [GCSInput] {
        let first = LeaseID.number(1, owner: .gcs)
        let second = LeaseID.number(2, owner: .gcs)
        let work = lease(1)
        let spare = lease(2)
        let cpu = ResourceSet([(ResourceSet.cpu, 1)])
        var inputs: [GCSInput] = []
        func say(_ message: Message, _ peer: WorkerID, requestID: UInt64 = 0) {
            inputs.append(.message(message, requestID: requestID, from: peer))
        }
        func up(_ id: WorkerID, _ role: ProcessRole) {
            inputs.append(.peerUp(id, role: role, address: address(id, on: 0)))
        }
        func ready(_ lease: LeaseID, _ index: UInt64) {
            up(worker(index), .worker)
            let ready = LeaseReady(lease: lease, worker: address(worker(index), on: 0), processID: Int32(100 + index))
            say(.leaseReady(ready), raylet(0))
        }
        func gone(_ index: UInt64, _ lease: LeaseID) {
            let exited = WorkerExited(
                worker: worker(index), lease: lease, processID: 1, exitCode: 1, signal: 0, intended: false,
                lastLines: [])
            say(.workerExited(exited), raylet(0))
        }
        up(raylet(0), .raylet)
        say(.registerNode(RegisterNode(info: info(0))), raylet(0))
        up(driver(1), .driver)
        say(.registerJob(RegisterJob(info: jobInfo(1))), driver(1))
        say(report, raylet(0))
        for id in [work, spare] {
            let request = RequestLease(
                lease: id, job: JobID(1), shape: cpu, strategy: .hybrid, locality: [], owner: address(driver(1), on: 0))
            say(.requestLease(request), driver(1))
        }
        ready(work, 1)
        say(.leaseBlocked(LeaseBlocked(lease: work)), worker(1))
        say(.leaseUnblocked(LeaseUnblocked(lease: work)), worker(1))
        say(.cancelLease(CancelLease(lease: spare)), driver(1))
        say(.createActor(CreateActor(spec: spec(actor(1), name: "a", namespace: "n", restarts: 1))), driver(1))
        ready(first, 2)
        say(.actorStarted(ActorStarted(actor: actor(1), incarnation: 0)), worker(2))
        say(.subscribeActor(SubscribeActor(actor: actor(1))), worker(1))
        gone(2, first)
        ready(second, 3)
        say(.actorStarted(ActorStarted(actor: actor(1), incarnation: 1)), worker(3))
        say(.subscribe(Subscribe(channel: "c")), driver(1))
        let put = KeyValueRequest(operation: .put, namespace: "", key: [1], value: [2], overwrite: false)
        say(.keyValueRequest(put), driver(1), requestID: 1)
        gone(1, work)
        say(.killActor(KillActor(actor: actor(1), restart: false)), driver(1), requestID: 2)
        say(.finishJob(FinishJob()), driver(1))
        inputs.append(.peerLost(driver(1), reason: "done"))
        inputs.append(.peerLost(raylet(0), reason: "done"))
        return inputs
    }
}
