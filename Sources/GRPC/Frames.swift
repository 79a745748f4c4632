//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

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
