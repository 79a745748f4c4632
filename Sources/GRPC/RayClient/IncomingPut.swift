//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// A large value that a client puts, written into the object store as its parts come.
///
/// Parts that come again are not taken again. If one is not what it should be, the program gets all that have come.
struct IncomingPut: Sendable {
    /// What became of a part.
    enum Taken: Sendable {
        case noted
        /// It was the last one.
        case stored(ObjectKey)
        /// It does not belong to those before, or they are not such a value.
        case refused
    }

    /// No store has room for more.
    private static let sizeMax = 1 << 40

    let requestID: Int32
    let room: any ClientRoom
    private let pickle: LargePickle
    private let stored: StoredLargeValue
    private let chunkCount: Int32
    private let totalSize: Int
    private var nextChunk: Int32 = 0
    /// When the last part came.
    private(set) var lastTime = NIODeadline.now()
    /// How much of the pickle has come, and what of it is behind the value's bytes.
    private var position = 0
    private var tail = ByteBuffer()

    /// Asks for room for a value by its first part, which is not taken by that; nothing if it is another kind of value.
    init?(_ first: PutRequest, _ requestID: Int32, of runtime: any ClientRuntime, arrays: String?) {
        let totalSize = first.chunkCount == 1 ? first.data.readableBytes : Int(first.totalSize)
        guard first.chunkID == 0, first.chunkCount > 0, (first.data.readableBytes...Self.sizeMax).contains(totalSize),
            let pickle = LargePickle(first.data, size: totalSize, arrays: arrays)
        else { return nil }
        let stored = StoredLargeValue(pickle)
        guard let room = runtime.room(byteCount: stored.byteCount, metadata: stored.metadata) else { return nil }
        self.requestID = requestID
        self.room = room
        self.pickle = pickle
        self.stored = stored
        self.totalSize = totalSize
        chunkCount = first.chunkCount
    }

    /// Whether some parts have come.
    var hasParts: Bool { nextChunk > 0 }

    /// Takes the next part; the room is granted. All are as large as the first, but for the last.
    mutating func take(_ put: PutRequest, at now: NIODeadline) -> Taken {
        lastTime = now
        if put.chunkID >= 0, put.chunkID < nextChunk { return .noted }
        let isLast = put.chunkID == chunkCount - 1
        let end = position + put.data.readableBytes
        guard put.chunkID == nextChunk, put.chunkCount == chunkCount, put.clientReferenceID.readableBytes == 0,
            chunkCount == 1 || put.totalSize == totalSize, isLast ? end == totalSize : end <= totalSize,
            isLast || !hasParts || end == position / Int(nextChunk) * Int(nextChunk + 1)
        else { return .refused }
        let tailBefore = tail
        write(put.data)
        if isLast {
            guard pickle.isEnd(tail), let id = finish() else {
                tail = tailBefore
                return .refused
            }
            return .stored(id)
        }
        nextChunk += 1
        position = end
        return .noted
    }

    /// The parts that have come, for the program to see.
    ///
    /// None if they are lost, since the runtime ended when the value was sealed: the program refuses a last part alone.
    func messages() -> [ByteBuffer] {
        let size = hasParts ? position / Int(nextChunk) : 0
        let parts = (0..<Int(nextChunk)).compactMap { index in
            pickled(index * size..<(index + 1) * size).map { part in
                PutRequest.message(requestID, part, chunkID: index, chunkCount: chunkCount, totalSize: totalSize)
            }
        }
        return parts.count == nextChunk ? parts : []
    }

    /// Where the value's bytes are in the pickle.
    private var data: Range<Int> { pickle.head.readableBytes..<(pickle.head.readableBytes + pickle.dataCount) }

    /// Writes what a part has of the value's bytes; what is in front of them is known.
    private mutating func write(_ part: ByteBuffer) {
        let range = position..<(position + part.readableBytes)
        let inside = range.clamped(to: data)
        if !inside.isEmpty {
            part.withUnsafeReadableBytes { bytes in
                let bytes = bytes[(inside.lowerBound - position)..<(inside.upperBound - position)]
                room.write(.init(rebasing: bytes), at: stored.dataOffset + inside.lowerBound - data.lowerBound)
            }
        }
        let behind = max(range.lowerBound, data.upperBound)..<max(range.upperBound, data.upperBound)
        if !behind.isEmpty {
            tail.writeImmutableBuffer(
                part.getSlice(at: part.readerIndex + behind.lowerBound - position, length: behind.count) ?? ByteBuffer()
            )
        }
    }

    private func finish() -> ObjectKey? {
        let beginning = stored.beginning(tail)
        beginning.withUnsafeReadableBytes { room.write($0, at: 0) }
        stored.end.withUnsafeReadableBytes { room.write($0, at: stored.byteCount - $0.count) }
        return room.seal()
    }

    /// A part of the pickle that has come.
    private func pickled(_ range: Range<Int>) -> ByteBuffer? {
        let (head, inside) = (range.clamped(to: 0..<data.lowerBound), range.clamped(to: data))
        let behind = range.clamped(to: data.upperBound..<totalSize)
        let offset = stored.dataOffset + inside.lowerBound - data.lowerBound
        guard let written = room.read(at: offset, count: inside.count) else { return nil }
        var bytes = pickle.head.getSlice(at: head.lowerBound, length: head.count) ?? ByteBuffer()
        bytes.writeImmutableBuffer(written)
        bytes.writeImmutableBuffer(
            tail.getSlice(at: behind.lowerBound - data.upperBound, length: behind.count) ?? ByteBuffer())
        return bytes
    }
}
