//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

/// A driver and the process of its actor, which exchange messages; results of the actor lie on nodes that may die.
private struct Pair {
    var driver = WorkerHarness()
    var process = WorkerHarness(WorkerHarness.worker, isDriver: false)
    let actor: ActorID
    /// Calls that run in the actor.
    var running: [TaskSpec] = []

    init(concurrency: Int = 1, retries: Int = -1) {
        var options = ActorOptions()
        options.taskRetriesMax = retries
        options.concurrencyMax = concurrency
        var buffer = WorkerEffects()
        actor = driver.core.createActor(
            Call(function: WorkerHarness.function), options, from: nil, at: driver.now, into: &buffer)
        driver.effects += buffer.items
        let creation = driver.effects.compactMap { effect -> ActorSpec? in
            if case .send(.createActor(let create), _, _) = effect { create.spec } else { nil }
        }[0]
        process.receive(.startActor(StartActor(spec: creation, incarnation: 0, lease: .none)))
        process.step(.finished(creation.creation.id, .success([])))
        driver.effects = []
        process.effects = []
        tell(.alive)
    }

    mutating func tell(_ phase: ActorPhase) {
        let state = ActorState(
            id: actor, phase: phase, address: WorkerHarness.worker, incarnation: 0,
            error: phase == .dead ? RayError(.actorDied, "it was killed") : nil, className: WorkerHarness.function,
            taskRetriesMax: -1, name: "", namespace: "")
        driver.receive(.actorUpdate(ActorUpdate(state: state)))
        exchange()
    }

    /// Delivers what each says to the other until neither says anything.
    mutating func exchange() {
        while !driver.effects.isEmpty || !process.effects.isEmpty {
            for (message, peer) in driver.sent() where peer == WorkerHarness.worker.worker {
                process.receive(message, from: WorkerHarness.driver.worker)
            }
            let effects = process.effects
            process.effects = []
            for effect in effects {
                switch effect {
                case .execute(let spec): running.append(spec)
                case .send(let message, _, WorkerHarness.driver.worker):
                    driver.receive(message, from: WorkerHarness.worker.worker)
                case .send(.createObject(let create), _, let raylet):
                    process.receive(.objectCreated(ObjectCreated(object: create.object, offset: 0)), from: raylet)
                case .locate(let id): process.step(.located(id, isPresent: false))
                case .completeGet(_, let outcomes): ended.append(outcomes)
                case .completeRequest(let token, .success): completed.insert(token)
                default: break
                }
            }
        }
    }

    /// What gets in the actor gave.
    var ended: [[ObjectOutcome]] = []
    /// Requests of generators that were granted.
    var completed: Set<UInt64> = []

    mutating func call(_ arguments: [TaskArgument] = [], generator: GeneratorSpec? = nil) -> ObjectReference {
        var buffer = WorkerEffects()
        var call = Call(function: WorkerHarness.function, arguments: arguments, retriesMax: 0)
        call.shared.value.generator = generator
        let reference = driver.core.call(actor, call, from: nil, at: driver.now, into: &buffer)[0]
        driver.effects += buffer.items
        exchange()
        return reference
    }

    /// A generator that runs in the actor hands over its next item, or asks whether it may make it; whether it may go on.
    mutating func yield(from task: TaskID) -> Bool {
        request { core, effects in
            core.yield(RayObject(data: [1], metadata: ObjectMetadata.raw), from: task, into: &effects)
        }
    }

    mutating func admit(_ task: TaskID) -> Bool { request { core, effects in core.admit(1, of: task, into: &effects) } }

    /// The request that was not granted at once.
    var pending: UInt64 = 0

    private mutating func request(_ body: (inout WorkerCore, inout WorkerEffects) -> UInt64) -> Bool {
        var buffer = WorkerEffects()
        pending = body(&process.core, &buffer)
        process.effects += buffer.items
        exchange()
        return completed.contains(pending)
    }

    /// Ends a call in the actor, with a large result where that is wanted.
    mutating func finish(_ id: TaskID, large: Bool = false) {
        running.removeAll { $0.id == id }
        let data = [UInt8](repeating: 1, count: large ? Limits.inlineObjectBytesMax + 1 : 1)
        process.step(.finished(id, .success([RayObject(data: data, metadata: ObjectMetadata.raw)])))
        exchange()
    }

    /// A call runs that gets these.
    mutating func get(_ references: [ObjectReference], in task: TaskID, timeout: Int? = nil) {
        for reference in references { process.retain(reference) }
        _ = process.get(references, timeout: timeout, from: task)
        exchange()
    }

    /// A large result of the actor.
    mutating func made() -> ObjectReference {
        let reference = call()
        finish(reference.id.task, large: true)
        return reference
    }

    /// The last copies of these are gone.
    mutating func lose(_ references: [ObjectReference]) {
        driver.receive(.copiesGone(CopiesGone(objects: references.map(\.id))), from: WorkerHarness.raylet.worker)
        exchange()
    }

    mutating func advance(_ seconds: Int) {
        for _ in 0..<seconds {
            driver.advance(1_000)
            process.advance(1_000)
            exchange()
        }
    }

    mutating func failure(_ reference: ObjectReference) -> RayError? {
        let token = driver.get([reference])
        defer { driver.effects = [] }
        guard case .failed(let error)? = driver.outcome(token)?.first else { return nil }
        return error
    }
}

@Suite("Lost results that wait for themselves") struct BlockedRebuildTests {
    @Test("A call that gets a lost result of its own actor hears that it cannot be made again, and why") func direct() {
        var pair = Pair()
        let lost = pair.made()
        let reader = pair.call()
        pair.lose([lost])
        pair.get([lost], in: reader.id.task)
        #expect(pair.running.map(\.id) == [reader.id.task] && pair.ended.isEmpty)
        pair.advance(2)
        #expect(pair.ended.first?.first?.errorType == .objectUnreconstructable)
        let error = pair.failure(lost)
        #expect(error?.message.contains("actor \(pair.actor)") == true)
        #expect(error?.message.contains("all calls that run there wait for it") == true)
        #expect(error?.message.contains("maxConcurrency") == true)
        pair.finish(reader.id.task)
        #expect(pair.running.isEmpty, "the call that is not wanted any more does not begin")
        pair.driver.core.checkInvariants()
    }

    @Test("So does one that waits for something that is made of it") func indirect() {
        var pair = Pair()
        let lost = pair.made()
        let reader = pair.call()
        pair.lose([lost])
        let made = pair.driver.submit([.reference(pair.driver.submit([.reference(lost)]))])
        pair.exchange()
        pair.get([made], in: reader.id.task)
        pair.advance(3)
        #expect(pair.ended.first?.first?.errorType == .objectUnreconstructable)
    }

    @Test("It is made again if the call waits for something else, when that has come") func elsewhere() {
        var pair = Pair()
        let lost = pair.made()
        let reader = pair.call()
        let gate = pair.driver.submit()
        pair.lose([lost])
        pair.get([gate], in: reader.id.task)
        pair.advance(60)
        #expect(pair.ended.isEmpty && pair.running.map(\.id) == [reader.id.task])
        pair.finish(reader.id.task)
        #expect(pair.running.map(\.id) == [lost.id.task])
        pair.finish(lost.id.task, large: true)
        #expect(pair.failure(lost) == nil)
    }

    @Test("A wait with a limit ends by itself, and a call that goes on is waited for") func limits() {
        var pair = Pair()
        let lost = pair.made()
        let reader = pair.call()
        pair.lose([lost])
        pair.advance(10)
        #expect(pair.failure(lost) == nil, "the call waits for nothing")
        pair.get([lost], in: reader.id.task, timeout: 5_000)
        pair.advance(4)
        #expect(pair.ended.isEmpty)
        pair.advance(2)
        #expect(pair.ended.first?.first?.errorType == .getTimeout)
        // It tries once more, without a limit.
        pair.get([lost], in: reader.id.task)
        pair.advance(3)
        #expect(pair.ended.last?.first?.errorType == .objectUnreconstructable)
    }

    @Test("With a free place it begins; with none, all calls must wait for it") func places() {
        var pair = Pair(concurrency: 2)
        let lost = pair.made()
        let (first, second) = (pair.call(), pair.call())
        pair.lose([lost])
        pair.get([lost], in: first.id.task)
        pair.advance(5)
        #expect(pair.ended.isEmpty, "the second goes on")
        pair.get([lost], in: second.id.task)
        pair.advance(3)
        #expect(pair.ended.count == 2)
        var roomy = Pair(concurrency: 2)
        let other = roomy.made()
        let reader = roomy.call()
        roomy.lose([other])
        roomy.get([other], in: reader.id.task)
        #expect(roomy.running.map(\.id) == [reader.id.task, other.id.task])
    }

    @Test("Of several only that is given up which somebody waits for") func several() {
        var pair = Pair()
        let lost = [pair.made(), pair.made(), pair.made()]
        let reader = pair.call()
        pair.lose(lost)
        pair.get([lost[1]], in: reader.id.task)
        pair.advance(1)
        #expect(pair.ended.count == 1)
        pair.finish(reader.id.task)
        for _ in 0..<2 {
            if let next = pair.running.first { pair.finish(next.id, large: true) }
        }
        #expect(lost.map { pair.failure($0)?.type } == [nil, .objectUnreconstructable, nil])
    }

    @Test("A generator in the way that waits for its reader goes on beyond its limit, each second further")
    func unreadItems() {
        var pair = Pair()
        let lost = pair.made()
        let generator = pair.call(generator: GeneratorSpec(backpressure: 2)).id.task
        let made = (pair.yield(from: generator), pair.yield(from: generator))
        #expect(made == (true, false))
        pair.advance(60)
        #expect(!pair.completed.contains(pair.pending), "nothing waits behind it")
        pair.lose([lost])
        for allowed in [1, 2, 4] {
            pair.advance(1)
            #expect(pair.completed.contains(pair.pending))
            // It makes what it may have now beyond what it had a second ago.
            for count in 1...max(1, allowed / 2) {
                let goesOn = pair.yield(from: generator)
                #expect(goesOn == (count < allowed / 2))
            }
        }
        #expect(pair.running.map(\.id) == [generator])
        pair.finish(generator)
        #expect(pair.running.map(\.id) == [lost.id.task])
        pair.finish(lost.id.task, large: true)
        #expect(pair.failure(lost) == nil)
    }

    @Test("It has its limit again when nothing is to be made behind it any more") func limitAgain() throws {
        var pair = Pair()
        let lost = pair.made()
        let generator = pair.call(generator: GeneratorSpec(backpressure: 1)).id.task
        let first = pair.yield(from: generator)
        pair.lose([lost])
        for _ in 0..<3 {
            pair.advance(1)
            while pair.yield(from: generator) {}
        }
        pair.advance(1)
        #expect(pair.completed.contains(pair.pending))
        var buffer = WorkerEffects()
        try pair.driver.core.cancel(lost, force: false, recursive: true, at: pair.driver.now, into: &buffer)
        pair.driver.effects += buffer.items
        pair.exchange()
        pair.advance(2)
        let last = pair.yield(from: generator)
        pair.advance(60)
        #expect(!first && !last && !pair.completed.contains(pair.pending))
    }

    @Test("So does one that waits because of the limit of its actor, and not one with another place")
    func unreadItemsOfTheActor() {
        var pair = Pair()
        let lost = pair.made()
        let generator = pair.call(generator: GeneratorSpec(actorBackpressure: 1)).id.task
        let made = (pair.admit(generator), pair.yield(from: generator), pair.admit(generator))
        #expect(made == (true, true, false))
        pair.lose([lost])
        pair.advance(1)
        #expect(pair.completed.contains(pair.pending))
        let further = (pair.yield(from: generator), pair.admit(generator))
        #expect(further == (true, false))
        pair.finish(generator)
        #expect(pair.running.map(\.id) == [lost.id.task])
        var roomy = Pair(concurrency: 2)
        let other = roomy.made()
        let unread = roomy.call(generator: GeneratorSpec(backpressure: 1)).id.task
        let goesOn = roomy.yield(from: unread)
        #expect(!goesOn)
        roomy.lose([other])
        roomy.advance(10)
        #expect(roomy.running.map(\.id) == [unread, other.id.task] && !roomy.completed.contains(roomy.pending))
    }

    @Test("An actor that has ended makes nothing again, and the error says so") func ended() {
        var pair = Pair()
        let lost = pair.made()
        pair.tell(.dead)
        pair.lose([lost])
        let error = pair.failure(lost)
        #expect(error?.type == .actorDied)
        #expect(error?.message.contains("a lost result cannot be made again") == true)
        #expect(error?.message.contains("\(pair.actor)") == true)
    }

    @Test("Reports of nothing that is known, or from somebody else, are ignored") func garbage() {
        var pair = Pair()
        let lost = pair.made()
        let reader = pair.call()
        pair.lose([lost])
        let task = lost.id.task
        let lies = [
            RebuildBlocked(task: TaskID(9, 9, 9), attempt: 0, awaited: [[lost.id]]),
            RebuildBlocked(task: reader.id.task, attempt: 0, awaited: [[lost.id]]),
            RebuildBlocked(task: task, attempt: 7, awaited: [[lost.id]]),
        ]
        for lie in lies { pair.driver.receive(.rebuildBlocked(lie), from: WorkerHarness.worker.worker) }
        let stranger = RebuildBlocked(task: task, attempt: 1, awaited: [[lost.id]])
        pair.driver.receive(.rebuildBlocked(stranger), from: WorkerHarness.other.worker)
        pair.exchange()
        #expect(pair.failure(lost) == nil)
    }
}
