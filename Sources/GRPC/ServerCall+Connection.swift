//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import RaySystem
internal import Synchronization

// The connection's side of a call, on its event loop.

extension ServerCall {
    /// Takes what has arrived.
    func deliver(_ message: ByteBuffer) {
        if let session = idleSession, isAnsweredAtOnce(message, by: session) { return }
        let outgoing = state.withLock { state -> OutgoingCall? in
            if state.isOver || state.outgoing != nil { return state.outgoing }
            state.messages.append(message)
            state.waitingBytes += message.readableBytes
            return nil
        }
        if let outgoing { outgoing.send(message) } else { changes.raise() }
    }

    /// Whether the client may send more; if not, it is asked for once there is room.
    func mayRead() -> Bool {
        // The other call's lock is not taken under this one's; what it says changes on the event loop only.
        let hasRoom = state.withLock { $0.outgoing }?.hasRoom
        return state.withLock { state in
            let isFull = hasRoom.map { !$0 } ?? (state.waitingBytes >= waitingMax)
            state.isPaused = !state.isOver && isFull
            return !state.isPaused
        }
    }

    /// The client has sent all.
    func sawEnd() {
        let outgoing = state.withLock { state in
            state.hasEnded = true
            return state.outgoing
        }
        changes.raise()
        outgoing?.endSending()
    }

    /// The client is gone, or does not want an answer.
    func lose() {
        let (outgoing, isWhole) = state.withLock { ($0.outgoing, $0.isWhole) }
        guard end() else { return }
        guard !isWhole else { return outgoing?.cancel() ?? () }
        outgoing?.endSending()
        // Nothing waits for this client to take more: what the server still says is read to its end.
        outgoing?.goOn()
    }
}
