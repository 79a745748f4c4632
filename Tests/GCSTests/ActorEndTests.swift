//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct ActorEndTests {
    private func drains(_ harness: GCSHarness) -> [DrainActor] {
        harness.messages(to: worker(1)).compactMap { if case .drainActor(let drain) = $0 { drain } else { nil } }
    }

    @Test("An actor whose creator counts no handle any more ends when its calls have, and is not started again")
    func unreferenced() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1), restarts: -1), from: driver(1), worker: 1)
        harness.send(.releaseActor(ReleaseActor(actor: actor(1))), from: driver(2))
        #expect(drains(harness).isEmpty)
        harness.send(.releaseActor(ReleaseActor(actor: actor(1))), from: driver(1))
        #expect(drains(harness).map(\.actor) == [actor(1)])
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.send(.actorExited(ActorExited(actor: actor(1), incarnation: 0, reason: "done")), from: worker(1))
        let dead = harness.updates(of: actor(1), to: driver(1)).last
        #expect(dead?.phase == .dead && dead?.error?.message.contains("done") == true)
    }

    @Test("Without an answer it ends after 30 s, and at once when its worker dies") func noAnswer() {
        for dies in [false, true] {
            var harness = GCSHarness.cluster()
            let lease = harness.live(spec(actor(1), restarts: -1), from: driver(1), worker: 1)
            harness.send(.releaseActor(ReleaseActor(actor: actor(1))), from: driver(1))
            if dies {
                harness.exit(worker: 1, lease: lease, signal: 9)
            } else {
                harness.wait(milliseconds: 29_000, reportsOf: [0])
                #expect(harness.core.clusterStatus().actorsAlive == 1)
                harness.wait(milliseconds: 2_000, reportsOf: [0])
            }
            #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .dead)
        }
    }

    @Test("A detached actor stays without handles") func detached() {
        var harness = GCSHarness.cluster()
        var whole = spec(actor(1))
        whole.lifetime = .detached
        harness.live(whole, from: driver(1), worker: 1)
        harness.send(.releaseActor(ReleaseActor(actor: actor(1))), from: driver(1))
        #expect(drains(harness).isEmpty)
    }

    @Test("Only its own worker can say that an actor has exited") func exited() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1), restarts: -1), from: driver(1), worker: 1)
        let exited = Message.actorExited(ActorExited(actor: actor(1), incarnation: 0, reason: "exitActor() was called"))
        harness.send(exited, from: driver(1))
        #expect(harness.core.clusterStatus().actorsAlive == 1)
        harness.send(exited, from: worker(1))
        #expect(harness.core.clusterStatus().actorsDead == 1)
    }

    @Test("An actor whose argument is made again gives its resources back and starts later; this is no restart")
    func delayed() throws {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.send(.createActor(CreateActor(spec: spec(actor(1)))), from: driver(1))
        let first = try #require(harness.assigned(actor(1)))
        harness.ready(first, worker: 1)
        harness.request(lease(1), from: driver(1))
        harness.effects = []
        func delay(_ incarnation: UInt32, from worker: WorkerID) {
            harness.send(
                .actorDelayed(ActorDelayed(actor: actor(1), incarnation: incarnation)), from: worker)
        }
        delay(0, from: driver(1))
        delay(1, from: worker(1))
        #expect(harness.messages(to: raylet(0)).isEmpty)
        delay(0, from: worker(1))
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: first, kill: true)), to: raylet(0)))
        #expect(harness.core.clusterStatus().actorsAlive == 0)
        // What waited has the CPU first.
        harness.ready(lease(1), worker: 2)
        #expect(harness.messages(to: driver(1)).contains { if case .leaseGranted = $0 { true } else { false } })
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        let second = try #require(harness.assigned(actor(1)))
        harness.ready(second, worker: 3)
        harness.started(actor(1), worker: 3, incarnation: 1)
        #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .alive)
    }
}
