//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// How MessagePack says what a value is that has a length: in one byte if it is short, else with the length behind.
struct PackedKind {
    /// The first of the bytes for short ones, and how many of them there are.
    let short: UInt8
    let shortCount: Int
    /// The byte in front of a length of one byte, where there is one, of two and of four.
    let one: UInt8?
    let two: UInt8
    let four: UInt8

    static let text = PackedKind(short: 0xA0, shortCount: 32, one: 0xD9, two: 0xDA, four: 0xDB)
    static let bytes = PackedKind(short: 0, shortCount: 0, one: 0xC4, two: 0xC5, four: 0xC6)
    static let list = PackedKind(short: 0x90, shortCount: 16, one: nil, two: 0xDC, four: 0xDD)
    static let map = PackedKind(short: 0x80, shortCount: 16, one: nil, two: 0xDE, four: 0xDF)
}

/// The smallest bytes of MessagePack for a value.
extension ByteBuffer {
    mutating func writePackedNone() { writeInteger(0xC0 as UInt8) }

    mutating func writePacked(_ value: Bool) { writeInteger(value ? 0xC3 : 0xC2 as UInt8) }

    mutating func writePacked(_ value: Double) { writeMultipleIntegers(0xCB as UInt8, value.bitPattern) }

    mutating func writePacked(_ value: UInt64) {
        switch value {
        case 0..<0x80: writeInteger(UInt8(value))
        case 0...UInt64(UInt8.max): writeMultipleIntegers(0xCC as UInt8, UInt8(value))
        case 0...UInt64(UInt16.max): writeMultipleIntegers(0xCD as UInt8, UInt16(value))
        case 0...UInt64(UInt32.max): writeMultipleIntegers(0xCE as UInt8, UInt32(value))
        default: writeMultipleIntegers(0xCF as UInt8, value)
        }
    }

    mutating func writePacked(_ value: Int64) {
        switch value {
        case 0...: writePacked(UInt64(value))
        case -32..<0: writeInteger(Int8(value))
        case Int64(Int8.min)...: writeMultipleIntegers(0xD0 as UInt8, Int8(value))
        case Int64(Int16.min)...: writeMultipleIntegers(0xD1 as UInt8, Int16(value))
        case Int64(Int32.min)...: writeMultipleIntegers(0xD2 as UInt8, Int32(value))
        default: writeMultipleIntegers(0xD3 as UInt8, value)
        }
    }

    /// What comes before `count` bytes, elements or pairs; less than 4 GiB.
    mutating func writePacked(_ kind: PackedKind, count: Int) {
        if count < kind.shortCount {
            writeInteger(kind.short | UInt8(count))
        } else if let one = kind.one, count <= UInt8.max {
            writeMultipleIntegers(one, UInt8(count))
        } else if count <= UInt16.max {
            writeMultipleIntegers(kind.two, UInt16(count))
        } else {
            writeMultipleIntegers(kind.four, UInt32(count))
        }
    }

    /// A number that is not negative; nothing if the bytes are none.
    mutating func readPackedUnsigned() -> UInt64? {
        switch readInteger(as: UInt8.self) {
        case .some(let value) where value < 0x80: UInt64(value)
        case 0xCC: readInteger(as: UInt8.self).map(UInt64.init)
        case 0xCD: readInteger(as: UInt16.self).map(UInt64.init)
        case 0xCE: readInteger(as: UInt32.self).map(UInt64.init)
        case 0xCF: readInteger(as: UInt64.self)
        default: nil
        }
    }
}
