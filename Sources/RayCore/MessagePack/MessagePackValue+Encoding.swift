//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension MessagePackValue {
    /// The shortest bytes that say this value (MessagePack specification, 2013 with `bin`).
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// Appends the bytes.
    package func write(to bytes: inout [UInt8]) {
        switch self {
        case .nil: bytes.append(0xc0)
        case .bool(let value): bytes.append(value ? 0xc3 : 0xc2)
        case .int(let number): Self.write(number, to: &bytes)
        case .unsigned(let number): Self.write(0xcf, number, to: &bytes)
        case .double(let number): Self.write(0xcb, number.bitPattern, to: &bytes)
        case .string(let text):
            let utf8 = text.utf8
            if utf8.count < 32 {
                bytes.append(0xa0 | UInt8(utf8.count))
            } else {
                Self.writeCount(utf8.count, 0xd9, 0xda, 0xdb, to: &bytes)
            }
            bytes.append(contentsOf: utf8)
        case .bytes(let data):
            Self.writeCount(data.count, 0xc4, 0xc5, 0xc6, to: &bytes)
            bytes.append(contentsOf: data)
        case .array(let elements):
            if elements.count < 16 {
                bytes.append(0x90 | UInt8(elements.count))
            } else {
                Self.writeCount(elements.count, nil, 0xdc, 0xdd, to: &bytes)
            }
            for element in elements { element.write(to: &bytes) }
        case .map(let pairs):
            if pairs.count < 16 {
                bytes.append(0x80 | UInt8(pairs.count))
            } else {
                Self.writeCount(pairs.count, nil, 0xde, 0xdf, to: &bytes)
            }
            for pair in pairs {
                pair.key.write(to: &bytes)
                pair.value.write(to: &bytes)
            }
        }
    }

    private static func write(_ number: Int64, to bytes: inout [UInt8]) {
        switch number {
        case 0..<128: bytes.append(UInt8(number))
        case -32..<0: bytes.append(UInt8(bitPattern: Int8(number)))
        case 0...Int64(UInt8.max): write(0xcc, UInt8(number), to: &bytes)
        case 0...Int64(UInt16.max): write(0xcd, UInt16(number), to: &bytes)
        case 0...Int64(UInt32.max): write(0xce, UInt32(number), to: &bytes)
        case 0...: write(0xcf, UInt64(number), to: &bytes)
        case Int64(Int8.min)...: write(0xd0, UInt8(bitPattern: Int8(number)), to: &bytes)
        case Int64(Int16.min)...: write(0xd1, UInt16(bitPattern: Int16(number)), to: &bytes)
        case Int64(Int32.min)...: write(0xd2, UInt32(bitPattern: Int32(number)), to: &bytes)
        default: write(0xd3, UInt64(bitPattern: number), to: &bytes)
        }
    }

    private static func write<Number: FixedWidthInteger>(_ tag: UInt8, _ number: Number, to bytes: inout [UInt8]) {
        bytes.append(tag)
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func writeCount(
        _ count: Int, _ small: UInt8?, _ medium: UInt8, _ large: UInt8, to bytes: inout [UInt8]
    ) {
        if let small, count <= Int(UInt8.max) { return write(small, UInt8(count), to: &bytes) }
        if count <= Int(UInt16.max) { return write(medium, UInt16(count), to: &bytes) }
        write(large, UInt32(clamping: count), to: &bytes)
    }
}
