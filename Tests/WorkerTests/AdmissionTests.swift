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

    /// Asks, and says whether the generator may go on at once.
    private func goesOn(_ harness: inout WorkerHarness, _ number: UInt64, _ count: Int32 = 1) -> Bool {
        let token = ask(&harness, number, count)
        return isAdmitted(harness, token)
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

    /// A generator makes an item.
    private func make(_ harness: inout WorkerHarness, _ number: UInt64) {
        var buffer = WorkerEffects()
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw)
        _ = harness.core.yield(object, from: id(number), into: &buffer)
        harness.effects += buffer.items
    }

    @Test(
        "What a call has made counts when it has ended, well or not, until it is read; what it might have made does not",
        arguments: [false, true])
    func end(isFailed: Bool) {
        var harness = running([1, 2], limit: 2)
        for _ in 0..<2 { #expect(goesOn(&harness, 1)) }
        make(&harness, 1)
        let first = ask(&harness, 2)
        #expect(!isAdmitted(harness, first))
        harness.step(.finished(id(1), isFailed ? .failure(RayError(.taskExecution, "boom")) : .success([])))
        #expect(isAdmitted(harness, first))
        let second = ask(&harness, 2)
        #expect(!isAdmitted(harness, second), "one item of the call that has ended is unread")
        harness.receive(
            .generatorConsumed(GeneratorConsumed(task: id(1), count: 1)), from: WorkerHarness.other.worker)
        #expect(!isAdmitted(harness, second), "who says so has not called")
        read(&harness, 1, 1)
        #expect(isAdmitted(harness, second))
    }

    @Test("What nobody is left to read, of a call that has ended, does not count")
    func endWithoutReader() {
        var harness = running([1, 2], limit: 1)
        #expect(goesOn(&harness, 1))
        make(&harness, 1)
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
        #expect(goesOn(&harness, 1, .max))
        #expect(!goesOn(&harness, 2, .max))
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
        #expect(isAdmitted(harness, other), "it has made nothing")
    }

    @Test("What asks outside of a generator, or without a limit, does not wait")
    func strangers() {
        var harness = running([1], limit: 0)
        for _ in 0..<100 { #expect(goesOn(&harness, 1)) }
        let stranger = ask(&harness, 9)
        if case .failure? = outcome(harness, stranger) {} else { Issue.record("9 is no task") }
    }

    @Test("The owner tells how far it has read also where only the actor has a limit, and when the call has ended")
    func owner() throws {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function)
        call.shared.value.generator = GeneratorSpec(actorBackpressure: 2)
        _ = harness.core.submit(call, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        let spec = try #require(nextPushes(&harness).first)
        #expect(spec.generator?.actorBackpressure == 2)
        for index in UInt32(0)..<3 { harness.make(spec, index, at: WorkerHarness.other) }
        func told() -> [UInt32] {
            harness.sent().compactMap { message, peer in
                guard case .generatorConsumed(let consumed) = message, peer == WorkerHarness.worker.worker else {
                    return nil
                }
                return consumed.count
            }
        }
        _ = told()
        _ = try harness.nextItem(spec.id)
        #expect(told() == [1])
        harness.end(spec)
        _ = told()
        _ = try harness.nextItem(spec.id)
        #expect(told() == [2])
        harness.drop(spec.id)
        #expect(told() == [.max])
    }
}
