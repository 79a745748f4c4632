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

    struct State {
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
        /// Whether somebody waits for there to be room.
        var isRoomWanted = false
        /// Whether who waits for a message is to look at something else.
        var isWoken = false
        /// Where messages go to, if not to the program.
        var outgoing: OutgoingCall?
        /// Whether the client has no part in that any more once it is gone; else it has sent all.
        var isWhole = false
        /// Who answers what the program need not see.
        var session: ClientSession?
        /// Whether the program may not have answered its latest message: it has not asked for more.
        var isBusy = false
        /// Whether the session has left the first message that waits to the program.
        var isFirstLeft = false
        /// What the session would have to know to answer the program's latest message, or the one that was left to it.
        var unlearned: CallKey?
        /// How many of the program's messages are not written yet: none that comes later may be written before them.
        var queuedCount = 0
        /// Whether something was written that is not flushed.
        var isUnflushed = false
    }

    /// How much may wait in either direction before the other side is made to wait.
    static let waitingMax = 32 << 20
    /// `/package.Service/Method`.
    package let method: String
    /// What the client says of the call, without what belongs to the protocol.
    package let metadata: [(name: String, value: String)]
    let channel: any Channel
    let state = Mutex(State())
    private let changes = EventCount()

    init(_ headers: HPACKHeaders, on channel: any Channel) {
        method = headers.first(name: ":path") ?? ""
        metadata = headers.compactMap { name, value, _ in
            let isOfProtocol = name.hasPrefix(":") || name.hasPrefix("grpc-") || name == "te" || name == "content-type"
            return isOfProtocol ? nil : (name, value)
        }
        self.channel = channel
    }

    /// What the client says of the call under a name.
    func metadata(_ name: String) -> String? { metadata.first { $0.name == name }?.value }

    // MARK: The program's side

    /// The client's next message that the program must see; waits up to `milliseconds`.
    package func receive(milliseconds: Int) -> Received {
        let seen = changes.current
        if let received = next() { return received }
        changes.wait(after: seen, milliseconds: milliseconds)
        return next() ?? .nothing
    }

    private func next() -> Received? {
        while let (received, unseenBy) = take() {
            guard let unseenBy, case .message(let message) = received, isAnswered(message, by: unseenBy) else {
                return received
            }
        }
        return nil
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

    /// Whether the client waits for an answer.
    package var isActive: Bool { state.withLock { !$0.isOver } }

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
            if unseenBy != nil, !state.messages.isEmpty, state.unwrittenBytes >= Self.waitingMax {
                state.isRoomWanted = true
                return (nil, false)
            }
            guard let first = state.messages.popFirst() else { return (state.hasEnded ? (.end, nil) : nil, false) }
            state.isBusy = true
            if !state.isFirstLeft { state.unlearned = nil }
            state.isFirstLeft = false
            state.waitingBytes -= first.readableBytes
            let isToGoOn = state.isPaused && state.waitingBytes < Self.waitingMax
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
            guard state.unwrittenBytes >= Self.waitingMax else { return .sent }
            state.isRoomWanted = true
            return .noRoom
        }
    }

    /// Has a message written in its turn; on any thread.
    func enqueue(_ framed: ByteBuffer) {
        state.withLock { state in
            state.unwrittenBytes += Self.cost(of: framed)
            state.queuedCount += 1
        }
        channel.eventLoop.execute { [self] in
            write(framed)
            state.withLock { $0.queuedCount -= 1 }
        }
    }

    /// What a message counts for until it is on its way: its bytes, and about what it takes to keep them in mind.
    static func cost(of framed: ByteBuffer) -> Int { framed.readableBytes + 256 }

    /// Sends a message whose cost is counted; on the event loop. Unless it `flushes`, somebody has to.
    func write(_ framed: ByteBuffer, flushes: Bool = true) {
        let cost = Self.cost(of: framed)
        let hasBegun = state.withLock { state in
            defer { state.hasBegun = true }
            return state.hasBegun
        }
        if !hasBegun { channel.write(HTTP2Frame.FramePayload.beginning, promise: nil) }
        channel.write(HTTP2Frame.FramePayload.message(framed)).whenComplete { [self] _ in wrote(cost) }
        if flushes { channel.flush() }
    }

    private func wrote(_ cost: Int) {
        let (isRoomWanted, outgoing) = state.withLock { state -> (Bool, OutgoingCall?) in
            state.unwrittenBytes -= cost
            guard state.unwrittenBytes < Self.waitingMax else { return (false, nil) }
            defer { state.isRoomWanted = false }
            return (state.isRoomWanted, state.outgoing)
        }
        if isRoomWanted { changes.raise() }
        outgoing?.goOn()
    }

    /// Whether the call was under way till now.
    private func end() -> Bool {
        let wasActive = state.withLock { state -> Bool in
            if state.isOver { return false }
            state.isOver = true
            state.messages.removeAll()
            state.outgoing = nil
            state.session = nil
            return true
        }
        changes.raise()
        return wasActive
    }

    // MARK: The connection's side

    /// Takes what has arrived.
    func deliver(_ message: ByteBuffer) {
        if let session = idleSession, isAnswered(message, by: session, isFirst: true) { return }
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
            let isFull = hasRoom.map { !$0 } ?? (state.waitingBytes >= Self.waitingMax)
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

    // MARK: Another server's side

    /// From now on, what the client sends goes to another server, and what that answers to the client.
    ///
    /// Answers with one of the fields `kept` are left to the program, and the call's end; without `kept` nothing is.
    func passOn(to outgoing: OutgoingCall, keeping kept: Set<Int>?) {
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
    var hasRoom: Bool { state.withLock { $0.isOver || $0.unwrittenBytes < Self.waitingMax } }

    /// The other server takes more again.
    func goOn() {
        let wasPaused = state.withLock { state in
            defer { state.isPaused = false }
            return state.isPaused
        }
        if wasPaused { channel.read() }
    }
}

extension ByteBuffer {
    /// A message behind its head.
    var framed: ByteBuffer {
        var framed = ByteBufferAllocator().buffer(capacity: readableBytes + 5)
        framed.writeInteger(UInt8(0))
        framed.writeInteger(UInt32(readableBytes))
        framed.writeImmutableBuffer(self)
        return framed
    }
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
        if !details.isEmpty { fields.add(name: "grpc-message", value: GRPCText.encoded(details)) }
        return headers(.init(headers: fields, endStream: true))
    }
}
