//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("A worker's execution") struct ExecutionTests {
    private let lease = LeaseID(1, 1, 1, 1)

    private func worker() -> WorkerHarness { WorkerHarness(WorkerHarness.worker, isDriver: false) }

    private func spec(_ number: UInt64, _ arguments: [TaskArgument] = [], kind: TaskKind = .normal) -> TaskSpec {
        TaskSpec(
            id: TaskID(number, .max, .max), kind: kind, function: WorkerHarness.function, arguments: arguments,
            resources: ResourceSet([("CPU", 1)]), owner: WorkerHarness.driver)
    }

    private func push(_ spec: TaskSpec, to harness: inout WorkerHarness) {
        harness.receive(.pushTask(PushTask(lease: lease, spec: spec)), from: WorkerHarness.driver.worker)
    }

    private func started(_ harness: WorkerHarness) -> [TaskID] {
        harness.effects.compactMap { if case .execute(let spec) = $0 { spec.id } else { nil } }
    }

    private func value(_ count: Int) -> TaskOutcome {
        .success([RayObject(data: [UInt8](repeating: 1, count: count), metadata: ObjectMetadata.raw)])
    }

    @Test("Tasks start one after the other, in order, each once") func order() {
        var harness = worker()
        let specs = (1...3).map { spec($0) }
        for spec in specs { push(spec, to: &harness) }
        push(specs[0], to: &harness)
        #expect(started(harness) == [specs[0].id])
        harness.step(.finished(specs[0].id, value(1)))
        harness.step(.finished(specs[1].id, value(1)))
        #expect(started(harness) == specs.map(\.id))
        let replies = harness.sent().filter { if case .taskDone = $0.0 { true } else { false } }
        #expect(replies.count == 2)
    }

    @Test("A task that waits gives its CPU and the queue back, and takes the CPU before it goes on")
    func blocking() {
        var harness = worker()
        let specs = [spec(1), spec(2)]
        for spec in specs { push(spec, to: &harness) }
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let token = harness.get([reference], from: specs[0].id)
        let sent = harness.sent().map(\.0)
        #expect(sent.contains(.handBack(HandBack(lease: lease, tasks: [specs[1].id]))))
        #expect(sent.contains(.leaseBlocked(LeaseBlocked(lease: lease))))
        push(specs[1], to: &harness)
        #expect(harness.sent().map(\.0) == [.handBack(HandBack(lease: lease, tasks: [specs[1].id]))])
        harness.step(.located(reference.id, isPresent: true))
        #expect(harness.outcome(token) == nil)
        #expect(harness.sent().map(\.0) == [.leaseUnblocked(LeaseUnblocked(lease: lease))])
        harness.receive(.leaseResumed(LeaseResumed(lease: lease)))
        #expect(harness.outcome(token) != nil)
    }

    @Test("A wait that is given up gives the CPU back to its task, and keeps nothing; once more does nothing")
    func abandonedWait() {
        var harness = worker()
        let task = spec(1)
        push(task, to: &harness)
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let token = harness.get([reference], from: task.id)
        #expect(harness.sent().map(\.0).contains(.leaseBlocked(LeaseBlocked(lease: lease))))
        func abandon() {
            var buffer = WorkerEffects()
            harness.core.abandonWait(token, into: &buffer)
            harness.effects += buffer.items
        }
        abandon()
        #expect(harness.sent().map(\.0).contains(.leaseUnblocked(LeaseUnblocked(lease: lease))))
        harness.receive(.leaseResumed(LeaseResumed(lease: lease)))
        #expect(harness.outcome(token)?.first?.errorType == .getTimeout)
        harness.effects = []
        abandon()
        harness.step(.located(reference.id, isPresent: true))
        #expect(harness.effects.isEmpty)
        harness.core.checkInvariants()
    }

    @Test("An actor that waits keeps its CPU, which it has for its life") func blockedActor() {
        var harness = worker()
        let actor = ActorID(1, 1)
        let creation = ActorSpec(id: actor, creation: spec(1, kind: .actorCreation(actor)))
        harness.receive(.startActor(StartActor(spec: creation, incarnation: 0, lease: lease)))
        harness.step(.finished(creation.creation.id, .success([])))
        let call = spec(2, kind: .actorCall(actor, sequence: 0))
        harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        harness.effects = []
        _ = harness.get([reference], from: call.id)
        #expect(!harness.sent().contains { if case .leaseBlocked = $0.0 { true } else { false } })
    }

    @Test("Sixteen tasks behind the one that runs are a backlog, until one of them begins") func backlog() {
        var harness = worker()
        for number in 1...16 as ClosedRange<UInt64> { push(spec(number), to: &harness) }
        #expect(!harness.core.hasBacklog)
        push(spec(17), to: &harness)
        #expect(harness.core.hasBacklog)
        harness.step(.finished(spec(1).id, value(1)))
        #expect(started(harness) == [spec(1).id, spec(2).id])
        #expect(!harness.core.hasBacklog)
    }

    @Test("A task whose argument was evicted before it began waits until it is here again") func evictedArgument() {
        var harness = worker()
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let task = spec(1, [.reference(reference)])
        push(task, to: &harness)
        push(spec(2), to: &harness)
        harness.step(.located(reference.id, isPresent: true))
        #expect(started(harness) == [task.id])
        harness.step(.argumentsMissing(task.id, [reference.id]))
        #expect(started(harness) == [task.id], "what the same caller sent later does not overtake it")
        #expect(harness.core.isQueued(task.id))
        let stored = TaskResult.stored(at: WorkerHarness.raylet, byteCount: 8)
        harness.receive(
            .objectStatus(ObjectStatus(object: reference.id, result: stored)), from: WorkerHarness.driver.worker)
        harness.receive(.objectLocal(ObjectLocal(object: reference.id)), from: WorkerHarness.raylet.worker)
        #expect(started(harness) == [task.id, task.id])
        #expect(!harness.core.isQueued(task.id))
    }

    @Test("One that is cancelled before it is known that its argument was evicted is answered, and the next one begins")
    func cancelledBeforeItBegins() {
        var harness = worker()
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let task = spec(1, [.reference(reference)])
        push(task, to: &harness)
        push(spec(2), to: &harness)
        harness.step(.located(reference.id, isPresent: true))
        let cancel = CancelTask(task: task.id, attempt: 0, force: false, recursive: true)
        harness.receive(.cancelTask(cancel), from: WorkerHarness.driver.worker)
        harness.effects = []
        harness.step(.argumentsMissing(task.id, [reference.id]))
        #expect(started(harness) == [spec(2).id])
        let errors = harness.sent().compactMap { message, _ in
            if case .taskDone(let done) = message, done.task == task.id { done.error?.type } else { nil }
        }
        #expect(errors == [.taskCancelled])
        #expect(!harness.core.isQueued(task.id) && !harness.core.isCancelled(task.id))
    }

    @Test("Stolen tasks come from the end of the queue, never the running one") func stolen() {
        var harness = worker()
        for number in 1...5 { push(spec(UInt64(number)), to: &harness) }
        harness.receive(.stealTasks(StealTasks(lease: lease, count: 3)), from: WorkerHarness.driver.worker)
        guard case .handBack(let message)? = harness.sent().map(\.0).last else {
            Issue.record("nothing handed back")
            return
        }
        #expect(message.tasks == [spec(3).id, spec(4).id, spec(5).id])
    }

    @Test("A large result gets room in the store first, then the reply says where it is") func largeResult() {
        var harness = worker()
        let task = spec(1)
        push(task, to: &harness)
        harness.step(.finished(task.id, value(Limits.inlineObjectBytesMax + 1)))
        guard case .createObject(let create)? = harness.sent().last?.0 else {
            Issue.record("no room asked")
            return
        }
        #expect(create.owner == WorkerHarness.driver.worker)
        harness.receive(
            .objectCreated(ObjectCreated(object: create.object, offset: 64)), from: WorkerHarness.raylet.worker)
        let sent = harness.sent().map(\.0)
        #expect(sent.contains(.sealObject(SealObject(object: create.object))))
        guard case .taskDone(let done)? = sent.last, case .stored(let raylet, _)? = done.results.first else {
            Issue.record("no reply")
            return
        }
        #expect(raylet == WorkerHarness.raylet)
    }

    @Test("A full store fails the task with the store's reason") func storeFull() {
        var harness = worker()
        let task = spec(1)
        push(task, to: &harness)
        harness.step(.finished(task.id, value(Limits.inlineObjectBytesMax + 1)))
        let object = task.returnIDs[0]
        let full = RayError(.objectStoreFull, "full")
        harness.receive(
            .objectCreated(ObjectCreated(object: object, offset: 0, error: full)),
            from: WorkerHarness.raylet.worker)
        guard case .taskDone(let done)? = harness.sent().map(\.0).last else {
            Issue.record("no reply")
            return
        }
        #expect(done.error?.type == .objectStoreFull)
    }

    @Test("The end of an initialiser tells how the actor shows itself, cut where that is long") func shownName() {
        let long = String(repeating: "x", count: 10_000)
        for (name, expected) in [("Counter(7)", "Counter(7)"), (long, String(repeating: "x", count: 500) + "…")] {
            var harness = worker()
            let actor = ActorID(1, 1)
            let creation = ActorSpec(id: actor, creation: spec(1, kind: .actorCreation(actor)))
            harness.receive(.startActor(StartActor(spec: creation, incarnation: 0, lease: lease)))
            harness.core.showActor(as: name)
            harness.step(.finished(creation.creation.id, .success([])))
            let told = harness.sent().compactMap { if case .actorStarted(let started) = $0.0 { started } else { nil } }
            #expect(told.map(\.shownName) == [expected])
        }
    }

    @Test("An actor runs calls in order, up to its concurrency") func actorOrder() {
        for concurrency in [1, 2] {
            var harness = worker()
            let actor = ActorID(1, 1)
            let creation = ActorSpec(
                id: actor, creation: spec(1, kind: .actorCreation(actor)), concurrencyMax: concurrency)
            harness.receive(.startActor(StartActor(spec: creation, incarnation: 0, lease: lease)))
            harness.step(.finished(creation.creation.id, .success([])))
            #expect(harness.sent().contains { if case .actorStarted = $0.0 { true } else { false } })
            let calls = (2...4).map { spec($0, kind: .actorCall(actor, sequence: $0)) }
            for call in calls {
                harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
            }
            #expect(started(harness) == calls.prefix(concurrency).map(\.id))
        }
    }

    /// The ends and beginnings of tasks, and what must have left in between.
    private func steps(_ harness: inout WorkerHarness) -> [String] {
        defer { harness.effects = [] }
        return harness.effects.compactMap { effect in
            switch effect {
            case .send(.taskDone, _, _): "reply"
            case .flush: "flush"
            case .execute: "begin"
            default: nil
            }
        }
    }

    @Test("A reply leaves before a task begins, if one of the two is not made again", arguments: [0, 3], [0, 3])
    func repliesLeave(first: Int, second: Int) {
        var harness = worker()
        var specs = [spec(1), spec(2)]
        (specs[0].retriesMax, specs[1].retriesMax) = (first, second)
        for spec in specs { push(spec, to: &harness) }
        #expect(steps(&harness) == ["begin"])
        harness.step(.finished(specs[0].id, value(1)))
        #expect(steps(&harness) == (first * second == 0 ? ["reply", "flush", "begin"] : ["reply", "begin"]))
        harness.step(.finished(specs[1].id, value(1)))
        #expect(steps(&harness) == ["reply"])
    }

    @Test("Replies of an actor's calls without retries leave before a call of another method begins")
    func repliesOfMethodsLeave() {
        var (harness, actor) = startedActor()
        harness.effects = []
        let other = FunctionDescriptor(language: .swift, module: "M", function: "g()")
        var calls = (2...5).map { spec($0, kind: .actorCall(actor, sequence: $0 - 2)) }
        for index in calls.indices {
            calls[index].retriesMax = 0
            if index > 1 { calls[index].call.value.function = other }
            harness.receive(
                .callActor(CallActor(spec: calls[index], incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        #expect(steps(&harness) == ["begin"])
        let ends = calls.map { call in
            harness.step(.finished(call.id, value(1)))
            return steps(&harness)
        }
        #expect(ends == [["reply", "begin"], ["reply", "flush", "begin"], ["reply", "begin"], ["reply"]])
    }

    @Test("A worker asked to go declines while it owns what others need") func exitDeclined() {
        var harness = worker()
        harness.receive(.exitWorker(ExitWorker(reason: "idle")), from: WorkerHarness.raylet.worker)
        #expect(harness.effects.contains { if case .exit = $0 { true } else { false } })
        harness.effects = []
        let owned = harness.put([1])
        harness.receive(.borrowObjects(BorrowObjects(objects: [owned.id])), from: WorkerHarness.other.worker)
        harness.effects = []
        harness.receive(.exitWorker(ExitWorker(reason: "idle")), from: WorkerHarness.raylet.worker)
        #expect(harness.sent().map(\.0) == [.exitDeclined(ExitDeclined())])
    }

    @Test("A call waits for its argument; calls of others go on") func argumentHoldsBackItsCaller() {
        var (harness, actor) = startedActor()
        harness.effects = []
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        let first = spec(2, [.reference(reference)], kind: .actorCall(actor, sequence: 0))
        let second = spec(3, kind: .actorCall(actor, sequence: 1))
        let foreign = spec(4, kind: .actorCall(actor, sequence: 0))
        for call in [first, second] {
            harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        harness.receive(.callActor(CallActor(spec: foreign, incarnation: 0)), from: WorkerHarness.other.worker)
        #expect(started(harness) == [foreign.id])
        harness.step(.finished(foreign.id, value(1)))
        harness.step(.located(reference.id, isPresent: true))
        harness.step(.finished(first.id, value(1)))
        #expect(started(harness) == [foreign.id, first.id, second.id])
    }

    /// A worker whose actor has begun its life.
    private func startedActor() -> (harness: WorkerHarness, actor: ActorID) {
        var harness = worker()
        let actor = ActorID(1, 1)
        let creation = ActorSpec(id: actor, creation: spec(1, kind: .actorCreation(actor)))
        harness.receive(.startActor(StartActor(spec: creation, incarnation: 0, lease: lease)))
        harness.step(.finished(creation.creation.id, .success([])))
        return (harness, actor)
    }

    /// An actor that runs a call of `other`, with `count` calls of the driver behind it that wait for one argument.
    private func busyActor(_ count: Int) -> (harness: WorkerHarness, running: TaskID, argument: ObjectReference) {
        var (harness, actor) = startedActor()
        let running = spec(2, kind: .actorCall(actor, sequence: 0))
        harness.receive(.callActor(CallActor(spec: running, incarnation: 0)), from: WorkerHarness.other.worker)
        let argument = ObjectReference(id: ObjectID(9, 9, 9, 1), owner: WorkerHarness.driver)
        for number in 0..<UInt64(count) {
            let call = spec(3 + number, [.reference(argument)], kind: .actorCall(actor, sequence: number))
            harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        harness.effects = []
        return (harness, running.id, argument)
    }

    @Test("With its caller all goes that has not begun, and what is queued of others goes on", .timeLimit(.minutes(2)))
    func manyOfALostCaller() {
        var (harness, running, argument) = busyActor(20_000)
        let foreign = spec(1_000_000, kind: .actorCall(ActorID(1, 1), sequence: 1))
        harness.receive(.callActor(CallActor(spec: foreign, incarnation: 0)), from: WorkerHarness.other.worker)
        harness.step(.peerLost(WorkerHarness.driver.worker, reason: "killed"))
        #expect(harness.core.reference(of: argument.id) == nil, "nobody needs the argument any more")
        #expect(!harness.core.isQueued(spec(3).id))
        harness.step(.finished(running, value(1)))
        #expect(started(harness) == [foreign.id])
        #expect(!harness.core.isQueued(foreign.id))
    }

    @Test("An actor that leaves refuses all that has not begun, in order", .timeLimit(.minutes(2)))
    func manyAtAnActorThatLeaves() throws {
        let count = 20_000
        var (harness, running, argument) = busyActor(count)
        var buffer = WorkerEffects()
        try harness.core.exitActor(running, into: &buffer)
        harness.effects += buffer.items
        let refused = harness.sent().compactMap { message, peer -> TaskID? in
            guard case .taskDone(let done) = message, peer == WorkerHarness.driver.worker else { return nil }
            return done.error?.type == .actorDied ? done.task : nil
        }
        #expect(refused == (0..<UInt64(count)).map { spec(3 + $0).id })
        #expect(harness.core.reference(of: argument.id) == nil)
        harness.step(.finished(running, value(1)))
        #expect(started(harness).isEmpty)
        #expect(harness.sent().contains { if case .actorExited = $0.0 { true } else { false } })
    }
}
