//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Cancelling and trying again") struct CancelTests {
    private func cancel(
        _ reference: ObjectReference, _ harness: inout WorkerHarness, force: Bool = false, recursive: Bool = true
    ) throws(RayError) {
        var buffer = WorkerEffects()
        try harness.core.cancel(reference, force: force, recursive: recursive, at: harness.now, into: &buffer)
        harness.effects += buffer.items
    }

    private func error(_ reference: ObjectReference, _ harness: inout WorkerHarness) -> ErrorType? {
        let token = harness.get([reference])
        return harness.outcome(token)?.first?.errorType
    }

    @Test("A task that waits for a lease ends at once and its request is withdrawn") func queued() throws {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let lease = harness.leaseRequests()[0]
        try cancel(reference, &harness)
        let withdrawn = harness.sent().map(\.0)
        #expect(withdrawn.contains(.cancelLease(CancelLease(lease: lease))))
        #expect(error(reference, &harness) == .taskCancelled)
        harness.grant(lease)
        #expect(harness.pushes().isEmpty)
    }

    @Test("A task that waits for an argument ends without it, and those that wait for the task fail with it")
    func waiting() throws {
        var harness = WorkerHarness()
        let argument = harness.submit()
        let reference = harness.submit([.reference(argument)])
        let next = harness.submit([.reference(reference)])
        let token = harness.get([next])
        try cancel(reference, &harness)
        #expect(harness.outcome(token)?.first?.errorType == .taskCancelled)
        let lease = harness.leaseRequests()[0]
        harness.grant(lease)
        let pushes = harness.pushes()
        #expect(pushes.map { $0.returnIDs[0] } == [argument.id])
        harness.done(pushes[0])
        #expect(harness.pushes().isEmpty)
    }

    @Test("A task at a worker fails at once, also when it is cancelled twice and its reply comes later")
    func running() throws {
        var harness = WorkerHarness()
        let reference = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        let spec = harness.pushes()[0]
        let token = harness.get([reference])
        try cancel(reference, &harness)
        #expect(harness.outcome(token)?.first?.errorType == .taskCancelled)
        let message = CancelTask(task: spec.id, attempt: 0, force: false, recursive: true)
        #expect(harness.sent().map(\.0).contains(.cancelTask(message)))
        try cancel(reference, &harness)
        let stored = TaskResult.stored(at: WorkerHarness.raylet, byteCount: 1 << 20)
        harness.receive(
            .taskDone(TaskDone(task: spec.id, attempt: 0, results: [stored])), from: WorkerHarness.worker.worker)
        #expect(harness.sent().map(\.0).contains(.freeObjects(FreeObjects(objects: [reference.id]))))
        #expect(error(reference, &harness) == .taskCancelled)
        harness.effects = []
        try cancel(reference, &harness)
        #expect(harness.sent().isEmpty)
    }

    /// A call of a function in Python that is at a worker, and what waits for it.
    private func runPython(
        _ harness: inout WorkerHarness
    ) -> (reference: ObjectReference, spec: TaskSpec, get: UInt64) {
        var buffer = WorkerEffects()
        let function = FunctionDescriptor(language: .python, module: "m", function: "f")
        let call = Call(function: function, resources: ResourceSet([("CPU", 1)]), retriesMax: 3)
        let reference = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
        harness.effects += buffer.items
        harness.grant(harness.leaseRequests()[0])
        return (reference, harness.pushes()[0], harness.get([reference]))
    }

    @Test("A function in Python that is asked to end says what its result is, and is not tried again")
    func outcome() throws {
        for hasValue in [true, false] {
            var harness = WorkerHarness()
            let (reference, spec, token) = runPython(&harness)
            try cancel(reference, &harness)
            try cancel(reference, &harness)
            let message = CancelTask(task: spec.id, attempt: 0, force: false, recursive: true)
            #expect(harness.sent().filter { $0.0 == .cancelTask(message) }.count == 2)
            #expect(harness.outcome(token) == nil)
            if hasValue {
                harness.done(spec, 5)
                #expect(harness.outcome(token)?.first?.byte == 5)
            } else {
                let error = RayError(.taskExecution, "ValueError: own", typeName: "ValueError")
                let done = TaskDone(task: spec.id, attempt: 0, results: [], error: error)
                harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
                #expect(harness.outcome(token)?.first?.errorType == .taskExecution)
            }
            harness.effects = []
            try cancel(reference, &harness)
            #expect(harness.sent().isEmpty)
        }
    }

    @Test("What it gave is not made again by another run, which nobody would cancel") func lostOutcome() throws {
        var harness = WorkerHarness()
        let (reference, spec, _) = runPython(&harness)
        try cancel(reference, &harness)
        let place = WorkerHarness.address(11)
        let done = TaskDone(task: spec.id, attempt: 0, results: [.stored(at: place, byteCount: 1 << 20)])
        harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
        harness.receive(.nodeDied(NodeDied(node: place.node, name: "n", reason: "killed")))
        harness.core.checkInvariants()
        #expect(error(reference, &harness) == .objectUnreconstructableTaskCancelled)
        #expect(harness.pushes().isEmpty)
    }

    @Test("It was cancelled if its worker dies meanwhile, or is to die after all")
    func outcomeThatDoesNotCome() throws {
        for isForced in [true, false] {
            var harness = WorkerHarness()
            let (reference, _, token) = runPython(&harness)
            try cancel(reference, &harness)
            #expect(harness.outcome(token) == nil)
            if isForced {
                try cancel(reference, &harness, force: true)
            } else {
                harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
            }
            #expect(harness.outcome(token)?.first?.errorType == .taskCancelled)
        }
    }

    @Test(
        "A cancelled call of an actor in Python has failed when it has ended, and not before; an error of its own stays"
    )
    func callInPython() throws {
        for (error, expected) in [
            (nil, ErrorType.taskCancelled), (RayError(.taskExecution, "own", typeName: "ValueError"), .taskExecution),
        ] {
            var harness = WorkerHarness()
            var buffer = WorkerEffects()
            let function = FunctionDescriptor(language: .python, module: "m", className: "C", function: "f")
            let actor = harness.core.createActor(
                Call(function: function), ActorOptions(), from: nil, at: harness.now, into: &buffer)
            let call = Call(function: function, retriesMax: 3)
            let reference = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
            harness.effects += buffer.items
            let state = ActorState(
                id: actor, phase: .alive, address: WorkerHarness.worker, incarnation: 0, error: nil,
                className: function, taskRetriesMax: 3, name: "", namespace: "")
            harness.receive(.actorUpdate(ActorUpdate(state: state)))
            let token = harness.get([reference])
            try cancel(reference, &harness)
            let task = reference.id.task
            let message = CancelTask(task: task, attempt: 0, force: false, recursive: true)
            #expect(harness.sent().map(\.0).contains(.cancelTask(message)))
            #expect(harness.outcome(token) == nil)
            let stored = TaskResult.stored(at: WorkerHarness.raylet, byteCount: 1 << 20)
            let done = TaskDone(task: task, attempt: 0, results: error == nil ? [stored] : [], error: error)
            harness.receive(.taskDone(done), from: WorkerHarness.worker.worker)
            #expect(harness.outcome(token)?.first?.errorType == expected)
            let freed = Message.freeObjects(FreeObjects(objects: [reference.id]))
            #expect(harness.sent().map(\.0).contains(freed) == (error == nil))
        }
    }

    @Test("A task that has ended keeps its value; what was put is left alone") func ended() throws {
        var harness = WorkerHarness()
        let reference = harness.submit()
        harness.grant(harness.leaseRequests()[0])
        harness.done(harness.pushes()[0], 5)
        try cancel(reference, &harness)
        let token = harness.get([reference])
        #expect(harness.outcome(token)?.first?.byte == 5)
        try cancel(harness.put([6]), &harness)
        #expect(harness.sent().isEmpty)
    }

    @Test("A cancelled task is not tried again when its worker dies or hands it back") func notAgain() throws {
        for isHandedBack in [false, true] {
            var harness = WorkerHarness()
            let first = harness.submit(retries: -1)
            let second = harness.submit(retries: -1)
            let lease = harness.leaseRequests()[0]
            harness.grant(lease)
            #expect(harness.pushes().count == 2)
            let cancelled = isHandedBack ? second : first
            try cancel(cancelled, &harness)
            if isHandedBack {
                harness.receive(
                    .handBack(HandBack(lease: lease, tasks: [second.id.task])), from: WorkerHarness.worker.worker)
            } else {
                harness.step(.peerLost(WorkerHarness.worker.worker, reason: "closed"))
            }
            #expect(error(cancelled, &harness) == .taskCancelled)
            harness.effects = []
            harness.lose(lease)
            let requests = harness.leaseRequests()
            for request in requests { harness.grant(request, WorkerHarness.other) }
            let kept = isHandedBack ? first : second
            #expect(harness.pushes().map { $0.returnIDs[0] } == [kept.id])
        }
    }

    @Test("A worker that does not end itself with a forced cancel is killed, the tasks behind go elsewhere")
    func forced() throws {
        var harness = WorkerHarness()
        let reference = harness.submit()
        let behind = harness.submit()
        let requests = harness.leaseRequests()
        let lease = requests[0]
        harness.grant(lease)
        #expect(harness.pushes().count == 2)
        try cancel(reference, &harness, force: true)
        #expect(error(reference, &harness) == .taskCancelled)
        harness.effects = []
        harness.advance(1_999)
        #expect(harness.sent().isEmpty)
        harness.advance(1)
        let sent = harness.sent().map(\.0)
        #expect(sent.contains(.returnLease(ReturnLease(lease: lease, isUnreachable: true))))
        harness.grant(requests[1], WorkerHarness.other)
        #expect(harness.pushes().map { $0.returnIDs[0] } == [behind.id])
    }

    @Test("A borrower's wish goes to the owner, who cancels") func borrowed() throws {
        var harness = WorkerHarness(WorkerHarness.other)
        let id = ObjectID.taskReturn(TaskID.normalTask(job: JobID(1), using: &harness.random), index: 0)
        try cancel(ObjectReference(id: id, owner: WorkerHarness.driver), &harness)
        let message = Message.cancelObject(CancelObject(object: id, force: false, recursive: true))
        #expect(harness.sent().map(\.0) == [message])
        var owner = WorkerHarness()
        let reference = owner.submit()
        owner.receive(
            .cancelObject(CancelObject(object: reference.id, force: false, recursive: true)),
            from: WorkerHarness.other.worker)
        #expect(error(reference, &owner) == .taskCancelled)
    }

    @Test("A worker drops what has not begun, asks what runs, and cancels the children of that") func executing() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let lease = LeaseID(1, 1, 1, 1)
        let specs = (1...2).map {
            TaskSpec(
                id: TaskID($0, .max, 0xffff_ffff | 1 << 32), function: WorkerHarness.function,
                resources: ResourceSet([("CPU", 1)]), owner: WorkerHarness.driver)
        }
        for spec in specs {
            harness.receive(.pushTask(PushTask(lease: lease, spec: spec)), from: WorkerHarness.driver.worker)
        }
        var buffer = WorkerEffects()
        let child = harness.core.submit(
            Call(function: WorkerHarness.function), from: specs[0].id, at: harness.now, into: &buffer)[0]
        harness.effects = []
        func ask(_ spec: TaskSpec, force: Bool = false) {
            harness.receive(
                .cancelTask(CancelTask(task: spec.id, attempt: 0, force: force, recursive: true)),
                from: WorkerHarness.driver.worker)
        }
        ask(specs[1], force: true)
        guard case .taskDone(let done)? = harness.sent().last?.0 else {
            Issue.record("no reply")
            return
        }
        #expect(done.task == specs[1].id && done.error?.type == .taskCancelled)
        ask(specs[0])
        #expect(
            harness.effects.contains { if case .cancelExecution(specs[0].id) = $0 { true } else { false } })
        #expect(harness.core.isCancelled(specs[0].id))
        #expect(error(child, &harness) == .taskCancelled)
        ask(specs[0], force: true)
        #expect(harness.effects.contains { if case .exit = $0 { true } else { false } })
        let reason = "\(specs[0].displayName) was force-killed by ray.cancel(force: true)"
        let killed = WorkerKilled(worker: WorkerHarness.worker.worker, error: RayError(.workerDied, reason))
        #expect(harness.sent().map(\.0).contains(.workerKilled(killed)))
        harness.step(.finished(specs[0].id, .success([])))
        #expect(!harness.core.isCancelled(specs[0].id))
    }

    @Test("Errors of the types asked for use up retries, others end the task") func retryExceptions() {
        for (rule, name, tries) in [
            (RetryExceptions.all, "M.E", 3), (.types(["M.E"]), "M.E", 3), (.types(["M.F"]), "M.E", 1),
            (.none, "M.E", 1),
        ] {
            var harness = WorkerHarness()
            var buffer = WorkerEffects()
            var call = Call(function: WorkerHarness.function, retriesMax: 2)
            call.retryExceptions = rule
            let reference = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)[0]
            harness.effects += buffer.items
            harness.grant(harness.leaseRequests()[0])
            var attempts = 0
            while let spec = harness.pushes().first {
                #expect(spec.attempt == attempts)
                attempts += 1
                let thrown = RayError(.taskExecution, "boom", typeName: name)
                harness.receive(
                    .taskDone(TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [], error: thrown)),
                    from: WorkerHarness.worker.worker)
            }
            #expect(attempts == tries)
            #expect(error(reference, &harness) == .taskExecution)
        }
    }
}
