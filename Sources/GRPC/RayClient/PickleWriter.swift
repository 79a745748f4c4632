//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// Writes values as a pickle in protocol 4.
struct PickleWriter {
    /// A list or map that is being written.
    private struct Container {
        let isMap: Bool
        /// How many elements, keys and values are to come.
        var missing: Int
    }

    private static let version: UInt8 = 4
    private static let depthMax = 64

    private var body = ByteBuffer()
    /// The rest of the MessagePack that is being read.
    private var source = ByteBuffer()
    /// The lists and maps that what comes next is in.
    private var containers: [Container] = []

    /// All that was written.
    var pickle: ByteBuffer {
        var pickle = ByteBuffer()
        pickle.reserveCapacity(body.readableBytes + 12)
        pickle.writeMultipleIntegers(PickleOpcode.proto.rawValue, Self.version, PickleOpcode.frame.rawValue)
        pickle.writeInteger(UInt64(body.readableBytes + 1), endianness: .little)
        pickle.writeImmutableBuffer(body)
        pickle.writeInteger(PickleOpcode.stop.rawValue)
        return pickle
    }

    /// Writes a list of values; whether all of them are plain.
    mutating func writeList(_ values: [PlainValue]) -> Bool {
        write(.emptyList)
        if values.isEmpty { return true }
        write(.mark)
        for value in values {
            guard write(value) else { return false }
        }
        write(.appends)
        return true
    }

    /// Writes a value; whether it is plain.
    mutating func write(_ value: PlainValue) -> Bool {
        switch value {
        case .raw(let bytes):
            writeBytes(bytes)
            return true
        case .messagePack(let bytes):
            source = bytes
            return writeSource()
        }
    }

    private mutating func writeSource() -> Bool {
        repeat {
            if !containers.isEmpty { containers[containers.count - 1].missing -= 1 }
            guard let type = source.readInteger(as: UInt8.self), writeItem(type) else { return false }
            closeContainers()
        } while !containers.isEmpty
        return source.readableBytes == 0
    }

    /// Whether what is being written is a key, with whose value an odd number of others is missing.
    private var isKey: Bool { containers.last.map { $0.isMap && $0.missing % 2 == 1 } ?? false }

    /// Ends those that have all that belongs to them.
    private mutating func closeContainers() {
        while let last = containers.last, last.missing == 0 {
            write(last.isMap ? .setItems : .appends)
            containers.removeLast()
        }
    }

    /// Writes what begins with `type`; of a list or map, its beginning.
    private mutating func writeItem(_ type: UInt8) -> Bool {
        switch type {
        case 0x00...0x7F: number(type)
        case 0x80...0x8F: open(isMap: true, Int(type & 0x0F))
        case 0x90...0x9F: open(isMap: false, Int(type & 0x0F))
        case 0xA0...0xBF: text(Int(type & 0x1F))
        case 0xC0: write(.pushNone)
        case 0xC2: write(.newFalse)
        case 0xC3: write(.newTrue)
        case 0xC4: bytes(size(UInt8.self))
        case 0xC5: bytes(size(UInt16.self))
        case 0xC6: bytes(size(UInt32.self))
        case 0xCA: source.readInteger(as: UInt32.self).map { float(Double(Float(bitPattern: $0))) } ?? false
        case 0xCB: source.readInteger(as: UInt64.self).map { float(Double(bitPattern: $0)) } ?? false
        case 0xCC: number(source.readInteger(as: UInt8.self))
        case 0xCD: number(source.readInteger(as: UInt16.self))
        case 0xCE: number(source.readInteger(as: UInt32.self))
        case 0xCF: number(source.readInteger(as: UInt64.self))
        case 0xD0: number(source.readInteger(as: Int8.self))
        case 0xD1: number(source.readInteger(as: Int16.self))
        case 0xD2: number(source.readInteger(as: Int32.self))
        case 0xD3: number(source.readInteger(as: Int64.self))
        case 0xD9: text(size(UInt8.self))
        case 0xDA: text(size(UInt16.self))
        case 0xDB: text(size(UInt32.self))
        case 0xDC: open(isMap: false, size(UInt16.self))
        case 0xDD: open(isMap: false, size(UInt32.self))
        case 0xDE: open(isMap: true, size(UInt16.self))
        case 0xDF: open(isMap: true, size(UInt32.self))
        case 0xE0...0xFF: number(Int8(bitPattern: type))
        default: false
        }
    }

    private mutating func size<Number: FixedWidthInteger>(_ type: Number.Type) -> Int? {
        source.readInteger(as: type).map { Int($0) }
    }

    /// Begins a list or map; a size that is a lie is noticed at the end of what is there.
    private mutating func open(isMap: Bool, _ count: Int?) -> Bool {
        guard let count, containers.count < Self.depthMax, !isKey else { return false }
        write(isMap ? .emptyDict : .emptyList)
        if count > 0 {
            write(.mark)
            containers.append(Container(isMap: isMap, missing: isMap ? 2 * count : count))
        }
        return true
    }
}

// MARK: Scalars

extension PickleWriter {
    @discardableResult
    private mutating func write(_ opcode: PickleOpcode) -> Bool {
        body.writeInteger(opcode.rawValue)
        return true
    }

    private mutating func float(_ value: Double) -> Bool {
        write(.binFloat)
        body.writeInteger(value.bitPattern)
        return true
    }

    private mutating func number(_ value: (some FixedWidthInteger)?) -> Bool {
        guard let value else { return false }
        if let byte = UInt8(exactly: value) {
            write(.binInt1)
            body.writeInteger(byte)
        } else if let short = UInt16(exactly: value) {
            write(.binInt2)
            body.writeInteger(short, endianness: .little)
        } else if let number = Int32(exactly: value) {
            write(.binInt)
            body.writeInteger(number, endianness: .little)
        } else {
            // Where the highest bit is not the sign, a byte of zeros says so.
            let isLarge = value > Int64.max
            write(.long1)
            body.writeInteger(isLarge ? 9 : 8 as UInt8)
            body.writeInteger(UInt64(truncatingIfNeeded: value), endianness: .little)
            if isLarge { body.writeInteger(0 as UInt8) }
        }
        return true
    }

    private mutating func text(_ size: Int?) -> Bool {
        guard let text = size.flatMap({ source.readSlice(length: $0) }), text.string != nil else { return false }
        write(text, .shortBinUnicode, .binUnicode)
        return true
    }

    private mutating func bytes(_ size: Int?) -> Bool {
        guard let bytes = size.flatMap({ source.readSlice(length: $0) }) else { return false }
        writeBytes(bytes)
        return true
    }

    private mutating func writeBytes(_ bytes: ByteBuffer) {
        write(bytes, .shortBinBytes, .binBytes)
    }

    /// Writes text or bytes behind their number, which is of one byte where it fits.
    private mutating func write(_ content: ByteBuffer, _ short: PickleOpcode, _ long: PickleOpcode) {
        if let size = UInt8(exactly: content.readableBytes) {
            write(short)
            body.writeInteger(size)
        } else {
            write(long)
            body.writeInteger(UInt32(content.readableBytes), endianness: .little)
        }
        body.writeImmutableBuffer(content)
    }
}
