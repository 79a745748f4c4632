//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// Thousands of inputs in random order, most of them nonsense, from a few processes that come and go.
@Suite struct RandomInputTests {
    @Test("Random inputs keep the invariants and never trap", arguments: [UInt64](1...8))
    func randomInputs(seed: UInt64) {
        var player = RandomPlayer(seed: seed)
        for _ in 0..<3_000 { player.step() }
        // Else the cluster was dead most of the time, and nothing was tried.
        #expect(player.assignCount > 50)
        #expect(player.grantCount > 20)
        #expect(player.aliveCount > 5)
    }

    @Test(
        "A core that is started again from the journal of a random history is the one before",
        arguments: [UInt64](1...6))
    func recovery(seed: UInt64) throws {
        var player = RandomPlayer(seed: seed, isDurable: true)
        var records: [[JournalRecord]] = []
        for round in 0..<1_500 {
            player.step()
            guard round % 100 == 99 else { continue }
            let before = player.harness.core.clusterStatus()
            var again = player.harness
            again.restart()
            let after = again.core.clusterStatus()
            #expect(after.nodes.map(\.info) == before.nodes.map(\.info))
            #expect(after.nodes.map(\.deathReason) == before.nodes.map(\.deathReason))
            #expect(after.jobs == before.jobs)
            #expect(after.actorsAlive + after.actorsPending == before.actorsAlive + before.actorsPending)
            // Nobody comes back: all of it ends, soundly.
            again.wait(milliseconds: 10_500)
            #expect(again.core.clusterStatus().jobs == 0)
        }
        for case .persist(let changes) in player.log { records.append(changes) }
        try everyPrefix(Array(records.prefix(150)), player.harness.settings)
    }

    /// After any prefix of the batches, each of which is durable whole or not at all, a new start is sound.
    private func everyPrefix(_ batches: [[JournalRecord]], _ settings: GCSSettings) throws {
        #expect(!batches.isEmpty)
        var image = JournalImage()
        for batch in batches {
            image.apply(batch)
            let core = try GCSCore(settings: settings, records: image.records, at: Instant(nanoseconds: 1))
            #expect(core.checkInvariants().isEmpty)
        }
    }

    @Test("The same seed gives the same effects")
    func determinism() {
        var first = RandomPlayer(seed: 42)
        var second = RandomPlayer(seed: 42)
        for _ in 0..<500 {
            first.step()
            second.step()
        }
        #expect(first.log == second.log)
    }
}

private struct RandomPlayer {
    var harness: GCSHarness
    var generator: SplitMix64
    var log: [GCSEffect] = []
    var assignCount = 0
    var grantCount = 0
    var aliveCount = 0
    /// What raylets were asked to serve, and workers to start.
    var assigned: [(LeaseID, UInt64)] = []
    /// What owners hold.
    var granted: [(LeaseID, WorkerID)] = []
    var starting: [(ActorID, UInt32, UInt64)] = []
    var nodeCount: UInt64 = 0
    var driverCount: UInt64 = 0
    var nextWorker: UInt64 = 0

    init(seed: UInt64, isDurable: Bool = false) {
        harness = GCSHarness(seed: seed, isDurable: isDurable)
        generator = SplitMix64(seed: seed)
    }

    mutating func below(_ limit: UInt64) -> UInt64 { limit == 0 ? 0 : generator.next() % limit }

    /// Mostly one of those that came last, since those before it may be dead; now and then one that never was.
    mutating func recent(_ count: UInt64) -> UInt64 {
        guard below(4) > 0 else { return below(count + 2) }
        let last = min(count, 6)
        return count - last + below(last)
    }

    mutating func anybody() -> WorkerID {
        switch below(8) {
        case 0: raylet(recent(nodeCount))
        case 1, 2, 3: driver(1 + recent(driverCount))
        default: worker(recent(nextWorker))
        }
    }

    mutating func step() {
        harness.now = harness.now.advanced(milliseconds: Int(below(40)))
        if below(3) == 0 { behave() } else { talk() }
        observe()
    }

    /// What well-behaved processes do.
    private mutating func behave() {
        let status = harness.core.clusterStatus()
        switch below(9) {
        case 0 where status.nodes.count(where: \.isAlive) < 4:
            harness.join(nodeCount, cpus: Double(1 + below(8)))
            nodeCount += 1
        case 1 where status.jobs < 4:
            driverCount += 1
            harness.startJob(driver: driverCount, namespace: below(2) == 0 ? "n" : "")
        case 2, 3:
            // The latest first, mostly: those before it have often ended meanwhile.
            guard let last = assigned.indices.last else { break }
            let (lease, node) = assigned.remove(at: below(3) == 0 ? Int(below(UInt64(assigned.count))) : last)
            harness.ready(lease, worker: nextWorker, node: node)
            nextWorker += 1
        case 4:
            guard let last = starting.indices.last else { break }
            let index = below(3) == 0 ? Int(below(UInt64(starting.count))) : last
            let (actor, incarnation, worker) = starting.remove(at: index)
            let error = below(5) == 0 ? RayError(.taskExecution, "thrown") : nil
            harness.started(actor, worker: worker, incarnation: incarnation, error: error)
        case 5:
            for index in nodeCount - min(nodeCount, 8)..<nodeCount { harness.send(report, from: raylet(index)) }
        case 6, 7:
            guard !granted.isEmpty else { break }
            let (lease, owner) = granted.remove(at: Int(below(UInt64(granted.count))))
            harness.send(.returnLease(ReturnLease(lease: lease)), from: owner)
        default: harness.give(.tick)
        }
    }

    private mutating func talk() {
        let from = anybody()
        let job = from.word1 == 8 && below(8) > 0 ? UInt32(from.word0) : UInt32(1 + recent(driverCount))
        let lease = below(5) == 0 ? LeaseID.number(UInt32(below(40)), owner: .gcs) : lease(UInt32(below(12)), of: from)
        let actorID = actor(below(40), job: job)
        switch below(22) {
        case 20: nonsense(from, lease, actorID)
        case 0 where below(10) == 0: harness.give(.peerLost(from, reason: "random"))
        case 1 where below(30) == 0: harness.send(.finishJob(FinishJob()), requestID: 1, from: from)
        case 2, 3, 4: harness.request(lease, cpus: Double(below(5)), job: job, from: from)
        case 5: group(from, lease, job)
        case 6: harness.send(.cancelLease(CancelLease(lease: lease)), from: from)
        case 7: harness.send(.returnLease(ReturnLease(lease: lease)), from: from)
        case 8, 9: harness.send(.createActor(CreateActor(spec: randomSpec(actorID))), from: from)
        case 10: harness.send(.subscribeActor(SubscribeActor(actor: actorID)), from: from)
        case 11: harness.send(.killActor(KillActor(actor: actorID, restart: below(2) == 0)), requestID: 2, from: from)
        case 12:
            let served = below(2) == 0 ? lease : nil
            harness.exit(worker: below(nextWorker + 1), lease: served, node: below(nodeCount + 1))
        case 13:
            let failed = LeaseFailed(lease: assigned.last?.0 ?? lease, error: RayError(.workerDied, "failed"))
            harness.send(.leaseFailed(failed), from: raylet(below(nodeCount + 1)))
        case 14: harness.ready(lease, worker: below(nextWorker + 1), node: below(nodeCount + 1))
        case 15: harness.send(.leaseBlocked(LeaseBlocked(lease: lease)), from: from)
        case 16: harness.send(.leaseUnblocked(LeaseUnblocked(lease: lease)), from: from)
        case 17: harness.started(actorID, worker: below(nextWorker + 1), incarnation: UInt32(below(2)))
        case 18: harness.send(.subscribe(Subscribe(channel: "c\(below(4))")), from: from)
        case 19: harness.give(.fileStored(hash: below(2) == 0 ? "abc" : "def", by: from))
        default:
            harness.send(.publish(Publish(channel: "c\(below(4))", payload: [])), from: from)
            harness.send(.lookUpActor(LookUpActor(name: "a\(below(3))", namespace: "n")), requestID: 3, from: from)
            harness.send(.queryCluster(QueryCluster()), requestID: 4, from: from)
        }
    }

    /// Something about placement groups, or a lease in one.
    private mutating func group(_ from: WorkerID, _ lease: LeaseID, _ job: UInt32) {
        let id = PlacementGroupID(below(4), UInt64(job) << 48, 0)
        switch below(6) {
        case 0, 1:
            let bundles = (0...below(2)).map { _ in
                Bundle(ResourceSet([(ResourceSet.cpu, Double(below(3)) + 0.5)]))
            }
            let spec = PlacementGroupSpec(
                id: id, name: below(3) == 0 ? "g" : "", strategy: .allCases[Int(below(4))], bundles: bundles,
                isDetached: below(4) == 0)
            harness.send(.createPlacementGroup(CreatePlacementGroup(spec: spec)), requestID: 6, from: from)
        case 2: harness.send(.removePlacementGroup(RemovePlacementGroup(group: id)), requestID: 6, from: from)
        case 3:
            let wanted = AwaitPlacementGroup(group: id, milliseconds: Int(below(500)))
            harness.send(.awaitPlacementGroup(wanted), requestID: 6, from: from)
            harness.send(.explain(Explain(prefix: "")), requestID: 7, from: from)
        case 4 where below(10) == 0:
            let drain = DrainNode(
                node: node(below(nodeCount)), isPreemption: below(2) == 0, message: "drawn",
                deadlineMilliseconds: Int(below(300)))
            harness.send(.drainNode(drain), requestID: 8, from: from)
        default:
            let strategy = SchedulingStrategy.placementGroup(id, bundle: nil, capturesChildren: false)
            harness.request(lease, cpus: 0.5, job: job, strategy: strategy, from: from)
        }
    }

    /// Messages that this peer has no business to send.
    private mutating func nonsense(_ from: WorkerID, _ lease: LeaseID, _ actor: ActorID) {
        let address = address(from, on: below(nodeCount + 2))
        switch below(8) {
        case 0: harness.send(.registerNode(RegisterNode(info: info(below(nodeCount + 2)))), from: from)
        case 1: harness.send(.registerJob(RegisterJob(info: jobInfo(below(driverCount + 2)))), from: from)
        case 2: harness.send(.leaseGranted(LeaseGranted(lease: lease, worker: address, processID: 1)), from: from)
        case 3: harness.send(.done(Done()), requestID: 9, from: from)
        case 4: harness.send(.leaseReady(LeaseReady(lease: lease, worker: address, processID: 1)), from: from)
        case 5: harness.send(report, from: from)
        case 6: harness.give(.peerUp(from, role: .commandLine, address: address))
        default:
            let key = [UInt8(below(4))]
            let operation = KeyValueOperation(rawValue: UInt8(below(5))) ?? .get
            let request = KeyValueRequest(
                operation: operation, namespace: "n\(below(2))", key: key, value: key, overwrite: below(2) == 0)
            harness.send(.keyValueRequest(request), requestID: 5, from: from)
            let lines = LogLines(
                job: actor.job, host: "h", processID: 1, name: "f", isError: false, lines: ["x"])
            harness.send(.logLines(lines), from: from)
        }
    }

    private mutating func randomSpec(_ id: ActorID) -> ActorSpec {
        spec(
            id, name: below(3) == 0 ? "a\(below(3))" : "", namespace: "n", lifetime: below(4) == 0 ? .detached : .job,
            restarts: Int(below(4)) - 1, cpus: Double(below(4)))
    }

    /// Remembers what the processes would be asked to do.
    private mutating func observe() {
        for effect in harness.take() {
            log.append(effect)
            switch effect {
            case .send(.assignLease(let assign), _, let raylet):
                let index = (0..<nodeCount).first { WorkerID(raylet: node($0)) == raylet }
                assignCount += 1
                assigned.append((assign.lease, index ?? 0))
            case .send(.startActor(let start), _, let worker):
                starting.append((start.spec.id, start.incarnation, worker.word0))
            case .send(.leaseGranted(let grant), _, let owner):
                grantCount += 1
                granted.append((grant.lease, owner))
            case .send(.actorUpdate(let update), _, _): if update.state.phase == .alive { aliveCount += 1 }
            default: break
            }
        }
    }
}
