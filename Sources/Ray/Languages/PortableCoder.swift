//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Values that every language of the cluster knows, laid out as Ray does for calls between languages:
///
///     XLANG     length N in MessagePack, in 9 bytes | N bytes of MessagePack
///     RAW       bytes as they are
///     SWIFT     an array of numbers as `NumberBlock` has it, which Python reads where it lies
///
/// MessagePack's kinds are nil, truth values, numbers, strings, bytes, lists, and maps with strings as keys; `[UInt8]`
/// is bytes, and the other arrays of numbers are blocks, unless they are parts of a value: then they are lists.
package enum PortableCoder {
    /// Bytes before the MessagePack.
    package static let headerBytes = 9

    /// Encodes a value.
    ///
    /// - Throws: `CodingFailure` for what other languages do not know.
    package static func encode<Value: Encodable>(_ value: Value) throws -> RayObject {
        if let bytes = value as? [UInt8] { return RayObject(data: bytes, metadata: ObjectMetadata.raw) }
        if NumberBlock.code(of: Value.self) != nil { return try RayCoder.encode(value) }
        return object(try PortableSlot.value(of: value), metadata: ObjectMetadata.crossLanguage)
    }

    /// Lays a value out.
    package static func object(_ value: MessagePackValue, metadata: [UInt8]) -> RayObject {
        let body = value.encoded
        var data = MessagePackValue.int(Int64(body.count)).encoded
        data.reserveCapacity(headerBytes + body.count)
        data.append(contentsOf: repeatElement(0, count: headerBytes - data.count))
        data.append(contentsOf: body)
        return RayObject(data: data, metadata: metadata)
    }

    /// Decodes the data of an object of the kind XLANG.
    package static func decode<Value>(_ type: Value.Type, from bytes: UnsafeRawBufferPointer) throws -> Value {
        guard let decodable = type as? any Decodable.Type else {
            throw CodingFailure("\(type) cannot be decoded because it is not Decodable")
        }
        let decoded = try PortableDecoder(value: try content(of: bytes)).decode(decodable)
        guard let result = decoded as? Value else { throw CodingFailure("the object is not a \(type)") }
        return result
    }

    /// The value in the data of an object of the kind XLANG.
    package static func content(of bytes: UnsafeRawBufferPointer) throws -> MessagePackValue {
        guard bytes.count >= headerBytes, let count = length(bytes), count <= bytes.count - headerBytes else {
            throw CodingFailure.truncated
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[headerBytes..<headerBytes + count])
        do throws(MessagePackValue.Flaw) {
            return try MessagePackValue(body)
        } catch {
            throw CodingFailure("the bytes are no MessagePack (\(error))")
        }
    }

    /// The number that the first bytes say, of which the rest means nothing.
    private static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let width =
            switch bytes[0] {
            case 0...0x7f: 0
            case 0xcc...0xcf: 1 << Int(bytes[0] - 0xcc)
            default: -1
            }
        guard width > 0 else { return width == 0 ? Int(bytes[0]) : nil }
        return Int(exactly: bytes[1...width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
