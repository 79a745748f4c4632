//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The `Encoder` of one value.
struct ValueEncoder: Encoder {
    let buffer: EncodingBuffer
    let frame: Int

    // Paths are put into errors on the way out; keeping them here would cost on every value.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        buffer.begin(.keyed, in: frame)
        return KeyedEncodingContainer(KeyedWriter<Key>(buffer: buffer, frame: frame))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        buffer.begin(.unkeyed, in: frame)
        return UnkeyedWriter(buffer: buffer, frame: frame)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        buffer.begin(.single, in: frame)
        return SingleWriter(buffer: buffer, frame: frame)
    }

    /// Writes a reference as its index in the object's list.
    func write(_ reference: ObjectReference) throws {
        buffer.begin(.single, in: frame)
        buffer.append(tag: .reference)
        buffer.append(UInt32(buffer.shared.contained.count))
        buffer.shared.contained.append(reference)
    }

    /// Writes an actor's id.
    func write(_ actor: ActorID) throws {
        buffer.begin(.single, in: frame)
        buffer.append(tag: .actor)
        buffer.append(actor.word0)
        buffer.append(actor.word1)
        buffer.shared.actors.append(actor)
    }
}

/// Writes fields of a value.
struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let buffer: EncodingBuffer
    let frame: Int

    var codingPath: [any CodingKey] { [] }

    private func field(_ key: String, _ body: () throws -> Void) throws {
        try buffer.countElement(in: frame)
        let start = buffer.bytes.count
        buffer.append(varint: buffer.shared.index(of: key))
        do {
            try body()
        } catch {
            buffer.truncate(to: start)
            throw (error as? CodingFailure)?.inside(key) ?? error
        }
    }

    private func number(_ value: some TaggedNumber, _ key: Key) throws {
        try buffer.countElement(in: frame)
        buffer.append(varint: buffer.shared.index(of: key.stringValue))
        buffer.append(tagged: value)
    }

    func encodeNil(forKey key: Key) throws { try field(key.stringValue) { buffer.append(tag: .none) } }
    func encode(_ value: Bool, forKey key: Key) throws {
        try field(key.stringValue) { buffer.append(tag: value ? .true : .false) }
    }
    func encode(_ value: String, forKey key: Key) throws {
        try field(key.stringValue) {
            buffer.append(tag: .string)
            try buffer.append(text: value)
        }
    }
    func encode(_ value: Double, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Float, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int8, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int16, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int32, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int64, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: Int128, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt8, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt16, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt32, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt64, forKey key: Key) throws { try number(value, key) }
    func encode(_ value: UInt128, forKey key: Key) throws { try number(value, key) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try field(key.stringValue) { try buffer.write(value) }
    }

    private func child(_ key: String) -> EncodingBuffer {
        // A misuse is noted by `makeChild`; this function cannot throw.
        try? buffer.countElement(in: frame)
        buffer.append(varint: buffer.shared.index(of: key))
        return buffer.makeChild(in: frame)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        ValueEncoder(buffer: child(key.stringValue), frame: 0).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        ValueEncoder(buffer: child(key.stringValue), frame: 0).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { ValueEncoder(buffer: child("super"), frame: 0) }
    func superEncoder(forKey key: Key) -> any Encoder { ValueEncoder(buffer: child(key.stringValue), frame: 0) }
}

/// Writes elements of a value.
struct UnkeyedWriter: UnkeyedEncodingContainer {
    let buffer: EncodingBuffer
    let frame: Int

    var codingPath: [any CodingKey] { [] }
    var count: Int { buffer.count(in: frame) }

    private func number(_ value: some TaggedNumber) throws {
        try buffer.countElement(in: frame)
        buffer.append(tagged: value)
    }

    func encodeNil() throws {
        try buffer.countElement(in: frame)
        buffer.append(tag: .none)
    }
    func encode(_ value: Bool) throws {
        try buffer.countElement(in: frame)
        buffer.append(tag: value ? .true : .false)
    }
    func encode(_ value: String) throws { try write(value) }
    func encode(_ value: Double) throws { try number(value) }
    func encode(_ value: Float) throws { try number(value) }
    func encode(_ value: Int) throws { try number(value) }
    func encode(_ value: Int8) throws { try number(value) }
    func encode(_ value: Int16) throws { try number(value) }
    func encode(_ value: Int32) throws { try number(value) }
    func encode(_ value: Int64) throws { try number(value) }
    func encode(_ value: Int128) throws { try number(value) }
    func encode(_ value: UInt) throws { try number(value) }
    func encode(_ value: UInt8) throws { try number(value) }
    func encode(_ value: UInt16) throws { try number(value) }
    func encode(_ value: UInt32) throws { try number(value) }
    func encode(_ value: UInt64) throws { try number(value) }
    func encode(_ value: UInt128) throws { try number(value) }
    func encode<Value: Encodable>(_ value: Value) throws { try write(value) }

    private func write<Value: Encodable>(_ value: Value) throws {
        let index = count
        try buffer.checkInnermost(frame)
        do {
            // Counted after it is written: an element that throws is not there.
            try buffer.write(value)
        } catch {
            throw (error as? CodingFailure)?.inside("\(index)") ?? error
        }
        try buffer.countElement(in: frame)
    }

    private func child() -> EncodingBuffer {
        // A misuse is noted by `makeChild`; this function cannot throw.
        try? buffer.countElement(in: frame)
        return buffer.makeChild(in: frame)
    }

    func nestedContainer<NestedKey: CodingKey>(keyedBy keyType: NestedKey.Type) -> KeyedEncodingContainer<NestedKey> {
        ValueEncoder(buffer: child(), frame: 0).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        ValueEncoder(buffer: child(), frame: 0).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { ValueEncoder(buffer: child(), frame: 0) }
}

/// Writes a value that is one other value.
struct SingleWriter: SingleValueEncodingContainer {
    let buffer: EncodingBuffer
    let frame: Int

    var codingPath: [any CodingKey] { [] }

    private func once() throws {
        try buffer.countElement(in: frame)
        guard buffer.count(in: frame) == 1 else { throw CodingFailure("a single value was encoded twice") }
    }

    private func number(_ value: some TaggedNumber) throws {
        try once()
        buffer.append(tagged: value)
    }

    func encodeNil() throws {
        try once()
        buffer.append(tag: .none)
    }
    func encode(_ value: Bool) throws {
        try once()
        buffer.append(tag: value ? .true : .false)
    }
    func encode(_ value: String) throws {
        try once()
        try buffer.write(value)
    }
    func encode(_ value: Double) throws { try number(value) }
    func encode(_ value: Float) throws { try number(value) }
    func encode(_ value: Int) throws { try number(value) }
    func encode(_ value: Int8) throws { try number(value) }
    func encode(_ value: Int16) throws { try number(value) }
    func encode(_ value: Int32) throws { try number(value) }
    func encode(_ value: Int64) throws { try number(value) }
    func encode(_ value: Int128) throws { try number(value) }
    func encode(_ value: UInt) throws { try number(value) }
    func encode(_ value: UInt8) throws { try number(value) }
    func encode(_ value: UInt16) throws { try number(value) }
    func encode(_ value: UInt32) throws { try number(value) }
    func encode(_ value: UInt64) throws { try number(value) }
    func encode(_ value: UInt128) throws { try number(value) }
    func encode<Value: Encodable>(_ value: Value) throws {
        try once()
        try buffer.write(value)
    }
}
