//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension MessagePackValue {
    /// Why bytes are no value.
    package enum Flaw: Error, Hashable, Sendable {
        /// They end before the value does.
        case tooShort
        /// More follows after the value.
        case tooLong
        /// More arrays and maps inside each other than `depthMax`.
        case tooDeep
        /// A tag of an extension, or of nothing.
        case unknownTag(UInt8)
        /// A text that is not UTF-8.
        case noText
    }

    /// Arrays and maps inside each other.
    package static let depthMax = 64

    /// Reads exactly one value.
    ///
    /// - Throws: the flaw. Takes memory only for bytes that are there, whatever counts they announce.
    package init(_ bytes: UnsafeRawBufferPointer) throws(Flaw) {
        var reader = MessagePackReader(bytes: bytes)
        self = try reader.value(depth: 0)
        guard reader.position == bytes.count else { throw .tooLong }
    }

    /// Reads exactly one value.
    package init(_ bytes: [UInt8]) throws(Flaw) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Flaw) in try MessagePackValue(bytes) }
        }
        self = try result.get()
    }
}

private struct MessagePackReader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    mutating func value(depth: Int) throws(MessagePackValue.Flaw) -> MessagePackValue {
        guard depth < MessagePackValue.depthMax else { throw .tooDeep }
        let tag = try number(UInt8.self)
        switch tag {
        case 0x00...0x7f: return .int(Int64(tag))
        case 0x80...0x8f: return try map(Int(tag & 0x0f), depth)
        case 0x90...0x9f: return try array(Int(tag & 0x0f), depth)
        case 0xa0...0xbf: return try text(Int(tag & 0x1f))
        case 0xc0: return .nil
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4: return .bytes(Array(try take(Int(try number(UInt8.self)))))
        case 0xc5: return .bytes(Array(try take(Int(try number(UInt16.self)))))
        case 0xc6: return .bytes(Array(try take(Int(try number(UInt32.self)))))
        case 0xca: return .double(Double(Float(bitPattern: try number(UInt32.self))))
        case 0xcb: return .double(Double(bitPattern: try number(UInt64.self)))
        case 0xcc: return .int(Int64(try number(UInt8.self)))
        case 0xcd: return .int(Int64(try number(UInt16.self)))
        case 0xce: return .int(Int64(try number(UInt32.self)))
        case 0xcf:
            let number = try number(UInt64.self)
            return Int64(exactly: number).map { .int($0) } ?? .unsigned(number)
        case 0xd0: return .int(Int64(try number(Int8.self)))
        case 0xd1: return .int(Int64(try number(Int16.self)))
        case 0xd2: return .int(Int64(try number(Int32.self)))
        case 0xd3: return .int(try number(Int64.self))
        case 0xd9: return try text(Int(try number(UInt8.self)))
        case 0xda: return try text(Int(try number(UInt16.self)))
        case 0xdb: return try text(Int(try number(UInt32.self)))
        case 0xdc: return try array(Int(try number(UInt16.self)), depth)
        case 0xdd: return try array(Int(try number(UInt32.self)), depth)
        case 0xde: return try map(Int(try number(UInt16.self)), depth)
        case 0xdf: return try map(Int(try number(UInt32.self)), depth)
        case 0xe0...0xff: return .int(Int64(Int8(bitPattern: tag)))
        default: throw .unknownTag(tag)
        }
    }

    private mutating func take(_ count: Int) throws(MessagePackValue.Flaw) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw .tooShort }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private mutating func number<Number: FixedWidthInteger>(
        _: Number.Type
    ) throws(MessagePackValue.Flaw) -> Number {
        Number(bigEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    private mutating func text(_ count: Int) throws(MessagePackValue.Flaw) -> MessagePackValue {
        guard let text = String(validating: try take(count), as: UTF8.self) else { throw .noText }
        return .string(text)
    }

    private mutating func array(_ count: Int, _ depth: Int) throws(MessagePackValue.Flaw) -> MessagePackValue {
        // Every element has a byte at least.
        guard count <= bytes.count - position else { throw .tooShort }
        var elements: [MessagePackValue] = []
        elements.reserveCapacity(min(count, 1_024))
        for _ in 0..<count { elements.append(try value(depth: depth + 1)) }
        return .array(elements)
    }

    private mutating func map(_ count: Int, _ depth: Int) throws(MessagePackValue.Flaw) -> MessagePackValue {
        guard count <= (bytes.count - position) / 2 else { throw .tooShort }
        var pairs: [MessagePackValue.Pair] = []
        pairs.reserveCapacity(min(count, 1_024))
        for _ in 0..<count {
            let key = try value(depth: depth + 1)
            pairs.append(MessagePackValue.Pair(key, try value(depth: depth + 1)))
        }
        return .map(pairs)
    }
}
