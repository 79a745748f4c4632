//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite("Actors that others wait for and that will never live") struct AwaitedActorTests {
    @Test("Who waits for an actor is told when its creator dies before it could create it") func abandoned() {
        var harness = GCSHarness.cluster()
        for index: UInt32 in 1...2 {
            harness.request(lease(index), from: driver(1))
            harness.ready(lease(index), worker: UInt64(index))
        }
        let wanted = Message.subscribeActor(SubscribeActor(actor: actor(1), creator: worker(2)))
        harness.send(wanted, from: worker(1))
        #expect(harness.updates(of: actor(1), to: worker(1)).isEmpty)
        harness.exit(worker: 2, lease: lease(2))
        #expect(harness.updates(of: actor(1), to: worker(1)).last?.error?.type == .actorDied)
        harness.send(wanted, from: driver(1))
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.dead])
    }

    @Test("A creator says that there will be no actor; who else says so is not believed") func givenUp() {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.send(.subscribeActor(SubscribeActor(actor: actor(1), creator: driver(1))), from: worker(1))
        let end = Message.abandonActor(AbandonActor(actor: actor(1), error: RayError(.taskExecution, "boom")))
        harness.send(end, from: driver(2))
        #expect(harness.updates(of: actor(1), to: worker(1)).isEmpty)
        for _ in 0..<2 { harness.send(end, from: driver(1)) }
        #expect(harness.updates(of: actor(1), to: worker(1)).map(\.error?.message) == ["boom"])
        harness.send(.subscribeActor(SubscribeActor(actor: actor(1))), from: driver(1))
        #expect(harness.updates(of: actor(1), to: driver(1)).map(\.phase) == [.dead])
    }
}
