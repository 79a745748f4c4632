//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// The bytes of a decoding and what its parts share.
///
/// Bytes are borrowed: after `close` every read fails, also through decoders that user code has kept.
final class DecodingContext {
    private(set) var bytes: UnsafeRawBufferPointer
    private(set) var keys: [String]
    let contained: [ObjectReference]
    let worker: (any WorkerAPI)?
    private var depth = 0

    init(bytes: UnsafeRawBufferPointer, keys: [String], contained: [ObjectReference], worker: (any WorkerAPI)?) {
        self.bytes = bytes
        self.keys = keys
        self.contained = contained
        self.worker = worker
    }

    func close() { bytes = UnsafeRawBufferPointer(start: nil, count: 0) }

    /// Reads the table whose offset stands behind the first byte.
    func readKeyTable() throws {
        let position: UInt64 = try load(at: 1)
        guard position <= UInt64(bytes.count) else { throw CodingFailure.truncated }
        var offset = Int(position)
        let count: UInt32 = try load(at: offset)
        offset += 4
        // Each key takes four bytes at least.
        guard Int(count) <= (bytes.count - offset) / 4 else { throw CodingFailure.truncated }
        keys.reserveCapacity(Int(count))
        for _ in 0..<count { keys.append(try text(at: &offset)) }
    }

    func load<Number: BitwiseCopyable>(at offset: Int) throws -> Number {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Number>.size else { throw CodingFailure.truncated }
        return bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }

    func tag(at offset: Int) throws -> CodingTag {
        guard offset >= 0, offset < bytes.count else { throw CodingFailure.truncated }
        guard let tag = CodingTag(rawValue: bytes[offset]) else {
            throw CodingFailure("byte \(bytes[offset]) stands for no kind of value")
        }
        return tag
    }

    /// The bytes from `offset` on, and `offset` behind them.
    func slice(at offset: inout Int, count: Int) throws -> UnsafeRawBufferPointer {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw CodingFailure.truncated
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    func text(at offset: inout Int) throws -> String {
        let count: UInt32 = try load(at: offset)
        offset += 4
        guard let text = String(validating: try slice(at: &offset, count: Int(count)), as: UTF8.self) else {
            throw CodingFailure("a string is not UTF-8")
        }
        return text
    }

    func varint(at offset: inout Int) throws -> Int {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            let byte: UInt8 = try load(at: offset)
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return Int(value) }
        }
        throw CodingFailure("a key index is too long")
    }

    /// The offset behind the value at `offset`.
    func end(of offset: Int) throws -> Int {
        switch try tag(at: offset) {
        case .none, .false, .true: return offset + 1
        case .int8, .uint8: return offset + 2
        case .int16, .uint16: return offset + 3
        case .int32, .uint32, .float, .reference: return offset + 5
        case .int64, .uint64, .double: return offset + 9
        case .actor, .int128, .uint128: return offset + 17
        case .string, .keyed, .unkeyed:
            let count: UInt32 = try load(at: offset + 1)
            return offset + 5 + Int(count)
        case .block:
            let count: UInt64 = try load(at: offset + 2)
            guard count <= UInt64(bytes.count) else { throw CodingFailure.truncated }
            return offset + 10 + Int(count)
        case .alignedBlock, .coded: throw CodingFailure("the head of an object stands inside it")
        }
    }

    func number<Number: TaggedNumber>(_ type: Number.Type, at offset: Int) throws -> Number {
        let found = try tag(at: offset)
        guard found == Number.tag else { throw CodingFailure("expected \(type), found \(found)") }
        return try load(at: offset + 1)
    }

    func bool(at offset: Int) throws -> Bool {
        switch try tag(at: offset) {
        case .false: false
        case .true: true
        case let other: throw CodingFailure("expected Bool, found \(other)")
        }
    }

    func string(at offset: Int) throws -> String {
        let found = try tag(at: offset)
        guard found == .string else { throw CodingFailure("expected String, found \(found)") }
        var position = offset + 1
        return try text(at: &position)
    }

    /// The value if it is a plain number, string or truth value, else nothing.
    private func scalar<Value>(_ type: Value.Type, at offset: Int) throws -> Value? {
        func matches<Number: TaggedNumber>(_: Number.Type) throws -> Value? {
            guard Value.self == Number.self else { return nil }
            // The types are the same, so is the representation.
            return unsafeBitCast(try number(Number.self, at: offset), to: Value.self)
        }
        if let value = try matches(Int.self) ?? matches(Double.self) { return value }
        if Value.self == String.self { return try string(at: offset) as? Value }
        if Value.self == Bool.self { return try bool(at: offset) as? Value }
        guard MemoryLayout<Value>.size <= 8 else { return nil }
        if let value = try matches(Float.self) ?? matches(UInt8.self) ?? matches(Int32.self) { return value }
        if let value = try matches(Int64.self) ?? matches(UInt64.self) ?? matches(UInt32.self) { return value }
        if let value = try matches(UInt16.self) ?? matches(Int16.self) { return value }
        return try matches(Int8.self) ?? matches(UInt.self)
    }

    /// Any value.
    func value<Value: Decodable>(_ type: Value.Type, at offset: Int) throws -> Value {
        if let value = try scalar(type, at: offset) { return value }
        if let code = NumberBlock.code(of: type) {
            let found = try tag(at: offset)
            guard found == .block, try load(at: offset + 1) == code, let stride = NumberBlock.stride(of: code) else {
                throw CodingFailure("expected \(type), found \(found)")
            }
            let count: UInt64 = try load(at: offset + 2)
            guard count <= UInt64(bytes.count), Int(count).isMultiple(of: stride) else { throw CodingFailure.truncated }
            var position = offset + 10
            return NumberBlock.array(type, code: code, bytes: try slice(at: &position, count: Int(count)))
        }
        guard depth < RayCoder.depthMax else {
            throw CodingFailure("the bytes are nested deeper than \(RayCoder.depthMax) levels")
        }
        depth += 1
        defer { depth -= 1 }
        return try Value(from: ValueDecoder(context: self, offset: offset))
    }
}
