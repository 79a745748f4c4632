//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Turns the frames of one HTTP/2 stream into a call.
///
/// The stream does not read by itself: what the program does not take stays with the client.
final class CallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let accept: (ServerCall) -> Void
    private let closed: () -> Void
    private let waitingMax: Int
    private var reader: MessageReader
    private var call: ServerCall?
    private var isAccepted = false

    /// `accept` is given the call once, with what came in one batch with its beginning, or with its message if a session
    /// may answer it; `closed` is called at its end.
    init(
        messageMax: Int, waitingMax: Int, accept: @escaping (ServerCall) -> Void, closed: @escaping () -> Void
    ) {
        self.waitingMax = waitingMax
        reader = MessageReader(sizeMax: messageMax)
        self.accept = accept
        self.closed = closed
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let headers):
            if call == nil { begin(headers.headers, context) }
            if headers.endStream { end() }
        case .data(let data):
            if case .byteBuffer(let bytes) = data.data { take(bytes) }
            if data.endStream { end() }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if let call {
            if call.takeUnflushed() { context.flush() }
            if !isAccepted, call.hasArrived || !ClientSessions.mayAnswer(call) {
                isAccepted = true
                accept(call)
            }
            if call.mayRead() { context.read() }
        } else {
            context.read()
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        call?.lose()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        call?.lose()
        context.close(promise: nil)
    }

    private func begin(_ headers: HPACKHeaders, _ context: ChannelHandlerContext) {
        guard headers.first(name: "content-type")?.hasPrefix("application/grpc") == true else {
            let refused = HTTP2Frame.FramePayload.headers(.init(headers: [":status": "415"], endStream: true))
            context.writeAndFlush(wrapOutboundOut(refused), promise: nil)
            context.close(promise: nil)
            return
        }
        call = ServerCall(headers, on: context.channel, waitingMax: waitingMax)
    }

    private func take(_ bytes: ByteBuffer) {
        guard let call else { return }
        reader.add(bytes)
        do {
            while let message = try reader.next() { call.deliver(message) }
        } catch {
            switch error {
            case .compressed: call.finish(code: GRPCCode.unimplemented, details: "messages must not be compressed")
            case .tooLarge(let size):
                call.finish(
                    code: GRPCCode.resourceExhausted, details: "a message of \(size) bytes is larger than is taken")
            }
        }
    }

    private func end() {
        if reader.isInside {
            call?.finish(code: GRPCCode.internal, details: "the last message was not whole")
        }
        call?.sawEnd()
    }
}

extension ServerCall {
    /// Makes a stream of HTTP/2 a call of messages up to `messageMax` bytes; on its event loop. See `CallHandler`.
    package static func begin(
        on stream: any Channel, messageMax: Int, waitingMax: Int = waitingMax, accept: @escaping (ServerCall) -> Void,
        closed: @escaping () -> Void
    ) throws {
        try stream.syncOptions?.setOption(.autoRead, value: false)
        let handler = CallHandler(messageMax: messageMax, waitingMax: waitingMax, accept: accept, closed: closed)
        try stream.pipeline.syncOperations.addHandler(handler)
    }
}
