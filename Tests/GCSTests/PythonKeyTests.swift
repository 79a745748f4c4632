//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite("Keys of jobs and actors go with them") struct PythonKeyTests {
    private let actors = "swift_ray_actors"
    private let jobs = "swift_ray_jobs"
    private let programs = "swift_ray_programs"

    private func ask(
        _ operation: KeyValueOperation, _ key: [UInt8], in namespace: String, of harness: inout GCSHarness
    ) -> KeyValueReply? {
        let request = KeyValueRequest(
            operation: operation, namespace: namespace, key: key, value: [1], overwrite: true)
        harness.send(.keyValueRequest(request), requestID: 9, from: raylet(0))
        return harness.messages(to: raylet(0))
            .compactMap { if case .keyValueReply(let reply) = $0 { reply } else { nil } }.last
    }

    private func keys(_ namespace: String, of harness: inout GCSHarness) -> [Key]? {
        ask(.keys, [], in: namespace, of: &harness)?.keys
    }

    @Test("What handles of an actor know goes with the actor, not with a start of it, and does not come after it")
    func ofActors() {
        var harness = GCSHarness.cluster()
        let (id, other) = (actor(1), actor(2))
        let lease = harness.live(spec(id, restarts: 1), from: driver(1), worker: 1)
        harness.live(spec(other), from: driver(1), worker: 2)
        #expect(ask(.put, id.bytes, in: actors, of: &harness)?.count == 1)
        #expect(ask(.put, other.bytes, in: actors, of: &harness)?.count == 1)
        harness.exit(worker: 1, lease: lease, signal: 9)
        #expect(keys(actors, of: &harness)?.count == 2)
        harness.send(.killActor(KillActor(actor: id, restart: false)), requestID: 1, from: driver(1))
        #expect(keys(actors, of: &harness) == [Key(bytes: other.bytes)])
        #expect(ask(.put, id.bytes, in: actors, of: &harness)?.count == 0)
        #expect(keys(actors, of: &harness) == [Key(bytes: other.bytes)])
    }

    @Test("A key may come before its actor, and goes when that is never created", arguments: [false, true])
    func early(isAbandoned: Bool) {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        let (id, other) = (actor(1), actor(2, job: 2))
        for key in [id, other] { #expect(ask(.put, key.bytes, in: actors, of: &harness)?.count == 1) }
        if isAbandoned {
            let error = RayError(.actorDied, "its argument failed")
            harness.send(.abandonActor(AbandonActor(actor: id, error: error)), from: driver(1))
        } else {
            harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(1))
        }
        #expect(keys(actors, of: &harness) == [Key(bytes: other.bytes)])
    }

    @Test("A job's configuration and programs go with it, or with its last detached actor")
    func ofJobs() {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        for job in [JobID(1), JobID(2)] {
            _ = ask(.put, job.bytes, in: jobs, of: &harness)
            _ = ask(.put, job.bytes + [65], in: programs, of: &harness)
        }
        // Keys of others are nobody's business.
        _ = ask(.put, [7], in: jobs, of: &harness)
        let spec = spec(actor(1), lifetime: .detached)
        harness.live(spec, from: driver(1), worker: 1)
        harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(1))
        #expect(keys(jobs, of: &harness)?.count == 3)
        #expect(keys(programs, of: &harness)?.count == 2)
        harness.send(.killActor(KillActor(actor: spec.id, restart: false)), requestID: 1, from: driver(2))
        #expect(keys(jobs, of: &harness) == [Key(bytes: JobID(2).bytes), Key(bytes: [7])])
        #expect(keys(programs, of: &harness) == [Key(bytes: JobID(2).bytes + [65])])
        #expect(ask(.put, JobID(1).bytes, in: jobs, of: &harness)?.count == 0)
        #expect(keys(jobs, of: &harness)?.count == 2)
    }

    @Test("A head that is started again keeps keys of what lives, and deletes for good what an earlier version left")
    func restart() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.startJob(driver: 2)
        let (id, gone) = (actor(1), actor(2))
        let lease = harness.live(spec(id, lifetime: .detached), from: driver(1), worker: 1)
        harness.live(spec(gone), from: driver(1), worker: 2)
        for key in [id, gone] { _ = ask(.put, key.bytes, in: actors, of: &harness) }
        for job in [JobID(1), JobID(2)] { _ = ask(.put, job.bytes, in: jobs, of: &harness) }
        let before = harness.image.records.filter { $0.table == .keyValues }
        #expect(before.count == 4)
        harness.send(.killActor(KillActor(actor: gone, restart: false)), requestID: 1, from: driver(1))
        harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(2))
        #expect(harness.image.records.count { $0.table == .keyValues } == 2)
        harness.image.apply(before)
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([held(lease, actor: id)])
        #expect(keys(actors, of: &harness) == [Key(bytes: id.bytes)])
        #expect(keys(jobs, of: &harness) == [Key(bytes: JobID(1).bytes)])
        #expect(harness.image.records.count { $0.table == .keyValues } == 2)
    }
}
