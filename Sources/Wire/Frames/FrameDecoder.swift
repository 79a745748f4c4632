//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Cuts a stream of bytes, arriving in arbitrary pieces, into frames.
///
/// The buffer grows with bytes that arrived, never with a length that a peer merely announced, and never over
/// four times the largest frame. Ranges returned by `next` stay valid until more bytes are added.
package struct FrameDecoder: Sendable {
    /// A whole frame: its header, and where its payload lies.
    package struct Frame: Sendable {
        /// The frame's header.
        package var header: FrameHeader
        /// Where the payload lies in the buffer.
        package var payload: Range<Int>
    }

    /// Largest payload that is accepted; small until the peer has proved who it is.
    package var payloadBytesMax: Int

    private var buffer: [UInt8] = []
    private var start = 0
    private var end = 0
    private let initialCapacity: Int

    /// A decoder with an empty buffer, which takes memory when bytes arrive.
    package init(payloadBytesMax: Int, initialCapacity: Int = 64 << 10) {
        precondition(payloadBytesMax <= Limits.framePayloadBytesMax, "the limit is over framePayloadBytesMax")
        precondition(initialCapacity >= FrameHeader.byteCount, "the buffer must hold a header")
        self.payloadBytesMax = payloadBytesMax
        self.initialCapacity = initialCapacity
    }

    /// Bytes received and not yet returned as frames.
    package var pendingBytes: Int { end - start }

    /// Adds bytes.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let count = read { room in
                let count = min(room.count, rest.count)
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                return count
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Lends free room to `fill`, which says how many bytes it wrote there; returns that number.
    package mutating func read(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        makeRoom()
        let end = end
        let count = buffer.withUnsafeMutableBytes {
            fill(UnsafeMutableRawBufferPointer(rebasing: $0[end...]))
        }
        precondition(count >= 0 && count <= buffer.count - end, "more was written than there was room")
        self.end += count
        return count
    }

    /// The next whole frame, or nothing until more bytes arrive.
    ///
    /// - Throws: any `WireError`: the bytes are not frames, the connection must be closed.
    package mutating func next() throws(WireError) -> Frame? {
        guard end - start >= FrameHeader.byteCount else { return nil }
        let header = try readHeader()
        guard end - start >= header.frameByteCount else { return nil }
        let payload = start + FrameHeader.byteCount..<start + header.frameByteCount
        start = payload.upperBound
        return Frame(header: header, payload: payload)
    }

    /// Lends the buffer in which the ranges of `next` lie.
    package func withBuffer<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try buffer.withUnsafeBytes(body)
    }

    private func readHeader() throws(WireError) -> FrameHeader {
        let start = start
        let limit = payloadBytesMax
        let result = buffer.withUnsafeBytes { bytes -> Result<FrameHeader, WireError> in
            do throws(WireError) {
                return .success(
                    try FrameHeader(UnsafeRawBufferPointer(rebasing: bytes[start...]), payloadBytesMax: limit))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Makes room behind the pending bytes: by moving them to the front, else by doubling.
    private mutating func makeRoom() {
        if start == end {
            start = 0
            end = 0
            // A buffer that one large frame had grown is not kept for ever.
            if buffer.count > 16 * initialCapacity { buffer = [] }
        }
        if buffer.isEmpty {
            buffer = Self.allocate(initialCapacity)
        } else if buffer.count - end < buffer.count / 4 {
            if end - start <= buffer.count / 2 {
                moveToFront()
            } else {
                var larger = Self.allocate(buffer.count * 2)
                moveOut(to: &larger)
                buffer = larger
            }
        }
        precondition(end < buffer.count, "there is no room")
    }

    private mutating func moveToFront() {
        let (start, end) = (start, end)
        buffer.withUnsafeMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[..<(end - start)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
        self.end = end - start
        self.start = 0
    }

    private mutating func moveOut(to target: inout [UInt8]) {
        let (start, end) = (start, end)
        buffer.withUnsafeBytes { source in
            target.withUnsafeMutableBytes { bytes in
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<end]))
            }
        }
        self.end = end - start
        self.start = 0
    }

    /// Room whose pages are touched only when bytes arrive.
    private static func allocate(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Every bit pattern is a UInt8, and nothing before `end` is read that was not written.
            _ = buffer
            initialized = count
        }
    }
}
