//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

// The messages of Ray Client (`ray_client.proto`, proto3) that are answered without Python. A message with anything in
// it that is not known here, say of a newer Ray, is none of these: then it is Python's. Bytes are slices of the message.

/// What a client sends on its stream of data.
package struct DataRequest: Equatable, Sendable {
    /// What it wants.
    package enum Content: Equatable, Sendable {
        case put(PutRequest)
        /// It has let go of these objects.
        case release([ByteBuffer])
        /// It has the answers up to this request.
        case acknowledge(Int32)
        case task(ClientTask)
        /// What is left to Python.
        case other
    }

    package private(set) var requestID: Int32 = 0
    package let content: Content

    /// Reads the message, if it is one.
    package init?(_ message: ByteBuffer) {
        var fields = MessageFields(message)
        var found: Content?
        while let field = fields.next() {
            if case (1, .number(let number)) = (field.number, field.value) {
                requestID = Int32(truncatingIfNeeded: number)
            } else {
                found = found == nil ? Content(field) ?? .other : .other
            }
        }
        guard fields.isAtEnd else { return nil }
        content = found ?? .other
    }
}

extension DataRequest.Content {
    fileprivate init?(_ field: MessageField) {
        guard case .bytes(let message) = field.value else { return nil }
        let content: Self? =
            switch field.number {
            case 3: PutRequest(message).map { .put($0) }
            case 4: Self.ids(message).map { .release($0) }
            case 9: Self.acknowledged(message).map { .acknowledge($0) }
            case 10: ClientTask(message).map { .task($0) }
            default: nil
            }
        guard let content else { return nil }
        self = content
    }

    private static func ids(_ message: ByteBuffer) -> [ByteBuffer]? {
        var fields = MessageFields(message)
        var ids: [ByteBuffer] = []
        while let field = fields.next() {
            guard case (1, .bytes(let id)) = (field.number, field.value) else { return nil }
            ids.append(id)
        }
        return fields.isAtEnd ? ids : nil
    }

    private static func acknowledged(_ message: ByteBuffer) -> Int32? {
        var fields = MessageFields(message)
        var request: Int32 = 0
        while let field = fields.next() {
            guard case (1, .number(let number)) = (field.number, field.value) else { return nil }
            request = Int32(truncatingIfNeeded: number)
        }
        return fields.isAtEnd ? request : nil
    }
}

/// A value for the object store, or a part of it.
package struct PutRequest: Equatable, Sendable {
    package private(set) var data = ByteBuffer()
    package private(set) var clientReferenceID = ByteBuffer()
    package private(set) var chunkID: Int32 = 0
    package private(set) var chunkCount: Int32 = 0
    /// The size of all parts.
    package private(set) var totalSize: Int64 = 0

    /// Reads the message, if it is one.
    package init?(_ message: ByteBuffer) {
        var fields = MessageFields(message)
        while let field = fields.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): data = bytes
            case (2, .bytes(let bytes)): clientReferenceID = bytes
            case (3, .number(let number)): chunkID = Int32(truncatingIfNeeded: number)
            case (4, .number(let number)): chunkCount = Int32(truncatingIfNeeded: number)
            case (5, .number(let number)): totalSize = Int64(bitPattern: number)
            default: return nil
            }
        }
        guard fields.isAtEnd else { return nil }
    }

    /// A message that is the part of a value, which goes by no name at the client.
    static func message(
        _ requestID: Int32, _ data: ByteBuffer, chunkID: Int, chunkCount: Int32, totalSize: Int
    ) -> ByteBuffer {
        var put = ByteBuffer()
        put.reserveCapacity(data.readableBytes + 64)
        put.writeField(1, data)
        put.writeField(3, UInt64(chunkID))
        put.writeField(4, UInt64(chunkCount))
        put.writeField(5, UInt64(totalSize))
        var message = ByteBuffer()
        message.reserveCapacity(put.readableBytes + 32)
        message.writeField(1, UInt64(bitPattern: Int64(requestID)))
        message.writeField(3, put)
        return message
    }
}

/// Objects whose values a client wants.
package struct GetRequest: Equatable, Sendable {
    package private(set) var ids: [ByteBuffer] = []
    /// In seconds.
    package private(set) var timeout: Float = 0
    package private(set) var isAsynchronous = false
    /// The first part of the answer that is to be sent.
    package private(set) var startChunkID: Int32 = 0

    /// Reads the message, if it is one.
    package init?(_ message: ByteBuffer) {
        var fields = MessageFields(message)
        while let field = fields.next() {
            switch (field.number, field.value) {
            case (2, .fourBytes(let bits)): timeout = Float(bitPattern: bits)
            case (3, .number(let number)): isAsynchronous = number != 0
            case (4, .bytes(let bytes)): ids.append(bytes)
            case (5, .number(let number)): startChunkID = Int32(truncatingIfNeeded: number)
            default: return nil
            }
        }
        guard fields.isAtEnd else { return nil }
    }

    /// The same message with a timeout of 0: the last of several values of a field counts.
    package static func withoutWaiting(_ message: ByteBuffer) -> ByteBuffer {
        var message = message
        message.writeMultipleIntegers(0x15 as UInt8, 0 as UInt32)
        return message
    }
}
