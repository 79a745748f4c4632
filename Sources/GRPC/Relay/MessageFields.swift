//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// The fields that a message of Protocol Buffers has at its top; what is inside them is not looked at.
package enum MessageFields {
    /// Whether a message has one of the fields with these numbers; in what is not a message nothing is found.
    package static func contains(_ numbers: Set<Int>, in message: ByteBuffer) -> Bool {
        var rest = message
        while let tag = varint(&rest) {
            if numbers.contains(Int(truncatingIfNeeded: tag >> 3)) { return true }
            guard skip(tag & 7, &rest) else { return false }
        }
        return false
    }

    /// Goes past a field's value, by its kind; whether there was one.
    private static func skip(_ kind: UInt64, _ rest: inout ByteBuffer) -> Bool {
        switch kind {
        case 0: return varint(&rest) != nil
        case 1: return skip(8, of: &rest)
        case 2: return varint(&rest).map { skip($0, of: &rest) } ?? false
        case 5: return skip(4, of: &rest)
        default: return false
        }
    }

    private static func skip(_ byteCount: UInt64, of rest: inout ByteBuffer) -> Bool {
        guard byteCount <= UInt64(rest.readableBytes) else { return false }
        rest.moveReaderIndex(forwardBy: Int(byteCount))
        return true
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
