//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore
internal import RayWire
internal import Synchronization

/// What became of a message that was handed to `send`.
package enum SendOutcome: Hashable, Sendable {
    case sent
    /// It was taken, but more is queued than the limit: wait before sending more.
    case congested
    /// There is no link to the peer, or it was lost (its loss is or was reported): the message is gone.
    case noLink
    /// It is larger than a frame, and nothing was sent: whoever waits for it is to be told.
    case tooLarge
}

/// When a message is written.
package enum SendTime: Hashable, Sendable {
    /// Gathered with others: by `Reactor.flush`, by the next thread that polls, by the leading thread, or when 32 KiB have
    /// gathered.
    case gathered
    /// At once, or at the end of the turn within a handler.
    case soon
    /// At once, also within a handler, as far as the socket takes it: nobody hears before it what this process says to
    /// others afterwards, be it killed in between.
    case atOnce
}

/// One process to which an endpoint has a link; `send` may be called on any thread.
package final class Peer: Sendable {
    struct State {
        var link: LinkCore
        /// The connection in use; nothing while there is none.
        var connection: Connection?
        /// Whether the connection takes no bytes at the moment.
        var isBlocked = false
        /// Whether the reactor flushes this peer soon.
        var isDirty = false
        /// Where the peer is reached, if this side connects.
        var address: Address?
        /// Chosen by the side that connects.
        var linkID: UInt64
        /// Of the process at the other end; nothing until it was met.
        var incarnation: UInt64?
        /// Number of the hello or welcome that the peer said last; older ones come too late.
        var serial: UInt64 = 0
        /// When to connect again.
        var connectAt: Instant?
    }

    /// The process.
    package let id: WorkerID
    let state: Mutex<State>
    private let reactor: Reactor
    private let timer: ReactorTimer
    /// Has the effects of the link performed, on the leading thread.
    private let settle: @Sendable (Peer) -> Void

    init(
        id: WorkerID, state: sending State, reactor: Reactor, timer: ReactorTimer,
        settle: @escaping @Sendable (Peer) -> Void
    ) {
        self.id = id
        self.state = Mutex(state)
        self.reactor = reactor
        self.timer = timer
        self.settle = settle
    }

    /// Sends a message.
    @discardableResult
    package func send(
        kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, at time: SendTime = .soon
    ) -> SendOutcome {
        let isInTurn = reactor.isInTurn
        var becameDirty = false
        var hasEffects = false
        var tickAt: Instant?
        let outcome = state.withLock { state -> SendOutcome in
            guard state.link.state != .lost else { return .noLink }
            guard state.link.enqueue(kind: kind, requestID: requestID, payload: payload, at: reactor.clock.now()) else {
                return .tooLarge
            }
            hasEffects = state.link.hasEffects
            tickAt = state.link.tickAt
            let mayWait =
                switch time {
                case .gathered: isInTurn || state.link.unsentBytes < Self.gatheredBytesMax
                case .soon: isInTurn
                case .atOnce: false
                }
            if mayWait {
                becameDirty = !state.isDirty
                state.isDirty = true
            } else {
                write(&state)
            }
            return state.link.isCongested ? .congested : .sent
        }
        if let tickAt { timer.set(about: tickAt) }
        if hasEffects { settle(self) }
        if becameDirty { isInTurn ? reactor.flushAtTurnEnd(self) : reactor.flushSoon(self) }
        return outcome
    }

    /// Sends a message whose payload is an array.
    @discardableResult
    package func send(kind: UInt16, requestID: UInt64, payload: [UInt8], at time: SendTime = .soon) -> SendOutcome {
        payload.withUnsafeBytes { send(kind: kind, requestID: requestID, payload: $0, at: time) }
    }

    /// Bytes that are queued for the peer, sent or not.
    package var queuedBytes: Int { state.withLock { $0.link.queuedBytes } }

    private static let gatheredBytesMax = 32 << 10

    /// Writes until nothing is left or the socket is full; under the state's lock.
    func write(_ state: inout State) {
        guard !state.isBlocked, let connection = state.connection else { return }
        while state.link.unsentBytes > 0 {
            // A failure is found by the reader of the connection, too: it gets the end or the error.
            let sent = state.link.sendNext { connection.send($0) }
            guard sent > 0 else { return block(&state, connection) }
        }
        if !connection.flush() { block(&state, connection) }
    }

    /// Goes on writing when the socket takes bytes again.
    private func block(_ state: inout State, _ connection: Connection) {
        state.isBlocked = true
        reactor.modify(descriptor: connection.descriptor, events: Connection.writing)
    }

    /// The connection takes bytes again.
    func unblocked() {
        state.withLock { state in
            guard let connection = state.connection else { return }
            state.isBlocked = false
            reactor.modify(descriptor: connection.descriptor, events: Connection.reading)
            write(&state)
        }
    }
}

extension Peer: ReactorFlushable {
    func flush() {
        state.withLock { state in
            state.isDirty = false
            write(&state)
        }
    }
}
