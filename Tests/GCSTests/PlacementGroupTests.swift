//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

func group(_ index: UInt64, job: UInt32 = 1) -> PlacementGroupID { PlacementGroupID(index, UInt64(job) << 48, 0) }

func inGroup(_ index: UInt64) -> SchedulingStrategy {
    .placementGroup(group(index), bundle: nil, capturesChildren: false)
}

extension GCSHarness {
    /// Creates a group of bundles of so many CPUs each.
    mutating func create(
        _ index: UInt64, cpus: [Double], name: String = "", detached: Bool = false, from peer: WorkerID = driver(1)
    ) {
        let bundles = cpus.map { Bundle(ResourceSet([(ResourceSet.cpu, $0)])) }
        let spec = PlacementGroupSpec(id: group(index), name: name, bundles: bundles, isDetached: detached)
        send(.createPlacementGroup(CreatePlacementGroup(spec: spec)), requestID: 1, from: peer)
    }

    mutating func remove(_ index: UInt64) {
        send(.removePlacementGroup(RemovePlacementGroup(group: group(index))), requestID: 2, from: driver(1))
    }

    mutating func await(_ index: UInt64, milliseconds: Int = 1_000) {
        let wanted = AwaitPlacementGroup(group: group(index), milliseconds: milliseconds)
        send(.awaitPlacementGroup(wanted), requestID: 3, from: driver(1))
    }

    /// The phase of a group, asked for by id.
    mutating func phase(of index: UInt64) -> PlacementGroupState.Phase? {
        let query = QueryPlacementGroups(group: group(index), name: "", namespace: "")
        effects = []
        send(.queryPlacementGroups(query), requestID: 4, from: driver(1))
        for case .placementGroupsFound(let found) in messages(to: driver(1)) { return found.groups.first?.phase }
        return nil
    }

    /// The error of the last `Done` to the driver.
    var lastError: RayError? {
        messages(to: driver(1)).compactMap { if case .done(let done) = $0 { done.error } else { nil } }.last
    }

    /// The first error that the driver was told for a lease.
    var leaseError: RayError? {
        for message in messages(to: driver(1)) {
            if case .leaseLost(let lost) = message { return lost.error }
            if case .leaseRefused(let refused) = message { return refused.error }
        }
        return nil
    }
}

@Suite struct PlacementGroupTests {
    @Test("A group that fits is created at once, and what waits for it is told")
    func created() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [1, 2])
        #expect(harness.phase(of: 1) == .created)
        harness.await(1)
        #expect(harness.sent(.done(Done()), to: driver(1)))
    }

    @Test("Who waits for a group is told when a node makes room, or why it is not ready in time")
    func waits() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [8])
        #expect(harness.phase(of: 1) == .pending)
        harness.await(1, milliseconds: 500)
        harness.wait(milliseconds: 600, reportsOf: [0])
        #expect(harness.lastError?.type == .getTimeout)
        #expect(harness.lastError?.message.contains("needs 8 CPU for bundle 0; no node has more than 4") == true)
        harness.effects = []
        harness.await(1)
        harness.join(1, cpus: 8)
        #expect(harness.sent(.done(Done()), to: driver(1)))
    }

    @Test("Groups that wait are counted by their kind, and a warning says which can never be")
    func demands() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [8, 1, 8])
        harness.create(2, cpus: [8, 1, 8])
        harness.create(3, cpus: [3])
        harness.create(4, cpus: [4])
        let status = harness.core.clusterStatus()
        #expect(status.groups.map(\.count) == [2, 1] && status.demands.isEmpty)
        #expect(status.groups[0].bundles.map(\.count) == [2, 1])
        #expect(status.groups[0].bundles.map { $0.shape[ResourceSet.cpu].value } == [8, 1])
        #expect(status.groups[1].bundles.map { $0.shape[ResourceSet.cpu].value } == [4])
        #expect(status.groups.map(\.reason.code) == [.infeasible, .resourcesBusy])
        #expect(status.warnings.count { $0.hasPrefix("2 placement groups can never be created on this cluster") } == 1)
        for index: UInt64 in 1...3 { harness.remove(index) }
        #expect(harness.core.clusterStatus().groups.isEmpty)
    }

    @Test("A name can be had once per namespace, and again after the group is removed")
    func names() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [1], name: "g")
        harness.effects = []
        harness.create(2, cpus: [1], name: "g")
        guard case .placementGroupsFound(let found)? = harness.messages(to: driver(1)).first else {
            Issue.record("no answer")
            return
        }
        #expect(found.error?.message.contains("name 'g' already exists") == true)
        harness.remove(1)
        harness.create(3, cpus: [1], name: "g")
        #expect(harness.phase(of: 3) == .created)
        #expect(harness.phase(of: 1) == .removed)
    }

    @Test("A group whose lost bundle has its new place before its loss is dealt with is ready, not looked for")
    func placedMeanwhile() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), cpus: 4, from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.join(1, cpus: 2)
        harness.live(spec(actor(1)), from: driver(1), worker: 2, node: 1)
        harness.create(2, cpus: [1])
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        // The actor's group takes the other node; it goes with the actor, whose node dies.
        harness.create(1, cpus: [4], from: worker(2))
        #expect(harness.phase(of: 1) == .created && harness.phase(of: 2) == .created)
        harness.give(.peerLost(raylet(1), reason: "gone"))
        #expect(harness.phase(of: 1) == .removed && harness.phase(of: 2) == .created)
    }

    @Test("Removing a group ends its tasks with the reason, and refuses later ones with the same")
    func removal() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [1])
        harness.request(lease(1), strategy: inGroup(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.request(lease(2), strategy: inGroup(1), from: driver(1))
        harness.effects = []
        harness.remove(1)
        #expect(harness.leaseError?.type == .taskPlacementGroupRemoved)
        #expect(harness.leaseError?.message.contains("ray.removePlacementGroup") == true)
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease(1), kill: true)), to: raylet(0)))
        harness.effects = []
        harness.request(lease(3), strategy: inGroup(1), from: driver(1))
        #expect(harness.leaseError?.type == .taskPlacementGroupRemoved)
        #expect(harness.leaseError?.message.contains("ray.removePlacementGroup") == true)
    }

    @Test("Removing a group ends its actors for good, whether they live or wait, restarts left or not")
    func actors() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [1])
        var first = spec(actor(1), restarts: -1)
        first.creation.strategy = inGroup(1)
        harness.live(first, from: driver(1), worker: 1)
        var second = spec(actor(2), restarts: -1)
        second.creation.strategy = inGroup(1)
        harness.send(.createActor(CreateActor(spec: second)), from: driver(1))
        harness.effects = []
        harness.remove(1)
        for id in [actor(1), actor(2)] {
            let state = harness.updates(of: id, to: driver(1)).last
            #expect(state?.phase == .dead)
            #expect(state?.error?.type == .actorPlacementGroupRemoved)
        }
    }

    @Test("A group ends with its job unless it is detached")
    func jobEnd() {
        var harness = GCSHarness.cluster()
        harness.create(1, cpus: [1])
        harness.create(2, cpus: [1], detached: true)
        harness.send(.finishJob(FinishJob()), from: driver(1))
        harness.startJob(driver: 2)
        harness.effects = []
        harness.send(
            .queryPlacementGroups(QueryPlacementGroups(group: nil, name: "", namespace: "")), requestID: 1,
            from: driver(2))
        guard case .placementGroupsFound(let found)? = harness.messages(to: driver(2)).first else {
            Issue.record("no answer")
            return
        }
        let phases = found.groups.map(\.phase)
        #expect(phases == [.created, .removed])
    }

    @Test("A group ends with the actor that created it")
    func actorEnd() {
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(1), restarts: 1), from: driver(1), worker: 1)
        harness.create(1, cpus: [1], from: worker(1))
        #expect(harness.phase(of: 1) == .created)
        harness.exit(worker: 1, lease: nil)
        #expect(harness.phase(of: 1) == .removed)
    }

    @Test("Bundles of a dead node are placed again, and the group is created again")
    func rescheduled() {
        var harness = GCSHarness.cluster()
        harness.join(1, cpus: 8)
        harness.create(1, cpus: [6])
        harness.give(.peerLost(raylet(1), reason: "killed"))
        #expect(harness.phase(of: 1) == .rescheduling)
        harness.join(2, cpus: 8)
        #expect(harness.phase(of: 1) == .created)
    }
}

@Suite struct DrainNodeTests {
    private func drain(_ index: UInt64, preemption: Bool = true, milliseconds: Int = 0) -> Message {
        .drainNode(
            DrainNode(
                node: node(index), isPreemption: preemption, message: "spot", deadlineMilliseconds: milliseconds))
    }

    @Test("A drained node that is idle leaves, with the reason")
    func idle() {
        var harness = GCSHarness.cluster()
        harness.join(1)
        harness.send(drain(1), requestID: 1, from: driver(1))
        harness.wait(milliseconds: 200, reportsOf: [0])
        let node = harness.core.clusterStatus().nodes.first { !$0.isAlive }
        #expect(node?.deathReason == "it was drained (preemption: spot)")
        #expect(node?.end == .preempted && node?.endMessage == "spot")
        #expect(!harness.messages(to: raylet(1)).isEmpty)
    }

    @Test(
        "What ended a node is told apart, also after a new start; as in Ray a drain has ended one at its deadline, not before"
    )
    func ends() {
        let asked = LinkCore.goodbyePrefix + "it was asked to end (SIGTERM)"
        for (reason, isDrained, end) in [
            ("killed", false, NodeEnd.unexpected), ("killed", true, .unexpected), (asked, false, .expected),
            (asked, true, .expected),
        ] {
            var harness = GCSHarness.cluster(cpus: 1, isDurable: true)
            harness.join(1, cpus: 4)
            harness.live(spec(actor(1), cpus: 2), from: driver(1), worker: 1, node: 1)
            if isDrained { harness.send(drain(1, milliseconds: 60_000), requestID: 1, from: driver(1)) }
            harness.give(.peerLost(raylet(1), reason: reason))
            #expect(harness.core.clusterStatus().nodes.first { !$0.isAlive }?.end == end)
            let died = harness.updates(of: actor(1), to: driver(1)).last
            #expect(died?.error?.typeName == (isDrained ? ActorEnd.nodePreempted : .nodeDied).rawValue)
            harness.restart()
            #expect(harness.core.clusterStatus().nodes.first { !$0.isAlive }?.end == end)
        }
    }

    @Test("At its deadline a busy node leaves; its actors restart elsewhere without using up a restart")
    func deadline() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.join(1, cpus: 4)
        harness.live(spec(actor(1), restarts: 1, cpus: 2), from: driver(1), worker: 1, node: 1)
        harness.join(2, cpus: 4)
        harness.send(drain(1, milliseconds: 1_000), requestID: 1, from: driver(1))
        harness.wait(milliseconds: 900, reportsOf: [0, 1, 2])
        let nodes = harness.core.clusterStatus(at: harness.now).nodes
        #expect(nodes.allSatisfy { $0.isAlive })
        #expect(nodes.map(\.drainMilliseconds) == [nil, 100, nil])
        harness.effects = []
        harness.wait(milliseconds: 200, reportsOf: [0, 1, 2])
        let lease = harness.assigned(actor(1)) ?? .none
        harness.ready(lease, worker: 2, node: 2)
        harness.started(actor(1), worker: 2, incarnation: 1)
        harness.exit(worker: 2, lease: lease, node: 2)
        #expect(harness.updates(of: actor(1), to: driver(1)).last?.phase == .restarting)
    }

    @Test("The head, a node that is not there, and a busy one that should be idle are refused with a sentence")
    func refused() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.join(1, cpus: 4)
        harness.send(drain(0), requestID: 1, from: driver(1))
        #expect(harness.lastError?.message.contains("head node cannot be drained") == true)
        harness.send(drain(7), requestID: 1, from: driver(1))
        #expect(harness.lastError?.type == .notFound)
        harness.request(lease(1), cpus: 2, from: driver(1))
        harness.send(drain(1, preemption: false), requestID: 1, from: driver(1))
        #expect(harness.lastError?.message == "The node to be idle terminated is no longer idle.")
    }
}

@Suite struct ExplainTests {
    private func explanation(_ harness: GCSHarness) -> Explanation? {
        for case .explanation(let explanation) in harness.messages(to: driver(1)) { return explanation }
        return nil
    }

    private func lines(_ harness: GCSHarness) -> [String]? { explanation(harness)?.lines }

    @Test("Why a task waits is what its owner and the scheduler know, together")
    func task() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), cpus: 9, from: driver(1))
        harness.effects = []
        harness.send(.explain(Explain(prefix: "")), requestID: 9, from: driver(1))
        guard case .explainTasks(let question)? = harness.messages(to: driver(1)).first else {
            Issue.record("the owner was not asked")
            return
        }
        let task = TaskExplanation(
            task: TaskID(1, 2, 3), name: "f", sentence: "waits for a worker", lease: lease(1), actor: nil)
        harness.send(.tasksExplained(TasksExplained(token: question.token, tasks: [task])), from: driver(1))
        let line = lines(harness)?.first ?? ""
        #expect(explanation(harness)?.isFound == true)
        #expect(line.contains("waits for a worker; needs 9 CPU; no node has more than 4 CPU (ask for less"))
    }

    @Test("Owners that do not answer are counted after a second; an id that nobody knows is said to be unknown")
    func silence() {
        var harness = GCSHarness.cluster()
        harness.send(.explain(Explain(prefix: "abcdef")), requestID: 9, from: driver(1))
        harness.effects = []
        harness.wait(milliseconds: 1_100, reportsOf: [0])
        #expect(lines(harness)?.count == 2)
        #expect(lines(harness)?[0].contains("begins with 'abcdef'") == true)
        #expect(lines(harness)?[1].contains("1 processes did not answer") == true)
        #expect(explanation(harness)?.isFound == false)
    }
}
