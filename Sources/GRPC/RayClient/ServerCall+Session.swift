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

    /// Has the session see a message that came when all before were answered; whether it is the session's.
    func isAnsweredAtOnce(_ message: ByteBuffer, by session: ClientSession) -> Bool {
        switch session.take(message, mayCopy: false) {
        case .answered(let answer): post(answer, isOnEventLoop: true)
        case .noted: break
        // Whoever asks for messages waits, and shows it to the session again.
        case .postponed: return false
        case .left(let key):
            state.withLock { state in
                state.unlearned = key
                state.isFirstLeft = true
            }
            return false
        case .leftAfter(let earlier):
            state.withLock { state in
                state.insert(earlier)
                state.unlearned = nil
                state.isFirstLeft = true
            }
            return false
        }
        return true
    }

    /// Has the session see a message that waited; what the program gets of it, or in its place. Waits until `deadline`.
    func unanswered(_ message: ByteBuffer, by session: ClientSession, until deadline: NIODeadline) -> Received? {
        while true {
            switch session.take(message) {
            case .answered(let answer): post(answer, isOnEventLoop: false)
            case .noted: break
            case .postponed:
                let left = (deadline - .now()).nanoseconds / 1_000_000
                if left > 0, isActive {
                    session.awaitRoom(milliseconds: Int(left))
                    continue
                }
                state.withLock { $0.insert([message]) }
                return .nothing
            case .left(let key):
                state.withLock { $0.unlearned = key }
                return .message(message)
            case .leftAfter(let earlier):
                state.withLock { $0.insert(earlier.dropFirst() + [message]) }
                return earlier.first.map { .message($0) }
            }
            return nil
        }
    }

    /// The first part of a value whose other parts do not come; what has come of these is next.
    func overdue() -> Received? {
        guard let messages = state.withLock({ $0.session })?.overdue(), let first = messages.first else { return nil }
        state.withLock { state in
            state.insert(messages.dropFirst())
            state.isBusy = true
        }
        return .message(first)
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

    /// Sends a value from a part on, each when the last is on its way, and ends the call with the last one; on the event
    /// loop.
    func finish(with value: LargeValue, from part: Int) {
        let answer = ClientAnswer.value(
            pickle: value.part(part), part: part, of: value.partCount, size: value.byteCount)
        guard part + 1 < value.partCount else { return finish(with: answer) }
        let framed = answer.framed
        let isOver = state.withLock { state in
            state.unwrittenBytes += Self.cost(of: framed)
            return state.isOver
        }
        guard !isOver else { return }
        write(framed).whenSuccess { [self] in finish(with: value, from: part + 1) }
    }
}

extension ServerCall.State {
    /// Puts messages in front of those that wait, unless nobody waits for an answer any more.
    mutating func insert(_ messages: some Sequence<ByteBuffer>) {
        guard !isOver else { return }
        for message in messages.reversed() {
            self.messages.prepend(message)
            waitingBytes += message.readableBytes
        }
    }
}
