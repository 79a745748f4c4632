//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Pickles of plain values")
struct PlainPickleTests {
    private func buffer(_ hex: String) throws -> ByteBuffer { try ByteBuffer(plainHexEncodedBytes: hex) }

    @Test("Are read as Python's msgpack has the values", arguments: PickleSample.all)
    func read(sample: PickleSample) throws {
        for pickle in sample.pickles { #expect(try PlainPickle.value(of: buffer(pickle)) == sample.plain) }
    }

    @Test("Values come back as they went", arguments: PickleSample.all)
    func roundTrip(sample: PickleSample) throws {
        let pickle = try #require(PlainPickle.pickle(of: sample.plain))
        #expect(try PlainPickle.value(of: pickle) == sample.plain)
    }

    @Test("A list of values is one")
    func list() throws {
        let values = try PickleSample.all.map { try $0.plain }
        let pickle = try #require(PlainPickle.list(of: values))
        var packed = try buffer("dc00")
        packed.writeInteger(UInt8(values.count))
        for value in values {
            switch value {
            case .raw(let bytes):
                packed.writeMultipleIntegers(0xC4 as UInt8, UInt8(bytes.readableBytes))
                packed.writeImmutableBuffer(bytes)
            case .messagePack(let bytes): packed.writeImmutableBuffer(bytes)
            }
        }
        #expect(PlainPickle.value(of: pickle) == .messagePack(packed))
        #expect(try PlainPickle.list(of: []) == buffer("80049502000000000000005d2e"))
    }

    /// Each was given to `pickle.loads`, which had the value.
    @Test(
        "Are written as Python reads them",
        arguments: [
            ("93c0c3c2", "80049507000000000000005d284e8889652e"),
            ("9500ccffcd0100ce00010000ff", "80049515000000000000005d284b004bff4d00014a000001004affffffff652e"),
            (
                "94ce80000000d3ffffffff7fffffffcf8000000000000000cfffffffffffffffff",
                "8004952e000000000000005d288a0800000080000000008a08ffffff7fffffffff8a090000000000000080008a09ffffffffffffffff00652e"
            ),
            ("93cb3ff8000000000000a2c3a4c4026162", "80049515000000000000005d28473ff80000000000008c02c3a443026162652e"),
            ("9390809190", "8004950a000000000000005d285d7d5d285d65652e"),
            ("82a16191010281c0c400", "80049514000000000000007d288c01615d284b01654b027d284e430075752e"),
        ])
    func written(packed: String, pickle: String) throws {
        #expect(try PlainPickle.pickle(of: .messagePack(buffer(packed))) == buffer(pickle))
    }

    @Test(
        "Long ones have the lengths of MessagePack and pickles", arguments: [31, 32, 255, 256, 65535, 65536, 100_000])
    func long(count: Int) throws {
        let text = ByteBuffer(repeating: 0x61, count: count)
        #expect(PlainPickle.pickle(of: .raw(text)).flatMap(PlainPickle.value) == .raw(text))
        for kind: [UInt8] in [[0xDB], [0xC6]] {
            var packed = ByteBuffer(bytes: [0x91] + kind)
            packed.writeInteger(UInt32(count))
            packed.writeImmutableBuffer(text)
            let pickle = try #require(PlainPickle.pickle(of: .messagePack(packed)))
            guard case .messagePack(let smallest) = PlainPickle.value(of: pickle) else {
                Issue.record("there is no value")
                continue
            }
            let shortHead = count < 32 && kind == [0xDB] ? 1 : count < 256 ? 2 : count < 65536 ? 3 : 5
            #expect(smallest.readableBytes == 1 + shortHead + count)
            #expect(PlainPickle.pickle(of: .messagePack(smallest)) == pickle)
        }
    }

    /// `pickle.dumps(list(range(-n // 2, n // 2)))` and the like come in parts of a thousand.
    @Test("Lists and maps come in several parts", arguments: [15, 16, 999, 1000, 1001, 2500, 70_000])
    func parts(count: Int) throws {
        var list = ByteBuffer(bytes: [0x80, 5, 0x5D, 0x94])
        var map = ByteBuffer(bytes: [0x80, 5, 0x7D, 0x94])
        var elements = ByteBuffer()
        var pairs = ByteBuffer()
        for first in stride(from: 0, to: count, by: 1000) {
            list.writeInteger(0x28 as UInt8)
            map.writeInteger(0x28 as UInt8)
            for number in first..<min(first + 1000, count) {
                list.writeMultipleIntegers(0x4A as UInt8, Int32(-1), endianness: .little)
                elements.writeInteger(0xFF as UInt8)
                map.writeMultipleIntegers(0x4A as UInt8, Int32(1 << 20 + number), 0x4E as UInt8, endianness: .little)
                pairs.writeMultipleIntegers(0xCE as UInt8, Int32(1 << 20 + number), 0xC0 as UInt8)
            }
            list.writeInteger(0x65 as UInt8)
            map.writeInteger(0x75 as UInt8)
        }
        list.writeInteger(0x2E as UInt8)
        map.writeInteger(0x2E as UInt8)
        #expect(PlainPickle.value(of: list) == .messagePack(packed(count, 0x90, 0xDC, elements)))
        #expect(PlainPickle.value(of: map) == .messagePack(packed(count, 0x80, 0xDE, pairs)))
    }

    private func packed(_ count: Int, _ short: UInt8, _ long: UInt8, _ content: ByteBuffer) -> ByteBuffer {
        var packed = ByteBuffer()
        if count < 16 {
            packed.writeInteger(short | UInt8(count))
        } else if count < 65536 {
            packed.writeMultipleIntegers(long, UInt16(count))
        } else {
            packed.writeMultipleIntegers(long + 1, UInt32(count))
        }
        packed.writeImmutableBuffer(content)
        return packed
    }

    /// The first of each: `pickle.dumps(call, 5)`; the second: `pickle.dumps(call, 2)`.
    @Test(
        "Arguments are taken apart",
        arguments: [
            ("((), {})", ["8005950600000000000000297d9486942e", "8002297d71008671012e"], []),
            ("([], {})", ["80059507000000000000005d947d9486942e", "80025d71007d71018671022e"], []),
            ("((1,), {})", ["80059509000000000000004b0185947d9486942e", "80024b018571007d71018671022e"], ["01"]),
            ("((b'a', 'b'), {})", ["8005950f00000000000000430161948c01629486947d9486942e"], ["raw 61", "a162"]),
            (
                "(([1, {'a': []}], b'xy', [], 2.5), {})",
                [
                    "8005952700000000000000285d94284b017d948c0161945d94736543027879945d94474004000000000000"
                        + "74947d9486942e"
                ], ["920181a16190", "raw 7879", "90", "cb4004000000000000"]
            ),
            (
                "((1, 2, 3, 4, 5), {})", ["8005951200000000000000284b014b024b034b044b0574947d9486942e"],
                ["01", "02", "03", "04", "05"]
            ),
            (
                "((b'', b'q' * 3, 's', b''), {})",
                ["8005951700000000000000284300944303717171948c017394680074947d9486942e"],
                ["raw ", "raw 717171", "a173", "raw "]
            ),
        ] as [(String, [String], [String])])
    func arguments(call: String, pickles: [String], values: [String]) throws {
        let expected: [PlainValue] = try values.map { value in
            let hex = value.split(separator: " ", omittingEmptySubsequences: false)
            let bytes = try buffer(String(hex.last ?? ""))
            return hex.count == 2 ? .raw(bytes) : .messagePack(bytes)
        }
        for pickle in pickles {
            #expect(try PlainPickle.arguments(of: buffer(pickle)) == expected)
            #expect(try PlainPickle.value(of: buffer(pickle)) == nil)
        }
    }

    @Test("Values lie in the store as Ray has them", arguments: PickleSample.all)
    func stored(sample: PickleSample) throws {
        let value = try sample.plain
        let stored = value.stored
        #expect(PlainValue(data: stored.data, metadata: stored.metadata) == value)
        if case .messagePack(let content) = value {
            let head = [UInt8(content.readableBytes)] + [0, 0, 0, 0, 0, 0, 0, 0]
            #expect(stored.data == ByteBuffer(bytes: head + content.readableBytesView))
            #expect(stored.metadata == ByteBuffer(string: "XLANG"))
        } else {
            #expect(stored.metadata == ByteBuffer(string: "RAW"))
        }
    }

    @Test("The length before a value is that of MessagePack", arguments: [127, 128, 255, 256, 65535, 65536])
    func storedLengths(count: Int) {
        let value = PlainValue.messagePack(ByteBuffer(repeating: 1, count: count))
        let stored = value.stored
        #expect(stored.data.readableBytes == 9 + count)
        #expect(PlainValue(data: stored.data, metadata: stored.metadata) == value)
    }

    @Test(
        "Other objects and damaged ones are no plain values",
        arguments: [
            ("PYTHON", "010000000000000000c0"), ("3", "010000000000000000c0"), ("", "010000000000000000c0"),
            ("RAW,1", "c0"), ("XLANG", "020000000000000000c0"), ("XLANG", "0100000000000000"), ("XLANG", ""),
            ("XLANG", "ff0000000000000000c0"), ("XLANG", "cfffffffffffffffffc0"),
        ])
    func storedOthers(metadata: String, data: String) throws {
        #expect(try PlainValue(data: buffer(data), metadata: ByteBuffer(string: metadata)) == nil)
    }
}
