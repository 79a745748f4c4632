//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// What pickle makes of a NumPy array of numbers whose elements lie in one piece:
///
///     function, elements, dtype (type and state), shape, order
enum ArrayPickle {
    /// The function that makes an array, as its module has it, and the beginning of its arguments.
    static func function(of module: String) -> [UInt8] {
        text(module) + [0x94] + text("_frombuffer") + [0x94, 0x93, 0x94, 0x28]
    }

    /// The function `dtype`, and the beginning of a text of its arguments, `(type, False, True)`.
    fileprivate static let type = text("numpy") + [0x94] + text("dtype") + [0x94, 0x93, 0x94, 0x8C]
    /// Their end, and the state from its version to its first text.
    fileprivate static let state: [UInt8] = [0x94, 0x89, 0x88, 0x87, 0x94, 0x52, 0x94, 0x28, 0x4B, 3, 0x8C, 1]
    /// No names, no fields: `None, None, None, -1, -1, 0`.
    fileprivate static let stateEnd: [UInt8] =
        [0x94, 0x4E, 0x4E, 0x4E] + [0x4A, 0xFF, 0xFF, 0xFF, 0xFF] + [0x4A, 0xFF, 0xFF, 0xFF, 0xFF]
        + [0x4B, 0, 0x74, 0x94, 0x62]
    fileprivate static let order: [UInt8] = [0x8C, 1]
    /// The arguments' end, and the call.
    fileprivate static let end: [UInt8] = [0x94, 0x74, 0x94, 0x52, 0x94]
    /// Truth values, whole numbers, floats and complex numbers.
    fileprivate static let types: Set = [
        "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16",
    ]

    private static func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
}

extension ByteBuffer {
    /// Whether it begins with these bytes, which are stepped over then.
    mutating func skip(_ bytes: [UInt8]) -> Bool {
        guard readableBytesView.starts(with: bytes) else { return false }
        moveReaderIndex(forwardBy: bytes.count)
        return true
    }

    /// Steps over the beginning of a frame, if one begins here: how much is in it.
    mutating func readFrame() -> Int? {
        guard readableBytes > MemoryLayout<UInt64>.size, skip([PickleOpcode.frame.rawValue]) else { return nil }
        return readInteger(endianness: .little, as: UInt64.self).map { Int(clamping: $0) }
    }

    /// Steps over what comes behind the elements of an array: how many bytes these are; nothing if it is not one of numbers.
    mutating func readArrayEnd() -> Int? {
        guard skip(ArrayPickle.type), let length = readInteger(as: UInt8.self),
            let type = readString(length: Int(length)), ArrayPickle.types.contains(type),
            let size = Int(type.dropFirst()), skip(ArrayPickle.state),
            let endianness = readInteger(as: UInt8.self), "<>|".utf8.contains(endianness), skip(ArrayPickle.stateEnd),
            let shape = readShape(), skip(ArrayPickle.order),
            let order = readInteger(as: UInt8.self), "CF".utf8.contains(order), skip(ArrayPickle.end)
        else { return nil }
        var count = size
        for length in shape {
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: length)
            if isTooLarge { return nil }
            count = product
        }
        return count
    }

    /// A tuple of numbers that are not negative.
    private mutating func readShape() -> [Int]? {
        if skip([PickleOpcode.emptyTuple.rawValue]) { return [] }
        let isMarked = skip([PickleOpcode.mark.rawValue])
        var shape: [Int] = []
        while let length = readLength() { shape.append(length) }
        let tuples: [Int: PickleOpcode] = [1: .tuple1, 2: .tuple2, 3: .tuple3]
        guard let end = isMarked ? .tuple : tuples[shape.count],
            skip([end.rawValue, PickleOpcode.memoize.rawValue])
        else { return nil }
        return shape
    }

    /// A number of 2^31 or more, by how many bytes it has, the lowest first.
    private mutating func readLongLength() -> Int? {
        guard let count = readInteger(as: UInt8.self), (1...8).contains(count),
            let bytes = readBytes(length: Int(count)), let highest = bytes.last, highest < 0x80
        else { return nil }
        return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func readLength() -> Int? {
        if skip([PickleOpcode.binInt1.rawValue]) { return readInteger(as: UInt8.self).map { Int($0) } }
        if skip([PickleOpcode.binInt2.rawValue]) {
            return readInteger(endianness: .little, as: UInt16.self).map { Int($0) }
        }
        if skip([PickleOpcode.long1.rawValue]) { return readLongLength() }
        guard skip([PickleOpcode.binInt.rawValue]) else { return nil }
        return readInteger(endianness: .little, as: Int32.self).flatMap { $0 >= 0 ? Int($0) : nil }
    }
}
