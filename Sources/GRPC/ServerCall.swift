//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import RaySystem
internal import Synchronization

/// One call of a client: what the connection's event loop brings in, and what a thread of the program answers.
package final class ServerCall: Sendable {
    /// What became of a message.
    package enum Sent: Sendable {
        case sent
        /// The client takes nothing for now.
        case noRoom
        /// Nobody waits for it.
        case over
    }

    /// What the program hears when it asks for the next message.
    package enum Received: Equatable, Sendable {
        case message(ByteBuffer)
        /// None within the time.
        case nothing
        /// The client has sent all.
        case end
        /// Nobody waits for an answer any more.
        case over
    }

    private struct State {
        var messages = CircularBuffer<ByteBuffer>()
        /// The size of what has arrived and is not taken.
        var waitingBytes = 0
        /// Whether the client was kept from sending more until that is taken.
        var isPaused = false
        var hasEnded = false
        var isOver = false
        var hasBegun = false
        /// The size of what was sent and is not on its way.
        var unwrittenBytes = 0
        /// Whether somebody waits for that to be less.
        var isRoomWanted = false
        /// Whether who waits for a message is to look at something else.
        var isWoken = false
    }

    /// How much may wait in either direction before the other side is made to wait.
    private static let waitingMax = 32 << 20
    /// `/package.Service/Method`.
    package let method: String
    /// What the client says of the call, without what belongs to the protocol.
    package let metadata: [(name: String, value: String)]
    private let channel: any Channel
    private let state = Mutex(State())
    private let changes = EventCount()

    init(_ headers: HPACKHeaders, on channel: any Channel) {
        method = headers.first(name: ":path") ?? ""
        metadata = headers.compactMap { name, value, _ in
            let isOfProtocol = name.hasPrefix(":") || name.hasPrefix("grpc-") || name == "te" || name == "content-type"
            return isOfProtocol ? nil : (name, value)
        }
        self.channel = channel
    }

    // MARK: The program's side

    /// The client's next message; waits up to `milliseconds`.
    package func receive(milliseconds: Int) -> Received {
        let seen = changes.current
        if let received = take() { return received }
        changes.wait(after: seen, milliseconds: milliseconds)
        return take() ?? .nothing
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
        let framed = frame(message)
        let size = framed.readableBytes
        let isFirst = state.withLock { state in
            state.unwrittenBytes += size
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
        channel.eventLoop.execute { [self] in
            if isFirst { channel.write(HTTP2Frame.FramePayload.beginning, promise: nil) }
            channel.writeAndFlush(HTTP2Frame.FramePayload.message(framed)).whenComplete { [self] _ in wrote(size) }
        }
        return .sent
    }

    /// Ends the call with a status of gRPC, 0 for OK, and a sentence, after a last message if there is one.
    package func finish(code: Int, details: String, after last: UnsafeRawBufferPointer? = nil) {
        guard let before = end() else { return }
        let framed = last.map(frame)
        channel.eventLoop.execute { [self] in
            if !before.hasBegun, framed != nil { channel.write(HTTP2Frame.FramePayload.beginning, promise: nil) }
            if let framed { channel.write(HTTP2Frame.FramePayload.message(framed), promise: nil) }
            let isAlone = !before.hasBegun && framed == nil
            let status = HTTP2Frame.FramePayload.status(code, details, isAlone: isAlone)
            channel.writeAndFlush(status).whenComplete { [self] _ in
                // A client that goes on sending has no one who reads it.
                if !before.hasEnded { channel.close(promise: nil) }
            }
        }
    }

    /// Ends the call without a status.
    package func cancel() {
        guard end() != nil else { return }
        channel.close(promise: nil)
    }

    /// Whether the client waits for an answer.
    package var isActive: Bool { state.withLock { !$0.isOver } }

    private func take() -> Received? {
        let (received, isToGoOn) = state.withLock { state -> (Received?, Bool) in
            if state.isOver { return (.over, false) }
            if state.isWoken {
                state.isWoken = false
                return (.nothing, false)
            }
            guard let first = state.messages.popFirst() else { return (state.hasEnded ? .end : nil, false) }
            state.waitingBytes -= first.readableBytes
            let isToGoOn = state.isPaused && state.waitingBytes < Self.waitingMax
            if isToGoOn { state.isPaused = false }
            return (.message(first), isToGoOn)
        }
        if isToGoOn { channel.read() }
        return received
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
            state.isRoomWanted = !state.isOver && state.unwrittenBytes >= Self.waitingMax
            return state.isOver ? .over : state.isRoomWanted ? .noRoom : .sent
        }
    }

    private func wrote(_ size: Int) {
        let isRoomWanted = state.withLock { state in
            state.unwrittenBytes -= size
            return state.isRoomWanted
        }
        if isRoomWanted { changes.raise() }
    }

    private func end() -> (hasBegun: Bool, hasEnded: Bool)? {
        let before = state.withLock { state -> (hasBegun: Bool, hasEnded: Bool)? in
            if state.isOver { return nil }
            state.isOver = true
            state.messages.removeAll()
            return (state.hasBegun, state.hasEnded)
        }
        changes.raise()
        return before
    }

    private func frame(_ message: UnsafeRawBufferPointer) -> ByteBuffer {
        var framed = channel.allocator.buffer(capacity: message.count + 5)
        framed.writeInteger(UInt8(0))
        framed.writeInteger(UInt32(message.count))
        framed.writeBytes(message)
        return framed
    }

    // MARK: The connection's side

    /// Takes what has arrived.
    func deliver(_ message: ByteBuffer) {
        state.withLock { state in
            if state.isOver { return }
            state.messages.append(message)
            state.waitingBytes += message.readableBytes
        }
        changes.raise()
    }

    /// Whether the client may send more; if not, the program's side asks for it once there is room.
    func mayRead() -> Bool {
        state.withLock { state in
            state.isPaused = !state.isOver && state.waitingBytes >= Self.waitingMax
            return !state.isPaused
        }
    }

    /// The client has sent all.
    func sawEnd() {
        state.withLock { $0.hasEnded = true }
        changes.raise()
    }

    /// The client is gone, or does not want an answer.
    func lose() { _ = end() }
}

extension HTTP2Frame.FramePayload {
    /// What comes before the first message.
    static var beginning: Self {
        headers(.init(headers: [":status": "200", "content-type": "application/grpc"]))
    }

    /// A message with its head.
    static func message(_ framed: ByteBuffer) -> Self { data(.init(data: .byteBuffer(framed))) }

    /// The end of a call; `isAlone` if nothing comes before it.
    static func status(_ code: Int, _ details: String, isAlone: Bool) -> Self {
        var fields: HPACKHeaders = isAlone ? [":status": "200", "content-type": "application/grpc"] : [:]
        fields.add(name: "grpc-status", value: String(code))
        if !details.isEmpty { fields.add(name: "grpc-message", value: percentEncoded(details)) }
        return headers(.init(headers: fields, endStream: true))
    }

    /// As gRPC wants sentences: what is not printable ASCII, and the per cent sign, by its bytes.
    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
