//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("MessagePack")
struct MessagePackTests {
    @Test(
        "Values have the bytes of the specification",
        arguments: [
            (MessagePackValue.nil, [0xc0]), (.bool(true), [0xc3]), (.int(0), [0x00]), (.int(127), [0x7f]),
            (.int(128), [0xcc, 0x80]), (.int(-1), [0xff]), (.int(-32), [0xe0]), (.int(-33), [0xd0, 0xdf]),
            (.int(-129), [0xd1, 0xff, 0x7f]), (.int(256), [0xcd, 1, 0]), (.int(65_536), [0xce, 0, 1, 0, 0]),
            (.int(1 << 32), [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (.int(.min), [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (.unsigned(.max), [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]),
            (.double(1.5), [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), (.string("é"), [0xa2, 0xc3, 0xa9]),
            (.bytes([1, 2]), [0xc4, 2, 1, 2]), (.array([.int(1), .nil]), [0x92, 1, 0xc0]),
            (.record(["a": .int(1)]), [0x81, 0xa1, 0x61, 1]),
        ] as [(MessagePackValue, [UInt8])])
    func bytes(value: MessagePackValue, bytes: [UInt8]) throws {
        #expect(value.encoded == bytes)
        #expect(try MessagePackValue(bytes) == value)
        for count in 0..<bytes.count {
            #expect(throws: MessagePackValue.Flaw.tooShort) { try MessagePackValue(Array(bytes[..<count])) }
        }
        #expect(throws: MessagePackValue.Flaw.tooLong) { try MessagePackValue(bytes + [0]) }
    }

    @Test("Long texts, bytes, arrays and maps come back", arguments: [15, 16, 31, 32, 255, 256, 65_535, 65_536])
    func lengths(count: Int) throws {
        let values: [MessagePackValue] = [
            .string(String(repeating: "x", count: count)), .bytes([UInt8](repeating: 7, count: count)),
            .array(Array(repeating: .int(300), count: count)),
            .map((0..<count).map { .init(.int(Int64($0)), .bool(false)) }),
        ]
        for value in values { #expect(try MessagePackValue(value.encoded) == value) }
    }

    @Test("Counts that lie, depth without end and texts that are none take no memory and are refused")
    func refusals() {
        #expect(throws: MessagePackValue.Flaw.tooShort) { try MessagePackValue([0xdd, 255, 255, 255, 255, 1]) }
        #expect(throws: MessagePackValue.Flaw.tooShort) { try MessagePackValue([0xdf, 255, 255, 255, 255, 1]) }
        #expect(throws: MessagePackValue.Flaw.tooShort) { try MessagePackValue([0xc6, 255, 255, 255, 255, 1]) }
        #expect(throws: MessagePackValue.Flaw.tooDeep) { try MessagePackValue([UInt8](repeating: 0x91, count: 1_000)) }
        #expect(throws: MessagePackValue.Flaw.noText) { try MessagePackValue([0xa1, 0xff]) }
        #expect(throws: MessagePackValue.Flaw.unknownTag(0xc1)) { try MessagePackValue([0xc1]) }
    }

    @Test("Random bytes are read or refused")
    func random() {
        var generator = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            guard let value = try? MessagePackValue(bytes) else { continue }
            #expect((try? MessagePackValue(value.encoded)) == value)
        }
    }
}
