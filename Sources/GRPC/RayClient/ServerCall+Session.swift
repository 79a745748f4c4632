//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import Synchronization

// A client's stream of data, of which a session answers what the program need not see.
//
// The session sees each message once, in their order: as it comes if the answers to all before are written, else when the
// program asks for it. (What the program answers later, to asynchronous gets, may come in between.)

extension ServerCall {
    /// From now on the session is asked first; see `ClientSession.serve`.
    package func serve(_ session: ClientSession, caches: Bool) {
        session.serve(caches: caches, authorization: authorization)
        state.withLock { if !$0.isOver { $0.session = session } }
    }

    /// The session, if it may answer what comes now; on the event loop.
    var idleSession: ClientSession? {
        state.withLock { state in
            let isIdle = !state.isBusy && state.messages.isEmpty && state.queuedCount == 0
            return isIdle && state.unwrittenBytes < waitingMax && state.outgoing == nil ? state.session : nil
        }
    }

    /// Has the session see a message, the first of those that wait for the program if it is not answered.
    func isAnswered(_ message: ByteBuffer, by session: ClientSession, isFirst: Bool = false) -> Bool {
        switch session.take(message) {
        case .answered(let answer):
            post(answer, isOnEventLoop: isFirst)
            return true
        case .noted:
            return true
        case .left(let key):
            state.withLock { state in
                state.unlearned = key
                state.isFirstLeft = isFirst
            }
            return false
        }
    }

    /// On the event loop answers are flushed together, once all that has come is seen.
    private func post(_ answer: ByteBuffer, isOnEventLoop: Bool) {
        let framed = answer.framed
        guard isOnEventLoop else { return enqueue(framed) }
        state.withLock { state in
            state.unwrittenBytes += Self.cost(of: framed)
            state.isUnflushed = true
        }
        write(framed, flushes: false)
    }

    /// Whether there is something to be flushed, once all that has come is seen.
    func takeUnflushed() -> Bool {
        state.withLock { state in
            defer { state.isUnflushed = false }
            return state.isUnflushed
        }
    }

    /// Whether the session could answer such calls as the one that the program has, if it knew how.
    var isUnlearned: Bool { state.withLock { $0.unlearned != nil } }

    /// Says how.
    func learn(_ call: LearnedCall) {
        let (session, key) = state.withLock { state in
            defer { state.unlearned = nil }
            return (state.session, state.unlearned)
        }
        if let key { session?.learn(key, call) }
    }

    // MARK: A call of its own

    /// Whether its message is there, or will not come.
    var hasArrived: Bool { state.withLock { !$0.messages.isEmpty || $0.hasEnded || $0.isOver } }

    /// The message of a call that has one, which is not taken by that.
    var onlyMessage: ByteBuffer? { state.withLock { $0.messages.count == 1 ? $0.messages.first : nil } }

    /// The program sees this in the place of the call's message.
    func replaceOnlyMessage(by message: ByteBuffer) {
        state.withLock { state in
            guard state.messages.count == 1 else { return }
            state.waitingBytes += message.readableBytes - state.messages[state.messages.startIndex].readableBytes
            state.messages[state.messages.startIndex] = message
        }
    }

    /// Ends the call with one answer; on any thread.
    func finish(with answer: ByteBuffer) {
        answer.withUnsafeReadableBytes { finish(code: 0, details: "", after: $0) }
    }
}
