//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import Synchronization

/// What one client of Ray has of the cluster, and answers to those of its requests that need no interpreter: puts, calls,
/// releases and gets of plain values.
///
/// The program, Ray's servicer in Python, answers all else, and may hold objects of the client as well. Of a stream, a
/// request is answered here only if all before it are answered: what comes later may build on it.
package final class ClientSession: Sendable {
    /// What becomes of a request.
    package enum Verdict: Equatable, Sendable {
        /// It is answered.
        case answered(ByteBuffer)
        /// There is nothing to say, and nobody else need hear of it.
        case noted
        /// It is to come again when there is room for it (`awaitRoom`).
        case postponed
        /// It is the program's; with a key, the session could answer such calls if it knew how.
        case left(CallKey?)
        /// It is the program's, and so are these, which come before it.
        case leftAfter([ByteBuffer])
    }

    /// What only who has the turn may use.
    struct Turn {
        /// A large value whose parts come.
        var put: IncomingPut?
        /// Whether who shows the message may be kept for as long as it takes to copy all parts.
        var mayCopy = true
    }

    struct State {
        /// The client's objects; whether the program holds it, too.
        var objects: [ObjectKey: Bool] = [:]
        var calls: [CallKey: LearnedCall] = [:]
        var answers = AnswerCache()
        /// Gets that wait, by number.
        var gets: [UInt64: PendingGet] = [:]
        var lastGet: UInt64 = 0
        var isEnded = false
        /// Whether the client's stream of data is served, and what the client has shown to be let in there.
        var isServed = false
        var authorization: String?
        /// Whether the program answers all, since somebody wants to see in its log what it does.
        var isPaused = false

        /// Whether anything is answered here for now.
        var isAnswering: Bool { isServed && !isPaused }
    }

    let client: String
    let runtime: any ClientRuntime
    /// The module of NumPy by which pickles make arrays, if there is NumPy.
    let arrays: String?
    let state = Mutex(State())
    /// Held while a request is answered: a client that has connected again may ask once more meanwhile.
    let turn = Mutex(Turn())

    /// A client of this name, which has nothing yet. Arrays in pickles are made by `_frombuffer` of the module `arrays`.
    package init(of client: String, runtime: any ClientRuntime, arrays: String?) {
        self.arrays = arrays
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

    /// The client has objects that were just made, each with one reference.
    func keep(_ ids: [ObjectKey]) {
        let isEnded = state.withLock { state in
            if !state.isEnded { for id in ids { state.objects[id] = false } }
            return state.isEnded
        }
        if isEnded { for id in ids { runtime.release(id) } }
    }

    // MARK: Life

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

    /// Gives back all that the client has; nothing is answered here any more.
    package func end() {
        let before = state.withLock { state in
            defer {
                state = State()
                state.isEnded = true
            }
            return state
        }
        turn.withLock { turn in
            turn.put?.room.abort()
            turn.put = nil
        }
        for id in before.objects.keys { runtime.release(id) }
        for get in before.gets.values { finish(get, with: .left) }
    }

    /// Calls with this key are submitted so from now on.
    package func learn(_ key: CallKey, _ call: LearnedCall) {
        state.withLock { state in
            guard !state.isEnded else { return }
            // Somebody may give each call a name of its own.
            if state.calls.count >= Self.callsMax { state.calls.remove(at: state.calls.startIndex) }
            state.calls[key] = call
        }
    }

    /// So many kinds of calls are known at a time.
    private static let callsMax = 1_000
}
