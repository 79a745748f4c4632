//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// How a large value lies in the object store, as Ray has it:
///
///     RAW       bytes as they are
///     PYTHON    where in the list, in MessagePack behind 9 bytes | sizes of the two that follow | pickle of a list |
///               what the buffers are, in Protocol Buffers | buffers, at a multiple of 64
///
/// An array's pickle is the client's, but for its elements: these are the buffer.
struct StoredLargeValue: Sendable {
    let metadata: ByteBuffer
    /// How many bytes the object has.
    let byteCount: Int
    /// Where the value's bytes are in it.
    let dataOffset: Int
    private let pickle: LargePickle
    private let description: ByteBuffer

    private static let alignment = 64
    /// The first element of the list: its number as Ray's extension, behind how many bytes that is.
    static let first: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0xD4, 101, 0]
    /// How many bytes are in front of the pickle: these, and the sizes.
    static let headCount = first.count + 16

    /// Of a value with this pickle.
    init(_ pickle: LargePickle) {
        self.pickle = pickle
        guard case .array = pickle.kind else {
            metadata = ByteBuffer(string: "RAW")
            byteCount = pickle.dataCount
            dataOffset = 0
            description = ByteBuffer()
            return
        }
        metadata = ByteBuffer(string: "PYTHON")
        description = Self.description(of: pickle)
        let start = Self.headCount + pickle.storedCount + description.readableBytes
        dataOffset = (start + Self.alignment - 1) / Self.alignment * Self.alignment
        // As much as is needed wherever the object begins.
        byteCount = start + Self.alignment + pickle.dataCount
    }

    /// What is in front of the value's bytes, once it is known what came behind them.
    func beginning(_ tail: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBuffer()
        guard dataOffset > 0 else { return bytes }
        bytes.reserveCapacity(dataOffset)
        bytes.writeBytes(Self.first)
        bytes.writeInteger(UInt64(pickle.storedCount), endianness: .little)
        bytes.writeInteger(UInt64(description.readableBytes), endianness: .little)
        pickle.writeStored(tail, to: &bytes)
        bytes.writeImmutableBuffer(description)
        bytes.writeRepeatingByte(0, count: dataOffset - bytes.readableBytes)
        return bytes
    }

    /// What is behind them.
    var end: ByteBuffer { ByteBuffer(repeating: 0, count: byteCount - dataOffset - pickle.dataCount) }

    /// One buffer of bytes that are not written.
    private static func description(of pickle: LargePickle) -> ByteBuffer {
        let count = UInt64(pickle.dataCount)
        var buffer = ByteBuffer()
        buffer.writeField(2, count)
        for field in [3, 4, 5] { buffer.writeField(field, 1) }
        buffer.writeField(6, ByteBuffer(string: "B"))
        buffer.writeField(7, packed: count)
        buffer.writeField(8, packed: 1)
        var description = ByteBuffer()
        description.writeField(1, UInt64(pickle.storedCount))
        description.writeField(2, count)
        description.writeField(3, buffer)
        return description
    }
}

/// The pickle that the store keeps of an array.
extension LargePickle {
    private var bufferOpcodes: [PickleOpcode] {
        kind == .array(isReadOnly: true) ? [.nextBuffer, .readOnlyBuffer] : [.nextBuffer]
    }

    /// How many bytes it has: two more than the client's, since it is that of a list, and a buffer for its elements.
    fileprivate var storedCount: Int {
        head.readableBytes - dataHeadSize + bufferOpcodes.count + tailCount + 2
    }

    /// The list begins in front of all frames and ends behind them.
    fileprivate func writeStored(_ tail: ByteBuffer, to bytes: inout ByteBuffer) {
        var head = head
        bytes.writeImmutableBuffer(head.readSlice(length: Self.protocolSize) ?? ByteBuffer())
        bytes.writeInteger(PickleOpcode.emptyList.rawValue)
        var function = head.readSlice(length: head.readableBytes - dataHeadSize) ?? ByteBuffer()
        if frame == .atTheEnd,
            let size = function.getInteger(at: function.readerIndex + 1, endianness: .little, as: Int.self)
        {
            let without = size - dataHeadSize - dataCount + bufferOpcodes.count
            function.setInteger(without, at: function.readerIndex + 1, endianness: .little)
        }
        bytes.writeImmutableBuffer(function)
        for opcode in bufferOpcodes { bytes.writeInteger(opcode.rawValue) }
        bytes.writeImmutableBuffer(tail.getSlice(at: tail.readerIndex, length: tailCount - 1) ?? ByteBuffer())
        bytes.writeInteger(PickleOpcode.append.rawValue)
        bytes.writeInteger(PickleOpcode.stop.rawValue)
    }
}

extension ByteBuffer {
    /// Appends a field of a message that may have several numbers, with one.
    fileprivate mutating func writeField(_ number: Int, packed value: UInt64) {
        var packed = ByteBuffer()
        packed.writeField(1, value)
        packed.moveReaderIndex(forwardBy: 1)
        writeField(number, packed)
    }
}
