//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
package import RayObjectStore
package import RayTransport
package import RayWire
package import RayWorker
internal import Synchronization

/// The runtime of one driver or worker: drives a `WorkerCore` over sockets and the node's store.
///
/// An instance, without global state: tests and the client door hold many in one process. Every function may be
/// called from any thread. One lock guards the core; messages are sent under it, so that their order is the core's;
/// completions run outside of it.
package final class Worker: WorkerAPI {
    /// What a worker is made with.
    package struct Configuration: Sendable {
        package var core: WorkerCore.Configuration
        /// How long `put` waits while the store is full, in milliseconds.
        package var roomMilliseconds = 60_000
        /// The accelerators of this process.
        package var accelerators = AssignedAccelerators()
        /// Told what the user should read.
        package var warn: @Sendable (String) -> Void = { _ in }
        /// Given the lines that workers printed, in a driver.
        package var showLog: @Sendable (LogLines) -> Void = { _ in }
        /// Told that the process must end, in a worker.
        package var exit: @Sendable (String) -> Void = { _ in }
        /// What a language wants to be told.
        package var language = LanguageHooks()

        package init(core: WorkerCore.Configuration) { self.core = core }
    }

    enum Completion {
        case get([ObjectReference], Instant?, TaskID?, @Sendable ([Result<any FetchedObject, RayError>]) -> Void)
        case wait(@Sendable ([Bool]) -> Void)
        case request(@Sendable (Result<Message, RayError>) -> Void)
    }

    struct State {
        var core: WorkerCore
        var effects = WorkerEffects()
        var completions: [UInt64: Completion] = [:]
        /// Whether nothing comes any more: whoever asks is told so.
        var isOver = false
        var rooms: [ObjectID: AnswerSlot<Int>] = [:]
        /// Arguments of tasks that wait for others, which were evicted before the task began.
        var keptArguments: [TaskID: [ObjectID: InlineObject]] = [:]
        var writer = WireWriter(capacity: 4096, manyCalls: true)
        /// When the timer goes off, as far as it was set since it did last.
        var timerDue = Instant.distantFuture
        /// Answers to the introduction at the raylet.
        var accepted: Result<Void, RayError>?
    }

    let configuration: Configuration
    let state: Mutex<State>
    let endpoint: Endpoint
    let reactor: Reactor
    let store: ObjectStoreClient?
    let executor: (any TaskExecutor)?
    /// Tasks to be started by the loop's thread.
    let ready = Mutex<Deque<ExecutableTask>>([])
    let readyCount = Atomic<Int>(0)
    /// Tasks that `nextTask` has given and that have not ended.
    let fetchedCount = Atomic<Int>(0)
    let isEnding = Atomic<Bool>(false)
    /// Whether the loop ends, and with it the process in its own way.
    let isLeaving = Atomic<Bool>(false)
    /// Files that are being sent to the head's archive, by their hash.
    let uploads = Mutex<Set<String>>([])
    /// The last number of a put by any driver that has ended in this process. The first job of each cluster has the same
    /// id, so a reference from before `ray.shutdown()` would name a value of the next cluster.
    static let lastPut = Atomic<UInt32>(0)
    /// Messages that came together and are handled together.
    private let arrived = Mutex<[WorkerCore.Input]>([])
    private let timer = Mutex<ReactorTimer?>(nil)

    /// - Parameters:
    ///   - endpoint: has links to the GCS and, if there is one, to the raylet.
    ///   - store: the node's store, if this process is on a node.
    ///   - executor: runs tasks; nothing in a driver.
    package init(
        _ configuration: Configuration, endpoint: Endpoint, store: ObjectStoreClient?,
        executor: (any TaskExecutor)?
    ) {
        self.configuration = configuration
        self.endpoint = endpoint
        self.store = store
        self.executor = executor
        reactor = endpoint.reactor
        var generator = SystemRandomNumberGenerator()
        var core = WorkerCore(configuration.core, seed: generator.next())
        if configuration.core.isDriver { core.putCounter = Self.lastPut.load(ordering: .relaxed) }
        state = Mutex(State(core: core))
        let timer = endpoint.makeTimer { [weak self] _ in self?.tick() }
        self.timer.withLock { $0 = timer }
    }

    /// Takes one input and does what follows from it.
    func step(_ input: WorkerCore.Input) {
        transact { core, now, effects in core.receive(input, at: now, into: &effects) }
    }

    /// The timer has gone off.
    private func tick() {
        transactState { state, now in
            state.timerDue = .distantFuture
            state.core.receive(.tick, at: now, into: &state.effects)
        }
    }

    /// Changes the core under the lock, sends what it wants sent, and runs completions afterwards.
    @discardableResult
    func transact<Value>(_ body: (inout WorkerCore, Instant, inout WorkerEffects) -> Value) -> Value {
        transactState { state, now in body(&state.core, now, &state.effects) }
    }

    /// As `transact`, for what mostly changes a count and wants nothing done, for which the time need not be asked.
    @discardableResult
    func count<Value>(_ body: (inout WorkerCore, inout WorkerEffects) -> Value) -> Value {
        let (value, isDone) = state.withLock { state in
            let value = body(&state.core, &state.effects)
            return (value, state.effects.isEmpty && state.core.alarm >= state.timerDue)
        }
        // What is left is performed by whoever comes first, in its order.
        if !isDone { transact { _, _, _ in } }
        return value
    }

    @discardableResult
    func transactState<Value>(_ body: (inout State, Instant) -> Value) -> Value {
        let now = reactor.clock.now()
        let (value, after, alarm) = state.withLock { state -> (Value, [Aftermath], Instant?) in
            let value = body(&state, now)
            let after = perform(&state, at: now)
            reactor.setPace(!state.completions.isEmpty ? .awaited : state.core.hasBacklog ? .busy : .usual)
            guard state.core.alarm < state.timerDue else { return (value, after, nil) }
            state.timerDue = state.core.alarm
            return (value, after, state.core.alarm)
        }
        if let alarm { timer.withLock { $0 }?.set(noLaterThan: alarm) }
        for aftermath in after { run(aftermath) }
        return value
    }

    /// Sends what was gathered and ends the links; nothing comes back afterwards.
    package func shutdown() {
        isEnding.store(true, ordering: .sequentiallyConsistent)
        endpoint.shutdown(reason: "the program ends")
        reactor.wake()
    }
}

extension Worker: EndpointHandler {
    package func peerUp(_ peer: WorkerID, _ hello: Hello) { if peer == .gcs { step(.peerUp(peer)) } }

    package func warn(_ text: String) { configuration.warn(text) }

    package func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        do throws(WireError) {
            let message = try Message(kind: kind, payload: payload)
            KillPoint.current?.pass(message, .received)
            if intercept(message) { return }
            let count = arrived.withLock { arrived in
                if arrived.isEmpty { arrived.reserveCapacity(Self.arrivedMax) }
                arrived.append(.message(message, requestID: requestID, from: peer))
                return arrived.count
            }
            if count >= Self.arrivedMax || KillPoint.current != nil { messagesEnd() }
            KillPoint.current?.pass(message, .handled)
        } catch {
            configuration.warn("a message of kind \(kind) from \(peer.hex.prefix(8)) cannot be read: \(error)")
        }
    }

    /// So many messages at most are handled under one lock, for which other threads wait meanwhile.
    private static let arrivedMax = 16

    package func messagesEnd() {
        let inputs = arrived.withLock { arrived in
            defer { arrived = [] }
            return arrived
        }
        guard !inputs.isEmpty else { return }
        transact { core, now, effects in
            for input in inputs { core.receive(input, at: now, into: &effects) }
        }
    }

    package func peerLost(_ peer: WorkerID, _ reason: String) {
        failRooms(peer, reason)
        step(.peerLost(peer, reason: reason))
    }

    private func failRooms(_ peer: WorkerID, _ reason: String) {
        let isHeadGone = peer == .gcs && configuration.core.reconnectMilliseconds == 0
        if let raylet = configuration.core.raylet, peer == raylet.worker || isHeadGone {
            failRooms(RayError(.localRayletDied, reason))
        }
    }

    /// Tells all threads that wait for the raylet why it will not answer.
    func failRooms(_ error: RayError) {
        let rooms = state.withLock { state in
            defer { state.rooms = [:] }
            if state.accepted == nil { state.accepted = .failure(error) }
            return state.rooms
        }
        for (_, room) in rooms { room.fill(.failure(error)) }
    }

    package func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {
        failRooms(peer, reason)
        step(.refused(peer, reason: "\(address.host):\(address.port) refused: \(reason)"))
    }

    /// Answers that a waiting thread wants, not the core.
    private func intercept(_ message: Message) -> Bool {
        switch message {
        case .objectCreated(let message):
            guard let room = state.withLock({ $0.rooms.removeValue(forKey: message.object) }) else { return false }
            if let error = message.error {
                room.fill(.failure(error))
            } else {
                room.fill(.success(Int(clamping: message.offset)))
            }
            return true
        case .workerAccepted(let message):
            state.withLock { state in
                state.accepted = message.error.map { .failure($0) } ?? .success(())
                state.core.environment = message.environment ?? state.core.environment
            }
            return true
        case .logLines(let message):
            configuration.showLog(message)
            return true
        case .published(let message):
            configuration.language.published(message)
            return true
        case .startActor(let message):
            // With groups, calls of several of them run at the same time.
            let count = max(1, message.spec.concurrencyMax) + message.spec.concurrencyGroups.count
            executor?.noteConcurrency(count, of: message.spec.id)
            return false
        default: return false
        }
    }
}
