//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import RaySystem
internal import Synchronization

/// A call of this side to another server, where a client's call is passed on to.
///
/// What the server answers goes to the client, but for what the program has kept for itself.
package final class OutgoingCall: Sendable {
    /// What the program hears when it asks for the next answer.
    package enum Received: Equatable, Sendable {
        case message(ByteBuffer)
        /// None within the time.
        case nothing
        /// The call has ended, with a status of gRPC.
        case end(code: Int, details: String)
    }

    /// Where answers go to.
    struct Client: Sendable {
        let call: ServerCall
        /// Fields by which the program knows what it keeps; nothing if it has no part in the call, not even in its end.
        let kept: Set<Int>?
    }

    private struct State {
        /// Once the connection has the stream.
        var channel: (any Channel)?
        /// What is to be sent before that.
        var unsent = CircularBuffer<ByteBuffer>()
        var client: Client?
        var messages = CircularBuffer<ByteBuffer>()
        /// The size of what was sent and is not on its way, and of answers that the program has not taken.
        var unwrittenBytes = 0
        var waitingBytes = 0
        var hasSentAll = false
        var isPaused = false
        var end: (code: Int, details: String)?
    }

    private let waitingMax: Int
    private let state = Mutex(State())
    private let changes = EventCount()

    /// A call that has not begun; where `waitingMax` bytes wait in one direction, the other side is made to wait.
    package init(waitingMax: Int = ServerCall.waitingMax) { self.waitingMax = waitingMax }

    // MARK: The program's side

    /// Sends a message.
    package func send(_ message: UnsafeRawBufferPointer) { send(ByteBuffer(bytes: message)) }

    /// The next answer that is kept for the program; waits up to `milliseconds`.
    package func receive(milliseconds: Int) -> Received {
        let seen = changes.current
        if let received = take() { return received }
        changes.wait(after: seen, milliseconds: milliseconds)
        return take() ?? .nothing
    }

    /// Ends the call, if it has not ended.
    package func cancel() {
        guard let before = finish(code: GRPCCode.cancelled, details: "nobody waits for it any more") else { return }
        before.channel?.close(promise: nil)
    }

    private func take() -> Received? {
        let (received, resumed) = state.withLock { state -> (Received?, (any Channel)?) in
            guard let first = state.messages.popFirst() else {
                return (state.end.map { .end(code: $0.code, details: $0.details) }, nil)
            }
            state.waitingBytes -= first.readableBytes
            guard state.isPaused, state.waitingBytes < waitingMax else { return (.message(first), nil) }
            state.isPaused = false
            return (.message(first), state.channel)
        }
        resumed?.read()
        return received
    }

    // MARK: The client's side

    /// Has answers from now on go to a client; on the event loop, as all that follows. If the call has ended, its end.
    func attach(_ client: Client) -> (code: Int, details: String)? {
        state.withLock { state in
            if state.end == nil { state.client = client }
            return state.end
        }
    }

    /// Sends what the client has sent.
    func send(_ message: ByteBuffer) {
        let framed = message.framed
        let channel = state.withLock { state -> (any Channel)? in
            guard state.end == nil, !state.hasSentAll else { return nil }
            state.unwrittenBytes += framed.readableBytes
            if state.channel == nil { state.unsent.append(framed) }
            return state.channel
        }
        if let channel { write(framed, to: channel) }
    }

    /// The client has sent all.
    func endSending() {
        let channel = state.withLock { state -> (any Channel)? in
            guard !state.hasSentAll else { return nil }
            state.hasSentAll = true
            return state.end == nil ? state.channel : nil
        }
        channel?.writeAndFlush(HTTP2Frame.FramePayload.nothingMore, promise: nil)
    }

    /// Whether more may be sent; if not, the client's call is asked to go on once it may.
    var hasRoom: Bool { state.withLock { $0.end != nil || $0.unwrittenBytes < waitingMax } }

    /// The client has taken what kept the server waiting.
    func goOn() {
        let channel = state.withLock { state -> (any Channel)? in
            defer { state.isPaused = false }
            return state.isPaused ? state.channel : nil
        }
        channel?.read()
    }

    private func write(_ framed: ByteBuffer, to channel: any Channel) {
        let size = framed.readableBytes
        channel.writeAndFlush(HTTP2Frame.FramePayload.message(framed)).whenComplete { [self] _ in
            let client = state.withLock { state -> Client? in
                state.unwrittenBytes -= size
                return state.unwrittenBytes < waitingMax ? state.client : nil
            }
            client?.call.goOn()
        }
    }

    // MARK: The server's side

    /// The stream is there, of which this listens: the call begins, with these fields.
    package func opened(_ channel: any Channel, _ headers: [(String, String)]) {
        guard channel.isActive else { return ended(code: GRPCCode.unavailable, details: "the server is gone") }
        let (unsent, hasSentAll) = state.withLock { state -> (CircularBuffer<ByteBuffer>?, Bool) in
            guard state.end == nil else { return (nil, false) }
            state.channel = channel
            defer { state.unsent.removeAll() }
            return (state.unsent, state.hasSentAll)
        }
        guard let unsent else { return channel.close(promise: nil) }
        channel.write(HTTP2Frame.FramePayload.headers(.init(headers: HPACKHeaders(headers))), promise: nil)
        for framed in unsent { write(framed, to: channel) }
        if hasSentAll {
            channel.writeAndFlush(HTTP2Frame.FramePayload.nothingMore, promise: nil)
        } else {
            channel.flush()
        }
    }

    /// Takes an answer.
    func deliver(_ message: ByteBuffer) {
        let client = state.withLock { state -> Client? in
            if let client = state.client, client.kept.map({ !MessageFields.contains($0, in: message) }) ?? true {
                return client
            }
            state.messages.append(message)
            state.waitingBytes += message.readableBytes
            return nil
        }
        if let client { client.call.forward(message) } else { changes.raise() }
    }

    /// Whether the server may send more; if not, it is asked to once there is room.
    func mayRead() -> Bool {
        // As in `ServerCall.mayRead`.
        let hasRoom = state.withLock { $0.client }?.call.hasRoom ?? true
        return state.withLock { state in
            state.isPaused = state.waitingBytes >= waitingMax || !hasRoom
            return !state.isPaused
        }
    }

    /// The server has ended the call, or is gone.
    func ended(code: Int, details: String) {
        guard let before = finish(code: code, details: details) else { return }
        if let client = before.client, client.kept == nil { client.call.finish(code: code, details: details) }
    }

    private func finish(code: Int, details: String) -> (channel: (any Channel)?, client: Client?)? {
        let before = state.withLock { state -> (channel: (any Channel)?, client: Client?)? in
            guard state.end == nil else { return nil }
            state.end = (code, details)
            state.unsent.removeAll()
            defer {
                state.channel = nil
                state.client = nil
            }
            return (state.channel, state.client)
        }
        changes.raise()
        return before
    }
}

extension HTTP2Frame.FramePayload {
    /// What comes after the last message.
    static var nothingMore: Self { data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)) }
}
