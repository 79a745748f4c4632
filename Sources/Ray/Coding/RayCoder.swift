//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker

/// Turns `Codable` values into objects and back: binary, without Foundation; see `CodingTag` for the format.
///
/// Numbers, strings and arrays of numbers go straight to bytes; everything else through `Encoder` and `Decoder`.
/// Byte order is little-endian, as on every machine that this package supports.
package enum RayCoder {
    /// Deepest nesting of values; protects the stack from endless recursion and hostile bytes.
    package static let depthMax = 256

    /// Encodes a value without references inside, or whose references are held by the caller.
    package static func encode<Value: Encodable>(_ value: Value) throws -> RayObject {
        var held: [any AnyObject & Sendable] = []
        return try encode(value, holding: &held)
    }

    /// Encodes a value; references inside it are listed in the object.
    ///
    /// Adds to `held` what keeps these references: it must live until the object was handed to the worker.
    package static func encode<Value: Encodable>(
        _ value: Value, holding held: inout [any AnyObject & Sendable]
    ) throws -> RayObject {
        if let bytes = word(value) { return RayObject(data: bytes, metadata: ObjectMetadata.swift) }
        let buffer = EncodingBuffer(shared: EncodingShared(), depth: 0)
        if buffer.writeScalar(value) { return RayObject(data: buffer.bytes, metadata: ObjectMetadata.swift) }
        var block: [UInt8]?
        if NumberBlock.withBytes(of: value, { block = alignedBlock(code: $0, bytes: $1) }), let block {
            return RayObject(data: block, metadata: ObjectMetadata.swift)
        }
        buffer.append(tag: .coded)
        buffer.append(UInt64(0))
        try buffer.write(value)
        if let failure = buffer.shared.failure { throw failure }
        let tableOffset = UInt64(buffer.bytes.count)
        buffer.append(UInt32(buffer.shared.keys.count))
        for key in buffer.shared.keys { try buffer.append(text: key) }
        buffer.patch(tableOffset, at: 1)
        let contained = buffer.shared.contained
        held += buffer.shared.keepAlive
        return RayObject(data: buffer.bytes, metadata: ObjectMetadata.swift, contained: contained)
    }

    /// The object of a function that returns nothing.
    package static let void = RayObject(data: [CodingTag.none.rawValue], metadata: ObjectMetadata.swift)

    /// Decodes a value; references inside it are retained at `worker`.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer, contained: [ObjectReference] = [],
        worker: (any WorkerAPI)? = nil
    ) throws -> Value {
        guard let first = bytes.first else { throw CodingFailure.truncated }
        if let value = try word(type, bytes) { return value }
        guard first == CodingTag.coded.rawValue || first == CodingTag.alignedBlock.rawValue else {
            let context = DecodingContext(bytes: bytes, keys: [], contained: contained, worker: worker)
            defer { context.close() }
            return try context.value(type, at: 0)
        }
        if first == CodingTag.alignedBlock.rawValue {
            guard let code = NumberBlock.code(of: type) else {
                throw CodingFailure("the object is an array of numbers, not \(type)")
            }
            return NumberBlock.array(type, code: code, bytes: try numbers(of: bytes, code: code))
        }
        let context = DecodingContext(bytes: bytes, keys: [], contained: contained, worker: worker)
        defer { context.close() }
        try context.readKeyTable()
        return try context.value(type, at: 9)
    }

    /// Decodes any value that an `ObjectRef` can stand for; `Void` included.
    package static func decodeAny<Value>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer, contained: [ObjectReference],
        worker: (any WorkerAPI)?
    ) throws -> Value {
        if let nothing = () as? Value, Value.self == Void.self { return nothing }
        guard let decodable = type as? any Decodable.Type else {
            throw CodingFailure("\(type) cannot be decoded because it is not Decodable")
        }
        let value: any Decodable = try decode(decodable, from: bytes, contained: contained, worker: worker)
        guard let result = value as? Value else { throw CodingFailure("the object is not a \(type)") }
        return result
    }

    private static func wordTag<Value>(_ type: Value.Type) -> CodingTag? {
        if Value.self == Int.self { return .int64 }
        return Value.self == Double.self ? .double : nil
    }

    /// The bytes of a number of eight bytes, the commonest argument: no buffer, one allocation.
    private static func word<Value>(_ value: Value) -> [UInt8]? {
        guard let tag = wordTag(Value.self) else { return nil }
        // Both types are plain words of this size.
        let bits = unsafeBitCast(value, to: UInt64.self)
        return [UInt8](unsafeUninitializedCapacity: 9) { buffer, count in
            buffer[0] = tag.rawValue
            UnsafeMutableRawBufferPointer(buffer).storeBytes(of: bits, toByteOffset: 1, as: UInt64.self)
            count = 9
        }
    }

    private static func word<Value>(_ type: Value.Type, _ bytes: UnsafeRawBufferPointer) throws -> Value? {
        guard let tag = wordTag(Value.self) else { return nil }
        // Anything unexpected goes the long way, which says what is wrong.
        guard bytes.count >= 9, bytes[0] == tag.rawValue else { return nil }
        return unsafeBitCast(bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self), to: Value.self)
    }

    /// The numbers of an object that is one block of the numbers that `code` names, borrowed.
    static func numbers(of bytes: UnsafeRawBufferPointer, code: UInt8) throws -> UnsafeRawBufferPointer {
        guard bytes.count >= NumberBlock.headerBytes, bytes[0] == CodingTag.alignedBlock.rawValue else {
            throw CodingFailure("the object is not an array of numbers")
        }
        guard bytes[1] == code, let stride = NumberBlock.stride(of: code) else {
            throw CodingFailure("the object is an array of other numbers")
        }
        let count = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let available = bytes.count - NumberBlock.headerBytes
        guard count <= UInt64(available / stride) else { throw CodingFailure.truncated }
        let end = NumberBlock.headerBytes + Int(count) * stride
        return UnsafeRawBufferPointer(rebasing: bytes[NumberBlock.headerBytes..<end])
    }

    private static func alignedBlock(code: UInt8, bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let stride = NumberBlock.stride(of: code) ?? 1
        let total = NumberBlock.headerBytes + bytes.count
        return [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            NumberBlock.writeHeader(code: code, count: bytes.count / stride, into: raw)
            UnsafeMutableRawBufferPointer(rebasing: raw[NumberBlock.headerBytes..<total]).copyMemory(from: bytes)
            initialized = total
        }
    }
}
