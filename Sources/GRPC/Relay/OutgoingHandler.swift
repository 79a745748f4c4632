//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Turns the frames that a server answers with into those of a call.
final class OutgoingHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let call: OutgoingCall
    private var reader: MessageReader

    init(_ call: OutgoingCall, messageMax: Int) {
        self.call = call
        reader = MessageReader(sizeMax: messageMax)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let headers):
            if headers.endStream { end(headers.headers) }
        case .data(let data):
            if case .byteBuffer(let bytes) = data.data { take(bytes, context) }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if call.mayRead() { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        call.ended(code: GRPCCode.unavailable, details: "the server is gone")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        call.ended(code: GRPCCode.unavailable, details: "the server is gone: \(error)")
        context.close(promise: nil)
    }

    private func take(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        reader.add(bytes)
        do {
            while let message = try reader.next() { call.deliver(message) }
        } catch {
            call.ended(code: GRPCCode.internal, details: "an answer cannot be passed on: \(error)")
            context.close(promise: nil)
        }
    }

    private func end(_ trailers: HPACKHeaders) {
        let code = trailers.first(name: "grpc-status").flatMap { Int($0) } ?? GRPCCode.unknown
        call.ended(code: code, details: GRPCText.decoded(trailers.first(name: "grpc-message") ?? ""))
    }
}

extension OutgoingCall {
    /// Takes what comes on a stream that is to be opened, answers of up to `messageMax` bytes; on its event loop.
    package func listen(to stream: any Channel, messageMax: Int) throws {
        try stream.syncOptions?.setOption(.autoRead, value: false)
        try stream.pipeline.syncOperations.addHandler(OutgoingHandler(self, messageMax: messageMax))
    }
}
