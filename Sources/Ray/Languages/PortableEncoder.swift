//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A place for a value that is being encoded; containers put further places into it.
final class PortableSlot {
    private enum Content {
        case nothing
        case leaf(MessagePackValue)
        case list([PortableSlot])
        case fields([(name: String, slot: PortableSlot)])
    }

    private var content = Content.nothing
    private let depth: Int

    init(depth: Int) { self.depth = depth }

    /// A whole value.
    ///
    /// - Throws: `CodingFailure` for what MessagePack has no kind for, or what the value's own code throws.
    static func value<Value: Encodable>(of value: Value) throws -> MessagePackValue {
        let slot = PortableSlot(depth: 0)
        try slot.write(value)
        return slot.finished
    }

    /// What was written; a type that writes nothing is a map without fields.
    private var finished: MessagePackValue {
        switch content {
        case .nothing: .map([])
        case .leaf(let value): value
        case .list(let slots): .array(slots.map(\.finished))
        case .fields(let fields): .map(fields.map { .init(.string($0.name), $0.slot.finished) })
        }
    }

    func put(_ value: MessagePackValue) { content = .leaf(value) }

    func write<Value: Encodable>(_ value: Value) throws {
        if let scalar = value as? any PortableScalar { return put(scalar.portable) }
        if Value.self == [UInt8].self, let bytes = value as? [UInt8] { return put(.bytes(bytes)) }
        guard depth < MessagePackValue.depthMax else {
            throw CodingFailure("it is nested deeper than \(MessagePackValue.depthMax) levels")
        }
        guard !(value is Int128), !(value is UInt128) else {
            throw CodingFailure("\(Value.self) is no kind of number that other languages know")
        }
        try value.encode(to: PortableEncoder(slot: self))
    }

    /// Begins a list, or goes on with it.
    func beginList() { if case .nothing = content { content = .list([]) } }

    /// Begins a map, or goes on with it.
    func beginFields() { if case .nothing = content { content = .fields([]) } }

    var count: Int { if case .list(let slots) = content { slots.count } else { 0 } }

    /// A place for the next element.
    func element() -> PortableSlot {
        let slot = PortableSlot(depth: depth + 1)
        if case .list(var slots) = content {
            content = .nothing
            slots.append(slot)
            content = .list(slots)
        }
        return slot
    }

    /// A place for a field.
    func field(_ name: String) -> PortableSlot {
        let slot = PortableSlot(depth: depth + 1)
        if case .fields(var fields) = content {
            content = .nothing
            fields.append((name, slot))
            content = .fields(fields)
        }
        return slot
    }
}

/// The `Encoder` of one value.
private struct PortableEncoder: Encoder {
    let slot: PortableSlot

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.beginFields()
        return KeyedEncodingContainer(PortableFieldWriter<Key>(slot: slot))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.beginList()
        return PortableElementWriter(slot: slot)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { PortableSingleWriter(slot: slot) }
}

private struct PortableFieldWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: PortableSlot

    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { slot.field(key.stringValue).put(.nil) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        do {
            try slot.field(key.stringValue).write(value)
        } catch {
            throw (error as? CodingFailure)?.inside(key.stringValue) ?? error
        }
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        PortableEncoder(slot: slot.field(key.stringValue)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        PortableEncoder(slot: slot.field(key.stringValue)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { PortableEncoder(slot: slot.field("super")) }
    func superEncoder(forKey key: Key) -> any Encoder { PortableEncoder(slot: slot.field(key.stringValue)) }
}

private struct PortableElementWriter: UnkeyedEncodingContainer {
    let slot: PortableSlot

    var codingPath: [any CodingKey] { [] }
    var count: Int { slot.count }

    func encodeNil() { slot.element().put(.nil) }

    func encode<Value: Encodable>(_ value: Value) throws {
        let index = count
        do {
            try slot.element().write(value)
        } catch {
            throw (error as? CodingFailure)?.inside("\(index)") ?? error
        }
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        PortableEncoder(slot: slot.element()).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        PortableEncoder(slot: slot.element()).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { PortableEncoder(slot: slot.element()) }
}

private struct PortableSingleWriter: SingleValueEncodingContainer {
    let slot: PortableSlot

    var codingPath: [any CodingKey] { [] }

    func encodeNil() { slot.put(.nil) }
    func encode<Value: Encodable>(_ value: Value) throws { try slot.write(value) }
}
