//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("The size of messages") struct MessageSizeTests {
    /// Bytes of a value that travels inside messages.
    private let valueBytes = 95_000
    /// So many of them are more than a frame takes.
    private let valueCount = 720

    private func value() -> RayObject {
        RayObject(data: [UInt8](repeating: 1, count: valueBytes), metadata: ObjectMetadata.raw)
    }

    private func inlineBytes(_ arguments: [TaskArgument]) -> Int {
        arguments.reduce(0) { sum, argument in
            if case .value(let object) = argument { sum + object.data.count } else { sum }
        }
    }

    private func references(_ arguments: [TaskArgument]) -> [ObjectReference] {
        arguments.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }

    /// The owner gives what it is asked for, and has nothing left of it when the task is through.
    private func expectServed(_ references: [ObjectReference], _ harness: inout WorkerHarness) {
        for reference in references {
            #expect(reference.owner == WorkerHarness.driver)
            harness.receive(.queryObject(QueryObject(object: reference.id)), from: WorkerHarness.worker.worker)
        }
        let answers = harness.sent().compactMap { if case .objectStatus(let status) = $0.0 { status } else { nil } }
        #expect(answers.map(\.object) == references.map(\.id))
        #expect(answers.allSatisfy { if case .inline = $0.result { true } else { false } })
    }

    @Test(
        "Many small arguments travel inside the task up to a limit, the others by reference", arguments: [true, false])
    func arguments(areReferences: Bool) {
        var harness = WorkerHarness()
        let puts = areReferences ? (0..<valueCount).map { _ in harness.put(value().data) } : []
        let values = areReferences ? 0 : valueCount
        let arguments: [TaskArgument] = puts.map { .reference($0) } + (0..<values).map { _ in .value(value()) }
        let result = harness.submit(arguments)
        for reference in puts { harness.release(reference.id) }
        harness.grant(harness.leaseRequests()[0])
        let task = harness.pushes()[0]
        #expect(task.arguments.count == valueCount)
        let bytes = inlineBytes(task.arguments)
        #expect(bytes > Limits.inlineBytesPerMessageMax / 2 && bytes <= Limits.inlineBytesPerMessageMax)
        let others = references(task.arguments)
        #expect(others.count == valueCount - bytes / valueBytes)
        expectServed(others, &harness)
        harness.done(task)
        harness.release(result.id)
        #expect(harness.core.heldCount == 0)
    }

    @Test("The same for an actor's initialiser and its methods") func actor() {
        var harness = WorkerHarness()
        let arguments = (0..<valueCount).map { _ in TaskArgument.value(value()) }
        var buffer = WorkerEffects()
        let call = Call(function: WorkerHarness.function, arguments: arguments, retriesMax: 0)
        let actor = harness.core.createActor(call, ActorOptions(), from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        let creations = harness.sent().compactMap { if case .createActor(let it) = $0.0 { it.spec } else { nil } }
        #expect(creations.count == 1)
        #expect(inlineBytes(creations[0].creation.arguments) <= Limits.inlineBytesPerMessageMax)
        expectServed(references(creations[0].creation.arguments), &harness)
        let state = ActorState(
            id: actor, phase: .alive, address: WorkerHarness.worker, incarnation: 0, error: nil,
            className: WorkerHarness.function, taskRetriesMax: 0, name: "", namespace: "")
        harness.receive(.actorUpdate(ActorUpdate(state: state)))
        buffer = WorkerEffects()
        _ = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)
        harness.effects += buffer.items
        let calls = harness.sent().compactMap { if case .callActor(let it) = $0.0 { it.spec } else { nil } }
        #expect(calls.count == 1)
        #expect(inlineBytes(calls[0].arguments) <= Limits.inlineBytesPerMessageMax)
        expectServed(references(calls[0].arguments), &harness)
    }

    @Test("Many small results travel inside the reply up to a limit, the others through the store") func results() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        var spec = TaskSpec(id: TaskID(1, .max, .max), function: WorkerHarness.function, owner: WorkerHarness.driver)
        spec.returnCount = valueCount
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        harness.step(.finished(spec.id, .success((0..<valueCount).map { _ in value() })))
        let rooms = harness.sent().compactMap { if case .createObject(let it) = $0.0 { it.object } else { nil } }
        for room in rooms {
            harness.receive(.objectCreated(ObjectCreated(object: room, offset: 0)), from: WorkerHarness.raylet.worker)
        }
        let replies = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done } else { nil } }
        #expect(replies.count == 1 && replies.first?.results.count == valueCount)
        let bytes = (replies.first?.results ?? []).reduce(0) { sum, result in
            if case .inline(let object) = result { sum + object.data.count } else { sum }
        }
        #expect(bytes > Limits.inlineBytesPerMessageMax / 2 && bytes <= Limits.inlineBytesPerMessageMax)
        #expect(rooms.count == valueCount - bytes / valueBytes)
    }

    @Test("An error that is too large for a message goes without what was thrown, and says so") func error() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let spec = TaskSpec(id: TaskID(1, .max, .max), function: WorkerHarness.function, owner: WorkerHarness.driver)
        harness.receive(
            .pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        let huge = Limits.framePayloadBytesMax
        let error = RayError(
            .taskExecution, "boom" + String(repeating: "é", count: huge / 2), typeName: "Boom",
            payload: [UInt8](repeating: 1, count: huge), causes: [String(repeating: "x", count: huge)])
        harness.step(.finished(spec.id, .failure(error)))
        let replies = harness.sent().compactMap { if case .taskDone(let done) = $0.0 { done } else { nil } }
        let sent = replies.first?.error
        #expect(sent?.type == .taskExecution && sent?.typeName == "Boom")
        #expect(sent?.payload.isEmpty == true)
        #expect(sent?.message.hasPrefix("boom") == true)
        #expect(sent?.message.contains("\(huge) bytes") == true)
        let bytes = replies.first.map { Message.taskDone($0).payload.count }
        #expect(bytes ?? .max < Limits.framePayloadBytesMax / 2)
    }

    // MARK: What the transport refuses

    private func refuse(_ harness: inout WorkerHarness, _ message: Message, _ peer: WorkerID, requestID: UInt64 = 0) {
        harness.step(.unsendable(message, requestID: requestID, to: peer, byteCount: 1 << 30))
    }

    /// The one message that was sent, with its receiver, whose kind is that of `message`.
    private func last(_ harness: inout WorkerHarness) -> (message: Message, peer: WorkerID)? {
        harness.sent().last.map { (message: $0.0, peer: $0.1) }
    }

    @Test("A task that cannot be sent fails, tries left or not, and its lease is free for the next") func task() {
        var harness = WorkerHarness()
        let token = harness.get([harness.submit()])
        harness.grant(harness.leaseRequests()[0])
        guard let push = last(&harness) else {
            Issue.record("no push")
            return
        }
        refuse(&harness, push.message, push.peer)
        #expect(harness.outcome(token)?.first?.errorType == .invalidArgument)
        #expect(!harness.core.hasCallsUnderWay)
        _ = harness.sent()
        _ = harness.submit()
        #expect(harness.pushes().count == 1)
    }

    @Test("So does one whose description does not reach the head") func lease() {
        var harness = WorkerHarness()
        let token = harness.get([harness.submit()])
        guard let request = last(&harness), case .requestLease = request.message else {
            Issue.record("no request")
            return
        }
        refuse(&harness, request.message, request.peer)
        #expect(harness.outcome(token)?.first?.errorType == .invalidArgument)
    }

    @Test("An actor that cannot be described is dead, and a call that cannot be sent fails alone") func actorRefused() {
        var harness = WorkerHarness()
        func create() -> ActorID {
            var buffer = WorkerEffects()
            defer { harness.effects += buffer.items }
            let call = Call(function: WorkerHarness.function)
            return harness.core.createActor(call, ActorOptions(), from: nil, at: harness.now, into: &buffer)
        }
        func call(_ actor: ActorID) -> UInt64 {
            var buffer = WorkerEffects()
            let call = Call(function: WorkerHarness.function, retriesMax: 5)
            let reference = harness.core.call(actor, call, from: nil, at: harness.now, into: &buffer)[0]
            harness.effects += buffer.items
            return harness.get([reference])
        }
        let huge = create()
        guard let creation = last(&harness), case .createActor = creation.message else {
            Issue.record("no creation")
            return
        }
        refuse(&harness, creation.message, creation.peer)
        let dead = call(huge)
        #expect(harness.outcome(dead)?.first?.errorType == .invalidArgument)
        let actor = create()
        let state = ActorState(
            id: actor, phase: .alive, address: WorkerHarness.worker, incarnation: 0, error: nil,
            className: WorkerHarness.function, taskRetriesMax: 0, name: "", namespace: "")
        harness.receive(.actorUpdate(ActorUpdate(state: state)))
        harness.effects = []
        let (first, second) = (call(actor), call(actor))
        let calls = harness.sent().filter { if case .callActor = $0.0 { true } else { false } }
        #expect(calls.count == 2)
        refuse(&harness, calls[0].0, calls[0].1)
        #expect(harness.outcome(first)?.first?.errorType == .invalidArgument)
        #expect(harness.outcome(second) == nil)
    }

    @Test("Who waits for a result, a value, an item or an initialiser hears that it was too large") func answers() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let task = TaskID(1, 2, 3)
        let reference = ObjectReference(id: ObjectID(9, 9, 9, 9), owner: WorkerHarness.other)
        let driver = WorkerHarness.driver.worker
        let replies: [Message] = [
            .taskDone(TaskDone(task: task, attempt: 2, results: [])),
            .resultReferences(ResultReferences(task: task, attempt: 2, contained: [[reference]])),
            .generatorItem(
                GeneratorItem(
                    task: task, attempt: 2, index: 0, result: .stored(at: WorkerHarness.raylet, byteCount: 8),
                    contained: [reference])),
        ]
        for message in replies {
            refuse(&harness, message, driver)
            guard case (.taskDone(let done), driver)? = harness.sent().last else {
                Issue.record("no reply")
                continue
            }
            #expect(done.task == task && done.attempt == 2 && done.error?.type == .invalidArgument)
        }
        refuse(&harness, .objectStatus(ObjectStatus(object: reference.id, version: 3)), driver)
        guard case (.objectStatus(let status), driver)? = harness.sent().last else {
            Issue.record("no status")
            return
        }
        #expect(status.object == reference.id && status.version == 3 && status.error?.type == .invalidArgument)
        refuse(&harness, .actorStarted(ActorStarted(actor: ActorID(1, 1), incarnation: 4, error: nil)), .gcs)
        guard case (.actorStarted(let started), .gcs)? = harness.sent().last else {
            Issue.record("no end of an initialiser")
            return
        }
        #expect(started.incarnation == 4 && started.error?.type == .invalidArgument)
    }

    @Test("A request that cannot be sent ends; anything else is told to the user") func others() {
        var harness = WorkerHarness()
        var buffer = WorkerEffects()
        let message = Message.queryCluster(QueryCluster())
        let request = harness.core.request(message, into: &buffer)
        refuse(&harness, message, .gcs, requestID: request)
        let failed = harness.effects.contains {
            if case .completeRequest(request, .failure(let error)) = $0 {
                error.type == .invalidArgument
            } else {
                false
            }
        }
        #expect(failed)
        harness.effects = []
        refuse(&harness, message, .gcs)
        #expect(harness.effects.contains { if case .warn(let text) = $0 { text.contains("ray.put()") } else { false } })
    }
}
