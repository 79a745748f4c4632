//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

/// The limit that an actor has for the unread items of all its generators.
@Suite("Generators under a limit of their actor") struct AdmissionTests {
    private let lease = LeaseID(1, 1, 1, 1)
    private let actor = ActorID(1, 1)

    private func id(_ number: UInt64) -> TaskID { TaskID(number, .max, .max) }

    /// An actor whose generators run together, one for each number.
    private func running(
        _ numbers: [UInt64], limit: Int = 3, own: Int = 0, resources: ResourceSet = ResourceSet()
    ) -> WorkerHarness {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var creation = TaskSpec(
            id: id(100), kind: .actorCreation(actor), function: WorkerHarness.function, resources: resources,
            owner: WorkerHarness.driver)
        creation.returnCount = 0
        let spec = ActorSpec(id: actor, creation: creation, concurrencyMax: 10, heldResources: resources)
        harness.receive(.startActor(StartActor(spec: spec, incarnation: 0, lease: lease)))
        harness.step(.finished(creation.id, .success([])))
        for (index, number) in numbers.enumerated() {
            var call = TaskSpec(
                id: id(number), kind: .actorCall(actor, sequence: UInt64(index)), function: WorkerHarness.function,
                owner: WorkerHarness.driver)
            call.generator = GeneratorSpec(backpressure: own, actorBackpressure: limit)
            harness.receive(.callActor(CallActor(spec: call, incarnation: 0)), from: WorkerHarness.driver.worker)
        }
        harness.effects = []
        return harness
    }

    private func ask(_ harness: inout WorkerHarness, _ number: UInt64, _ count: Int32 = 1) -> UInt64 {
        var buffer = WorkerEffects()
        defer { harness.effects += buffer.items }
        return harness.core.admit(count, of: id(number), into: &buffer)
    }

    /// How a request has ended; nothing if it has not.
    private func outcome(_ harness: WorkerHarness, _ token: UInt64) -> Result<Message, RayError>? {
        for case .completeRequest(token, let outcome) in harness.effects { return outcome }
        return nil
    }

    private func isAdmitted(_ harness: WorkerHarness, _ token: UInt64) -> Bool {
        if case .success? = outcome(harness, token) { true } else { false }
    }

    /// A generator makes an item.
    private func make(_ harness: inout WorkerHarness, _ number: UInt64) {
        var buffer = WorkerEffects()
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw)
        _ = harness.core.yield(object, from: id(number), into: &buffer)
        harness.effects += buffer.items
    }

    /// Asks, and says whether the generator may go on at once: then it makes its items.
    private func goesOn(_ harness: inout WorkerHarness, _ number: UInt64, _ count: Int32 = 1) -> Bool {
        let token = ask(&harness, number, count)
        guard isAdmitted(harness, token) else { return false }
        for _ in 0..<count { make(&harness, number) }
        return true
    }

    private func read(_ harness: inout WorkerHarness, _ number: UInt64, _ count: UInt32) {
        harness.receive(
            .generatorConsumed(GeneratorConsumed(task: id(number), count: count)), from: WorkerHarness.driver.worker)
    }

    @Test("All generators together make as many items ahead of their readers as the limit says, and go on in turn")
    func together() {
        var harness = running([1, 2])
        for number in [UInt64(1), 2, 1] { #expect(goesOn(&harness, number)) }
        let (first, second) = (ask(&harness, 2), ask(&harness, 1))
        #expect(!isAdmitted(harness, first) && !isAdmitted(harness, second))
        read(&harness, 1, 1)
        #expect(isAdmitted(harness, first) && !isAdmitted(harness, second))
        // Told again, it is no further.
        read(&harness, 1, 1)
        #expect(!isAdmitted(harness, second))
        read(&harness, 2, 1)
        #expect(isAdmitted(harness, second))
    }

    @Test(
        "What a call has made counts when it has ended, well or not, until it is read; what it might have made does not",
        arguments: [false, true])
    func end(isFailed: Bool) {
        var harness = running([1, 2], limit: 2)
        #expect(goesOn(&harness, 1))
        let last = ask(&harness, 1)
        #expect(isAdmitted(harness, last))
        let first = ask(&harness, 2)
        #expect(!isAdmitted(harness, first))
        harness.step(.finished(id(1), isFailed ? .failure(RayError(.taskExecution, "boom")) : .success([])))
        #expect(isAdmitted(harness, first))
        make(&harness, 2)
        let second = ask(&harness, 2)
        #expect(!isAdmitted(harness, second), "one item of the call that has ended is unread")
        #expect(questions(harness) == [GeneratorEnded(task: id(1), attempt: 0)])
        hear(&harness, 1, 0, from: WorkerHarness.other)
        #expect(!isAdmitted(harness, second), "who says so has not called")
        hear(&harness, 1, 0, attempt: 1)
        #expect(!isAdmitted(harness, second), "this try has not ended")
        hear(&harness, 1, 5)
        hear(&harness, 1, 1)
        #expect(!isAdmitted(harness, second))
        hear(&harness, 1, 0)
        #expect(isAdmitted(harness, second))
    }

    /// What owners are asked about calls that have ended.
    private func questions(_ harness: WorkerHarness) -> [GeneratorEnded] {
        harness.effects.compactMap {
            if case .send(.generatorEnded(let ended), _, WorkerHarness.driver.worker) = $0 { ended } else { nil }
        }
    }

    /// The owner says how many items are unread.
    private func hear(
        _ harness: inout WorkerHarness, _ number: UInt64, _ count: UInt32, attempt: UInt32 = 0,
        from owner: Address = WorkerHarness.driver
    ) {
        let message = UnreadItems(task: id(number), attempt: attempt, count: count)
        harness.receive(.unreadItems(message), from: owner.worker)
    }

    @Test("Of a call of which nothing is unread at its end nobody is asked")
    func endWithoutItems() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        read(&harness, 1, 1)
        harness.step(.finished(id(1), .success([])))
        #expect(questions(harness).isEmpty && goesOn(&harness, 2))
    }

    @Test("A further try that waits here for its turn is not kept from it by what the one before has made")
    func nextTry() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        harness.step(.finished(id(1), .failure(RayError(.taskExecution, "boom"))))
        let other = ask(&harness, 2)
        var again = TaskSpec(
            id: id(1), kind: .actorCall(actor, sequence: 2), function: WorkerHarness.function,
            owner: WorkerHarness.driver)
        again.attempt = 1
        again.generator = GeneratorSpec(actorBackpressure: 1, skip: 1)
        harness.receive(.callActor(CallActor(spec: again, incarnation: 0)), from: WorkerHarness.driver.worker)
        // How far that one is read is another matter.
        read(&harness, 1, 1)
        #expect(!isAdmitted(harness, other))
        hear(&harness, 1, 0)
        #expect(isAdmitted(harness, other))
        read(&harness, 2, 1)
        // The reader is ahead of what the second one passes.
        #expect(goesOn(&harness, 1))
    }

    @Test("What nobody is left to read, of a call that has ended, does not count")
    func endWithoutReader() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        harness.step(.finished(id(1), .success([])))
        let call = ask(&harness, 2)
        #expect(!isAdmitted(harness, call))
        harness.step(.peerLost(WorkerHarness.driver.worker, reason: "closed"))
        #expect(isAdmitted(harness, call))
    }

    @Test("A generator that is let go, or whose reader is lost, waits no longer and keeps nobody waiting")
    func noReader() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        let (own, other) = (ask(&harness, 1), ask(&harness, 2))
        #expect(!isAdmitted(harness, own) && !isAdmitted(harness, other))
        read(&harness, 1, .max)
        #expect(isAdmitted(harness, own) && isAdmitted(harness, other))
        make(&harness, 2)
        #expect(goesOn(&harness, 1), "although the other one has all that the limit allows")
        let last = ask(&harness, 2)
        #expect(!isAdmitted(harness, last))
        harness.step(.peerLost(WorkerHarness.driver.worker, reason: "closed"))
        #expect(isAdmitted(harness, last))
    }

    @Test("Items that are yielded together are admitted together, also over the limit, and all of them count")
    func groups() {
        var harness = running([1, 2], limit: 3)
        #expect(goesOn(&harness, 1, 2))
        #expect(goesOn(&harness, 2, 2))
        let next = ask(&harness, 1, 0)
        read(&harness, 2, 1)
        #expect(!isAdmitted(harness, next))
        read(&harness, 1, 1)
        #expect(isAdmitted(harness, next))
        #expect(!goesOn(&harness, 2), "none is one")
        read(&harness, 1, 3)
        let (all, more) = (ask(&harness, 1, .max), ask(&harness, 2, .max))
        #expect(isAdmitted(harness, all) && !isAdmitted(harness, more))
    }

    @Test("A generator that waits for the limit of its actor is cancelled, and what it has goes to others")
    func cancelled() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        let (own, other) = (ask(&harness, 1), ask(&harness, 2))
        harness.receive(
            .cancelTask(CancelTask(task: id(1), attempt: 0, force: false, recursive: true)),
            from: WorkerHarness.driver.worker)
        guard case .failure(let error)? = outcome(harness, own) else {
            Issue.record("it waits")
            return
        }
        #expect(error.type == .taskCancelled && !isAdmitted(harness, other))
        harness.step(.finished(id(1), .failure(error)))
        #expect(!isAdmitted(harness, other), "what it has made is there to be read")
        hear(&harness, 1, 0)
        #expect(isAdmitted(harness, other))
    }

    @Test("What asks outside of a generator, or without a limit, does not wait")
    func strangers() {
        var harness = running([1], limit: 0)
        for _ in 0..<100 { #expect(goesOn(&harness, 1)) }
        let stranger = ask(&harness, 9)
        if case .failure? = outcome(harness, stranger) {} else { Issue.record("9 is no task") }
    }

    // MARK: The owner's side

    /// An owner whose call has begun and made `count` items.
    private func owner(_ count: UInt32, retries: Int = 3) throws -> (WorkerHarness, TaskSpec) {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, retriesMax: retries)
        call.shared.value.generator = GeneratorSpec(actorBackpressure: 2)
        _ = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        let spec = try #require(nextPushes(&harness).first)
        #expect(spec.generator?.actorBackpressure == 2)
        for index in 0..<count { harness.make(spec, index, at: WorkerHarness.other) }
        _ = harness.sent()
        return (harness, spec)
    }

    /// What the worker has heard since it was asked last: how far its items are read, and how many of a call that has ended
    /// are not.
    private func told(_ harness: inout WorkerHarness) -> [String] {
        harness.sent().compactMap { message, peer in
            switch message {
            case .generatorConsumed(let consumed) where peer == WorkerHarness.worker.worker: "read \(consumed.count)"
            case .unreadItems(let unread) where peer == WorkerHarness.worker.worker: "unread \(unread.count)"
            default: nil
            }
        }
    }

    private func askOwner(_ harness: inout WorkerHarness, _ spec: TaskSpec) {
        let message = GeneratorEnded(task: spec.id, attempt: UInt32(spec.attempt))
        harness.receive(.generatorEnded(message), from: WorkerHarness.worker.worker)
    }

    @Test("The owner tells how far it has read while the call runs, and how much is unread when it has ended")
    func reading() throws {
        var (harness, spec) = try owner(3)
        _ = try harness.nextItem(spec.id)
        #expect(told(&harness) == ["read 1"])
        // Both orders: the result may take longer than the news.
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 2"])
        harness.end(spec)
        #expect(told(&harness) == [])
        _ = try harness.nextItem(spec.id)
        #expect(told(&harness) == ["unread 1"])
        _ = try harness.nextItem(spec.id)
        #expect(told(&harness) == ["unread 0"])
        harness.drop(spec.id)
        #expect(told(&harness) == [])
    }

    @Test("Nothing counts of a generator that is let go, before its end, after it, and before its worker asks")
    func lettingGo() throws {
        var (harness, spec) = try owner(2)
        harness.end(spec)
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 2"])
        harness.drop(spec.id)
        #expect(told(&harness) == ["unread 0"])
        (harness, spec) = try owner(2)
        harness.end(spec)
        harness.drop(spec.id)
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 0"])
        (harness, spec) = try owner(2)
        harness.drop(spec.id)
        #expect(told(&harness) == ["read \(UInt32.max)"], "though it is cancelled")
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 0"])
    }

    @Test("The error at the end of a generator is no item that anybody has made")
    func failing() throws {
        var (harness, spec) = try owner(1, retries: 0)
        let reply = TaskDone(task: spec.id, attempt: 0, results: [], error: RayError(.taskExecution, "boom"))
        harness.receive(.taskDone(reply), from: WorkerHarness.worker.worker)
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 1"])
        _ = try harness.nextItem(spec.id)
        #expect(told(&harness) == ["unread 0"])
    }

    @Test("What a try has made does not count for it when there is another one, wherever that runs")
    func tryingAgain() throws {
        var (harness, spec) = try owner(2)
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 2"])
        try harness.crash()
        _ = told(&harness)
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 0"])
        // News of the first one that come late take the place of none.
        var second = spec
        second.attempt = 1
        askOwner(&harness, second)
        #expect(told(&harness) == ["unread 2"])
        askOwner(&harness, spec)
        #expect(told(&harness) == ["unread 0"])
        _ = try harness.nextItem(spec.id)
        #expect(told(&harness).contains("unread 1"))
    }
}
