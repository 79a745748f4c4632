//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import RayGRPC

/// A stream of HTTP/2 whose other side is the test: it sends frames, sees what is answered, and takes it when it likes.
final class TestStream {
    /// What was written to the other side.
    enum Frame: Equatable {
        case call(String)
        case beginning
        case message(ByteBuffer)
        case nothingMore
        case status(Int)
        case reset
    }

    /// Keeps what is written, and counts how often more was asked for.
    private final class Gate: ChannelOutboundHandler {
        typealias OutboundIn = HTTP2Frame.FramePayload

        var isOpen = true
        var held: [EventLoopPromise<Void>] = []
        var frames: [Frame] = []
        var reads = 0

        func read(context: ChannelHandlerContext) { reads += 1 }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if let frame = Frame(unwrapOutboundIn(data)) { frames.append(frame) }
            guard let promise else { return }
            if isOpen { promise.succeed() } else { held.append(promise) }
        }

        func flush(context: ChannelHandlerContext) {}
    }

    let channel = EmbeddedChannel()
    private let gate = Gate()
    private(set) var calls: [ServerCall] = []

    init() throws { try channel.pipeline.syncOperations.addHandler(gate) }

    /// A client's call, which has begun.
    static func call(waitingMax: Int, method: String = "/package.Service/Method") throws -> (TestStream, ServerCall) {
        let stream = try TestStream()
        try ServerCall.begin(
            on: stream.channel, messageMax: 1 << 20, waitingMax: waitingMax, accept: { stream.calls.append($0) },
            closed: {})
        try stream.connect()
        let headers: HPACKHeaders = [":path": method, "content-type": "application/grpc", "client_id": "client"]
        stream.send(.headers(.init(headers: headers)))
        return (stream, stream.calls[0])
    }

    /// It is open now.
    func connect() throws {
        channel.connect(to: try SocketAddress(unixDomainSocketPath: "/none"), promise: nil)
        run()
    }

    /// Lets the event loop do what it has to do.
    func run() { channel.embeddedEventLoop.run() }

    // MARK: The other side

    func send(_ frames: HTTP2Frame.FramePayload...) {
        for frame in frames { channel.pipeline.fireChannelRead(frame) }
        channel.pipeline.fireChannelReadComplete()
    }

    func send(_ messages: ByteBuffer...) {
        for message in messages {
            var framed = ByteBuffer(bytes: [0])
            framed.writeInteger(UInt32(message.readableBytes))
            framed.writeImmutableBuffer(message)
            channel.pipeline.fireChannelRead(HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(framed))))
        }
        channel.pipeline.fireChannelReadComplete()
    }

    func sendEnd() { send(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))) }

    func goAway() { channel.pipeline.fireChannelInactive() }

    /// Takes nothing, from now on.
    func takeNothing() { gate.isOpen = false }

    /// Takes so many of the messages that wait, the oldest first; all and those to come if nothing is said.
    func take(_ count: Int? = nil) {
        let taken = gate.held.prefix(count ?? .max)
        gate.held.removeFirst(taken.count)
        if count == nil { gate.isOpen = true }
        for promise in taken { promise.succeed() }
        run()
    }

    /// What has come since this was asked last.
    var received: [Frame] {
        defer { gate.frames = [] }
        return gate.frames
    }

    /// How often more was asked for since this was asked last.
    var reads: Int {
        defer { gate.reads = 0 }
        return gate.reads
    }
}

extension TestStream.Frame {
    init?(_ frame: HTTP2Frame.FramePayload) {
        switch frame {
        case .headers(let headers):
            if let path = headers.headers.first(name: ":path") {
                self = .call(path)
            } else if let code = headers.headers.first(name: "grpc-status").flatMap({ Int($0) }) {
                self = .status(code)
            } else {
                self = .beginning
            }
        case .data(let data):
            guard case .byteBuffer(var bytes) = data.data else { return nil }
            guard bytes.readableBytes > 0 else {
                self = .nothingMore
                return
            }
            bytes.moveReaderIndex(forwardBy: 5)
            self = .message(bytes)
        case .rstStream: self = .reset
        default: return nil
        }
    }
}
