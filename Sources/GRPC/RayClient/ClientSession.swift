//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import Synchronization

/// What one client of Ray has of the cluster, and answers to those of its requests that need no interpreter: puts, calls
/// and releases of plain values.
///
/// The program, Ray's servicer in Python, answers all else, and may hold objects of the client as well. A request is
/// answered here only if the program has answered all before it: what comes later may build on it.
package final class ClientSession: Sendable {
    /// What becomes of a request.
    package enum Verdict: Equatable, Sendable {
        /// It is answered.
        case answered(ByteBuffer)
        /// There is nothing to say, and nobody else must hear of it.
        case noted
        /// It is the program's; with a key, the session could answer such calls if it knew how.
        case left(CallKey?)
    }

    private struct State {
        /// The client's objects; whether the program holds it, too.
        var objects: [ObjectKey: Bool] = [:]
        var calls: [CallKey: LearnedCall] = [:]
        var answers = AnswerCache()
        var isEnded = false
        /// Whether the client's stream of data is served, and what the client has shown to be let in there.
        var isServed = false
        var authorization: String?
        /// Whether the program answers all, since somebody wants to see in its log what it does.
        var isPaused = false
    }

    /// Larger requests are the program's: what has to be put into the shared store is.
    private static let plainBytesMax = 64 << 10
    /// So many kinds of calls are known at a time.
    private static let callsMax = 10_000

    private let client: String
    private let runtime: any ClientRuntime
    private let state = Mutex(State())
    /// Held while a request is answered: a client that has connected again may ask once more meanwhile.
    private let turn = Mutex(())

    /// A client of this name, which has nothing yet.
    package init(of client: String, runtime: any ClientRuntime) {
        self.client = client
        self.runtime = runtime
    }

    // MARK: Objects

    /// The client has an object that the program holds, too; whether the object is known.
    package func insert(_ id: ObjectKey) -> Bool {
        guard runtime.retain(id) else { return false }
        let isSpare = state.withLock { state in
            if state.isEnded { return true }
            return state.objects.updateValue(true, forKey: id) != nil
        }
        if isSpare { runtime.release(id) }
        return true
    }

    /// Whether the client has an object.
    package func contains(_ id: ObjectKey) -> Bool { state.withLock { $0.objects[id] != nil } }

    /// The client has an object no longer; whether it had it.
    package func remove(_ id: ObjectKey) -> Bool {
        guard state.withLock({ $0.objects.removeValue(forKey: id) }) != nil else { return false }
        runtime.release(id)
        return true
    }

    /// How many objects the client has.
    package var count: Int { state.withLock { $0.objects.count } }

    /// Gives back all that the client has; nothing is answered here any more.
    package func end() {
        let before = state.withLock { state in
            defer {
                state = State()
                state.isEnded = true
            }
            return state
        }
        for id in before.objects.keys { runtime.release(id) }
    }

    // MARK: Requests

    /// From now on the client's stream is answered here; `caches` if the client may connect again, and ask once more.
    package func serve(caches: Bool, authorization: String?) {
        state.withLock { state in
            state.isServed = !state.isEnded
            state.authorization = authorization
            state.answers.isUsed = caches
        }
    }

    /// Leaves everything to the program, or no longer.
    package func pause(_ isPaused: Bool) { state.withLock { $0.isPaused = isPaused } }

    /// Whether somebody who shows this is the client whose stream is served.
    package func admits(_ authorization: String?) -> Bool {
        let (isServed, known) = state.withLock { ($0.isServed, $0.authorization) }
        return isServed && Secret.isSame(authorization, known)
    }

    /// Answers a request of the client's stream, or not.
    package func take(_ message: ByteBuffer) -> Verdict { turn.withLock { _ in takeInTurn(message) } }

    private func takeInTurn(_ message: ByteBuffer) -> Verdict {
        guard let request = DataRequest(message) else { return .left(nil) }
        if case .acknowledge(let last) = request.content {
            return state.withLock { $0.answers.acknowledge(last) } ? .left(nil) : .noted
        }
        let id = request.requestID
        switch state.withLock({ $0.answers.standing(of: id) }) {
        case .answered(let answer): return .answered(answer)
        case .seen: return .left(nil)
        case .new: break
        }
        let verdict = message.readableBytes <= Self.plainBytesMax ? answer(request) : .left(nil)
        state.withLock { state in
            if case .answered(let answer) = verdict {
                state.answers.add(answer, to: id)
            } else {
                state.answers.leave(id)
            }
        }
        return verdict
    }

    private func answer(_ request: DataRequest) -> Verdict {
        guard state.withLock({ $0.isServed && !$0.isPaused }) else { return .left(nil) }
        switch request.content {
        case .task(let task): return call(task, request.requestID)
        case .put(let put): return self.put(put, request.requestID)
        case .release(let ids): return release(ids, request.requestID)
        case .acknowledge, .other: return .left(nil)
        }
    }

    private func put(_ put: PutRequest, _ requestID: Int32) -> Verdict {
        guard put.isWhole, put.clientReferenceID.readableBytes == 0, let value = PlainPickle.value(of: put.data),
            let id = runtime.put(value)
        else { return .left(nil) }
        keep([id])
        return .answered(ClientAnswer.put(requestID: requestID, id: id.buffer))
    }

    private func call(_ task: ClientTask, _ requestID: Int32) -> Verdict {
        guard task.isWhole, task.clientID == client, let arguments = PlainPickle.arguments(of: task.data) else {
            return .left(nil)
        }
        let key = CallKey(task, argumentCount: arguments.count)
        guard let learned = state.withLock({ $0.calls[key] }) else { return .left(key) }
        guard let ids = runtime.submit(learned, arguments.flatMap { [learned.marker, $0] }) else { return .left(nil) }
        keep(ids)
        return .answered(ClientAnswer.ticket(requestID: requestID, ids: ids.map(\.buffer)))
    }

    private func release(_ ids: [ByteBuffer], _ requestID: Int32) -> Verdict {
        let released = state.withLock { state -> [ObjectKey]? in
            let keys = ids.compactMap { ObjectKey($0) }
            // The program has to give back what it holds, too, and knows what else a client may have.
            guard keys.count == ids.count, Set(keys).count == keys.count,
                keys.allSatisfy({ state.objects[$0] == false })
            else { return nil }
            for key in keys { state.objects[key] = nil }
            return keys
        }
        guard let released else { return .left(nil) }
        for id in released { runtime.release(id) }
        return .answered(ClientAnswer.released(requestID: requestID, released.map { _ in true }))
    }

    private func keep(_ ids: [ObjectKey]) {
        let isEnded = state.withLock { state in
            guard !state.isEnded else { return true }
            for id in ids where state.objects.updateValue(false, forKey: id) == true { state.objects[id] = true }
            return false
        }
        if isEnded { for id in ids { runtime.release(id) } }
    }

    // MARK: Calls

    /// Calls with this key are submitted so from now on.
    package func learn(_ key: CallKey, _ call: LearnedCall) {
        state.withLock { state in
            guard !state.isEnded else { return }
            if state.calls.count >= Self.callsMax { state.calls.removeAll() }
            state.calls[key] = call
        }
    }

    /// Fetches objects of the client for a request outside of its stream; whether `done` will be called, see
    /// `ClientRuntime.get`.
    package func get(
        _ request: GetRequest, _ done: @escaping @Sendable ([PlainValue]?) -> Void
    ) -> Bool {
        let ids = request.ids.compactMap { ObjectKey($0) }
        guard ids.count == request.ids.count, !ids.isEmpty, !request.isAsynchronous, request.startChunkID == 0,
            let milliseconds = request.milliseconds,
            state.withLock({ state in
                state.isServed && !state.isPaused && ids.allSatisfy { state.objects[$0] != nil }
            })
        else { return false }
        // The client may give them back meanwhile.
        let held = ids.filter { runtime.retain($0) }
        runtime.get(ids, milliseconds: milliseconds) { [runtime] values in
            for id in held { runtime.release(id) }
            done(values)
        }
        return true
    }
}

extension PutRequest {
    fileprivate var isWhole: Bool { chunkID == 0 && chunkCount == 1 }
}

extension ClientTask {
    /// Whether it has all of its arguments, and its results are objects.
    fileprivate var isWhole: Bool {
        chunkID == 0 && chunkCount == 1 && !hasOldArguments && (kind == .function || kind == .method)
    }
}

extension GetRequest {
    /// How long the client waits at most; nothing if that is no time.
    fileprivate var milliseconds: Int64? { timeout >= 0 ? Int64(exactly: (timeout * 1_000).rounded(.up)) : nil }
}

/// What calls have in common that are submitted in one way.
package struct CallKey: Hashable, Sendable {
    private let kind: ClientTask.Kind
    private let payloadID: ByteBuffer
    private let name: String
    private let namespace: String
    private let options: ByteBuffer?
    private let baselineOptions: ByteBuffer?
    private let argumentCount: Int

    /// Of a call with so many arguments. Its bytes are copied: a message is not kept for them.
    init(_ task: ClientTask, argumentCount: Int) {
        func copy(_ bytes: ByteBuffer) -> ByteBuffer { ByteBuffer(bytes: bytes.readableBytesView) }
        kind = task.kind
        payloadID = copy(task.payloadID)
        name = task.name
        namespace = task.namespace
        options = task.options.map(copy)
        baselineOptions = task.baselineOptions.map(copy)
        self.argumentCount = argumentCount
    }
}
