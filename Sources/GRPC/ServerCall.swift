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
///
/// Where `waitingMax` bytes wait in one direction the client is not read from, or the program has to wait.
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

    /// How much may wait in either direction before the other side is made to wait, where nothing else is said.
    package static let waitingMax = 32 << 20
    /// So much in this call.
    let waitingMax: Int
    /// `/package.Service/Method`.
    package let method: String
    /// What the client says of the call, without what belongs to the protocol.
    package let metadata: [(name: String, value: String)]
    let channel: any Channel
    let state = Mutex(State())
    /// What the program waits for.
    let changes = EventCount()

    init(_ headers: HPACKHeaders, on channel: any Channel, waitingMax: Int) {
        method = headers.first(name: ":path") ?? ""
        metadata = headers.compactMap { name, value, _ in
            let isOfProtocol = name.hasPrefix(":") || name.hasPrefix("grpc-") || name == "te" || name == "content-type"
            return isOfProtocol ? nil : (name, value)
        }
        self.channel = channel
        self.waitingMax = waitingMax
    }

    /// What the client says of the call under a name.
    func metadata(_ name: String) -> String? { metadata.first { $0.name == name }?.value }

    /// Whether the client waits for an answer.
    package var isActive: Bool { state.withLock { !$0.isOver } }

    // MARK: What is sent

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

    /// Sends a message whose cost is counted; on the event loop. Unless it `flushes`, somebody has to. Done when it is on
    /// its way.
    @discardableResult
    func write(_ framed: ByteBuffer, flushes: Bool = true) -> EventLoopFuture<Void> {
        let cost = Self.cost(of: framed)
        let hasBegun = state.withLock { state in
            defer { state.hasBegun = true }
            return state.hasBegun
        }
        if !hasBegun { channel.write(HTTP2Frame.FramePayload.beginning, promise: nil) }
        let isWritten = channel.write(HTTP2Frame.FramePayload.message(framed))
        isWritten.whenComplete { [self] _ in wrote(cost) }
        if flushes { channel.flush() }
        return isWritten
    }

    private func wrote(_ cost: Int) {
        let (isRoomWanted, outgoing) = state.withLock { state -> (Bool, OutgoingCall?) in
            state.unwrittenBytes -= cost
            guard state.unwrittenBytes < waitingMax else { return (false, nil) }
            defer { state.isRoomWanted = false }
            return (state.isRoomWanted, state.outgoing)
        }
        if isRoomWanted { changes.raise() }
        outgoing?.goOn()
    }

    // MARK: The end

    /// Whether the call was under way till now.
    func end() -> Bool {
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
}
