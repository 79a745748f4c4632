//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import NIOHTTP2
internal import RaySystem
internal import Synchronization

// The program's side of a call: its threads take messages and answer them.

extension ServerCall {
    /// The client's next message that the program must see; waits up to `milliseconds`.
    package func receive(milliseconds: Int) -> Received {
        let deadline = NIODeadline.now() + .milliseconds(Int64(milliseconds))
        let seen = changes.current
        if let received = next(until: deadline) { return received }
        changes.wait(after: seen, milliseconds: milliseconds)
        return next(until: deadline) ?? .nothing
    }

    private func next(until deadline: NIODeadline) -> Received? {
        while let (received, unseenBy) = take() {
            guard let unseenBy, case .message(let message) = received else { return received }
            if let left = unanswered(message, by: unseenBy, until: deadline) { return left }
        }
        return overdue()
    }

    /// Has who waits for a message get none, now or the next time.
    package func wake() {
        state.withLock { $0.isWoken = true }
        changes.raise()
    }

    /// Sends a message; waits up to `milliseconds` while the client takes nothing.
    package func send(_ message: UnsafeRawBufferPointer, milliseconds: Int) -> Sent {
        let room = awaitRoom(milliseconds: milliseconds)
        guard room == .sent else { return room }
        enqueue(ByteBuffer(bytes: message).framed)
        return .sent
    }

    /// Ends the call with a status of gRPC, 0 for OK, and a sentence, after a last message if there is one.
    package func finish(code: Int, details: String, after last: UnsafeRawBufferPointer? = nil) {
        guard end() else { return }
        let framed = last.map { ByteBuffer(bytes: $0).framed }
        channel.eventLoop.execute { [self] in
            let (hasBegun, hasEnded) = state.withLock { ($0.hasBegun, $0.hasEnded) }
            if let framed {
                if !hasBegun { channel.write(HTTP2Frame.FramePayload.beginning, promise: nil) }
                channel.write(HTTP2Frame.FramePayload.message(framed), promise: nil)
            }
            let isAlone = !hasBegun && framed == nil
            let status = HTTP2Frame.FramePayload.status(code, details, isAlone: isAlone)
            channel.writeAndFlush(status).whenComplete { [self] _ in
                // A client that goes on sending has no one who reads it; any other code would be its status.
                if !hasEnded { channel.writeAndFlush(HTTP2Frame.FramePayload.rstStream(.noError), promise: nil) }
            }
        }
    }

    /// Ends the call without a status.
    package func cancel() {
        guard end() else { return }
        channel.close(promise: nil)
    }

    /// What comes next, and the session if that has to see it before the program does.
    private func take() -> (Received, unseenBy: ClientSession?)? {
        let (taken, isToGoOn) = state.withLock { state -> ((Received, ClientSession?)?, Bool) in
            state.isBusy = false
            if state.isOver { return ((.over, nil), false) }
            if state.isWoken {
                state.isWoken = false
                return ((.nothing, nil), false)
            }
            let unseenBy = state.isFirstLeft ? nil : state.session
            // What the session would answer to it has to wait for a client that takes nothing, as what the program sends.
            if unseenBy != nil, !state.messages.isEmpty, state.unwrittenBytes >= waitingMax {
                state.isRoomWanted = true
                return (nil, false)
            }
            guard let first = state.messages.popFirst() else { return (state.hasEnded ? (.end, nil) : nil, false) }
            state.isBusy = true
            if !state.isFirstLeft { state.unlearned = nil }
            state.isFirstLeft = false
            state.waitingBytes -= first.readableBytes
            let isToGoOn = state.isPaused && state.waitingBytes < waitingMax
            if isToGoOn { state.isPaused = false }
            return ((.message(first), unseenBy), isToGoOn)
        }
        if isToGoOn { channel.read() }
        return taken
    }

    /// Waits until the client has taken most of what was sent.
    private func awaitRoom(milliseconds: Int) -> Sent {
        let seen = changes.current
        let before = room()
        guard before == .noRoom, milliseconds > 0 else { return before }
        changes.wait(after: seen, milliseconds: milliseconds)
        return room()
    }

    private func room() -> Sent {
        state.withLock { state in
            if state.isOver { return .over }
            guard state.unwrittenBytes >= waitingMax else { return .sent }
            state.isRoomWanted = true
            return .noRoom
        }
    }
}
