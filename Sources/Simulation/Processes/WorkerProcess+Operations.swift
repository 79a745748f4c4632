//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayWire
internal import RayWorker

extension WorkerProcess {
    /// Runs a frame until it waits or ends.
    func go(_ number: Int) {
        while isAlive, let frame = frames[number], frame.waiting == .nothing {
            guard frame.next < frame.operations.count else { return end(frame, nil) }
            let operation = frame.operations[frame.next]
            frame.next += 1
            perform(operation, frame)
        }
    }

    private func perform(_ operation: Operation, _ frame: Frame) {
        switch operation {
        case .compute(let microseconds):
            wait(frame, .time)
            cluster.add(.resume(self, frame: frame.number), microseconds: microseconds)
        case .submit(let submission): submit(submission, frame)
        case .submitWith(let slot, let make):
            if let actor = frame.actors[slot] { submit(make(actor), frame) }
        case .createActor(let slot, let restarts, let taskRetries):
            var options = ActorOptions()
            options.taskRetriesMax = taskRetries
            createActor(slot, restarts, options, in: nil, frame)
        case .createActorIn(let place, let slot, let restarts, let held):
            guard frame.groups[place.group] != nil else { break }
            var options = ActorOptions()
            options.heldResources = ResourceSet([(ResourceSet.cpu, held)])
            createActor(slot, restarts, options, in: place, frame)
        case .call(.slot(let slot), let submission):
            if let actor = frame.actors[slot] { call(actor, submission, frame) }
        case .call(.id(let actor), let submission): call(actor, submission, frame)
        case .put(let value, let bytes, let slot): put(value, bytes, slot, frame)
        case .putContaining(let slots, let value, let slot): putContaining(slots, value, slot, frame)
        case .get(let slots, let timeout): get(slots, timeout, frame)
        case .wait(let slots, let count):
            frame.slots = slots
            wait(frame, .wait)
            let references = slots.compactMap { frame.references[$0] }
            begin(frame) { core, effects in
                core.wait(references, count: count, deadline: nil, from: frame.spec?.id, into: &effects)
            }
        case .release(let slots): for slot in slots { release(slot, frame) }
        case .letGo: letGo(frame)
        case .checkDeposit(let actor): checkDeposit(actor, frame)
        case .cancel, .next, .dropStream: perform(stream: operation, frame)
        case .createGroup, .awaitGroup, .inspectGroup, .removeGroup: ask(operation, frame)
        case .handOver(let slot, let actor, let target): handOver(slot, actor, target, frame)
        case .admit: admit(frame)
        case .yield(let value, let bytes): yield(value, bytes, frame)
        case .endIfCancelled: if frame.isCancelled { endCancelled(frame) }
        case .computeOn: computeOn(frame)
        case .finish(let base, let bytes, let contained): finish(base, bytes, contained, frame)
        case .fail(let message): end(frame, .failure(RayError(.taskExecution, message)))
        case .crash:
            cluster.killCounts.crashes += 1
            cluster.kill(self, signal: 0, code: 1, by: "itself")
        }
    }

    func wait(_ frame: Frame, _ waiting: Frame.Waiting) {
        frame.waiting = waiting
        frame.waitingSince = cluster.now
    }

    // MARK: Calls

    private func makeCall(_ submission: Operation.Submission, _ frame: Frame, isActorCall: Bool) -> Call {
        var arguments: [TaskArgument] = [.value(submission.program.object)]
        for argument in submission.arguments {
            switch argument {
            case .number(let value): arguments.append(.value(SimulatedValue.object(value, bytes: 8)))
            case .slot(let slot):
                if let reference = frame.references[slot] { arguments.append(.reference(reference)) }
            case .nested(let slot):
                guard let reference = frame.references[slot] else { continue }
                arguments.append(.value(SimulatedValue.object(0, bytes: 8, contained: [reference])))
            }
        }
        var call = Call(
            function: FunctionDescriptor(language: .swift, module: "Simulation", function: submission.program.name),
            arguments: arguments, resources: ResourceSet([(ResourceSet.cpu, submission.cpus)]),
            strategy: strategy(of: submission.place, frame), retriesMax: isActorCall ? 0 : submission.retries)
        if let generator = submission.generator { call.shared.value.generator = generator }
        return call
    }

    private func submit(_ submission: Operation.Submission, _ frame: Frame) {
        guard submission.place.map({ frame.groups[$0.group] != nil }) ?? true else { return }
        let call = makeCall(submission, frame, isActorCall: false)
        let references = transact { core, effects in
            core.submit(call, from: frame.spec?.id, at: cluster.now, into: &effects)
        }
        keep(references, submission.slot, submission.expected, frame)
        frame.places[submission.slot] = submission.place?.group
    }

    private func createActor(
        _ slot: Int, _ restarts: Int, _ given: ActorOptions, in place: Operation.Place?, _ frame: Frame
    ) {
        let submission = Operation.Submission(program: .create, slot: slot, place: place)
        let call = makeCall(submission, frame, isActorCall: false)
        var options = given
        options.restartsMax = restarts
        let actor = transact { core, effects in
            core.createActor(call, options, from: frame.spec?.id, at: cluster.now, into: &effects)
        }
        frame.actors[slot] = actor
        actorHandles.append(actor)
    }

    /// The program ends: it holds no handle of an actor any more.
    func letActorsGo() {
        for actor in actorHandles { transact { core, effects in core.release(actor, into: &effects) } }
        actorHandles = []
    }

    private func call(_ actor: ActorID, _ submission: Operation.Submission, _ frame: Frame) {
        var submission = submission
        if case .increment = submission.program {
            let number = callCounts[actor, default: 0] + 1
            callCounts[actor] = number
            submission.program = .increment(number: number)
            submission.expected = .value(number)
        }
        let call = makeCall(submission, frame, isActorCall: true)
        let references = transact { core, effects in
            core.call(actor, call, from: frame.spec?.id, at: cluster.now, into: &effects)
        }
        keep(references, submission.slot, submission.expected, frame)
        frame.places[submission.slot] = submission.place?.group
    }

    func keep(_ references: [ObjectReference], _ slot: Int, _ expected: Expectation, _ frame: Frame) {
        release(slot, frame)
        frame.references[slot] = references.first
        frame.expectations[slot] = expected
    }

    private func release(_ slot: Int, _ frame: Frame) {
        guard let reference = frame.references.removeValue(forKey: slot) else { return }
        frame.expectations[slot] = nil
        transact { core, effects in core.release(reference.id, into: &effects) }
    }

    /// Counts a reference that was found in a value.
    func retain(_ reference: ObjectReference) {
        transact { core, effects in core.retain(reference, into: &effects) }
    }

    // MARK: Objects

    private func put(_ value: UInt64, _ bytes: Int, _ slot: Int, _ frame: Frame) {
        frame.expectations[slot] = .value(value)
        guard bytes > Limits.inlineObjectBytesMax, let raylet else {
            let id = transact { core, effects in
                core.put(SimulatedValue.object(value, bytes: bytes), from: frame.spec?.id, into: &effects)
            }
            frame.references[slot] = ObjectReference(id: id, owner: address)
            return
        }
        let id = core.nextPutID(of: frame.spec?.id)
        rooms[id] = (frame.number, value, bytes, slot)
        wait(frame, .room)
        send(
            .createObject(
                CreateObject(
                    object: id, owner: self.id, slot: self.slot, dataBytes: bytes,
                    metadataBytes: ObjectMetadata.raw.count, containedBytes: 0)),
            to: raylet.id)
        guard links[raylet.id] == nil else { return }
        rooms[id] = nil
        failed(frame.number, RayError(.localRayletDied, "the raylet is gone"))
    }

    private func putContaining(_ slots: [Int], _ value: UInt64, _ slot: Int, _ frame: Frame) {
        let contained = slots.compactMap { frame.references[$0] }
        let id = transact { core, effects in
            core.put(
                SimulatedValue.object(value, bytes: 8, contained: contained), from: frame.spec?.id, into: &effects)
        }
        keep([ObjectReference(id: id, owner: address)], slot, .value(value), frame)
    }

    func roomGiven(_ created: ObjectCreated) {
        guard let room = rooms.removeValue(forKey: created.object), let raylet, let frame = frames[room.frame]
        else { return }
        if let error = created.error { return failed(room.frame, error) }
        let object = SimulatedValue.object(room.value, bytes: room.bytes)
        raylet.store.write(object.data + object.metadata, at: Int(clamping: created.offset))
        send(.sealObject(SealObject(object: created.object)), to: raylet.id)
        transact { core, effects in
            core.sealed(
                created.object, byteCount: room.bytes, at: raylet.address, isLocal: false, into: &effects)
        }
        frame.references[room.slot] = ObjectReference(id: created.object, owner: address)
        frame.waiting = .nothing
        go(room.frame)
    }

    private func get(_ slots: [Int], _ timeout: Int?, _ frame: Frame) {
        frame.slots = slots
        frame.deadline = timeout.map { cluster.now.advanced(milliseconds: $0) }
        wait(frame, .get)
        ask(frame)
    }

    private func ask(_ frame: Frame) {
        let references = frame.slots.compactMap { frame.references[$0] }
        let deadline = frame.deadline
        begin(frame) { core, effects in
            core.get(references, deadline: deadline, from: frame.spec?.id, into: &effects)
        }
    }

    /// Starts a get or wait; its end may come before this returns.
    func begin(_ frame: Frame, _ body: (inout WorkerCore, inout WorkerEffects) -> UInt64) {
        transact { core, effects in
            let token = body(&core, &effects)
            tokens[token] = frame.number
        }
    }

    /// A get has ended: reads the values and checks them.
    func got(_ number: Int, _ outcomes: [ObjectOutcome]) {
        guard let frame = frames[number] else { return }
        let slots = frame.slots.filter { frame.references[$0] != nil }
        var found: [(Int, UInt64, [ObjectReference], SimulatedStore.Pin?)] = []
        var failures: [(Int, RayError)] = []
        var evicted: [ObjectID] = []
        for (slot, outcome) in zip(slots, outcomes) {
            switch outcome {
            case .inline(let object):
                guard let value = SimulatedValue.read(object.data[...]) else {
                    return cluster.fail("\(name): a value is damaged")
                }
                found.append((slot, value, object.contained, nil))
            case .failed(let error): failures.append((slot, error))
            case .local(let id):
                guard let raylet, let pin = raylet.store.find(id, slot: self.slot) else {
                    evicted.append(id)
                    continue
                }
                guard let value = SimulatedValue.read(raylet.store.bytes(of: pin.entry).data) else {
                    return cluster.fail("\(name): object \(id.short) is damaged in the store")
                }
                found.append((slot, value, references(in: pin, of: raylet), pin))
            }
        }
        guard evicted.isEmpty else {
            for case let (_, _, _, pin?) in found { raylet?.store.unpin(pin) }
            transact { core, effects in for id in evicted { core.missing(id, into: &effects) } }
            return ask(frame)
        }
        frame.waiting = .nothing
        cluster.oracle.cpuTaken(by: self, in: cluster)
        var containedSlot = 1_000
        for (slot, value, contained, pin) in found {
            frame.sum &+= value
            frame.lastValue = value
            if let pin { frame.pins.append((pin, value)) }
            for reference in contained {
                retain(reference)
                release(containedSlot, frame)
                frame.references[containedSlot] = reference
                containedSlot += 1
            }
            if role == .driver {
                cluster.oracle.delivered(.success(value), frame.expectations[slot] ?? .unchecked, self, cluster)
            }
        }
        for (slot, error) in failures where role == .driver {
            cluster.oracle.delivered(
                .failure(error), frame.expectations[slot] ?? .unchecked, hasDeadline: frame.deadline != nil, self,
                cluster)
        }
        if role != .driver, let (_, error) = failures.first { return end(frame, .failure(error)) }
        go(number)
    }

    private func letGo(_ frame: Frame) {
        for (pin, value) in frame.pins {
            guard let raylet, raylet.isAlive else { continue }
            if SimulatedValue.read(raylet.store.bytes(of: pin.entry).data) != value {
                cluster.fail("\(name): object \(pin.entry.id.short) changed while it was read")
            }
            raylet.store.unpin(pin)
        }
        frame.pins = []
    }

    private func checkDeposit(_ actor: ActorID, _ frame: Frame) {
        frame.sum = 0
        if frame.lastValue == 0 {
            frame.operations.insert(
                contentsOf: [
                    .release([0]), .compute(microseconds: 3_000), .call(.id(actor), .init(program: .take, slot: 0)),
                    .get([0], timeoutMilliseconds: nil), .checkDeposit(actor),
                ], at: frame.next)
        } else {
            frame.operations.insert(.get([1_000], timeoutMilliseconds: nil), at: frame.next)
        }
    }

    // MARK: Ends

    private func finish(_ base: UInt64, _ bytes: Int, _ contained: [Int], _ frame: Frame) {
        let references = contained.compactMap { frame.references[$0] }
        let value = base &+ frame.sum
        end(frame, .success([SimulatedValue.object(value, bytes: bytes, contained: references)]))
    }

    /// User code meets an error of the system: a task fails with it, a driver notes it and goes on.
    func failed(_ number: Int, _ error: RayError) {
        guard let frame = frames[number] else { return }
        frame.waiting = .nothing
        guard frame.spec == nil else { return end(frame, .failure(error)) }
        cluster.oracle.delivered(.failure(error), .unchecked, self, cluster)
        go(number)
    }

    /// Takes a frame away with all that it holds; a task's outcome goes to the core.
    func end(_ frame: Frame, _ outcome: TaskOutcome?) {
        letGo(frame)
        frames[frame.number] = nil
        // A task's references go after its results were handed over, as a function's variables do.
        defer { for slot in frame.references.keys.sorted() { release(slot, frame) } }
        guard let spec = frame.spec else {
            for slot in frame.references.keys.sorted() { release(slot, frame) }
            return cluster.driverEnded(self)
        }
        let objects = spec.returnCount == 0 ? [] : [SimulatedValue.object(0, bytes: 8)]
        var outcome = outcome ?? .success(objects)
        if case .success = outcome, spec.returnCount == 0 { outcome = .success([]) }
        step(.finished(spec.id, outcome))
    }
}
