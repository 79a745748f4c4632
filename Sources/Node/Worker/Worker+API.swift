//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
internal import RayObjectStore
internal import RayTransport
package import RayWire
package import RayWorker
internal import Synchronization

extension Worker {
    package var address: Address { configuration.core.address }
    package var job: JobID { configuration.core.job }
    package var namespace: String { configuration.core.namespace }
    package var accelerators: AssignedAccelerators { configuration.accelerators }
    package var environment: RuntimeEnvironmentSpec? { state.withLock { $0.core.environment } }
    package func now() -> Instant { reactor.clock.now() }

    // MARK: Calls

    package func submit(_ call: Call, from task: TaskID?) -> [ObjectReference] {
        transact { core, now, effects in core.submit(call, from: task, at: now, into: &effects) }
    }

    package func createActor(_ call: Call, _ options: ActorOptions, from task: TaskID?) -> ActorID {
        transact { core, now, effects in core.createActor(call, options, from: task, at: now, into: &effects) }
    }

    package func call(_ actor: ActorID, _ call: Call, from task: TaskID?) -> [ObjectReference] {
        transact { core, now, effects in core.call(actor, call, from: task, at: now, into: &effects) }
    }

    /// As `call`, but a call over the limit of those under way is refused here and not by its results, and its own retries
    /// are all that it has.
    ///
    /// - Throws: `pendingCallsLimitExceeded`
    package func callWithinLimit(
        _ actor: ActorID, _ call: Call, from task: TaskID?
    ) throws(RayError) -> [ObjectReference] {
        // Not as the value of the transaction: what is that large is copied on its way out.
        var refusal: RayError?
        let results = transact { core, now, effects in
            do throws(RayError) {
                return try core.callWithinLimit(actor, call, from: task, at: now, into: &effects)
            } catch {
                refusal = error
                return []
            }
        }
        if let refusal { throw refusal }
        return results
    }

    package func retain(_ actor: ActorID, creator: Address) {
        transact { core, _, effects in core.retain(actor, creator: creator, into: &effects) }
    }

    package func release(_ actor: ActorID) {
        guard !isEnding.load(ordering: .relaxed) else { return }
        transact { core, _, effects in core.release(actor, into: &effects) }
    }

    package func exitActor(_ task: TaskID) throws(RayError) {
        let result = transact { core, _, effects in
            Result { () throws(RayError) in try core.exitActor(task, into: &effects) }
        }
        try result.get()
    }

    /// See `WorkerCore.leaveActor`.
    package func leaveActor() throws(RayError) {
        let result = transact { core, _, effects in
            Result { () throws(RayError) in try core.leaveActor(into: &effects) }
        }
        try result.get()
    }

    /// See `WorkerCore.showActor`.
    package func showActor(as name: String) { state.withLock { $0.core.showActor(as: name) } }

    /// See `WorkerCore.expectFarewell`.
    package func expectFarewell() { state.withLock { $0.core.expectFarewell() } }

    /// See `WorkerCore.farewellSaid`.
    package func farewellSaid() { transact { core, _, effects in core.farewellSaid(into: &effects) } }

    /// See `WorkerCore.retire`.
    package func retire() { transact { core, _, effects in core.retire(into: &effects) } }

    package func nextItem(of task: TaskID) -> ObjectReference? {
        transact { core, _, effects in core.nextItem(of: task, into: &effects) }
    }

    /// See `WorkerCore.nextItem`.
    package func peekItem(of task: TaskID) -> ObjectReference? {
        transact { core, _, effects in core.nextItem(of: task, isPeek: true, into: &effects) }
    }

    /// See `WorkerCore.takePeeked`.
    package func takePeeked(of task: TaskID) {
        transact { core, _, effects in core.takePeeked(of: task, into: &effects) }
    }

    /// Nobody reads the items of a task any more, which goes on to its end (`WorkerCore.dropStream`).
    package func leaveStream(_ task: TaskID) {
        guard !isEnding.load(ordering: .relaxed) else { return }
        transact { core, now, effects in core.dropStream(task, cancels: false, at: now, into: &effects) }
    }

    package func dropStream(_ task: TaskID) {
        guard !isEnding.load(ordering: .relaxed) else { return }
        transact { core, now, effects in core.dropStream(task, at: now, into: &effects) }
    }

    package func yield(_ object: RayObject, from task: TaskID, completion: @escaping @Sendable (RayError?) -> Void) {
        transactState { state, _ in
            let token = state.core.yield(object, from: task, into: &state.effects)
            state.completions[token] = .request { result in
                if case .failure(let error) = result { completion(error) } else { completion(nil) }
            }
        }
    }

    /// See `WorkerCore.admit`.
    package func admit(_ count: Int32, of task: TaskID, completion: @escaping @Sendable (RayError?) -> Void) {
        transactState { state, _ in
            let token = state.core.admit(count, of: task, into: &state.effects)
            state.completions[token] = .request { result in
                if case .failure(let error) = result { completion(error) } else { completion(nil) }
            }
        }
    }

    package func cancel(_ reference: ObjectReference, force: Bool, recursive: Bool) throws(RayError) {
        let result = transact { core, now, effects in
            Result { () throws(RayError) in
                try core.cancel(reference, force: force, recursive: recursive, at: now, into: &effects)
            }
        }
        try result.get()
    }

    package var hasCallsUnderWay: Bool { state.withLock { $0.core.hasCallsUnderWay } }

    package func isCancelled(_ task: TaskID) -> Bool { state.withLock { $0.core.isCancelled(task) } }

    // MARK: Objects

    package func put(_ object: RayObject, from task: TaskID?) throws(RayError) -> ObjectReference {
        guard object.data.count > Limits.inlineObjectBytesMax, store != nil else {
            let id = transact { core, _, effects in core.put(object, from: task, into: &effects) }
            return ObjectReference(id: id, owner: address)
        }
        let start = now()
        let contained = object.containedBytes
        let request = requestRoom(
            object.data.count, metadataBytes: object.metadata.count, containedBytes: contained.count, from: task)
        let (id, offset) = (request.id, try offset(of: request))
        if let error = write(object, contained, offset) {
            abort(id)
            throw RayError(.systemError, "the object store cannot be written: \(error)")
        }
        defer { trace(.put, objectCount: 1, byteCount: object.data.count, from: task, since: start) }
        return sealed(id, byteCount: object.data.count, contained: object.contained)
    }

    /// An object without a value yet, which `fulfil` gives it; its id counts as one local reference.
    package func promise(from task: TaskID?) -> ObjectID {
        transact { core, _, _ in core.promise(from: task) }
    }

    /// Gives a promised object its value.
    package func fulfil(_ id: ObjectID, _ outcome: Result<RayObject, RayError>) {
        transact { core, _, effects in core.fulfil(id, outcome, into: &effects) }
    }

    package func getNow(_ references: [ObjectReference]) -> [Result<any FetchedObject, RayError>]? {
        getNow(references.map(\.id))
    }

    /// The objects of these ids, if all of them are at hand.
    package func getNow(_ ids: [ObjectID]) -> [Result<any FetchedObject, RayError>]? {
        let outcomes = state.withLock { state -> [ObjectOutcome]? in
            var outcomes: [ObjectOutcome] = []
            outcomes.reserveCapacity(ids.count)
            for id in ids {
                guard let outcome = state.core.peek(id) else { return nil }
                outcomes.append(outcome)
            }
            if state.core.hasUnreadErrors { state.core.noteRead(ids) }
            return outcomes
        }
        guard let outcomes else { return nil }
        var results: [Result<any FetchedObject, RayError>] = []
        results.reserveCapacity(outcomes.count)
        for outcome in outcomes {
            switch outcome {
            case .inline(let object): results.append(Self.result(object))
            case .failed(let error): results.append(.failure(error))
            case .local(let id):
                guard let pinned = find(id) else { return nil }
                results.append(Self.result(pinned))
            }
        }
        return results
    }

    package func get(
        _ references: [ObjectReference], deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void
    ) {
        fetch(references, deadline: deadline, from: task, completion: traced(task, completion))
    }

    /// A get that ends with the first object that failed; those that are not there then have the error of a time-out.
    /// Gives its number, for `abandonWait`.
    @discardableResult
    package func getUntilFailure(
        _ references: [ObjectReference], deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void
    ) -> UInt64 {
        fetch(references, deadline: deadline, failsFast: true, from: task, completion: traced(task, completion))
    }

    /// A get that is not noted for the timeline: a part of one.
    @discardableResult
    func fetch(
        _ references: [ObjectReference], deadline: Instant?, failsFast: Bool = false, from task: TaskID?,
        completion: @escaping @Sendable ([Result<any FetchedObject, RayError>]) -> Void
    ) -> UInt64 {
        transactState { state, _ in
            let token = state.core.get(
                references, deadline: deadline, failsFast: failsFast, from: task, into: &state.effects)
            state.completions[token] = .get(references, deadline, task, completion)
            return token
        }
    }

    /// Ends a get or wait, by its number, that nobody waits for any more; its completion is called as if it were over.
    package func abandonWait(_ token: UInt64) {
        transact { core, _, effects in core.abandonWait(token, into: &effects) }
    }

    package func wait(
        _ references: [ObjectReference], count: Int, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Bool]) -> Void
    ) {
        wait(references, count: count, fetches: false, deadline: deadline, from: task, completion: completion)
    }

    /// See `WorkerCore.wait`. Gives its number, for `abandonWait`.
    @discardableResult
    package func wait(
        _ references: [ObjectReference], count: Int, fetches: Bool, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable ([Bool]) -> Void
    ) -> UInt64 {
        let traced = traced(task, completion)
        return transactState { state, _ in
            let token = state.core.wait(
                references, count: count, fetches: fetches, deadline: deadline, from: task, into: &state.effects)
            state.completions[token] = .wait(traced)
            return token
        }
    }

    package func handOver(
        _ reference: ObjectReference, to actor: ActorID, deadline: Instant?, from task: TaskID?,
        completion: @escaping @Sendable (Result<ObjectReference, RayError>) -> Void
    ) {
        transactState { state, now in
            let token = state.core.handOver(
                reference, to: actor, deadline: deadline, from: task, at: now, into: &state.effects)
            state.completions[token] = .request { result in
                completion(
                    result.flatMap { message in
                        guard case .handedOver(let answer) = message, let object = answer.object else {
                            return .failure(Self.confused)
                        }
                        return .success(object)
                    })
            }
        }
    }

    /// See `WorkerCore.location`.
    package func location(of id: ObjectID) -> (nodes: [NodeID], byteCount: Int)? {
        state.withLock { $0.core.location(of: id) }
    }

    /// Why an object will never be there, as far as this process knows; nothing is fetched.
    package func failure(of id: ObjectID) -> RayError? {
        if case .failed(let error)? = state.withLock({ $0.core.peek(id) }) { error } else { nil }
    }

    /// What `wait` would tell, if enough of the objects exist already; the rest is not looked at.
    package func waitNow(_ ids: [ObjectID], count: Int, fetches: Bool) -> [Bool]? {
        state.withLock { state in
            if state.core.hasUnreadErrors { state.core.noteRead(ids) }
            return state.core.firstExisting(of: ids, count: count, fetches: fetches)
        }
    }

    /// The first `count` of these objects that exist, or as many as there are; nothing if only a wait for all can tell.
    ///
    /// `areAll`: nobody is waited for but these; the wait may be for more.
    package func existing(among ids: [ObjectID], atMost count: Int, fetches: Bool, areAll: Bool) -> [Bool]? {
        state.withLock { state in
            if state.core.hasUnreadErrors {
                guard areAll else { return nil }
                state.core.noteRead(ids)
            }
            return state.core.existing(among: ids, atMost: count, fetches: fetches, areAll: areAll)
        }
    }

    /// The reference of an object of this process or of one that it borrows; nothing if the id is not known.
    package func reference(of id: ObjectID) -> ObjectReference? { state.withLock { $0.core.reference(of: id) } }

    /// The same of several ids, in their order.
    package func references(of ids: [ObjectID]) -> [ObjectReference?] {
        state.withLock { state in ids.map { state.core.reference(of: $0) } }
    }

    package func poll(microseconds: Int, until isDone: () -> Bool) -> Bool {
        reactor.poll(microseconds: microseconds, until: isDone)
    }

    package func retain(_ reference: ObjectReference) {
        count { core, effects in core.retain(reference, into: &effects) }
    }

    /// Counts one more reference of an object of this process or of one that it borrows; whether the id is known.
    package func retain(_ id: ObjectID) -> Bool {
        count { core, effects in core.retain(id, into: &effects) }
    }

    package func release(_ id: ObjectID) {
        guard !isEnding.load(ordering: .relaxed) else { return }
        count { core, effects in core.release(id, into: &effects) }
    }

    /// See `WorkerCore.recordCallSites`.
    package func recordCallSites() { state.withLock { $0.core.recordCallSites() } }

    /// See `WorkerCore.noteCallSite`.
    package func noteCallSite(_ site: String, of id: ObjectID) {
        state.withLock { $0.core.noteCallSite(site, of: id) }
    }

    /// Tells errors of tasks that nobody has asked for in so many milliseconds.
    package func tellUnreadErrors(olderThan milliseconds: Int) {
        transact { core, now, effects in
            core.tellUnreadErrors(olderThan: milliseconds, at: now, into: &effects)
        }
    }

    // MARK: Questions to the GCS

    /// See `WorkerCore.subscribe`.
    package func subscribe(to channel: String) {
        transact { core, _, effects in core.subscribe(to: channel, into: &effects) }
    }

    package func kill(
        _ actor: ActorID, restart: Bool, completion: @escaping @Sendable (Result<Void, RayError>) -> Void
    ) {
        request(.killActor(KillActor(actor: actor, restart: restart))) { result in
            completion(
                result.flatMap { message in
                    guard case .done(let done) = message else { return .failure(Self.confused) }
                    return done.error.map { .failure($0) } ?? .success(())
                })
        }
    }

    package func actor(
        named name: String, namespace: String,
        completion: @escaping @Sendable (Result<FoundActor, RayError>) -> Void
    ) {
        let space = namespace.isEmpty ? self.namespace : namespace
        request(.lookUpActor(LookUpActor(name: name, namespace: space))) { [weak self] result in
            completion(
                result.flatMap { message in
                    guard case .actorFound(let found) = message else { return .failure(Self.confused) }
                    guard let state = found.state else {
                        return .failure(
                            RayError(
                                .notFound,
                                "Failed to look up actor with name '\(name)' in namespace '\(space)'. It may not have "
                                    + "been created, may have died, or lives in another namespace"))
                    }
                    self?.transact { core, now, effects in core.adopt(state, at: now, into: &effects) }
                    return .success(
                        FoundActor(id: state.id, className: state.className, creator: found.creator))
                })
        }
    }

    package func placementGroups(
        _ operation: PlacementGroupOperation,
        completion: @escaping @Sendable (Result<[PlacementGroupState], RayError>) -> Void
    ) {
        request(Self.message(for: operation)) { result in
            completion(
                result.flatMap { message in
                    switch message {
                    case .placementGroupsFound(let found): found.error.map { .failure($0) } ?? .success(found.groups)
                    case .done(let done): done.error.map { .failure($0) } ?? .success([])
                    default: .failure(Self.confused)
                    }
                })
        }
    }

    private static func message(for operation: PlacementGroupOperation) -> Message {
        switch operation {
        case .create(let spec): .createPlacementGroup(CreatePlacementGroup(spec: spec))
        case .remove(let id): .removePlacementGroup(RemovePlacementGroup(group: id))
        case .await(let id, let milliseconds):
            .awaitPlacementGroup(AwaitPlacementGroup(group: id, milliseconds: milliseconds))
        case .find(let id): .queryPlacementGroups(QueryPlacementGroups(group: id, name: "", namespace: ""))
        case .findNamed(let name, let namespace):
            .queryPlacementGroups(QueryPlacementGroups(group: nil, name: name, namespace: namespace))
        case .list: .queryPlacementGroups(QueryPlacementGroups(group: nil, name: "", namespace: ""))
        }
    }

    package func clusterView(completion: @escaping @Sendable (Result<ClusterView, RayError>) -> Void) {
        request(.queryCluster(QueryCluster())) { result in
            completion(
                result.flatMap { message in
                    guard case .clusterStatus(let status) = message else { return .failure(Self.confused) }
                    return .success(ClusterView(status))
                })
        }
    }

    /// Sends a request to the GCS.
    package func request(
        _ message: Message, completion: @escaping @Sendable (Result<Message, RayError>) -> Void
    ) {
        transactState { state, _ in
            let token = state.core.request(message, into: &state.effects)
            state.completions[token] = .request(completion)
        }
    }

    private static let confused = RayError(.systemError, "the GCS gave an answer of another kind than asked for")

    /// Sends a message that is not the core's business.
    func send(_ message: Message, to peer: WorkerID) {
        KillPoint.current?.pass(message, .sending)
        let time = Self.sendTime(of: message, isExecuting: false)
        endpoint.send(kind: message.kind, requestID: 0, payload: message.payload, to: peer, at: time)
        KillPoint.current?.pass(message, .sent)
    }
}

extension ClusterView {
    init(_ status: ClusterStatus) {
        self.init(
            nodes: status.nodes.map { node in
                Node(
                    id: node.info.address.node, isAlive: node.isAlive, name: node.info.name,
                    host: node.info.address.host, port: node.info.address.port, isHead: node.info.isHead,
                    total: node.info.total, available: node.available,
                    labels: Dictionary(node.info.labels.map { ($0.key, $0.value) }) { first, _ in first },
                    storeUsed: node.storeUsed, storeCapacity: node.info.storeCapacity)
            })
    }
}
