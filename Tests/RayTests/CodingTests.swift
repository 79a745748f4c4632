//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray
import RayCore
import Testing

private struct Point: Codable, Hashable {
    var x: Int
    var name: String
    var weights: [Double]
}

private struct Wide: Codable, Hashable {
    var a: Int8 = -1, b: Int16 = -2, c: Int32 = -3, d: Int64 = -4, e: UInt8 = 1, f: UInt16 = 2, g: UInt32 = 3
    var h: UInt64 = 4, i: UInt = 5, j: Float = 1.5, k: Double = 2.5, l = true, m = "text", n: Int128 = -7
    var o: UInt128 = 8, p: Int? = nil, q: Int? = 3, r: [Int?] = [1, nil], s: [String: Point] = [:]
    var t: Set<Int> = [1, 2], u: [Int: String] = [1: "a", 2: "b"], v: [[Float]] = [[1], [], [2, 3]]
    var w: [UInt8] = [1, 2], x: [Bool] = [true, false], y = Kind.two(name: "n", 3), z: Range<Int> = 1..<3
}

private indirect enum Kind: Codable, Hashable {
    case one
    case two(name: String, Int)
    case nested(Kind)
}

/// Fields in an order of their own, one of them missing in the data.
private struct Reordered: Codable, Hashable {
    var weights: [Double]
    var extra: Int?
    var x: Int
}

private class Base: Codable {
    var base = 1
}

private final class Derived: Base {
    var own = ""
    enum Keys: CodingKey { case own, list, nested }
    override init() { super.init() }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        own = try container.decode(String.self, forKey: .own)
        var list = try container.nestedUnkeyedContainer(forKey: .list)
        #expect(try list.decode(Int.self) == 1)
        #expect(try list.decode(String.self) == "two")
        #expect(try list.decodeNil())
        #expect(list.isAtEnd)
        let nested = try container.nestedContainer(keyedBy: Keys.self, forKey: .nested)
        #expect(try nested.decode(Int.self, forKey: .own) == 7)
        try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        var list = container.nestedUnkeyedContainer(forKey: .list)
        var nested = container.nestedContainer(keyedBy: Keys.self, forKey: .nested)
        try super.encode(to: container.superEncoder())
        try list.encode(1)
        try container.encode(own, forKey: .own)
        try nested.encode(7, forKey: .own)
        try list.encode("two")
        try list.encodeNil()
    }
}

private func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
    let object = try RayCoder.encode(value)
    return try object.data.withUnsafeBytes { try RayCoder.decode(Value.self, from: $0) }
}

private func expectRoundTrip<Value: Codable & Equatable>(_ value: Value) throws {
    #expect(try roundTrip(value) == value)
}

@Suite struct CodingTests {
    @Test("Plain values come back") func plain() throws {
        try expectRoundTrip(3)
        try expectRoundTrip(Int.min)
        try expectRoundTrip(2.5)
        try expectRoundTrip(Float(1.5))
        try expectRoundTrip(true)
        try expectRoundTrip("")
        try expectRoundTrip("häuser 🏠")
        try expectRoundTrip(UInt8(200))
        try expectRoundTrip(UInt.max)
        try expectRoundTrip(Int128.max)
        try expectRoundTrip(Optional<Int>.none)
        try expectRoundTrip(Optional(3))
        try expectRoundTrip([String]())
        try expectRoundTrip(["a", "b"])
    }

    @Test("Arrays of numbers come back, as one block at byte 64") func arrays() throws {
        try expectRoundTrip([1, -2, 3])
        try expectRoundTrip([Int]())
        try expectRoundTrip([UInt8]([1, 2, 255]))
        try expectRoundTrip([Int8]([-1]))
        try expectRoundTrip([Int16]([-1, 300]))
        try expectRoundTrip([UInt16]([65535]))
        try expectRoundTrip([Int32]([-1]))
        try expectRoundTrip([UInt32]([.max]))
        try expectRoundTrip([Int64]([.min]))
        try expectRoundTrip([UInt64]([.max]))
        try expectRoundTrip([UInt]([.max]))
        try expectRoundTrip([1.5, 2.5])
        let floats = try RayCoder.encode([Float]([1, 2]))
        #expect(floats.data.count == 64 + 8)
        #expect(Array(floats.data[64...]) == [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40])
    }

    @Test("Structs, enums, dictionaries and optionals come back") func structs() throws {
        try expectRoundTrip(Wide())
        try expectRoundTrip(Wide(q: nil, s: ["p": Point(x: 1, name: "n", weights: [1, 2])]))
        try expectRoundTrip([Point](repeating: Point(x: 1, name: "n", weights: [1]), count: 100))
        try expectRoundTrip(Kind.nested(.nested(.one)))
        try expectRoundTrip(Duration.seconds(3))
    }

    @Test("Keys are written once") func keys() throws {
        let one = try RayCoder.encode([Point(x: 1, name: "", weights: [])]).data.count
        let two = try RayCoder.encode([Point](repeating: Point(x: 1, name: "", weights: []), count: 2)).data.count
        // Three key indices, a container, a number, an empty string and an empty block.
        #expect(two - one == 3 + 5 + 9 + 5 + 10)
    }

    @Test("Fields may be read in another order, and be missing") func order() throws {
        let object = try RayCoder.encode(Point(x: 4, name: "n", weights: [1, 2]))
        let other = try object.data.withUnsafeBytes { try RayCoder.decode(Reordered.self, from: $0) }
        #expect(other == Reordered(weights: [1, 2], extra: nil, x: 4))
        #expect(throws: CodingFailure.self) {
            try object.data.withUnsafeBytes { try RayCoder.decode(Wide.self, from: $0) }
        }
    }

    @Test("Nested containers and super encoders may be filled in any order") func nested() throws {
        let value = Derived()
        value.own = "mine"
        value.base = 5
        let copy = try roundTrip([value, value])
        #expect(copy.map(\.own) == ["mine", "mine"])
        #expect(copy.map(\.base) == [5, 5])
    }

    @Test("Nesting is limited in both directions") func depth() throws {
        func nest(_ count: Int) -> Kind { (0..<count).reduce(Kind.one) { kind, _ in .nested(kind) } }
        try expectRoundTrip(nest(50))
        #expect(throws: CodingFailure.self) { try RayCoder.encode(nest(400)) }
    }

    @Test("An error names the place") func place() throws {
        struct Text: Codable { var x: String }
        let object = try RayCoder.encode([["k": Point(x: 4, name: "n", weights: [])]])
        let error = #expect(throws: CodingFailure.self) {
            try object.data.withUnsafeBytes { try RayCoder.decode([[String: Text]].self, from: $0) }
        }
        #expect(error?.description == "expected String, found int64 (at 0.k.x)")
    }

    @Test("A half-written element that failed leaves no trace") func halves() throws {
        struct Broken: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(1)
                throw CodingFailure("broken")
            }
        }
        struct Tolerant: Codable {
            init() {}
            enum Keys: CodingKey { case a, b }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try? container.encode(Broken(), forKey: .a)
                try container.encode(2, forKey: .b)
            }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                #expect(container.allKeys.map(\.stringValue) == ["b"])
                #expect(try container.decode(Int.self, forKey: .b) == 2)
            }
        }
        _ = try roundTrip(Tolerant())
    }

    @Test("Broken bytes throw and never trap") func fuzz() throws {
        var generator = Seeded(state: 42)
        let seeds: [[UInt8]] = [
            try RayCoder.encode(Wide(s: ["p": Point(x: 1, name: "n", weights: [1, 2])])).data,
            try RayCoder.encode([Point](repeating: Point(x: 1, name: "n", weights: [1]), count: 3)).data,
            try RayCoder.encode([Float]([1, 2, 3])).data, try RayCoder.encode("text").data,
            try RayCoder.encode(Kind.nested(.two(name: "x", 3))).data, try RayCoder.encode(["a": ["b": 1.5]]).data,
        ]
        for round in 0..<10_000 {
            var bytes: [UInt8]
            if round.isMultiple(of: 4) {
                let count = Int.random(in: 0..<200, using: &generator)
                bytes = (0..<count).map { _ in .random(in: 0...255, using: &generator) }
                if let first = bytes.indices.first {
                    bytes[first] = [65, 64, 14, 15, 16, 13].randomElement(using: &generator) ?? 0
                }
            } else {
                bytes = seeds[round % seeds.count]
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let index = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[index] = .random(in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
                }
            }
            bytes.withUnsafeBytes { raw in
                _ = try? RayCoder.decode(Wide.self, from: raw)
                _ = try? RayCoder.decode([Point].self, from: raw)
                _ = try? RayCoder.decode([Float].self, from: raw)
                _ = try? RayCoder.decode(String.self, from: raw)
                _ = try? RayCoder.decode(Kind.self, from: raw)
                _ = try? RayCoder.decode([String: [String: Double]].self, from: raw)
                _ = try? RayCoder.decode(ObjectRef<Int>.self, from: raw)
            }
        }
    }
}

/// A generator with a seed (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
