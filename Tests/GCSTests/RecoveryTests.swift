//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// A head that dies and is started again from its journal.
@Suite struct RecoveryTests {
    @Test("Key-values, jobs and nodes are there again, and what was deleted is not")
    func tablesReturn() {
        var harness = GCSHarness.cluster(isDurable: true)
        put("a", "1", in: &harness)
        put("b", "2", in: &harness)
        let delete = KeyValueRequest(operation: .delete, namespace: "n", key: [97], value: [], overwrite: false)
        harness.send(.keyValueRequest(delete), requestID: 5, from: driver(1))
        harness.restart()
        harness.rejoinDriver()
        #expect(value("a", in: &harness) == nil)
        #expect(value("b", in: &harness) == Array("2".utf8))
        let status = harness.core.clusterStatus()
        #expect(status.jobs == 1)
        #expect(status.nodes.map(\.info.name) == ["n0"])
    }

    @Test("What a peer is told is in the journal before it is told")
    func persistsFirst() throws {
        var harness = GCSHarness.cluster(isDurable: true)
        put("a", "1", in: &harness)
        let persist = try #require(
            harness.effects.firstIndex { if case .persist = $0 { true } else { false } })
        let reply = try #require(
            harness.effects.firstIndex { if case .send(.keyValueReply, _, _) = $0 { true } else { false } })
        #expect(persist < reply)
    }

    @Test("Without a journal nothing is written")
    func memoryOnly() {
        var harness = GCSHarness.cluster()
        put("a", "1", in: &harness)
        #expect(harness.image == JournalImage())
    }

    @Test("An actor whose raylet confirms it lives on in its worker, and keeps its name")
    func actorConfirmed() {
        var harness = GCSHarness.cluster(isDurable: true)
        let id = actor(1)
        let lease = harness.live(spec(id, name: "a", lifetime: .detached), from: driver(1), worker: 1)
        harness.restart()
        harness.rejoinNode([held(lease, actor: id)])
        harness.rejoinDriver()
        harness.rejoinWorker(1)
        harness.wait(milliseconds: 12_000, reportsOf: [0])
        let status = harness.core.clusterStatus()
        #expect(status.actorsAlive == 1)
        #expect(status.nodes[0].available[ResourceSet.cpu] == ResourceAmount(3))
        #expect(!harness.messages(to: raylet(0)).contains { if case .releaseLease = $0 { true } else { false } })
        #expect(look("a", in: &harness)?.id == id)
    }

    @Test("An actor that its raylet does not serve is started again by its rules", arguments: [0, 1])
    func actorGone(restarts: Int) {
        var harness = GCSHarness.cluster(isDurable: true)
        let id = actor(1)
        harness.live(spec(id, lifetime: .detached, restarts: restarts), from: driver(1), worker: 1)
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([])
        #expect((harness.assigned(id) != nil) == (restarts == 1))
        #expect(harness.core.clusterStatus().actorsAlive == 0)
    }

    @Test("An actor is told to start once more when its start may have been lost")
    func startRepeated() {
        var harness = GCSHarness.cluster(isDurable: true)
        let id = actor(1)
        harness.send(.createActor(CreateActor(spec: spec(id, lifetime: .detached))), from: driver(1))
        let lease = harness.assigned(id) ?? .none
        harness.ready(lease, worker: 1)
        harness.restart()
        harness.rejoinNode([held(lease, actor: id)])
        #expect(harness.messages(to: worker(1)).contains { if case .startActor = $0 { true } else { false } })
        harness.rejoinWorker(1)
        harness.started(id, worker: 1)
        #expect(harness.core.clusterStatus().actorsAlive == 1)
    }

    @Test("A raylet's leases are adopted before anything else is placed there: no CPU is given twice")
    func leasesAdopted() {
        var harness = GCSHarness.cluster(cpus: 2, isDurable: true)
        for index in UInt32(1)...2 {
            harness.request(lease(index), from: driver(1))
            harness.ready(lease(index), worker: UInt64(index))
        }
        harness.restart()
        harness.rejoinDriver(leases: [lease(1), lease(2)])
        harness.request(lease(3), from: driver(1))
        harness.rejoinNode([held(lease(1), worker: 1), held(lease(2), worker: 2)], cpus: 2)
        #expect(!harness.messages(to: raylet(0)).contains { if case .assignLease = $0 { true } else { false } })
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        #expect(harness.messages(to: raylet(0)).contains { if case .assignLease = $0 { true } else { false } })
    }

    @Test("A lease that its owner gave back while the head was away ends")
    func returnedMeanwhile() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        harness.rejoinDriver()
        harness.rejoinNode([held(lease(1), worker: 1)])
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease(1), kill: false)), to: raylet(0)))
    }

    @Test(
        "A lease that its owner gives back before its node has said that it serves it ends", arguments: [false, true])
    func returnedEarly(isUnreachable: Bool) {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        harness.rejoinDriver(leases: [lease(1)])
        harness.send(.returnLease(ReturnLease(lease: lease(1), isUnreachable: isUnreachable)), from: driver(1))
        harness.rejoinNode([held(lease(1), worker: 1)])
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease(1), kill: isUnreachable)), to: raylet(0)))
    }

    @Test("A lease whose worker ended while the head was away is lost for its owner")
    func lostMeanwhile() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        harness.rejoinDriver(leases: [lease(1)])
        harness.rejoinNode([])
        #expect(harness.messages(to: driver(1)).contains { if case .leaseLost = $0 { true } else { false } })
    }

    @Test("A lease that was being served keeps its environment when its node is lost, too")
    func environmentKept() {
        var harness = GCSHarness.cluster(isDurable: true)
        let environment = RuntimeEnvironmentSpec(variables: [RuntimeEnvironmentSpec.Variable("A", "b")])
        var request = RequestLease(
            lease: lease(1), job: JobID(1), shape: ResourceSet([(ResourceSet.cpu, 1)]), strategy: .hybrid,
            locality: [], owner: address(driver(1), on: 0))
        request.environment = environment
        harness.send(.requestLease(request), from: driver(1))
        harness.restart()
        var starting = held(lease(1))
        starting.worker = nil
        harness.rejoinNode([starting])
        harness.rejoinDriver(requests: [lease(1)])
        harness.send(.requestLease(request), from: driver(1))
        harness.join(1)
        harness.give(.peerLost(raylet(0), reason: "power cut"))
        let assigned = harness.messages(to: raylet(1)).compactMap { message in
            if case .assignLease(let assign) = message { assign.environment } else { nil }
        }
        #expect(assigned == [environment])
    }

    @Test("A grant that was lost is said again")
    func grantRepeated() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.restart()
        harness.rejoinDriver(requests: [lease(1)])
        harness.request(lease(1), from: driver(1))
        harness.rejoinNode([held(lease(1), worker: 1)])
        #expect(harness.messages(to: driver(1)).contains { if case .leaseGranted = $0 { true } else { false } })
    }

    @Test("Nodes and drivers that do not come back in time are dead")
    func nobodyReturns() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.live(spec(actor(1), restarts: -1), from: driver(1), worker: 1)
        harness.restart()
        harness.wait(milliseconds: 10_500)
        let status = harness.core.clusterStatus()
        #expect(status.jobs == 0)
        #expect(status.nodes.allSatisfy { !$0.isAlive })
        #expect(status.actorsAlive + status.actorsPending == 0)
    }

    @Test("A driver that is lost after it has reached the new head and before it has rejoined ends its job")
    func lostBeforeItRejoins() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.restart()
        harness.rejoinNode([])
        harness.give(.peerUp(driver(1), role: .driver, address: address(driver(1), on: 0)))
        harness.wait(milliseconds: 11_000, reportsOf: [0])
        #expect(harness.core.clusterStatus().jobs == 1)
        harness.give(.peerLost(driver(1), reason: "silent"))
        #expect(harness.core.clusterStatus().jobs == 0)
    }

    @Test("Of two nodes that serve the same lease the one counts whose worker its owner has", arguments: [false, true])
    func servedTwice(ownerFirst: Bool) {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.join(1)
        harness.restart()
        // Node 0 was cut off when the owner had asked again and was given a worker on node 1.
        if ownerFirst { harness.rejoinDriver(leases: [lease(1)], on: 1) }
        harness.rejoinNode([held(lease(1), worker: 1)])
        if !ownerFirst { harness.rejoinDriver(leases: [lease(1)], on: 1) }
        harness.rejoinNode([held(lease(1), worker: 2, on: 1)], of: 1)
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease(1), kill: !ownerFirst)), to: raylet(0)))
        #expect(!harness.messages(to: raylet(1)).contains { if case .releaseLease = $0 { true } else { false } })
        #expect(!harness.messages(to: driver(1)).contains { if case .leaseLost = $0 { true } else { false } })
    }

    @Test("Nodes and programs of another cluster are refused with a sentence")
    func otherCluster() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.restart()
        harness.give(.peerUp(raylet(0), role: .raylet, address: address(raylet(0), on: 0)))
        let stranger = RejoinNode(info: info(0), clusterName: "other", leases: [], jobs: [], owners: [])
        harness.send(.rejoinNode(stranger), from: raylet(0))
        guard case .nodeRegistered(let answer)? = harness.messages(to: raylet(0)).last else {
            Issue.record("the node got no answer")
            return
        }
        #expect(answer.error?.message.contains("belongs to the cluster 'other'") == true)
    }

    @Test("A node that was declared dead learns so when it comes back, also after a new start")
    func deadNode() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.give(.peerLost(raylet(0), reason: "gone"))
        harness.restart()
        harness.rejoinNode([])
        #expect(harness.messages(to: raylet(0)).contains { if case .shutDownNode = $0 { true } else { false } })
    }

    @Test("1,000 actors are back at once")
    func thousandActors() {
        var harness = GCSHarness.cluster(cpus: 2_000, isDurable: true)
        harness.checksInvariants = false
        var leases: [HeldLease] = []
        for index in UInt64(1)...1_000 {
            let lease = harness.live(
                spec(actor(index), name: "a\(index)", lifetime: .detached), from: driver(1), worker: index)
            leases.append(held(lease, actor: actor(index), worker: index))
            harness.effects = []
        }
        let clock = ContinuousClock()
        let duration = clock.measure {
            harness.restart()
            harness.give(.peerUp(raylet(0), role: .raylet, address: address(raylet(0), on: 0)))
            harness.rejoinNode(leases, cpus: 2_000)
        }
        #expect(harness.core.clusterStatus().actorsAlive == 1_000)
        #expect(duration < .seconds(2))
    }

    // MARK: Questions

    private func put(_ key: String, _ value: String, in harness: inout GCSHarness) {
        let request = KeyValueRequest(
            operation: .put, namespace: "n", key: Array(key.utf8), value: Array(value.utf8), overwrite: true)
        harness.send(.keyValueRequest(request), requestID: 1, from: driver(1))
    }

    private func value(_ key: String, in harness: inout GCSHarness) -> [UInt8]? {
        harness.effects = []
        let request = KeyValueRequest(
            operation: .get, namespace: "n", key: Array(key.utf8), value: [], overwrite: false)
        harness.send(.keyValueRequest(request), requestID: 2, from: driver(1))
        guard case .keyValueReply(let reply)? = harness.messages(to: driver(1)).last else { return nil }
        return reply.value
    }

    private func look(_ name: String, in harness: inout GCSHarness) -> ActorState? {
        harness.send(.lookUpActor(LookUpActor(name: name, namespace: "")), requestID: 3, from: driver(1))
        guard case .actorFound(let found)? = harness.messages(to: driver(1)).last else { return nil }
        return found.state
    }
}
