//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("A worker's submission") struct SubmissionTests {
    @Test("A task gets a lease, is pushed, and its result ends the get") func happyPath() {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let requests = harness.leaseRequests()
        #expect(requests.count == 1)
        harness.grant(requests[0])
        let pushes = harness.pushes()
        #expect(pushes.count == 1)
        let token = harness.get([reference])
        harness.done(pushes[0], 42)
        #expect(harness.outcome(token)?.first?.byte == 42)
    }

    @Test("Calls are under way until each has come to its end, well or not") func underWay() {
        var harness = WorkerHarness()
        #expect(!harness.core.hasCallsUnderWay)
        _ = harness.submit()
        #expect(harness.core.hasCallsUnderWay)
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0])
        #expect(!harness.core.hasCallsUnderWay)
        let reference = harness.submit()
        #expect(harness.core.hasCallsUnderWay)
        let error = RayError(.taskExecution, "bad")
        harness.receive(
            .taskDone(TaskDone(task: reference.id.task, attempt: 0, results: [], error: error)),
            from: WorkerHarness.worker.worker)
        #expect(!harness.core.hasCallsUnderWay)
    }

    @Test("One lease serves many calls") func leaseReuse() {
        var harness = WorkerHarness()
        _ = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0])
        for _ in 0..<5 {
            _ = harness.submit()
            let sent = harness.sent()
            #expect(!sent.contains { if case .requestLease = $0.0 { true } else { false } })
            guard case .pushTask(let push)? = sent.first?.0 else {
                Issue.record("the task was not pushed at once")
                return
            }
            harness.done(push.spec)
        }
    }

    @Test("Tasks of another environment do not use a lease; those without one inherit the process's")
    func environments() {
        var harness = WorkerHarness()
        let inherited = RuntimeEnvironmentSpec(variables: [RuntimeEnvironmentSpec.Variable("A", "1")])
        let own = RuntimeEnvironmentSpec(variables: [RuntimeEnvironmentSpec.Variable("A", "2")])
        harness.core.environment = inherited
        var wanted: [RuntimeEnvironmentSpec?] = []
        for environment in [nil, own, nil, own] {
            var call = Call(function: WorkerHarness.function)
            call.shared.value.environment = environment
            var buffer = WorkerEffects()
            _ = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)
            for case .send(.requestLease(let request), _, _) in buffer.items {
                wanted.append(request.environment)
                harness.grant(request.lease)
            }
            harness.effects += buffer.items
        }
        #expect(wanted == [inherited, own, inherited, own])
        #expect(harness.pushes().allSatisfy { $0.environment == nil }, "Its worker has it.")
    }

    @Test("An idle lease goes back after its time, and at once when others wait") func idleLease() {
        var harness = WorkerHarness()
        _ = harness.submit()
        let lease = harness.leaseRequests()[0]
        harness.grant(lease)
        harness.done(harness.pushes()[0])
        harness.advance(50)
        #expect(harness.sent().isEmpty)
        harness.receive(.reclaimLeases(ReclaimLeases()))
        guard case .returnLease(let message)? = harness.sent().first?.0 else {
            Issue.record("the lease was kept")
            return
        }
        #expect(message.lease == lease)
    }

    @Test("A lease for what is to be spread goes back with its last task, so that the next one is another node's turn")
    func spreadLease() {
        var harness = WorkerHarness()
        for _ in 0..<2 { _ = harness.submit(strategy: .spread) }
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        let pushes = harness.pushes()
        #expect(pushes.count == 2)
        harness.done(pushes[0])
        harness.advance(0)
        #expect(!harness.sent().contains { if case .returnLease = $0.0 { true } else { false } })
        harness.done(pushes[1])
        harness.advance(0)
        let returned = harness.sent().compactMap { if case .returnLease(let back) = $0.0 { back.lease } else { nil } }
        #expect(returned == [requests[0]])
        _ = harness.submit(strategy: .spread)
        #expect(harness.leaseRequests().count == 1)
    }

    @Test("A lease for what is to be spread is kept while it waits for what it has asked back from another")
    func spreadLeaseThatSteals() {
        var harness = WorkerHarness()
        for _ in 0..<4 { _ = harness.submit(strategy: .spread) }
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        let pushes = harness.pushes()
        harness.grant(requests[1], WorkerHarness.other)
        harness.advance(1)
        #expect(!harness.sent().contains { if case .returnLease = $0.0 { true } else { false } })
        harness.receive(
            .handBack(HandBack(lease: requests[0], tasks: pushes.suffix(2).map(\.id))),
            from: WorkerHarness.worker.worker)
        let again = harness.sent().filter {
            if case .pushTask = $0.0 { $0.1 == WorkerHarness.other.worker } else { false }
        }
        #expect(again.count == 2)
    }

    @Test("A grant that crosses the withdrawal of its request is returned") func crossingGrant() {
        var harness = WorkerHarness()
        harness.grant(LeaseID(5, 5, 5, 5))
        #expect(harness.sent().contains { if case .returnLease = $0.0 { true } else { false } })
    }

    @Test("A task whose worker died runs again, and without retries fails with the cause") func workerDied() {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 1)
        let first = harness.leaseRequests()[0]
        harness.grant(first)
        _ = harness.sent()
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        let cause = RayError(.workerDied, "killed by SIGKILL")
        harness.receive(.leaseLost(LeaseLost(lease: first, error: cause)))
        let second = harness.leaseRequests()[0]
        harness.grant(second)
        let push = harness.pushes()[0]
        #expect(push.attempt == 1)
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        let token = harness.get([reference])
        #expect(harness.outcome(token) == nil)
        harness.receive(.leaseLost(LeaseLost(lease: second, error: cause)))
        guard case .failed(let error)? = harness.outcome(token)?.first else {
            Issue.record("no error")
            return
        }
        #expect(error.type == .workerDied && error.message == "killed by SIGKILL")
    }

    @Test("A dead worker whose cause never comes fails its task within the limit") func causeUnknown() {
        var harness = WorkerHarness()
        let reference = harness.submit(retries: 0)
        harness.grant(harness.leaseRequests()[0])
        harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
        let token = harness.get([reference])
        harness.advance(6_000)
        #expect(harness.outcome(token)?.first?.errorType == .workerDied)
    }

    @Test("A reply to an earlier try is ignored") func lateReply() {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let first = harness.leaseRequests()[0]
        harness.grant(first)
        let push = harness.pushes()[0]
        harness.lose(first)
        let token = harness.get([reference])
        harness.done(push)
        #expect(harness.outcome(token) == nil)
    }

    @Test("A small argument travels inside the task, a failed one fails it") func arguments() {
        var harness = WorkerHarness()
        let first = harness.submit()
        let second = harness.submit([.reference(first)])
        let third = harness.submit([.reference(second)])
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0], 9)
        let push = harness.pushes()[0]
        #expect(push.arguments == [.value(RayObject(data: [9], metadata: ObjectMetadata.raw))])
        let token = harness.get([third])
        let error = RayError(.taskExecution, "boom")
        harness.receive(
            .taskDone(TaskDone(task: push.id, attempt: 0, results: [], error: error)),
            from: WorkerHarness.worker.worker)
        guard case .failed(let failure)? = harness.outcome(token)?.first else {
            Issue.record("no error")
            return
        }
        #expect(failure.message == "boom")
    }

    @Test("An error of an argument names the tasks in Python that it failed, in their order; of a long chain the first")
    func dependents() {
        var harness = WorkerHarness()
        func submit(_ name: String, _ argument: ObjectReference, _ language: Language = .python) -> ObjectReference {
            var buffer = WorkerEffects()
            let function = FunctionDescriptor(language: language, module: "m", function: name)
            let call = Call(function: function, arguments: [.reference(argument)], name: name)
            return harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        }
        let first = harness.submit()
        let readers = [submit("f", first), submit("in Swift", first, .swift)]
        var last = submit("g", readers[0])
        let second = last
        for number in 0..<200 { last = submit("h\(number)", last) }
        harness.grant(harness.leaseRequests()[0])
        let push = harness.pushes()[0]
        harness.receive(
            .taskDone(TaskDone(task: push.id, attempt: 0, results: [], error: RayError(.taskExecution, "boom"))),
            from: WorkerHarness.worker.worker)
        func dependents(_ reference: ObjectReference) -> [String]? {
            let token = harness.get([reference])
            guard case .failed(let error)? = harness.outcome(token)?.first else { return nil }
            return error.dependents
        }
        #expect(dependents(first) == [] && dependents(readers[0]) == ["f"] && dependents(readers[1]) == [])
        #expect(dependents(second) == ["f", "g"])
        #expect(dependents(last)?.count == 100 && dependents(last)?.prefix(3) == ["f", "g", "h0"])
    }

    /// Two tasks on one lease, whose worker hands the second back: the leases that were asked for, and that task.
    private func handsBack(_ harness: inout WorkerHarness) -> (requests: [LeaseID], task: TaskID) {
        _ = harness.submit()
        _ = harness.submit()
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        let pushes = harness.pushes()
        #expect(pushes.count == 2)
        harness.receive(
            .handBack(HandBack(lease: requests[0], tasks: [pushes[1].id])), from: WorkerHarness.worker.worker)
        return (requests, pushes[1].id)
    }

    @Test("Tasks that a blocked worker hands back go to another lease") func handBack() {
        var harness = WorkerHarness()
        let (requests, task) = handsBack(&harness)
        #expect(harness.pushes().isEmpty, "a worker that handed back gets nothing while it is busy")
        harness.grant(requests[1], WorkerHarness.other)
        #expect(harness.pushes().map(\.id) == [task])
    }

    @Test("A refused lease is asked for again when the only other one takes no tasks") func refusedBesidePaused() {
        var harness = WorkerHarness()
        let (requests, task) = handsBack(&harness)
        _ = harness.sent()
        // What runs on the first lease may wait for the task that was handed back.
        let error = RayError(.workerDied, "killed while it started")
        harness.receive(.leaseRefused(LeaseRefused(lease: requests[1], error: error)))
        let again = harness.leaseRequests()
        #expect(again.count == 1)
        harness.grant(again[0], WorkerHarness.other)
        #expect(harness.pushes().map(\.id) == [task])
    }

    @Test("Workers that are killed at their start cost a task no more than its tries") func killedStarts() {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let token = harness.get([reference])
        let error = RayError(.workerDied, "killed while it started")
        for start in 1...4 {
            #expect(harness.outcome(token) == nil)
            guard let request = harness.leaseRequests().last else {
                Issue.record("nobody asked for start \(start)")
                return
            }
            harness.receive(.leaseRefused(LeaseRefused(lease: request, error: error)))
        }
        #expect(harness.outcome(token)?.first?.errorType == .workerDied)
    }

    @Test("Leases that are refused for the death of one worker that started count as one") func oneDeathManyLeases() {
        var harness = WorkerHarness()
        let tokens = (0..<4).map { _ in harness.get([harness.submit()]) }
        let error = RayError(.workerDied, "killed while it started")
        for _ in 1...3 {
            let requests = harness.leaseRequests()
            #expect(requests.count >= 4)
            harness.effects = []
            for request in requests { harness.receive(.leaseRefused(LeaseRefused(lease: request, error: error))) }
            #expect(tokens.allSatisfy { harness.outcome($0) == nil })
        }
        for request in harness.leaseRequests().prefix(1) {
            harness.receive(.leaseRefused(LeaseRefused(lease: request, error: error)))
        }
        #expect(tokens.allSatisfy { harness.outcome($0)?.first?.errorType == .workerDied })
    }

    @Test("A worker that had nothing to hand back is not asked again and again") func stealNothing() {
        var harness = WorkerHarness()
        for _ in 0..<3 { _ = harness.submit() }
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        harness.grant(requests[1], WorkerHarness.other)
        _ = harness.sent()
        harness.receive(.handBack(HandBack(lease: requests[0], tasks: [])), from: WorkerHarness.worker.worker)
        let asked = harness.sent().filter { if case .stealTasks = $0.0 { true } else { false } }
        #expect(asked.isEmpty)
    }

    @Test("An idle lease takes tasks that wait behind others") func steal() {
        var harness = WorkerHarness()
        for _ in 0..<10 { _ = harness.submit() }
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        _ = harness.sent()
        harness.grant(requests[1], WorkerHarness.other)
        guard
            case .stealTasks(let steal)? = harness.sent().map(\.0).first(where: {
                if case .stealTasks = $0 { true } else { false }
            })
        else {
            Issue.record("nothing was stolen")
            return
        }
        #expect(steal.lease == requests[0] && steal.count == 5)
    }

    @Test("A worker that has done all before it answers whether it hands some back is waited for at rest")
    func answersLate() {
        var harness = WorkerHarness()
        for _ in 0..<10 { _ = harness.submit() }
        let requests = harness.leaseRequests()
        harness.grant(requests[0])
        let pushes = harness.pushes()
        harness.grant(requests[1], WorkerHarness.other)
        for spec in pushes { harness.done(spec) }
        harness.step(.peerLost(WorkerHarness.other.worker, reason: "silent"))
        _ = harness.submit()
        harness.advance(1_000)
        #expect(harness.core.alarm > harness.now, "it would look again and again without a pause")
        _ = harness.sent()
        harness.receive(.handBack(HandBack(lease: requests[0], tasks: [])), from: WorkerHarness.worker.worker)
        #expect(harness.pushes().count == 1)
    }

    @Test("A get ends at its deadline with an error that says so") func timeout() {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let token = harness.get([reference], timeout: 100)
        harness.advance(99)
        #expect(harness.outcome(token) == nil)
        harness.advance(1)
        #expect(harness.outcome(token)?.first?.errorType == .getTimeout)
    }

    @Test("Without the head every wait ends with its reason") func headLost() {
        var harness = WorkerHarness()
        let token = harness.get([harness.submit()])
        harness.step(.peerLost(.gcs, reason: "closed"))
        #expect(harness.outcome(token)?.first?.errorType == .clusterUnreachable)
        let later = harness.get([harness.submit()])
        #expect(harness.outcome(later)?.first?.errorType == .clusterUnreachable)
    }
}
