//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite struct WorkerPoolTests {
    @Test("A lease starts a worker, and the next lease of the same program uses it again")
    func reuse() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        #expect(harness.leaseReady.map(\.worker.worker) == [worker.id])
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        harness.assign(2)
        #expect(harness.leaseReady.map(\.lease) == [lease(2)])
        #expect(harness.wantedStarts.isEmpty)
        #expect(harness.kills.isEmpty)
    }

    @Test("A worker whose task has ended does not get the lease that it asked for itself")
    func notItsOwnWorker() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        var owner = Address.none
        owner.worker = worker.id
        harness.assign(2, owner: owner)
        #expect(harness.leaseReady.isEmpty)
        #expect(harness.wantedStarts.count == 1)
        harness.assign(3)
        #expect(harness.leaseReady.map(\.worker.worker) == [worker.id])
    }

    @Test("Another job, program or GPU does not use the worker")
    func separation() {
        var harness = RayletHarness()
        _ = harness.startWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        harness.assign(2, job: 2)
        harness.assign(3, program: "q")
        harness.assign(4, gpus: [1])
        #expect(harness.leaseReady.isEmpty)
        #expect(harness.wantedStarts.count == 3)
        let last = harness.effects.compactMap { if case .spawnWorker(let start) = $0 { start } else { nil } }.last
        #expect(last?.environment.contains("SWIFT_RAY_ACCELERATOR_IDS=GPU:1") == true)
        #expect(last?.environment.contains("SWIFT_RAY_JOB_ID=1") == true)
        #expect(last?.path == "/bin/p")
    }

    @Test("Only a bounded number of workers start at the same time, and the others follow")
    func boundedStarts() {
        var harness = RayletHarness(cpus: 2)
        for number in 1...5 { harness.assign(UInt32(number)) }
        #expect(harness.wantedStarts.count == 2)
        let first = harness.wantedStarts[0]
        let processID = harness.spawn(first)
        _ = harness.take()
        _ = harness.ready(first, processID)
        #expect(harness.leaseReady.map(\.lease) == [lease(1)])
        #expect(harness.wantedStarts.count == 1)
    }

    @Test("A worker that reports before its process id is known is taken when it is")
    func earlyReport() {
        var harness = RayletHarness()
        harness.assign(1)
        let start = harness.wantedStarts[0]
        let worker = harness.ready(start, 100)
        #expect(harness.leaseReady.isEmpty)
        _ = harness.spawn(start)
        #expect(harness.leaseReady.map(\.worker.worker) == [worker])
        #expect(harness.kills.isEmpty)
    }

    @Test("A repeated assignment is answered again and starts nothing")
    func repeatedAssignment() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        _ = harness.take()
        harness.assign(1)
        #expect(harness.leaseReady.map(\.worker.worker) == [worker.id])
        #expect(harness.wantedStarts.isEmpty)
    }

    @Test("A worker that is not ready in time is killed and fails its lease with its last lines")
    func startTimeout() {
        var harness = RayletHarness()
        harness.assign(1)
        let processID = harness.spawn(harness.wantedStarts[0])
        harness.tick(after: 9_000)
        #expect(harness.kills.isEmpty)
        harness.tick(after: 1_000)
        #expect(harness.kills == [processID])
        #expect(harness.leaseFailed.isEmpty)
        harness.give(.processExited(processID: processID, ProcessExit(signal: 9, lastLines: ["loading", "still"])))
        let error = harness.leaseFailed.first?.error
        #expect(error?.message.contains("not ready within 10 s") == true)
        #expect(error?.message.contains("still") == true)
        #expect(error?.message.contains("ray.init()") == true)
        #expect(harness.exited.isEmpty)
    }

    @Test("Who uses Python is told nothing of a call that programs in Swift must make")
    func pythonStart() {
        for (arguments, isTold) in [(["-m", "swift_ray.worker"], false), (["-m", "other"], true)] {
            var harness = RayletHarness()
            var program = makeProgram("python")
            program.arguments = arguments
            harness.gcs(
                .assignLease(
                    AssignLease(
                        lease: lease(1), job: JobID(1), owner: .none, program: program, acceleratorIDs: [], actor: nil))
            )
            let processID = harness.spawn(harness.wantedStarts[0])
            harness.give(.processExited(processID: processID, ProcessExit(code: 1, lastLines: ["no pip"])))
            let message = harness.leaseFailed.first?.error.message ?? ""
            #expect(message.contains("exit code 1 before it was ready") && message.contains("no pip"))
            #expect(message.contains("ray.init()") == isTold)
        }
    }

    @Test("An environment may say how long its workers take to start")
    func longStart() {
        var harness = RayletHarness()
        let environment = RuntimeEnvironmentSpec(variables: [.init("SWIFT_RAY_START_SECONDS", "60")])
        harness.assign(1, environment: environment)
        let processID = harness.spawn(harness.wantedStarts[0])
        harness.tick(after: 59_000)
        #expect(harness.kills.isEmpty)
        harness.tick(after: 1_000)
        #expect(harness.kills == [processID])
        harness.give(.processExited(processID: processID, ProcessExit(signal: 9)))
        #expect(harness.leaseFailed.first?.error.message.contains("not ready within 60 s") == true)
    }

    @Test("A killed starter that is not reaped does not keep its lease waiting")
    func unreapedStarter() {
        var harness = RayletHarness()
        harness.assign(1)
        let processID = harness.spawn(harness.wantedStarts[0])
        harness.tick(after: 10_000)
        harness.tick(after: 5_000)
        #expect(harness.leaseFailed.map(\.lease) == [lease(1)])
        harness.give(.processExited(processID: processID, ProcessExit(signal: 9)))
        #expect(harness.leaseFailed.count == 1)
    }

    @Test("A program that exits before it is ready fails its lease with code and last lines")
    func earlyExit() {
        var harness = RayletHarness()
        harness.assign(1)
        let processID = harness.spawn(harness.wantedStarts[0])
        harness.give(.processExited(processID: processID, ProcessExit(code: 3, lastLines: ["usage: p FILE"])))
        let error = harness.leaseFailed.first?.error
        #expect(error?.type == .workerDied)
        #expect(error?.message.contains("ended with exit code 3") == true)
        #expect(error?.message.contains("usage: p FILE") == true)
    }

    @Test("Starts that keep failing fail every waiting lease instead of looping")
    func hopelessProgram() {
        var harness = RayletHarness(cpus: 2)
        for number in 1...20 { harness.assign(UInt32(number)) }
        var starts = 0
        while let token = harness.wantedStarts.first {
            starts += 1
            _ = harness.take().count
            harness.give(.spawnFailed(startToken: token, reason: "no such file"))
            guard starts < 100 else { break }
            for token in harness.wantedStarts.dropFirst(1) {
                harness.give(.spawnFailed(startToken: token, reason: "no such file"))
            }
        }
        #expect(starts <= 4)
    }

    @Test("A program that cannot run here fails all leases that wait for it")
    func programFailed() {
        var harness = RayletHarness()
        harness.answersPrograms = false
        harness.assign(1)
        harness.assign(2)
        harness.assign(3, program: "q")
        let fetches = harness.effects.filter { if case .fetchProgram = $0 { true } else { false } }
        #expect(fetches.count == 2)
        harness.give(.programFailed(key: "p", RayError(.runtimeEnvSetupFailed, "built for aarch64")))
        #expect(harness.leaseFailed.map(\.lease) == [lease(1), lease(2)])
        harness.give(.programReady(key: "q", path: "/bin/q"))
        #expect(harness.wantedStarts.count == 1)
    }

    @Test("A released lease with kill ends the process group, and its exit is intended")
    func releaseWithKill() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: true)))
        #expect(harness.kills == [worker.processID])
        harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 9)))
        #expect(harness.exited.map(\.intended) == [true])
        #expect(harness.exited.first?.lease == nil)
    }

    @Test("An actor's worker is never used again")
    func actorWorker() {
        var harness = RayletHarness()
        harness.assign(1, actor: ActorID.none)
        let token = harness.wantedStarts[0]
        let processID = harness.spawn(token)
        _ = harness.ready(token, processID)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        #expect(harness.kills == [processID])
    }

    @Test("An actor gets no worker that has run something: others may wait for what that one owns")
    func freshWorkerForActor() {
        var harness = RayletHarness()
        let used = harness.startWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        harness.assign(2, actor: ActorID.none)
        #expect(harness.leaseReady.isEmpty)
        let token = harness.wantedStarts[0]
        // Its lease is withdrawn meanwhile: the new worker is as good as any, also for an actor.
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(2), kill: false)))
        let fresh = harness.ready(token, harness.spawn(token))
        _ = harness.take()
        harness.assign(3, actor: ActorID.none)
        #expect(harness.leaseReady.map(\.worker.worker) == [fresh])
        harness.assign(4)
        #expect(harness.leaseReady.map(\.worker.worker) == [fresh, used.id])
        #expect(harness.wantedStarts.isEmpty)
    }

    @Test("A retired worker serves no further lease, and takes its time to end")
    func retiredWorker() {
        var harness = RayletHarness(cpus: 1)
        let worker = harness.startWorker(for: 1)
        harness.send(.workerRetired(WorkerRetired(lease: lease(1))), from: worker.id)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        harness.assign(2)
        #expect(harness.leaseReady.isEmpty && harness.wantedStarts.count == 1)
        harness.tick(after: 60_000)
        harness.send(.exitDeclined(ExitDeclined()), from: worker.id)
        #expect(harness.kills.filter { $0 == worker.processID }.isEmpty)
        harness.give(.processExited(processID: worker.processID, ProcessExit()))
        #expect(harness.exited.map(\.intended) == [true])
        #expect(harness.exited.first?.lease == nil)
    }

    @Test("A worker that retires after its lease was given back is not used again, and ends with its job")
    func retiredWhileIdle() {
        var harness = RayletHarness(cpus: 1)
        let worker = harness.startWorker(for: 1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        harness.send(.workerRetired(WorkerRetired(lease: lease(1))), from: worker.id)
        _ = harness.take()
        harness.assign(2)
        #expect(harness.leaseReady.isEmpty)
        harness.gcs(.releaseOwned(ReleaseOwned(workers: [process(1)], jobs: [JobID(1)])))
        #expect(harness.kills.contains(worker.processID))
    }

    @Test("A worker that dies reports its lease, signal and last lines")
    func workerDies() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        harness.give(.peerLost(worker.id, reason: "closed"))
        #expect(harness.kills == [worker.processID])
        harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 11, lastLines: ["boom"])))
        #expect(harness.exited.first?.lease == lease(1))
        #expect(harness.exited.first?.signal == 11)
        #expect(harness.exited.first?.intended == false)
        #expect(harness.exited.first?.lastLines == ["boom"])
    }

    @Test("A killed worker's lease is named in the report of its end")
    func killOrder() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        harness.gcs(.killWorker(KillWorker(lease: lease(1), reason: "ray.kill")))
        #expect(harness.kills == [worker.processID])
        harness.give(.processExited(processID: worker.processID, ProcessExit(signal: 9)))
        #expect(harness.exited.first?.lease == lease(1))
        #expect(harness.exited.first?.intended == true)
    }

    @Test("A lease released before its worker came leaves an idle worker")
    func releasedWhileStarting() {
        var harness = RayletHarness()
        harness.assign(1)
        let token = harness.wantedStarts[0]
        let processID = harness.spawn(token)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.ready(token, processID)
        #expect(harness.leaseReady.isEmpty)
        harness.assign(2)
        #expect(harness.leaseReady.map(\.lease) == [lease(2)])
    }

    @Test("Idle workers beyond the CPUs are told to end, and killed if they do not")
    func idleWorkersEnd() {
        var harness = RayletHarness(cpus: 1)
        let first = harness.startWorker(for: 1)
        _ = harness.startWorker(for: 2)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(2), kill: false)))
        harness.tick(after: 5_000)
        let told = harness.sent.filter { if case .exitWorker = $0.message { true } else { false } }.map(\.to)
        #expect(told == [first.id])
        harness.tick(after: 1_900)
        #expect(harness.kills.isEmpty)
        harness.tick(after: 200)
        #expect(harness.kills == [first.processID])
    }

    @Test("A worker that owns what others need declines to go and is not killed")
    func exitDeclined() {
        var harness = RayletHarness(cpus: 1)
        let first = harness.startWorker(for: 1)
        _ = harness.startWorker(for: 2)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(2), kill: false)))
        harness.tick(after: 5_000)
        harness.send(.exitDeclined(ExitDeclined()), from: first.id)
        harness.tick(after: 3_000)
        #expect(harness.kills.isEmpty)
    }

    @Test("The end of a job kills its idle and starting workers, not those of a detached actor")
    func jobEnds() {
        var harness = RayletHarness()
        harness.assign(1, job: 1, actor: ActorID.none)
        let token = harness.wantedStarts[0]
        let actor = harness.spawn(token)
        _ = harness.ready(token, actor)
        let idle = harness.startWorker(for: 2)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(2), kill: false)))
        harness.assign(3)
        harness.assign(4)
        let starting = harness.wantedStarts.last ?? 0
        let other = harness.startWorker(for: 5, job: 2)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(3), kill: false)))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(4), kill: false)))
        harness.gcs(.releaseOwned(ReleaseOwned(workers: [process(1)], jobs: [JobID(1)])))
        #expect(harness.kills == [idle.processID])
        let late = harness.spawn(starting)
        #expect(harness.kills == [idle.processID, late])
        #expect(!harness.kills.contains(other.processID))
    }

    @Test("A worker with an unknown start token is refused")
    func unknownToken() {
        var harness = RayletHarness()
        _ = harness.ready(77, 4)
        let answer = harness.sent.compactMap { if case .workerAccepted(let value) = $0.message { value } else { nil } }
        #expect(answer.first?.error != nil)
    }

    @Test("The loss of the control store ends all workers and the node")
    func controlStoreLost() {
        var harness = RayletHarness()
        let worker = harness.startWorker(for: 1)
        harness.give(.peerLost(.gcs, reason: "no answer for 5 s"))
        #expect(harness.kills == [worker.processID])
        #expect(harness.leaving?.contains("no answer for 5 s") == true)
        _ = harness.take()
        harness.assign(2)
        #expect(harness.effects.isEmpty)
    }

    @Test("The node reports once a second, and only after it joined")
    func reports() {
        var harness = RayletHarness()
        for _ in 0..<20 { harness.tick(after: 100) }
        let reports = harness.sent.filter { if case .nodeReport = $0.message { true } else { false } }
        #expect((2...3).contains(reports.count))
    }

    @Test("Control messages of others than the control store are ignored")
    func strangers() {
        var harness = RayletHarness()
        harness.send(.shutDownNode(ShutDownNode(reason: "x")), from: process(5))
        #expect(harness.leaving == nil)
    }

    @Test("Many actors on one node start in a time that does not grow with their cube", .timeLimit(.minutes(1)))
    func manyActors() {
        var harness = RayletHarness()
        let count = 600
        for number in 1...count { harness.assign(UInt32(number), actor: ActorID(UInt64(number), 3)) }
        var served = 0
        while served < count {
            let tokens = harness.wantedStarts
            guard !tokens.isEmpty else { break }
            harness.effects = []
            for token in tokens { _ = harness.ready(token, harness.spawn(token)) }
            served += harness.leaseReady.count
        }
        #expect(served == count)
    }
}
