//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct ActorTests {
    @Test("An actor is created, started in its worker and shown alive to its creator")
    func create() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1)))), from: driver(1))
        let lease = harness.assigned(actor(1)) ?? .none
        harness.ready(lease, worker: 1)
        let start = harness.messages(to: worker(1))
        guard case .startActor(let message) = start.first else {
            Issue.record("\(start)")
            return
        }
        #expect(message.lease == lease)
        #expect(message.incarnation == 0)
        harness.started(actor(1), worker: 1)
        let updates = harness.updates(of: actor(1), to: driver(1))
        #expect(updates.map(\.phase) == [.pending, .alive])
        #expect(updates.last?.address.worker == worker(1))
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.started(actor(1), worker: 1)
        #expect(harness.updates(of: actor(1), to: driver(1)).count == 2)
    }

    @Test("A worker without a link is connected to first")
    func connect() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1)))), from: driver(1))
        let ready = LeaseReady(
            lease: harness.assigned(actor(1)) ?? .none, worker: address(worker(1), on: 0), processID: 1)
        harness.send(.leaseReady(ready), from: raylet(0))
        #expect(harness.effects.contains(.connect(address(worker(1), on: 0))))
        #expect(harness.messages(to: worker(1)).count == 1)
    }

    @Test("Creating again is answered with the state and creates nothing")
    func createTwice() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1)), from: driver(1), worker: 1)
        harness.effects = []
        harness.send(.createActor(CreateActor(spec: spec(actor(1)))), from: driver(1))
        #expect(harness.effects.count == 1)
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.alive])
    }

    @Test("A name can be had once per namespace, and is free again after death")
    func names() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1), name: "a", namespace: "n"), from: driver(1), worker: 1)
        harness.live(spec(actor(2), name: "a", namespace: "m"), from: driver(1), worker: 2)
        harness.send(.createActor(CreateActor(spec: spec(actor(3), name: "a", namespace: "n"))), from: driver(1))
        let refused = harness.updates(of: actor(3), to: driver(1)).last
        #expect(refused?.phase == .dead)
        #expect(refused?.error?.type == .nameTaken)
        #expect(harness.found("a", "n")?.id == actor(1))
        #expect(harness.found("a", "m")?.id == actor(2))
        #expect(harness.found("b", "n") == nil)
        harness.send(.killActor(KillActor(actor: actor(1), restart: false)), requestID: 3, from: driver(1))
        #expect(harness.found("a", "n") == nil)
        harness.live(spec(actor(4), name: "a", namespace: "n"), from: driver(1), worker: 4)
        #expect(harness.found("a", "n")?.id == actor(4))
    }

    @Test("An actor restarts as often as allowed, then dies with the cause")
    func restarts() {
        var harness = GCSHarness.cluster()
        let first = harness.live(spec(actor(1), restarts: 1), from: driver(1), worker: 1)
        harness.effects = []
        harness.exit(worker: 1, lease: first, signal: 9)
        let second = harness.assigned(actor(1)) ?? .none
        #expect(second != first)
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.restarting])
        harness.ready(second, worker: 2)
        harness.started(actor(1), worker: 2, incarnation: 0)
        #expect(harness.core.clusterStatus().actorsAlive == 0)
        harness.started(actor(1), worker: 2, incarnation: 1)
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.exit(worker: 2, lease: second, code: 3, lastLines: ["last words"])
        let dead = harness.updates(of: actor(1), to: driver(1)).last
        #expect(dead?.phase == .dead)
        #expect(dead?.error?.type == .actorDied)
        #expect(dead?.error?.message.contains("ended with exit code 3") == true)
        #expect(dead?.error?.message.contains("last words") == true)
        #expect(dead?.incarnation == 1)
        #expect(harness.core.clusterStatus().actorsDead == 1)
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
    }

    @Test("An actor that may always restart and always fails is started with growing pauses")
    func backOff() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1), restarts: -1))), from: driver(1))
        for round in 0..<12 {
            guard let lease = harness.assigned(actor(1)) else { break }
            harness.effects = []
            let error = RayError(.workerDied, "no luck \(round)")
            harness.send(.leaseFailed(LeaseFailed(lease: lease, error: error)), from: raylet(0))
            if round > 0 { #expect(harness.assigned(actor(1)) == nil) }
            harness.wait(milliseconds: 10_000, reportsOf: [0])
            #expect(harness.assigned(actor(1)) != nil)
        }
        #expect(harness.updates(of: actor(1), to: driver(1)).allSatisfy { $0.phase == .pending })
    }

    @Test("An initialiser that throws kills the actor in spite of restarts left")
    func initialiserThrows() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1), restarts: -1))), from: driver(1))
        let lease = harness.assigned(actor(1)) ?? .none
        harness.ready(lease, worker: 1)
        let thrown = RayError(.taskExecution, "bad luck", typeName: "Oops", payload: [1])
        harness.started(actor(1), worker: 1, error: thrown)
        let dead = harness.updates(of: actor(1), to: driver(1)).last
        #expect(dead?.phase == .dead)
        #expect(dead?.error?.type == .actorCreationFailed)
        #expect(dead?.error?.causes == ["Oops: bad luck"])
        #expect(dead?.error?.payload == [1])
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease, kill: true)), to: raylet(0)))
    }

    @Test("A worker that exits before its actor started counts as a restart; its late word is ignored")
    func exitBeforeStarted() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1), restarts: 1))), from: driver(1))
        let first = harness.assigned(actor(1)) ?? .none
        harness.ready(first, worker: 1)
        harness.effects = []
        harness.exit(worker: 1, lease: first)
        harness.started(actor(1), worker: 1)
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.pending])
        let second = harness.assigned(actor(1)) ?? .none
        harness.ready(second, worker: 2)
        harness.exit(worker: 2, lease: second)
        #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .dead)
    }

    @Test("A kill without restart is final, at any stage", arguments: 0..<4)
    func kill(stage: Int) {
        var harness = GCSHarness.cluster(cpus: stage == 0 ? 0.5 : 4)
        harness.send(.createActor(CreateActor(spec: spec(actor(1), restarts: 5))), from: driver(1))
        let lease = harness.assigned(actor(1))
        if stage >= 2, let lease { harness.ready(lease, worker: 1) }
        if stage >= 3 { harness.started(actor(1), worker: 1) }
        harness.effects = []
        harness.send(.killActor(KillActor(actor: actor(1), restart: false)), requestID: 3, from: driver(1))
        #expect(harness.sent(.done(Done()), to: driver(1)))
        let dead = harness.updates(of: actor(1), to: driver(1)).last
        #expect(dead?.phase == .dead)
        #expect(dead?.error?.message.contains("ray.kill") == true)
        if let lease {
            #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease, kill: true)), to: raylet(0)))
            harness.ready(lease, worker: 1)
            harness.started(actor(1), worker: 1)
            harness.exit(worker: 1, lease: lease, signal: 9)
        }
        #expect(harness.updates(of: actor(1), to: driver(1)).count == 1)
        harness.send(.killActor(KillActor(actor: actor(1), restart: false)), requestID: 4, from: driver(1))
        #expect(harness.messages(to: driver(1)).last == .done(Done()))
    }

    @Test("A kill with restart starts the actor again while it may, and else ends it")
    func killWithRestart() {
        var harness = GCSHarness.cluster()
        let first = harness.live(spec(actor(1), restarts: 1), from: driver(1), worker: 1)
        harness.effects = []
        harness.send(.killActor(KillActor(actor: actor(1), restart: true)), requestID: 3, from: driver(1))
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: first, kill: true)), to: raylet(0)))
        let second = harness.assigned(actor(1)) ?? .none
        harness.exit(worker: 1, lease: nil, signal: 9)
        harness.ready(second, worker: 2)
        harness.started(actor(1), worker: 2, incarnation: 1)
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.restarting, .alive])
        harness.send(.killActor(KillActor(actor: actor(1), restart: true)), requestID: 4, from: driver(1))
        #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .dead)
    }

    @Test("A kill with restart of an actor that waits for a worker costs a restart, too")
    func killWaitingWithRestart() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1), restarts: 1))), from: driver(1))
        harness.send(.killActor(KillActor(actor: actor(1), restart: true)), requestID: 3, from: driver(1))
        #expect(harness.updates(of: actor(1), to: driver(1)).allSatisfy { $0.phase != .dead })
        harness.send(.killActor(KillActor(actor: actor(1), restart: true)), requestID: 4, from: driver(1))
        #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .dead)
    }

    @Test("Killing an actor that never was is an error")
    func killUnknown() {
        var harness = GCSHarness.cluster()
        harness.send(.killActor(KillActor(actor: actor(9), restart: false)), requestID: 3, from: driver(1))
        guard case .done(let done) = harness.messages(to: driver(1)).first else {
            Issue.record("no answer")
            return
        }
        #expect(done.error?.type == .notFound)
    }

    @Test("An actor dies with the worker that created it, a detached one does not")
    func creatorDies() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.live(spec(actor(1), restarts: 5), from: worker(1), worker: 2)
        harness.live(spec(actor(2), lifetime: .detached), from: worker(1), worker: 3)
        harness.send(.subscribeActor(SubscribeActor(actor: actor(1))), from: driver(1))
        harness.effects = []
        harness.exit(worker: 1, lease: lease(1))
        let dead = harness.updates(of: actor(1), to: driver(1)).last
        #expect(dead?.phase == .dead)
        #expect(dead?.error?.message.contains("created it died") == true)
        #expect(harness.core.clusterStatus().actorsAlive == 1)
    }

    @Test("A detached actor outlives its job with its worker, its leases and its name, and restarts")
    func detached() {
        var harness = GCSHarness.cluster()
        let kept = harness.live(
            spec(actor(1), name: "d", namespace: "n", lifetime: .detached, restarts: 1), from: driver(1), worker: 1)
        harness.live(spec(actor(2)), from: driver(1), worker: 2)
        harness.request(lease(1, of: worker(1)), from: worker(1))
        harness.ready(lease(1, of: worker(1)), worker: 3)
        harness.effects = []
        harness.give(.peerLost(driver(1), reason: "gone"))
        let gone = [driver(1), worker(2)].sorted()
        #expect(harness.sent(.releaseOwned(ReleaseOwned(workers: gone, jobs: [JobID(1)])), to: raylet(0)))
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        let released = harness.messages(to: raylet(0)).compactMap { message in
            if case .releaseLease(let release) = message { release.lease } else { nil }
        }
        #expect(!released.contains(kept) && !released.contains(lease(1, of: worker(1))))
        harness.request(lease(2, of: worker(1)), from: worker(1))
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(1))
        harness.startJob(driver: 2)
        #expect(harness.found("d", "n", from: driver(2))?.id == actor(1))
        harness.exit(worker: 1, lease: kept)
        let again = harness.assigned(actor(1)) ?? .none
        harness.ready(again, worker: 4)
        harness.started(actor(1), worker: 4, incarnation: 1)
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.send(.killActor(KillActor(actor: actor(1), restart: false)), requestID: 1, from: driver(2))
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
    }

    @Test("An actor on a dead node is started elsewhere")
    func nodeDies() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1), restarts: 1), from: driver(1), worker: 1)
        harness.join(1)
        harness.effects = []
        harness.give(.peerLost(raylet(0), reason: "broken"))
        let again = harness.assigned(actor(1)) ?? .none
        harness.ready(again, worker: 2, node: 1)
        harness.started(actor(1), worker: 2, incarnation: 1)
        let updates = harness.updates(of: actor(1), to: driver(1))
        #expect(updates.map(\.phase) == [.restarting, .alive])
        #expect(updates.first?.error?.type == .nodeDied)
    }

    @Test("A handle that overtakes the creation is told when the actor lives, or that it never will")
    func subscribeEarly() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        for index: UInt64 in 1...2 {
            harness.send(.subscribeActor(SubscribeActor(actor: actor(index))), from: worker(1))
        }
        #expect(harness.updates(of: actor(1), to: worker(1)).isEmpty)
        harness.live(spec(actor(1)), from: driver(1), worker: 2)
        #expect(harness.updates(of: actor(1), to: worker(1)).map(\.phase) == [.pending, .alive])
        harness.send(.subscribeActor(SubscribeActor(actor: actor(1, job: 9))), from: worker(1))
        #expect(harness.updates(of: actor(1, job: 9), to: worker(1)).map(\.phase) == [.dead])
        harness.startJob(driver: 2)
        harness.send(.subscribeActor(SubscribeActor(actor: actor(2))), from: driver(2))
        harness.send(.finishJob(FinishJob()), from: driver(1))
        #expect(harness.updates(of: actor(2), to: driver(2)).map(\.phase) == [.dead])
    }

    @Test("The last thousand dead are remembered with their cause, older ones as dead")
    func deadAreBounded() {
        var harness = GCSHarness.cluster()
        for index in 1...1_005 {
            let id = actor(UInt64(index))
            harness.send(.createActor(CreateActor(spec: spec(id, cpus: 100))), from: driver(1))
            harness.send(.killActor(KillActor(actor: id, restart: false)), from: driver(1))
        }
        harness.effects = []
        for index: UInt64 in [1, 1_000] {
            harness.send(.subscribeActor(SubscribeActor(actor: actor(index))), from: driver(1))
        }
        let errors = [1, 1_000].map { harness.updates(of: actor($0), to: driver(1)).last?.error?.message ?? "" }
        #expect(errors[0].contains("not known any more"))
        #expect(errors[1].contains("ray.kill"))
    }

    @Test("An actor that can never be placed waits and is shown with its reason")
    func infeasible() {
        var harness = GCSHarness.cluster()
        harness.send(.createActor(CreateActor(spec: spec(actor(1), cpus: 100))), from: driver(1))
        let status = harness.core.clusterStatus()
        #expect(status.actorsPending == 1)
        #expect(status.demands.map(\.reason.code) == [.infeasible])
        #expect(status.warnings.count == 1)
    }
}

extension GCSHarness {
    /// What a look-up by name finds.
    mutating func found(_ name: String, _ namespace: String, from peer: WorkerID = driver(1)) -> ActorState? {
        send(.lookUpActor(LookUpActor(name: name, namespace: namespace)), requestID: 77, from: peer)
        guard case .send(.actorFound(let found), 77, peer) = effects.last else {
            Issue.record("no answer")
            return nil
        }
        return found.state
    }
}
