//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// A field of a message of Protocol Buffers.
package struct MessageField: Equatable {
    /// What a field holds, as far as the bytes say it.
    package enum Value: Equatable {
        /// A whole number, a truth value or one of an enumeration.
        case number(UInt64)
        case eightBytes(UInt64)
        case fourBytes(UInt32)
        /// Text, bytes, another message, or several numbers.
        case bytes(ByteBuffer)
    }

    package let number: Int
    package let value: Value
}

/// The fields that a message of Protocol Buffers has at its top, one after the other; what is inside them is not
/// looked at.
package struct MessageFields {
    private static let numberMax = (1 << 29) - 1
    private var rest: ByteBuffer

    /// Begins with the first field.
    package init(_ message: ByteBuffer) { rest = message }

    /// Whether there is nothing left: if `next` has no field then, the message is whole.
    package var isAtEnd: Bool { rest.readableBytes == 0 }

    /// The next field; nothing at the end, and from where on the bytes are none of a message.
    package mutating func next() -> MessageField? {
        var rest = rest
        guard let tag = Self.varint(&rest), (1...UInt64(Self.numberMax)).contains(tag >> 3),
            let value = Self.value(ofKind: tag & 7, &rest)
        else { return nil }
        self.rest = rest
        return MessageField(number: Int(tag >> 3), value: value)
    }

    /// Whether a message has one of the fields with these numbers; in what is not a message nothing is found.
    package static func contains(_ numbers: Set<Int>, in message: ByteBuffer) -> Bool {
        var fields = MessageFields(message)
        while let field = fields.next() {
            if numbers.contains(field.number) { return true }
        }
        return false
    }

    private static func value(ofKind kind: UInt64, _ rest: inout ByteBuffer) -> MessageField.Value? {
        switch kind {
        case 0: varint(&rest).map { .number($0) }
        case 1: rest.readInteger(endianness: .little, as: UInt64.self).map { .eightBytes($0) }
        case 2: varint(&rest).flatMap { Int(exactly: $0) }.flatMap { rest.readSlice(length: $0) }.map { .bytes($0) }
        case 5: rest.readInteger(endianness: .little, as: UInt32.self).map { .fourBytes($0) }
        default: nil
        }
    }

    /// A number of seven bits a byte, the lowest first.
    private static func varint(_ rest: inout ByteBuffer) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let byte = rest.readInteger(as: UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}

extension ByteBuffer {
    /// The text that the bytes are in UTF-8, if they are.
    var string: String? { withUnsafeReadableBytes { String(validating: $0, as: UTF8.self) } }

    /// Appends a field of a message with a number, unless it is 0, which says the same as no field.
    mutating func writeField(_ number: Int, _ value: UInt64) {
        guard value != 0 else { return }
        writeVarint(UInt64(number) << 3)
        writeVarint(value)
    }

    /// Appends a field of a message with bytes, even if there are none.
    mutating func writeField(_ number: Int, _ value: ByteBuffer) {
        writeVarint(UInt64(number) << 3 | 2)
        writeVarint(UInt64(value.readableBytes))
        writeImmutableBuffer(value)
    }

    private mutating func writeVarint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        writeInteger(UInt8(value))
    }
}
