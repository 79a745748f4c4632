//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// Bytes that somebody lends for as long as this is held.
///
/// Unchecked: they do not change.
package final class LentBytes: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    private let giveBack: @Sendable () -> Void

    /// Calls `giveBack` when nobody reads the bytes any more.
    package init(_ bytes: UnsafeRawBufferPointer, giveBack: @escaping @Sendable () -> Void) {
        self.bytes = bytes
        self.giveBack = giveBack
    }

    deinit { giveBack() }
}

/// A large value of the object store for a client that gets it alone, whose pickle is made while it is sent, in parts.
///
/// The pickle, and where it is cut, are what Ray's servicer makes of it: a client whose connection breaks in between may
/// get the other parts from that one.
package final class LargeValue: Sendable {
    /// Ray's servicer cuts so.
    private static let partSize = 5 << 20
    /// Up to here pickle has bytes within a frame.
    private static let framedMax = 64 << 10

    private let beginning: ByteBuffer
    private let end: ByteBuffer
    private let object: LentBytes
    private let data: Range<Int>

    /// The value of an object; nothing if it is another kind of value. Arrays are made by `_frombuffer` of `module`.
    package init?(_ object: LentBytes, metadata: ByteBuffer, arrays module: String?) {
        let stored = UnsafeRawBufferPointer(object.bytes)
        self.object = object
        var before = ByteBuffer(bytes: [PickleOpcode.emptyList.rawValue, PickleOpcode.memoize.rawValue])
        var after = ByteBuffer(bytes: [PickleOpcode.memoize.rawValue])
        switch String(buffer: metadata) {
        case "RAW": data = stored.indices
        case "PYTHON":
            guard let module, let array = StoredArray(stored, arrays: module) else { return nil }
            data = array.data
            before.writeBytes(ArrayPickle.function(of: module))
            after.writeImmutableBuffer(array.end)
        default: return nil
        }
        after.writeBytes([PickleOpcode.append.rawValue, PickleOpcode.stop.rawValue])
        (beginning, end) = Self.framed(before, data.count, after)
    }

    /// What is in front of the bytes and behind them, in frames.
    private static func framed(_ before: ByteBuffer, _ count: Int, _ after: ByteBuffer) -> (ByteBuffer, ByteBuffer) {
        var head = ByteBuffer()
        if let count = UInt8(exactly: count) {
            head.writeMultipleIntegers(PickleOpcode.shortBinBytes.rawValue, count)
        } else if let count = UInt32(exactly: count) {
            head.writeInteger(PickleOpcode.binBytes.rawValue)
            head.writeInteger(count, endianness: .little)
        } else {
            head.writeInteger(PickleOpcode.binBytes8.rawValue)
            head.writeInteger(UInt64(count), endianness: .little)
        }
        var beginning = ByteBuffer(bytes: [PickleOpcode.proto.rawValue, 5])
        var end = after
        if count < framedMax {
            beginning.writeFrameHead(before.readableBytes + head.readableBytes + count + after.readableBytes)
        } else {
            beginning.writeFrameHead(before.readableBytes)
            end = ByteBuffer()
            end.writeFrameHead(after.readableBytes)
            end.writeImmutableBuffer(after)
        }
        beginning.writeImmutableBuffer(before)
        beginning.writeImmutableBuffer(head)
        return (beginning, end)
    }

    /// How many bytes its pickle has.
    package var byteCount: Int { beginning.readableBytes + data.count + end.readableBytes }

    /// In how many parts it is sent.
    package var partCount: Int { (byteCount + Self.partSize - 1) / Self.partSize }

    /// A part of its pickle.
    package func part(_ index: Int) -> ByteBuffer {
        let range = (index * Self.partSize)..<min((index + 1) * Self.partSize, byteCount)
        let start = beginning.readableBytes
        let head = range.clamped(to: 0..<start)
        let inside = range.clamped(to: start..<(start + data.count))
        let tail = range.clamped(to: (start + data.count)..<byteCount)
        var part = ByteBuffer()
        part.reserveCapacity(range.count)
        part.writeImmutableBuffer(beginning.getSlice(at: head.lowerBound, length: head.count) ?? ByteBuffer())
        let offset = data.lowerBound - start
        part.writeBytes(object.bytes[(inside.lowerBound + offset)..<(inside.upperBound + offset)])
        part.writeImmutableBuffer(
            end.getSlice(at: tail.lowerBound - start - data.count, length: tail.count) ?? ByteBuffer())
        return part
    }
}

extension LargeValue: Equatable {
    package static func == (one: LargeValue, other: LargeValue) -> Bool { one === other }
}

/// Where in an object that holds an array its elements are, and what pickle has behind them.
private struct StoredArray {
    let data: Range<Int>
    let end: ByteBuffer

    private static let alignment = 64

    /// Of an object that begins at a multiple of 64, as `StoredLargeValue` writes it, or Ray.
    init?(_ object: UnsafeRawBufferPointer, arrays module: String) {
        let head = StoredLargeValue.headCount
        guard Int(bitPattern: object.baseAddress).isMultiple(of: Self.alignment), object.count > head else {
            return nil
        }
        var sizes = ByteBuffer(bytes: object.prefix(head))
        guard sizes.skip(StoredLargeValue.first),
            let pickleCount = sizes.readInteger(endianness: .little, as: UInt64.self).flatMap({ Int(exactly: $0) }),
            let descriptionCount = sizes.readInteger(endianness: .little, as: UInt64.self).flatMap({ Int(exactly: $0) }
            ),
            (0...Self.partMax).contains(pickleCount), (0...Self.partMax).contains(descriptionCount),
            object.count >= head + pickleCount + descriptionCount
        else { return nil }
        let middle = head + pickleCount
        let start = (middle + descriptionCount + Self.alignment - 1) / Self.alignment * Self.alignment
        guard let end = Self.end(ofPickle: ByteBuffer(bytes: object[head..<middle]), arrays: module),
            let count = Self.bufferCount(ByteBuffer(bytes: object[middle..<(middle + descriptionCount)])),
            count == end.count, count <= object.count - start
        else { return nil }
        data = start..<(start + count)
        self.end = end.bytes
    }

    /// Neither is longer.
    private static let partMax = 1 << 10

    /// What comes behind the buffer in the pickle of a list with one array, and how large that says the buffer is.
    private static func end(ofPickle pickle: ByteBuffer, arrays module: String) -> (bytes: ByteBuffer, count: Int)? {
        var rest = pickle
        guard rest.skip([PickleOpcode.proto.rawValue, 5]) else { return nil }
        // In front of the frame if it was written here.
        var isList = rest.skip([PickleOpcode.emptyList.rawValue])
        _ = rest.readFrame()
        if !isList { isList = rest.skip([PickleOpcode.emptyList.rawValue, PickleOpcode.memoize.rawValue]) }
        guard isList, rest.skip(ArrayPickle.function(of: module)), rest.skip([PickleOpcode.nextBuffer.rawValue]) else {
            return nil
        }
        _ = rest.skip([PickleOpcode.readOnlyBuffer.rawValue])
        _ = rest.readFrame()
        _ = rest.skip([PickleOpcode.memoize.rawValue])
        let end = rest
        guard let count = rest.readArrayEnd(),
            let bytes = end.getSlice(at: end.readerIndex, length: end.readableBytes - rest.readableBytes),
            rest.skip([PickleOpcode.append.rawValue, PickleOpcode.stop.rawValue]), rest.readableBytes == 0
        else { return nil }
        return (bytes, count)
    }

    /// The size of the one buffer that is described, which is the first.
    private static func bufferCount(_ description: ByteBuffer) -> Int? {
        var fields = MessageFields(description)
        var count: Int?
        while let field = fields.next() {
            guard case (3, .bytes(let buffer)) = (field.number, field.value) else { continue }
            guard count == nil else { return nil }
            var parts = MessageFields(buffer)
            while let part = parts.next() {
                switch (part.number, part.value) {
                case (1, .number(let offset)) where offset != 0: return nil
                case (2, .number(let size)): count = Int(exactly: size)
                default: break
                }
            }
        }
        return count
    }
}

extension ByteBuffer {
    /// Appends the beginning of a frame, which pickle leaves out where it is very short.
    fileprivate mutating func writeFrameHead(_ count: Int) {
        guard count >= 4 else { return }
        writeInteger(PickleOpcode.frame.rawValue)
        writeInteger(UInt64(count), endianness: .little)
    }
}
