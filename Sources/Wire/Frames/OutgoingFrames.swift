//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Encoded frames of a link that were not sent, or not acknowledged, in order, in a few contiguous chunks.
///
///      chunk            chunk            chunk
///     [seq 7 | 8 | 9 ] [10 | ack | 11 ] [12 | 13 ...]
///        ^ acknowledged      ^ cursor: what is before it went out on this connection
///
/// A chunk goes away when all of it was sent and its last sequence acknowledged. Link frames (sequence 0) lie
/// between the messages; sending them again after a reconnect is harmless.
package struct OutgoingFrames: Sendable {
    /// Size up to which frames share a chunk, in bytes.
    static let chunkBytes = 64 << 10

    private struct Chunk {
        var bytes: [UInt8] = []
        /// Highest sequence in the chunk, or in those before it if it has none.
        var lastSequence: UInt64
    }

    private var chunks: [Chunk] = []
    /// Index of the first chunk in use.
    private var head = 0
    /// The chunk and offset from which the next bytes are sent.
    private var cursorChunk = 0
    private var cursorOffset = 0
    private var spare: [UInt8] = []

    /// Bytes held, sent or not.
    package private(set) var byteCount = 0
    /// Bytes not yet sent on this connection.
    package private(set) var unsentByteCount = 0
    /// Sequence of the newest message.
    package private(set) var lastSequence: UInt64 = 0

    /// No frames.
    package init() {}

    /// Appends a frame; a message (`isMessage`) takes the next sequence.
    package mutating func append(
        kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, isMessage: Bool, acknowledged: UInt64
    ) {
        if isMessage { lastSequence += 1 }
        let header = FrameHeader(
            kind: kind, payloadLength: UInt32(payload.count), requestID: requestID,
            sequence: isMessage ? lastSequence : 0, acknowledged: acknowledged)
        let count = header.frameByteCount
        if head == chunks.count || chunks[chunks.count - 1].bytes.count + count > Self.chunkBytes {
            openChunk(count)
        }
        let index = chunks.count - 1
        header.append(to: &chunks[index].bytes)
        chunks[index].bytes.append(contentsOf: payload)
        chunks[index].lastSequence = lastSequence
        byteCount += count
        unsentByteCount += count
    }

    /// Lends the next contiguous unsent bytes; `send` says how many went out.
    ///
    /// - Returns: How many bytes went out; 0 also if there is nothing.
    package mutating func sendNext(_ send: (UnsafeRawBufferPointer) -> Int) -> Int {
        guard unsentByteCount > 0 else { return 0 }
        if cursorOffset == chunks[cursorChunk].bytes.count {
            cursorChunk += 1
            cursorOffset = 0
        }
        let offset = cursorOffset
        let (sent, offered) = chunks[cursorChunk].bytes.withUnsafeBytes { bytes -> (Int, Int) in
            (send(UnsafeRawBufferPointer(rebasing: bytes[offset...])), bytes.count - offset)
        }
        precondition(sent >= 0 && sent <= offered, "more was sent than was offered")
        cursorOffset += sent
        unsentByteCount -= sent
        return sent
    }

    /// Lets go what was sent and is acknowledged up to `sequence`.
    package mutating func release(through sequence: UInt64) {
        while head < chunks.count {
            let isSent = head < cursorChunk || (head == cursorChunk && cursorOffset == chunks[head].bytes.count)
            guard isSent, chunks[head].lastSequence <= sequence else { break }
            byteCount -= chunks[head].bytes.count
            if head == chunks.count - 1 {
                // The last chunk is kept, empty: the next message lands in memory that is in the cache.
                if chunks[head].bytes.capacity > 2 * Self.chunkBytes {
                    chunks[head].bytes = []
                } else {
                    chunks[head].bytes.removeAll(keepingCapacity: true)
                }
                cursorOffset = 0
                compact(keepingLast: true)
                return
            }
            if spare.capacity == 0, chunks[head].bytes.capacity <= 2 * Self.chunkBytes {
                swap(&spare, &chunks[head].bytes)
                spare.removeAll(keepingCapacity: true)
            } else {
                chunks[head].bytes = []
            }
            if cursorChunk == head {
                cursorChunk += 1
                cursorOffset = 0
            }
            head += 1
        }
        compact(keepingLast: false)
    }

    /// Moves the cursor back to the first frame whose sequence is over `sequence`, for a new connection.
    ///
    /// Linear in the bytes of one chunk.
    package mutating func rewind(after sequence: UInt64) {
        cursorChunk = head
        cursorOffset = 0
        unsentByteCount = byteCount
        while cursorChunk < chunks.count - 1, chunks[cursorChunk].lastSequence <= sequence {
            unsentByteCount -= chunks[cursorChunk].bytes.count
            cursorChunk += 1
        }
        guard cursorChunk < chunks.count else { return }
        let (offset, _) = boundary(in: cursorChunk, after: sequence)
        cursorOffset = offset
        unsentByteCount -= offset
    }

    /// The planted fault: overwrites the first message over `sequence` with one of a sequence that was delivered.
    ///
    /// The receiver takes it for a repetition, and never sees the message.
    mutating func forgetFirst(after sequence: UInt64) {
        for index in head..<chunks.count {
            let (offset, end) = boundary(in: index, after: sequence)
            guard offset < end else { continue }
            chunks[index].bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: UInt64(0), toByteOffset: offset + 24, as: UInt64.self)
            }
            return
        }
    }

    /// Stops the program if the fields contradict each other.
    package func checkInvariants() {
        precondition(head <= chunks.count, "the first chunk lies behind the last")
        let held = chunks[head...]
        precondition(held.reduce(0) { $0 + $1.bytes.count } == byteCount, "the byte count is wrong")
        precondition(
            zip(held, held.dropFirst()).allSatisfy { $0.lastSequence <= $1.lastSequence }, "chunks are out of order")
        let before = chunks[head..<max(head, min(cursorChunk, chunks.count))].reduce(0) { $0 + $1.bytes.count }
        precondition(byteCount - before - cursorOffset == unsentByteCount, "the cursor is wrong")
    }

    /// Start and end of the first message in a chunk whose sequence is over `sequence`; the chunk's end if none.
    private func boundary(in chunk: Int, after sequence: UInt64, from start: Int = 0) -> (Int, Int) {
        chunks[chunk].bytes.withUnsafeBytes { bytes in
            var offset = start
            while offset < bytes.count {
                // Own bytes, written by `append`: whole frames from here to the end.
                let length = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self).littleEndian
                let found = bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self).littleEndian
                let end = offset + FrameHeader.byteCount + Int(length)
                if found > sequence { return (offset, end) }
                offset = end
            }
            return (bytes.count, bytes.count)
        }
    }

    private mutating func openChunk(_ count: Int) {
        if let last = chunks.last, last.bytes.isEmpty, head < chunks.count {
            // An emptied chunk is too small for this frame: it is its room that grows.
            chunks[chunks.count - 1].bytes.reserveCapacity(count)
            return
        }
        var chunk = Chunk(lastSequence: lastSequence)
        swap(&chunk.bytes, &spare)
        // A stream of small frames takes whole chunks; one message after a long silence does not.
        chunk.bytes.reserveCapacity(chunks.count > head ? max(count, Self.chunkBytes) : max(count, 4096))
        chunks.append(chunk)
        if chunks.count == head + 1 {
            cursorChunk = head
            cursorOffset = 0
        }
    }

    private mutating func compact(keepingLast: Bool) {
        guard head > 0, head == chunks.count || keepingLast || head > 64 && head * 2 > chunks.count else { return }
        chunks.removeSubrange(..<head)
        cursorChunk -= head
        head = 0
        if chunks.isEmpty { (cursorChunk, cursorOffset) = (0, 0) }
    }
}
