//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayObjectStore
internal import RayTransport
internal import RayWire
internal import RayWorker
internal import Synchronization

extension Worker {
    /// What is done after the lock is released.
    enum Aftermath {
        case got(Completion, [ObjectOutcome])
        case waited(Completion, [Bool])
        case answered(Completion, Result<Message, RayError>)
        case ended(Completion)
        case warn(String)
        case exit(String)
        case collectGarbage
        case unreadError(RayError)
        case cancel(TaskID)
        case farewell
        case wake
    }

    /// Performs the core's effects in order, under the lock; gives back what must run outside of it.
    func perform(_ state: inout State, at now: Instant) -> [Aftermath] {
        var after: [Aftermath] = []
        while let effect = state.effects.next() {
            switch effect {
            // An actor that calls itself: there is no link for what a process says to itself.
            case .connect(let own) where own.worker == address.worker: break
            case .send(let message, let requestID, let own) where own == address.worker:
                state.core.receive(
                    .message(message, requestID: requestID, from: own), at: now, into: &state.effects)
            case .connect(let address): endpoint.connect(to: address)
            case .send(let message, let requestID, let peer):
                KillPoint.current?.pass(message, .sending)
                state.writer.removeAll()
                message.encode(into: &state.writer)
                let outcome = endpoint.send(
                    kind: message.kind, requestID: requestID, payload: state.writer.bytes, to: peer,
                    at: Self.sendTime(of: message, isExecuting: state.core.isExecuting))
                if outcome == .tooLarge {
                    let byteCount = state.writer.bytes.count
                    state.core.receive(
                        .unsendable(message, requestID: requestID, to: peer, byteCount: byteCount), at: now,
                        into: &state.effects)
                    state.writer = WireWriter(manyCalls: true)
                }
                KillPoint.current?.pass(message, .sent)
            case .flush: reactor.flush()
            case .locate(let id):
                let isPresent = find(id) != nil
                state.core.receive(.located(id, isPresent: isPresent), at: now, into: &state.effects)
            case .completeGet(let token, let outcomes):
                if let completion = state.completions.removeValue(forKey: token) {
                    after.append(.got(completion, outcomes))
                }
            case .completeWait(let token, let flags):
                if let completion = state.completions.removeValue(forKey: token) {
                    after.append(.waited(completion, flags))
                }
            case .completeRequest(let token, let result):
                if let completion = state.completions.removeValue(forKey: token) {
                    after.append(.answered(completion, result))
                }
            case .cancelExecution(let id): cancelExecution(id, &state, at: now, &after)
            case .execute(let spec): makeReady(spec, &state, at: now, &after)
            case .write(let id, let object, let offset): write(id, object, offset, &after)
            case .warn(let text): after.append(.warn(text))
            case .farewell: after.append(.farewell)
            case .exit(let reason): after.append(.exit(reason))
            case .leave:
                isLeaving.store(true, ordering: .sequentiallyConsistent)
                after.append(.wake)
            case .collectGarbage: after.append(.collectGarbage)
            case .unreadError(let error): after.append(.unreadError(error))
            }
        }
        if state.isOver, !state.completions.isEmpty {
            after += state.completions.sorted { $0.key < $1.key }.map { .ended($0.value) }
            state.completions.removeAll()
        }
        return after
    }

    /// Messages that come by the thousand are gathered: they leave with the next poll, or soon after. A result is one of
    /// them if another will follow; the core says when it must leave before (`flush`).
    ///
    /// Whoever hears of an object in the store may count on it, and end this process: the store has heard of it before.
    static func sendTime(of message: Message, isExecuting: Bool) -> SendTime {
        switch message {
        case .pushTask, .callActor: .gathered
        case .taskDone: isExecuting ? .gathered : .soon
        case .sealObject: .atOnce
        default: .soon
        }
    }

    func run(_ aftermath: Aftermath) {
        switch aftermath {
        case .got(let completion, let outcomes): complete(completion, outcomes)
        case .waited(.wait(let body), let flags): body(flags)
        case .answered(.request(let body), let result): body(result)
        case .ended(let completion): end(completion)
        case .waited, .answered: preconditionFailure("an answer of another kind than its request")
        case .warn(let text): configuration.warn(text)
        case .exit(let reason):
            reactor.flush()
            configuration.exit(reason)
        case .collectGarbage: configuration.language.collectGarbage()
        case .unreadError(let error): configuration.language.unreadError(error)
        case .cancel(let task):
            executor?.cancel(task)
            reactor.wake()
        case .farewell:
            executor?.farewell()
            reactor.wake()
        case .wake: reactor.wake()
        }
    }

    /// The object if the node's store has it.
    func find(_ id: ObjectID) -> PinnedObject? {
        guard let store else { return nil }
        do throws(ObjectStoreError) {
            return try store.lookup(id)
        } catch {
            configuration.warn("the object store cannot be read: \(error)")
            return nil
        }
    }

    /// Turns outcomes into objects; those that were evicted meanwhile are fetched again.
    private func complete(_ completion: Completion, _ outcomes: [ObjectOutcome]) {
        guard case .get(let references, let deadline, let task, let body) = completion else { return }
        let results = outcomes.map { outcome -> Result<any FetchedObject, RayError>? in
            switch outcome {
            case .inline(let object): Self.result(object)
            case .failed(let error): .failure(error)
            case .local(let id): find(id).map { Self.result($0) }
            }
        }
        let missing = results.indices.filter { results[$0] == nil }
        guard !missing.isEmpty else { return body(results.compactMap { $0 }) }
        // What was asked for may be more than the store holds: the rest needs the room of what is here.
        let kept = results.map { $0?.map { InlineObject(copying: $0) } }
        transact { core, _, effects in for index in missing { core.missing(references[index].id, into: &effects) } }
        fetch(missing.map { references[$0] }, deadline: deadline, from: task) { late in
            var all = kept.map { $0?.map { $0 as any FetchedObject } }
            for (index, result) in zip(missing, late) { all[index] = result }
            body(all.compactMap { $0 })
        }
    }

    /// An object, or the error that stands in its place.
    static func result(_ object: RayObject) -> Result<any FetchedObject, RayError> {
        if let error = object.data.withUnsafeBytes({ RayError(data: $0, metadata: object.metadata) }) {
            return .failure(error)
        }
        return .success(InlineObject(object))
    }

    static func result(_ pinned: PinnedObject) -> Result<any FetchedObject, RayError> {
        let object = SharedObject(pinned)
        if let error = object.withBytes({ RayError(data: $0, metadata: object.metadata) }) {
            return .failure(error)
        }
        return .success(object)
    }

    private func makeReady(_ spec: TaskSpec, _ state: inout State, at now: Instant, _ after: inout [Aftermath]) {
        let kept = state.keptArguments.removeValue(forKey: spec.id) ?? [:]
        if !state.keptArguments.isEmpty {
            // Others may have been handed back or cancelled meanwhile.
            let stale = state.keptArguments.keys.filter { !state.core.isQueued($0) }
            for id in stale { state.keptArguments[id] = nil }
        }
        var found: [ObjectID: any FetchedObject] = kept
        var arguments: [any FetchedObject] = []
        var missing: [ObjectID] = []
        for outcome in state.core.arguments(of: spec) {
            let result: Result<any FetchedObject, RayError>
            switch outcome {
            case .inline(let object): result = Self.result(object)
            case .failed(let error): result = .failure(error)
            case .local(let id):
                guard let object = found[id].map({ .success($0) }) ?? find(id).map({ Self.result($0) }) else {
                    if !missing.contains(id) { missing.append(id) }
                    continue
                }
                if case .success(let object) = object { found[id] = object }
                result = object
            }
            switch result {
            case .success(let object): arguments.append(object)
            case .failure(let error):
                state.core.receive(.finished(spec.id, .failure(error)), at: now, into: &state.effects)
                return
            }
        }
        guard missing.isEmpty else {
            // The arguments may not fit into the store together with others: they must not wait for each other there.
            state.keptArguments[spec.id] = found.mapValues { InlineObject(copying: $0) }
            state.core.receive(.argumentsMissing(spec.id, missing), at: now, into: &state.effects)
            return
        }
        let task = ExecutableTask(spec: spec, arguments: arguments)
        ready.withLock { $0.append(task) }
        readyCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
        after.append(.wake)
    }

    /// A task that the loop has not begun never begins; another is asked to end.
    private func cancelExecution(_ id: TaskID, _ state: inout State, at now: Instant, _ after: inout [Aftermath]) {
        let unbegun = ready.withLock { ready -> ExecutableTask? in
            guard let index = ready.firstIndex(where: { $0.spec.id == id }) else { return nil }
            return ready.remove(at: index)
        }
        guard unbegun != nil else { return after.append(.cancel(id)) }
        readyCount.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        let error = RayError(.taskCancelled, "it was cancelled before it began")
        state.core.receive(.finished(id, .failure(error)), at: now, into: &state.effects)
    }

    private func write(_ id: ObjectID, _ object: RayObject, _ offset: UInt64, _ after: inout [Aftermath]) {
        if let error = write(object, object.containedBytes, Int(clamping: offset)) {
            after.append(.warn("result \(id) cannot be written: \(error)"))
        }
    }

    /// Copies an object to granted room; why that failed.
    func write(_ object: RayObject, _ contained: [UInt8], _ offset: Int) -> ObjectStoreError? {
        object.data.withUnsafeBytes { bytes -> ObjectStoreError? in
            do throws(ObjectStoreError) {
                _ = try store?.write(data: bytes, metadata: object.metadata, contained: contained, offset: offset)
                return nil
            } catch {
                return error
            }
        }
    }
}
