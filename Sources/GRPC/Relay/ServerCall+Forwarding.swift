//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import Synchronization

// A call that goes on to another server.

extension ServerCall {
    /// From now on, what the client sends goes to another server, and what that answers to the client.
    ///
    /// Answers with one of the fields `kept` are left to the program, and the call's end; without `kept` nothing is.
    package func passOn(to outgoing: OutgoingCall, keeping kept: Set<Int>?) {
        channel.eventLoop.execute { [self] in
            let (waiting, hasEnded, isOver) = state.withLock { state in
                defer {
                    state.messages.removeAll()
                    state.waitingBytes = 0
                    state.isWhole = kept == nil
                    if !state.isOver { state.outgoing = outgoing }
                }
                return (state.messages, state.hasEnded, state.isOver)
            }
            if let end = outgoing.attach(.init(call: self, kept: kept)) {
                if kept == nil { finish(code: end.code, details: end.details) }
                return
            }
            for message in waiting { outgoing.send(message) }
            if isOver, kept == nil { return outgoing.cancel() }
            if hasEnded || isOver { outgoing.endSending() }
            goOn()
        }
    }

    /// Sends a message that the other server has answered with.
    func forward(_ message: ByteBuffer) {
        let framed = message.framed
        let isOver = state.withLock { state in
            state.unwrittenBytes += Self.cost(of: framed)
            return state.isOver
        }
        if !isOver { write(framed) }
    }

    /// Whether the client takes more for now.
    var hasRoom: Bool { state.withLock { $0.isOver || $0.unwrittenBytes < waitingMax } }

    /// The other server takes more again.
    func goOn() {
        let wasPaused = state.withLock { state in
            defer { state.isPaused = false }
            return state.isPaused
        }
        if wasPaused { channel.read() }
    }
}
