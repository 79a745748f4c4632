//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Ray
import RayCore
import Testing

private struct Nested: Codable, Hashable {
    var name: String
    var note: String?
    var parts: [[Double]]
    var bytes: [UInt8]
    var table: [String: Int]
    var numbers: [Int: Bool]
    var kind: Kind
}

private enum Kind: Codable, Hashable {
    case one
    case two(depth: UInt64, Float)
}

private struct Empty: Codable, Hashable {}

private indirect enum Chain: Codable {
    case end
    case link(Chain)
}

@Suite("Values of other languages")
struct PortableCoderTests {
    /// By name: metadata, bytes. Python's tests compare the same file with what Ray writes.
    private static let golden: [String: [Substring]] = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        let text = try? String(contentsOfFile: path + "/Fixtures/CrossLanguage/values.txt", encoding: .utf8)
        let lines = (text ?? "").split(separator: "\n").map { $0.split(separator: "\t") }
        return Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Array($0.dropFirst())) })
    }()

    private static let values: [(name: String, value: any Codable & Sendable)] = [
        ("nil", Int?.none), ("true", true), ("zero", 0), ("byte", 127), ("uint8", UInt8(128)), ("uint16", Int16(256)),
        ("uint32", 1 << 16), ("uint64", Int64(1 << 32)), ("unsigned", UInt64.max), ("negative", Int8(-1)),
        ("int8", -33), ("int16", Int32(-129)), ("int32", -(1 << 15) - 1), ("int64", -(1 << 31) - 1), ("double", 1.5),
        ("double", Float(1.5)), ("text", "ä€😀"), ("text31", String(repeating: "x", count: 31)),
        ("text32", String(repeating: "x", count: 32)), ("text256", String(repeating: "x", count: 256)),
        ("bytes", [0, 255, 97, 98, 99] as [UInt8]), ("inner bytes", [[97, 98]] as [[UInt8]]),
    ]

    private func encoded(_ value: some Encodable) throws -> RayObject { try PortableCoder.encode(value) }

    @Test("Values are laid out as Ray does for calls between languages")
    func layout() throws {
        for (name, value) in Self.values {
            let expected = try #require(Self.golden[name])
            let object = try encoded(value)
            #expect(String(decoding: object.metadata, as: UTF8.self) == expected[0])
            #expect(object.data.hex == expected[1], "\(name)")
        }
        // Arrays of numbers are blocks, so lists are made of what is none.
        let list: [MessagePackValue] = [.int(1), .string("two"), .nil, .array([.double(3.5)])]
        let map = MessagePackValue.record(["a": .int(1), "b": .record(["c": .array([.bool(true)])])])
        for (name, value) in [("list", .array(list)), ("list16", .array((0..<16).map { .int($0) })), ("map", map)] {
            let object = PortableCoder.object(value, metadata: ObjectMetadata.crossLanguage)
            #expect(object.data.hex == Self.golden[name].map { String($0[1]) }, "\(name)")
            #expect(try object.data.withUnsafeBytes { try PortableCoder.content(of: $0) } == value)
        }
    }

    @Test("What was encoded is decoded")
    func roundTrip() throws {
        func check<Value: Codable & Hashable>(_ value: Value) throws {
            let object = try encoded(value)
            #expect(object.metadata == ObjectMetadata.crossLanguage)
            let decoded: Value = try object.data.withUnsafeBytes { try PortableCoder.decode(Value.self, from: $0) }
            #expect(decoded == value)
        }
        for kind in [Kind.one, .two(depth: .max, -0.5)] {
            try check(
                Nested(
                    name: "ä", note: nil, parts: [[1, 2.5], []], bytes: [0, 255], table: ["a": -1],
                    numbers: [1: true, -7: false], kind: kind))
        }
        try check(Empty())
        try check([String?.none, "x"])
        try check(Set([1, 2, 3]))
        try check(["x": [nil, 1.5]])
        try check(Int64.min)
        try check(1..<3)
    }

    @Test("Arrays of numbers are blocks that Python reads where they lie, and bytes are bytes")
    func arrays() throws {
        let object = try encoded([1, 2, 3] as [Int32])
        #expect(object.metadata == ObjectMetadata.swift)
        #expect(object.data.count == 64 + 12)
        #expect(object.data[0] == 64 && object.data[1] == 3 && object.data[8] == 3 && object.data[64] == 1)
        #expect(try encoded([1, 2] as [UInt8]).metadata == ObjectMetadata.raw)
    }

    @Test("Whole numbers are read as fractions, and integers only where they fit")
    func numbers() throws {
        func decode<Value: Decodable>(_ type: Value.Type, _ value: some Encodable) throws -> Value {
            try encoded(value).data.withUnsafeBytes { try PortableCoder.decode(type, from: $0) }
        }
        #expect(try decode(Double.self, 3) == 3)
        #expect(try decode(Float.self, 0.1) == 0.1)
        #expect(try decode(UInt64.self, UInt64.max) == .max)
        #expect(throws: CodingFailure("the number 300 does not fit into UInt8")) { try decode(UInt8.self, 300) }
        #expect(throws: CodingFailure("expected Int, found 1.5")) { try decode(Int.self, 1.5) }
        #expect(throws: CodingFailure("expected String, found nil")) { try decode(String.self, Int?.none) }
        #expect(throws: CodingFailure("expected Bool, found a map")) { try decode(Bool.self, ["a": 1]) }
    }

    @Test("What is wrong inside a value is named with its place")
    func failures() throws {
        var failure = CodingFailure("Int128 is no kind of number that other languages know")
        failure.path = ["a", "0"]
        #expect(throws: failure) { try encoded(["a": [Int128(1)]]) }
        var missing = CodingFailure("field 'name' is missing")
        missing.path = ["0", "name"]
        let bytes = try encoded([["x": 1]]).data
        #expect(throws: missing) {
            _ = try bytes.withUnsafeBytes { try PortableCoder.decode([Nested].self, from: $0) }
        }
        let deep = (0..<100).reduce(Chain.end) { chain, _ in .link(chain) }
        #expect(throws: CodingFailure.self) { try encoded(deep) }
    }

    @Test("Damaged bytes are refused")
    func damage() throws {
        let good = try encoded(["a": [1, 2, 3]]).data
        for count in 0..<good.count {
            #expect(throws: CodingFailure.self) {
                _ = try good.prefix(count).withUnsafeBytes { try PortableCoder.decode([String: [Int]].self, from: $0) }
            }
        }
        var generator = SplitMix64(seed: 7)
        for _ in 0..<10_000 {
            var bytes = good
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            // Whatever comes of it, nothing beyond the bytes is read.
            _ = try? bytes.withUnsafeBytes { try PortableCoder.decode([String: [Int]].self, from: $0) }
        }
    }
}
