//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct LeaseTests {
    @Test("A request is assigned, granted, returned, and the next one follows on the same node in order")
    func flow() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.request(lease(1), from: driver(1))
        let assign = AssignLease(
            lease: lease(1), job: JobID(1), owner: address(driver(1), on: 0), program: jobInfo(1).program,
            held: ResourceSet([(ResourceSet.cpu, 1)]))
        #expect(harness.messages(to: raylet(0)) == [.assignLease(assign)])
        harness.ready(lease(1), worker: 1)
        let granted = LeaseGranted(lease: lease(1), worker: address(worker(1), on: 0), processID: 101)
        #expect(harness.messages(to: driver(1)) == [.leaseGranted(granted)])
        harness.request(lease(2), from: driver(1))
        harness.effects = []
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        let orders = harness.messages(to: raylet(0))
        #expect(orders.first == .releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        #expect(orders.count == 2)
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        #expect(harness.messages(to: raylet(0)).count == 2)
    }

    @Test("When only actors are in the way of what waits, all are asked to collect garbage, at most every half minute")
    func stalled() {
        var harness = GCSHarness.cluster(cpus: 1)
        func asked() -> Int {
            harness.messages(to: driver(1)).count { if case .collectGarbage = $0 { true } else { false } }
        }
        harness.live(spec(actor(1), cpus: 1), from: driver(1), worker: 1)
        harness.wait(milliseconds: 5_000, reportsOf: [0])
        #expect(asked() == 0)
        harness.request(lease(1), from: driver(1))
        harness.wait(milliseconds: 1_000, reportsOf: [0])
        #expect(asked() == 0)
        harness.wait(milliseconds: 500, reportsOf: [0])
        #expect(asked() == 1)
        harness.wait(milliseconds: 29_000, reportsOf: [0])
        #expect(asked() == 1)
        harness.wait(milliseconds: 1_000, reportsOf: [0])
        #expect(asked() == 2)
    }

    @Test("A task that runs will make room, and what fits nowhere has nothing in its way: nobody is asked then")
    func notStalled() {
        for cpus in [1.0, 9] {
            var harness = GCSHarness.cluster(cpus: 1)
            if cpus == 1 {
                harness.request(lease(1), from: driver(1))
                harness.ready(lease(1), worker: 1)
            }
            harness.request(lease(2), cpus: cpus, from: driver(1))
            harness.wait(milliseconds: 60_000, reportsOf: [0])
            #expect(!harness.messages(to: driver(1)).contains { if case .collectGarbage = $0 { true } else { false } })
        }
    }

    @Test("Drivers hear once of an actor that fits nowhere, and not of one that waits its turn")
    func infeasibleActor() {
        var harness = GCSHarness.cluster(cpus: 2)
        harness.send(.subscribe(Subscribe(channel: ErrorReport.channel)), from: driver(1))
        harness.live(spec(actor(1), cpus: 2), from: driver(1), worker: 1)
        for (number, cpus) in [(2, 1.0), (3, 9)] as [(UInt64, Double)] {
            harness.send(.createActor(CreateActor(spec: spec(actor(number), cpus: cpus))), from: driver(1))
        }
        harness.wait(milliseconds: 10_000, reportsOf: [0])
        let told = harness.messages(to: driver(1)).compactMap { message in
            if case .published(let one) = message { String(decoding: one.payload, as: UTF8.self) } else { nil }
        }
        #expect(told.count == 1 && told[0].contains("needs 9 CPU; no node has more than 2 CPU"), "\(told)")
    }

    @Test("An environment goes with its lease to the raylet, and its executable takes the place of the job's")
    func environment() {
        var harness = GCSHarness.cluster()
        let program = Program(
            hash: "cd", path: "/bin/q", byteCount: 1, arguments: [], environment: [], workingDirectory: "/")
        let plain = RuntimeEnvironmentSpec(variables: [RuntimeEnvironmentSpec.Variable("A", "b")])
        let other = RuntimeEnvironmentSpec(program: program).merged(over: plain)
        for (number, environment) in [plain, other].enumerated() {
            var request = RequestLease(
                lease: lease(UInt32(number + 1)), job: JobID(1), shape: ResourceSet([(ResourceSet.cpu, 1)]),
                strategy: .hybrid, locality: [], owner: address(driver(1), on: 0))
            request.environment = environment
            harness.send(.requestLease(request), from: driver(1))
        }
        let assigned = harness.messages(to: raylet(0)).compactMap { message in
            if case .assignLease(let assign) = message { assign } else { nil }
        }
        #expect(assigned.map(\.environment) == [plain, other])
        #expect(assigned.map(\.program) == [jobInfo(1).program, program])
    }

    @Test("Too large an environment is refused") func largeEnvironment() {
        var harness = GCSHarness.cluster()
        var request = RequestLease(
            lease: lease(1), job: JobID(1), shape: ResourceSet(), strategy: .hybrid, locality: [],
            owner: address(driver(1), on: 0))
        let value = String(repeating: "x", count: Limits.environmentBytesMax)
        request.environment = RuntimeEnvironmentSpec(variables: [RuntimeEnvironmentSpec.Variable("A", value)])
        harness.send(.requestLease(request), from: driver(1))
        guard case .leaseRefused(let refused)? = harness.messages(to: driver(1)).first else {
            Issue.record("it was taken")
            return
        }
        #expect(refused.error.type == .invalidArgument && refused.error.message.contains("64 KiB"))
    }

    @Test("Who waits is told why in time, however many requests came and went before")
    func noticeInTime() {
        var harness = GCSHarness.cluster()
        harness.checksInvariants = false
        for number in 1...5_000 as ClosedRange<UInt32> {
            harness.request(lease(number), from: driver(1))
            harness.send(.returnLease(ReturnLease(lease: lease(number))), from: driver(1))
        }
        harness.request(lease(6_000), cpus: 100, from: driver(1))
        harness.effects = []
        harness.wait(milliseconds: 1_200)
        let told = harness.messages(to: driver(1)).compactMap { message in
            if case .leasePending(let pending) = message { pending.lease } else { nil }
        }
        #expect(told == [lease(6_000)])
    }

    @Test("Repeated requests and reports change nothing; a granted one is answered again")
    func repeated() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.request(lease(1), from: driver(1))
        #expect(harness.messages(to: raylet(0)).count == 1)
        harness.ready(lease(1), worker: 1)
        harness.ready(lease(1), worker: 1)
        #expect(harness.messages(to: driver(1)).count == 1)
        harness.request(lease(1), from: driver(1))
        #expect(harness.messages(to: driver(1)).count == 2)
    }

    @Test("A request for a job that does not run, or in another's name, is refused")
    func refusals() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), job: 9, from: driver(1))
        harness.request(lease(2), cpus: -1, from: driver(1))
        harness.request(lease(3), from: driver(1))
        harness.startJob(driver: 2)
        harness.request(lease(3), job: 2, from: driver(2))
        let types = (harness.messages(to: driver(1)) + harness.messages(to: driver(2))).compactMap { message in
            if case .leaseRefused(let refused) = message { refused.error.type } else { nil }
        }
        #expect(types == [.ownerDied, .taskUnschedulable, .invalidArgument])
    }

    @Test("A worker that cannot be started is the owner's refusal, and its resources are free")
    func failed() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        let error = RayError(.workerDied, "no such file")
        harness.send(.leaseFailed(LeaseFailed(lease: lease(1), error: error)), from: raylet(0))
        guard case .leaseRefused(let refused) = harness.messages(to: driver(1)).first else {
            Issue.record("no refusal")
            return
        }
        #expect(refused.error.message == "no such file")
        #expect(refused.error.host == "h0")
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
    }

    @Test("The owner of a crashed worker hears how it ended and its last lines; what the worker owned is freed")
    func lost() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.request(lease(1, of: worker(1)), from: worker(1))
        harness.effects = []
        harness.give(.peerLost(worker(1), reason: "closed"))
        #expect(harness.sent(.releaseOwned(ReleaseOwned(workers: [worker(1)], jobs: [])), to: raylet(0)))
        let release = ReleaseLease(lease: lease(1, of: worker(1)), kill: true)
        #expect(harness.sent(.releaseLease(release), to: raylet(0)))
        #expect(harness.messages(to: driver(1)) == [.processesDied(ProcessesDied(processes: [worker(1)]))])
        harness.effects = []
        harness.exit(worker: 1, lease: lease(1), signal: 11, lastLines: ["boom"])
        guard case .leaseLost(let lost) = harness.messages(to: driver(1)).first else {
            Issue.record("no loss")
            return
        }
        #expect(lost.error.type == .workerDied)
        #expect(lost.error.message.contains("signal 11 (SIGSEGV)"))
        #expect(lost.error.message.contains("boom"))
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
        harness.exit(worker: 1, lease: lease(1), signal: 11)
        #expect(harness.messages(to: driver(1)).count == 1)
    }

    @Test("A worker whose link broke but that lives on is killed")
    func unreachable() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.give(.peerLost(worker(1), reason: "timeout"))
        harness.effects = []
        harness.wait(milliseconds: 900, reportsOf: [0])
        #expect(harness.messages(to: raylet(0)).isEmpty)
        harness.wait(milliseconds: 200, reportsOf: [0])
        #expect(harness.messages(to: raylet(0)).contains { if case .killWorker = $0 { true } else { false } })
    }

    @Test("A cancel that crosses the grant gives the lease back; a later report of it is ignored")
    func cancelCrossesGrant() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.send(.cancelLease(CancelLease(lease: lease(1))), from: driver(1))
        #expect(harness.sent(.releaseLease(ReleaseLease(lease: lease(1), kill: false)), to: raylet(0)))
        harness.effects = []
        harness.ready(lease(1), worker: 1)
        harness.exit(worker: 1, lease: lease(1))
        #expect(harness.messages(to: driver(1)) == [.processesDied(ProcessesDied(processes: [worker(1)]))])
        #expect(harness.core.clusterStatus().nodes[0].available[ResourceSet.cpu] == ResourceAmount(4))
    }

    @Test("Only the owner can end a lease")
    func foreignReturn() {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        harness.request(lease(1), from: driver(1))
        harness.effects = []
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(2))
        #expect(harness.effects.isEmpty)
    }

    @Test("A worker that blocks lends its CPU and gets it back")
    func blocked() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.send(.leaseBlocked(LeaseBlocked(lease: lease(1))), from: worker(1))
        harness.effects = []
        harness.request(lease(1, of: worker(1)), from: worker(1))
        #expect(harness.messages(to: raylet(0)).count == 1)
        harness.send(.leaseUnblocked(LeaseUnblocked(lease: lease(1))), from: worker(1))
        // It is asked for the lease that holds what it waits for, in case that has no work.
        #expect(harness.messages(to: worker(1)) == [.reclaimLeases(ReclaimLeases())])
        harness.effects = []
        harness.send(.returnLease(ReturnLease(lease: lease(1, of: worker(1)))), from: worker(1))
        #expect(harness.messages(to: worker(1)) == [.leaseResumed(LeaseResumed(lease: lease(1)))])
    }

    @Test("A worker whose lease ended meanwhile does not wait for a CPU")
    func unblockedTooLate() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.send(.returnLease(ReturnLease(lease: lease(1))), from: driver(1))
        harness.send(.leaseUnblocked(LeaseUnblocked(lease: lease(1))), from: worker(1))
        #expect(harness.sent(.leaseResumed(LeaseResumed(lease: lease(1))), to: worker(1)))
    }

    @Test("A request that waits is told why after a second, and again when the reason changes")
    func pending() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.request(lease(1), cpus: 4, from: driver(1))
        harness.request(lease(2), from: driver(1))
        harness.wait(milliseconds: 900, reportsOf: [0])
        #expect(harness.messages(to: driver(1)).isEmpty)
        harness.wait(milliseconds: 200, reportsOf: [0])
        var reasons = harness.messages(to: driver(1)).compactMap { message in
            if case .leasePending(let pending) = message { pending.reason.code } else { nil }
        }
        #expect(reasons == [.infeasible, .workerStarting])
        harness.effects = []
        harness.wait(milliseconds: 20_000, reportsOf: [0])
        #expect(!harness.messages(to: driver(1)).contains { if case .leasePending = $0 { true } else { false } })
        harness.join(1, cpus: 4)
        harness.effects = []
        harness.wait(milliseconds: 5_100, reportsOf: [0, 1])
        reasons = harness.messages(to: driver(1)).compactMap { message in
            if case .leasePending(let pending) = message { pending.reason.code } else { nil }
        }
        #expect(reasons == [.workerStarting])
    }

    @Test("Owners are asked for idle leases when others wait")
    func reclaim() {
        var harness = GCSHarness.cluster(cpus: 1)
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.startJob(driver: 2)
        harness.request(lease(1, of: driver(2)), job: 2, from: driver(2))
        #expect(harness.sent(.reclaimLeases(ReclaimLeases()), to: driver(1)))
    }
}
