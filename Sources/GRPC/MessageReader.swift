//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// Cuts what a client sends into gRPC's messages: a byte that says whether one is compressed, four of its size, and it.
package struct MessageReader {
    /// Why a client's messages cannot be read any further.
    package enum Fault: Error, Equatable {
        /// It is compressed, which the client was not told to do.
        case compressed
        /// It has more bytes than are taken.
        case tooLarge(Int)
    }

    private static let headSize = 5
    /// Larger ones come in pieces.
    private static let pieceSize = 64 << 10
    private let sizeMax: Int
    private var bytes = ByteBuffer()
    /// Where a large message was, for the next one: fresh memory costs more than what is copied there.
    private var spare = ByteBuffer()

    /// Messages of up to `sizeMax` bytes.
    package init(sizeMax: Int) { self.sizeMax = sizeMax }

    /// Whether a message has begun and not ended.
    package var isInside: Bool { bytes.readableBytes > 0 }

    /// Takes what has arrived.
    package mutating func add(_ arrived: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = arrived
        } else {
            bytes.writeImmutableBuffer(arrived)
        }
    }

    /// The next message that is whole, if there is one.
    package mutating func next() throws(Fault) -> ByteBuffer? {
        let start = bytes.readerIndex
        guard let flag = bytes.getInteger(at: start, as: UInt8.self),
            let size = bytes.getInteger(at: start + 1, as: UInt32.self).map(Int.init)
        else { return nil }
        guard flag == 0 else { throw .compressed }
        guard size <= sizeMax else { throw .tooLarge(size) }
        guard bytes.readableBytes >= Self.headSize + size else {
            reserve(size)
            return nil
        }
        bytes.moveReaderIndex(forwardBy: Self.headSize)
        let message = bytes.readSlice(length: size)
        if bytes.readableBytes == 0 {
            spare = size > Self.pieceSize ? bytes : ByteBuffer()
            bytes = ByteBuffer()
        }
        return message
    }

    /// Room for the whole message, which comes in pieces; at once only up to what cannot hurt where it does not come.
    private mutating func reserve(_ size: Int) {
        guard size <= 16 << 20, bytes.capacity - bytes.readerIndex < Self.headSize + size else { return }
        // If somebody still has the message that was there, that stays, and this is other memory.
        spare.clear(minimumCapacity: Self.headSize + size)
        spare.writeImmutableBuffer(bytes)
        swap(&spare, &bytes)
    }
}
