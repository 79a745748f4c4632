//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// What a client of Ray Client is answered, as messages.
package enum ClientAnswer {
    /// The call was taken, and has these results.
    package static func ticket(requestID: Int32, ids: [ByteBuffer]) -> ByteBuffer {
        var ticket = valid
        for id in ids { ticket.writeField(2, id) }
        return response(to: requestID, 10, ticket)
    }

    /// The value was stored under this id.
    package static func put(requestID: Int32, id: ByteBuffer) -> ByteBuffer {
        var put = ByteBuffer()
        put.writeField(1, id)
        put.writeField(2, 1)
        return response(to: requestID, 3, put)
    }

    /// Whether each of the objects was held, and is not any more.
    package static func released(requestID: Int32, _ wereHeld: [Bool]) -> ByteBuffer {
        var release = ByteBuffer()
        if !wereHeld.isEmpty { release.writeField(2, ByteBuffer(bytes: wereHeld.map { $0 ? 1 : 0 })) }
        return response(to: requestID, 4, release)
    }

    /// The answer to a `GetRequest`, or a part of it.
    package static func value(pickle: ByteBuffer, part: Int = 0, of count: Int = 1, size: Int? = nil) -> ByteBuffer {
        var get = valid
        get.reserveCapacity(pickle.readableBytes + 32)
        get.writeField(2, pickle)
        get.writeField(4, UInt64(part))
        get.writeField(5, UInt64(count))
        get.writeField(6, UInt64(size ?? pickle.readableBytes))
        return get
    }

    /// The beginning of answers whose first field says that all is well.
    private static var valid: ByteBuffer {
        var answer = ByteBuffer()
        answer.writeField(1, 1)
        return answer
    }

    /// A `DataResponse`.
    private static func response(to requestID: Int32, _ number: Int, _ content: ByteBuffer) -> ByteBuffer {
        var response = ByteBuffer()
        response.writeField(1, UInt64(bitPattern: Int64(requestID)))
        response.writeField(number, content)
        return response
    }
}
