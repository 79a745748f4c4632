//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// The `Decoder` of one value.
struct ValueDecoder: Decoder {
    let context: DecodingContext
    let offset: Int

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// First and last offset of the content of a container.
    private func content(_ expected: CodingTag) throws -> (start: Int, end: Int) {
        let found = try context.tag(at: offset)
        guard found == expected else { throw CodingFailure("expected a container (\(expected)), found \(found)") }
        let end = try context.end(of: offset)
        guard end <= context.bytes.count else { throw CodingFailure.truncated }
        return (offset + 5, end)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let (start, end) = try content(.keyed)
        return KeyedDecodingContainer(KeyedReader<Key>(context: context, start: start, end: end))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let (start, end) = try content(.unkeyed)
        let count: UInt32 = try context.load(at: start)
        // Each element takes a byte at least.
        guard Int(count) <= end - start - 4 else { throw CodingFailure.truncated }
        return UnkeyedReader(context: context, total: Int(count), offset: start + 4, end: end)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        SingleReader(context: context, offset: offset)
    }

    /// Reads a reference and keeps its object.
    func reference() throws -> ObjectRefStorage {
        let found = try context.tag(at: offset)
        guard found == .reference else { throw CodingFailure("expected a reference, found \(found)") }
        let index: UInt32 = try context.load(at: offset + 1)
        guard Int(index) < context.contained.count else {
            throw CodingFailure("the reference is not among those that came with the object")
        }
        let reference = context.contained[Int(index)]
        context.worker?.retain(reference)
        return ObjectRefStorage(reference: reference, worker: context.worker)
    }

    /// The owner of a reference that came with the object.
    func owner(of id: ObjectID) -> Address? { context.contained.first { $0.id == id }?.owner }

    /// The runtime that decoded references belong to.
    var worker: (any WorkerAPI)? { context.worker }

    /// Reads an actor's id.
    func actor() throws -> ActorID {
        let found = try context.tag(at: offset)
        guard found == .actor else { throw CodingFailure("expected an actor's handle, found \(found)") }
        return ActorID(try context.load(at: offset + 1), try context.load(at: offset + 9))
    }
}

/// Reads fields of a value, in any order; fast in the order in which they were written.
final class KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let context: DecodingContext
    private let start: Int
    private let end: Int
    /// Where the entry behind the last one found begins.
    private var cursor: Int

    init(context: DecodingContext, start: Int, end: Int) {
        self.context = context
        self.start = start
        self.end = end
        cursor = start
    }

    var codingPath: [any CodingKey] { [] }

    var allKeys: [Key] {
        var keys: [Key] = []
        var offset = start
        // Broken bytes end the list; reading a value says what is wrong with them.
        while offset < end, let entry = try? entry(at: &offset) {
            if let key = Key(stringValue: entry.key) { keys.append(key) }
        }
        return keys
    }

    /// Reads one entry; `offset` is moved behind it.
    private func entry(at offset: inout Int) throws -> (key: String, value: Int) {
        let index = try context.varint(at: &offset)
        guard index < context.keys.count else { throw CodingFailure("a key is not in the table of keys") }
        let value = offset
        offset = try context.end(of: value)
        guard offset <= end else { throw CodingFailure.truncated }
        return (context.keys[index], value)
    }

    private func find(_ key: String) throws -> Int? {
        var offset = cursor
        while offset < end {
            let (found, value) = try entry(at: &offset)
            if found == key {
                cursor = offset
                return value
            }
        }
        let stop = cursor
        offset = start
        while offset < stop {
            let (found, value) = try entry(at: &offset)
            if found == key {
                cursor = offset
                return value
            }
        }
        return nil
    }

    private func read<Value>(_ key: String, _ body: (Int) throws -> Value) throws -> Value {
        guard let value = try find(key) else { throw CodingFailure("field '\(key)' is missing") }
        do {
            return try body(value)
        } catch {
            throw (error as? CodingFailure)?.inside(key) ?? error
        }
    }

    private func number<Number: TaggedNumber>(_ key: Key) throws -> Number {
        try read(key.stringValue) { try context.number(Number.self, at: $0) }
    }

    func contains(_ key: Key) -> Bool { (try? find(key.stringValue)) ?? nil != nil }
    func decodeNil(forKey key: Key) throws -> Bool {
        try read(key.stringValue) { try context.tag(at: $0) == .none }
    }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try read(key.stringValue) { try context.bool(at: $0) }
    }
    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try read(key.stringValue) { try context.string(at: $0) }
    }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try number(key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try number(key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try number(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try number(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try number(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try number(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try number(key) }
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try number(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try number(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try number(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try number(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try number(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try number(key) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try number(key) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try read(key.stringValue) { try context.value(type, at: $0) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try superDecoder(forKey: key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try superDecoder(forKey: key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        try read("super") { ValueDecoder(context: context, offset: $0) }
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        try read(key.stringValue) { ValueDecoder(context: context, offset: $0) }
    }
}

/// Reads elements of a value.
struct UnkeyedReader: UnkeyedDecodingContainer {
    let context: DecodingContext
    let total: Int
    var offset: Int
    let end: Int
    private(set) var currentIndex = 0

    init(context: DecodingContext, total: Int, offset: Int, end: Int) {
        self.context = context
        self.total = total
        self.offset = offset
        self.end = end
    }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { total }
    var isAtEnd: Bool { currentIndex >= total }

    private mutating func next<Value>(_ body: (Int) throws -> Value) throws -> Value {
        guard !isAtEnd else { throw CodingFailure("the list ends after \(total) elements") }
        do {
            let following = try context.end(of: offset)
            guard following <= end else { throw CodingFailure.truncated }
            let value = try body(offset)
            offset = following
            currentIndex += 1
            return value
        } catch {
            throw (error as? CodingFailure)?.inside("\(currentIndex)") ?? error
        }
    }

    private mutating func number<Number: TaggedNumber>() throws -> Number {
        let context = context
        return try next { try context.number(Number.self, at: $0) }
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { throw CodingFailure("the list ends after \(total) elements") }
        guard try context.tag(at: offset) == .none else { return false }
        return try next { _ in true }
    }
    mutating func decode(_ type: Bool.Type) throws -> Bool {
        let context = context
        return try next { try context.bool(at: $0) }
    }
    mutating func decode(_ type: String.Type) throws -> String {
        let context = context
        return try next { try context.string(at: $0) }
    }
    mutating func decode(_ type: Double.Type) throws -> Double { try number() }
    mutating func decode(_ type: Float.Type) throws -> Float { try number() }
    mutating func decode(_ type: Int.Type) throws -> Int { try number() }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try number() }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try number() }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try number() }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try number() }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try number() }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try number() }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try number() }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try number() }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try number() }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try number() }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try number() }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let context = context
        return try next { try context.value(type, at: $0) }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try superDecoder().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try superDecoder().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder {
        let context = context
        return try next { ValueDecoder(context: context, offset: $0) }
    }
}

/// Reads a value that is one other value.
struct SingleReader: SingleValueDecodingContainer {
    let context: DecodingContext
    let offset: Int

    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { (try? context.tag(at: offset)) == CodingTag.none }
    func decode(_ type: Bool.Type) throws -> Bool { try context.bool(at: offset) }
    func decode(_ type: String.Type) throws -> String { try context.string(at: offset) }
    func decode(_ type: Double.Type) throws -> Double { try context.number(type, at: offset) }
    func decode(_ type: Float.Type) throws -> Float { try context.number(type, at: offset) }
    func decode(_ type: Int.Type) throws -> Int { try context.number(type, at: offset) }
    func decode(_ type: Int8.Type) throws -> Int8 { try context.number(type, at: offset) }
    func decode(_ type: Int16.Type) throws -> Int16 { try context.number(type, at: offset) }
    func decode(_ type: Int32.Type) throws -> Int32 { try context.number(type, at: offset) }
    func decode(_ type: Int64.Type) throws -> Int64 { try context.number(type, at: offset) }
    func decode(_ type: Int128.Type) throws -> Int128 { try context.number(type, at: offset) }
    func decode(_ type: UInt.Type) throws -> UInt { try context.number(type, at: offset) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try context.number(type, at: offset) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try context.number(type, at: offset) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try context.number(type, at: offset) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try context.number(type, at: offset) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try context.number(type, at: offset) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try context.value(type, at: offset) }
}
