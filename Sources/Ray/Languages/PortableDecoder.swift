//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The `Decoder` of one value.
struct PortableDecoder: Decoder {
    let value: MessagePackValue

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The value as a type.
    ///
    /// - Throws: `CodingFailure` if it is of another kind, or what the type's own code throws.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let scalar = type as? any PortableScalar.Type {
            guard let result = try scalar.init(portable: value) as? Value else {
                throw CodingFailure("expected \(type), found \(value.kind)")
            }
            return result
        }
        if case .bytes(let bytes) = value, let result = bytes as? Value { return result }
        return try Value(from: self)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .map(let pairs) = value else { throw CodingFailure("expected a map, found \(value.kind)") }
        var fields: [String: MessagePackValue] = [:]
        for pair in pairs {
            switch pair.key {
            case .string(let name): fields[name] = pair.value
            // A dictionary with numbers as keys asks for them as text.
            case .int(let number): fields["\(number)"] = pair.value
            default: throw CodingFailure("a key of a map must be a string or a whole number, not \(pair.key.kind)")
            }
        }
        return KeyedDecodingContainer(PortableFieldReader<Key>(fields: fields))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw CodingFailure("expected a list, found \(value.kind)") }
        return PortableElementReader(elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { PortableSingleReader(decoder: self) }
}

private struct PortableFieldReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: [String: MessagePackValue]

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { fields.keys.sorted().compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { fields[key.stringValue] != nil }

    private func field(_ name: String) throws -> PortableDecoder {
        guard let value = fields[name] else { throw CodingFailure("field '\(name)' is missing") }
        return PortableDecoder(value: value)
    }

    func decodeNil(forKey key: Key) throws -> Bool { try field(key.stringValue).value == .nil }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        do {
            return try field(key.stringValue).decode(type)
        } catch {
            throw (error as? CodingFailure)?.inside(key.stringValue) ?? error
        }
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try field(key.stringValue).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try field(key.stringValue).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try field("super") }
    func superDecoder(forKey key: Key) throws -> any Decoder { try field(key.stringValue) }
}

private struct PortableElementReader: UnkeyedDecodingContainer {
    let elements: [MessagePackValue]
    private(set) var currentIndex = 0

    init(elements: [MessagePackValue]) { self.elements = elements }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private func next() throws -> PortableDecoder {
        guard !isAtEnd else { throw CodingFailure("the list ends after \(elements.count) elements") }
        return PortableDecoder(value: elements[currentIndex])
    }

    mutating func decodeNil() throws -> Bool {
        guard try next().value == .nil else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            let value = try next().decode(type)
            currentIndex += 1
            return value
        } catch {
            throw (error as? CodingFailure)?.inside("\(currentIndex)") ?? error
        }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try superDecoder().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try superDecoder().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder {
        let inner = try next()
        currentIndex += 1
        return inner
    }
}

private struct PortableSingleReader: SingleValueDecodingContainer {
    let decoder: PortableDecoder

    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { decoder.value == .nil }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.decode(type) }
}
