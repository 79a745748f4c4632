//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Pickles that are left to Python")
struct PlainPickleRefusalTests {
    private func buffer(_ hex: String) throws -> ByteBuffer { try ByteBuffer(plainHexEncodedBytes: hex) }

    private func isRefused(_ pickle: ByteBuffer) -> Bool {
        PlainPickle.value(of: pickle) == nil && PlainPickle.arguments(of: pickle) == nil
    }

    /// `pickle.dumps(value, 5)`, if nothing else is said.
    @Test(
        "Values that are not plain",
        arguments: [
            ("(1,)", "80059505000000000000004b0185942e"),
            ("[()]", "80059505000000000000005d9429612e"),
            ("{1}", "80059507000000000000008f94284b01902e"),
            ("object()", "8005951a000000000000008c086275696c74696e73948c066f626a6563749493942981942e"),
            ("len", "80059514000000000000008c086275696c74696e73948c036c656e9493942e"),
            ("2**64", "8005950c000000000000008a090000000000000000012e"),
            ("-2**63 - 1", "8005950c000000000000008a09ffffffffffffff7fff2e"),
            ("bytearray(b'a')", "8005950c0000000000000096010000000000000061942e"),
            (
                "1j",
                "8005952e000000000000008c086275696c74696e73948c07636f6d706c65789493944700000000000000"
                    + "00473ff0000000000000869452942e"
            ),
            (
                "numpy.float64(1)",
                "8005956a000000000000008c166e756d70792e5f636f72652e6d756c74696172726179948c067363616c61729493948c056e"
                    + "756d7079948c0564747970659493948c02663894898887945294284b038c013c944e4e4e4affffffff4affffffff4b"
                    + "007494624308000000000000f03f94869452942e"
            ),
            ("'\\ud800'", "80059507000000000000008c03eda080942e"),
            ("{(1,): 2}", "8005950a000000000000007d944b0185944b02732e"),
            (
                "OrderedDict()",
                "80059522000000000000008c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952942e"
            ),
            ("[x, x], where x = [1]", "8005950c000000000000005d94285d944b01616801652e"),
            ("a list in itself", "80059506000000000000005d946800612e"),
            ("a dict in itself", "8005950a000000000000007d948c0161946800732e"),
            ("[...], which has a persistent id", "8005950a000000000000005d948c0269649451612e"),
            ("PickleBuffer(b'ab') out of band", "800597982e"),
            (
                "b'ab' in protocol 2",
                "8002635f636f646563730a656e636f64650a71005802000000616271015806000000"
                    + "6c6174696e3171028671035271042e"
            ),
            ("[1] in protocol 1", "5d71004b01612e"),
            ("[1] in protocol 0", "286c70300a49310a612e"),
            ("a newer protocol", "80064b012e"),
        ])
    func notPlain(value: String, pickle: String) throws { #expect(try isRefused(buffer(pickle))) }

    /// `pickle.dumps(call, 5)`.
    @Test(
        "Calls whose arguments are not plain, and what is no call",
        arguments: [
            ("((1,), {'a': 1})", "80059510000000000000004b0185947d948c0161944b017386942e"),
            ("([1], {})", "8005950a000000000000005d944b01617d9486942e"),
            ("(((),), {})", "80059508000000000000002985947d9486942e"),
            ("((), {}, 1)", "8005950800000000000000297d944b0187942e"),
            ("((),)", "80059504000000000000002985942e"),
            ("((), [])", "8005950600000000000000295d9486942e"),
            ("[[], {}]", "80059509000000000000005d94285d947d94652e"),
            ("(1, {})", "80059507000000000000004b017d9486942e"),
            ("({}, {})", "80059507000000000000007d947d9486942e"),
            ("(((1,), 2), {})", "8005950d000000000000004b0185944b0286947d9486942e"),
            ("((1, {2}), {})", "8005950f000000000000004b018f94284b029086947d9486942e"),
            ("((), ())", "8005950500000000000000292986942e"),
            ("()", "8005292e"),
        ])
    func notArguments(call: String, pickle: String) throws {
        #expect(try PlainPickle.arguments(of: buffer(pickle)) == nil)
    }

    @Test(
        "Bytes that make no sense",
        arguments: [
            "", "80", "8005", "80052e", "80054e", "80054e2e2e", "80054e4e2e", "2e", "4e2e", "80058005" + "4e2e",
            // Lengths of 4 GiB and more.
            "800558ffffffff612e", "800542ffffffff612e", "80058dffffffffffffffff612e", "80058effffffffffffff7f612e",
            "80058bffffffff002e", "8005950000000001000000" + "4e2e", "800595ffffffffffffffff4e2e",
            // Numbers in the memo that are not there, or far away.
            "800568002e", "80056affffffff2e", "80054e72ffffffff2e", "80054e71012e", "8005942e",
            // Stacks without what is taken from them.
            "8005612e", "8005652e", "8005732e", "8005752e", "8005852e", "8005862e", "8005742e", "80054e612e",
            "80055d284e612e", "80055d28282e", "80055d28285d652e", "80055d28654e652e", "80055d4e732e", "80057d4e612e",
            "80057d284e752e", "80057d4e4e4e752e", "80055d284e2e", "80054e282e", "80055d4e65", "80057d5d4e732e",
            "80057d287d4e752e", "80055d28942e",
            // Numbers of nine bytes that need no sign, which have one, and longer ones.
            "80058a0900000000000000008f2e", "80058a0a000000000000000000002e", "80058a02012e",
        ])
    func garbage(pickle: String) throws { #expect(try isRefused(buffer(pickle))) }

    private func nested(_ depth: Int) -> ByteBuffer {
        var pickle = ByteBuffer(bytes: [0x80, 5])
        pickle.writeRepeatingByte(0x5D, count: depth)
        pickle.writeRepeatingByte(0x61, count: depth - 1)
        pickle.writeInteger(0x2E as UInt8)
        return pickle
    }

    @Test("Values may be nested to a depth of 64, both ways")
    func depth() {
        #expect(PlainPickle.value(of: nested(64)) == .messagePack(packed(64)))
        #expect(isRefused(nested(65)))
        #expect(isRefused(nested(100_000)))
        #expect(PlainPickle.pickle(of: .messagePack(packed(64))) != nil)
        #expect(PlainPickle.pickle(of: .messagePack(packed(65))) == nil)
        #expect(PlainPickle.pickle(of: .messagePack(packed(100_000))) == nil)
    }

    private func packed(_ depth: Int) -> ByteBuffer {
        var packed = ByteBuffer(repeating: 0x91, count: depth - 1)
        packed.writeInteger(0x90 as UInt8)
        return packed
    }

    @Test("A text may come again and again, but not without end")
    func repeated() throws {
        func pickle(textSize: Int, times: Int) -> ByteBuffer {
            var pickle = ByteBuffer(bytes: [0x80, 5, 0x5D, 0x28, 0x58])
            pickle.writeInteger(UInt32(textSize), endianness: .little)
            pickle.writeRepeatingByte(0x61, count: textSize)
            pickle.writeInteger(0x94 as UInt8)
            for _ in 0..<times { pickle.writeBytes([0x68, 0]) }
            pickle.writeBytes([0x65, 0x2E])
            return pickle
        }
        let once = ByteBuffer(repeating: 0x61, count: 100_000)
        var packed = ByteBuffer(bytes: [0x9B])
        for _ in 0...10 {
            packed.writeMultipleIntegers(0xDB as UInt8, UInt32(100_000))
            packed.writeImmutableBuffer(once)
        }
        #expect(PlainPickle.value(of: pickle(textSize: 100_000, times: 10)) == .messagePack(packed))
        #expect(isRefused(pickle(textSize: 100_000, times: 1000)))
        #expect(PlainPickle.value(of: pickle(textSize: 10, times: 50_000)) != nil)
    }

    @Test("Whatever is cut off is refused", arguments: PickleSample.all)
    func cut(sample: PickleSample) throws {
        for pickle in try sample.pickles.map(buffer) {
            for length in 0..<pickle.readableBytes {
                let part = try #require(pickle.getSlice(at: 0, length: length))
                #expect(isRefused(part))
            }
        }
    }

    @Test("MessagePack that is cut off or goes on is refused", arguments: PickleSample.all)
    func cutPacked(sample: PickleSample) throws {
        guard case .messagePack(let packed) = try sample.plain else { return }
        for length in 0..<packed.readableBytes {
            let part = try #require(packed.getSlice(at: 0, length: length))
            #expect(PlainPickle.pickle(of: .messagePack(part)) == nil)
        }
        var longer = packed
        longer.writeInteger(0xC0 as UInt8)
        #expect(PlainPickle.list(of: [.messagePack(longer)]) == nil)
    }

    @Test(
        "MessagePack that is not plain, or none",
        arguments: [
            // Extensions, what is never used, texts that are none, sizes that lie, and lists and maps as keys.
            "d46501", "c7016501", "c1", "a1ff", "a3eda080", "9181d465", "ddffffffff", "dfffffffff", "dbffffffff61",
            "c6ffffffff61", "dcffffc0", "819001", "818001", "81910101", "82c00191", "81c0",
        ])
    func notPacked(hex: String) throws {
        #expect(try PlainPickle.list(of: [.raw(ByteBuffer()), .messagePack(buffer(hex))]) == nil)
        #expect(try PlainPickle.pickle(of: .messagePack(buffer(hex))) == nil)
    }

    @Test("A number of MessagePack in four bytes with a point is a float")
    func shortFloat() throws {
        let pickle = try #require(PlainPickle.pickle(of: .messagePack(buffer("ca3fc00000"))))
        #expect(try PlainPickle.value(of: pickle) == .messagePack(buffer("cb3ff8000000000000")))
    }
}

@Suite("Random pickles")
struct PlainPickleRandomTests {
    /// What pickles consist of, so that more than their first byte is read.
    private static let opcodes: [UInt8] = [
        0x28, 0x29, 0x2E, 0x42, 0x43, 0x47, 0x4A, 0x4B, 0x4D, 0x4E, 0x58, 0x5D, 0x61, 0x65, 0x68, 0x6A, 0x71, 0x72,
        0x73,
        0x74, 0x75, 0x7D, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x8D, 0x8E, 0x94, 0x95, 0, 1, 2,
    ]

    @Test("Are read or refused, and what is read comes back", arguments: 1...8 as ClosedRange<UInt64>)
    func pickles(seed: UInt64) {
        var random = Random(seed)
        var readCount = 0
        for _ in 0..<5_000 {
            var pickle = ByteBuffer(bytes: [0x80, 5])
            for _ in 0..<random.number(below: 24) {
                let index = random.number(below: Self.opcodes.count)
                pickle.writeInteger(random.number(below: 8) == 0 ? random.byte() : Self.opcodes[index])
            }
            pickle.writeInteger(0x2E as UInt8)
            _ = PlainPickle.arguments(of: pickle)
            guard let value = PlainPickle.value(of: pickle) else { continue }
            readCount += 1
            #expect(PlainPickle.pickle(of: value).flatMap(PlainPickle.value) == value)
        }
        #expect(readCount > 0)
    }

    @Test("Random MessagePack is a value or none", arguments: 1...8 as ClosedRange<UInt64>)
    func packed(seed: UInt64) {
        var random = Random(seed)
        var readCount = 0
        for _ in 0..<5_000 {
            var packed = ByteBuffer()
            for _ in 0..<random.number(below: 16) { packed.writeInteger(random.byte()) }
            _ = PlainValue(data: packed, metadata: ByteBuffer(string: "XLANG"))
            guard let pickle = PlainPickle.list(of: [.messagePack(packed)]) else { continue }
            readCount += 1
            #expect(PlainPickle.value(of: pickle) != nil)
        }
        #expect(readCount > 0)
    }

    /// Nested values at random, as far as the first bytes of MessagePack say it.
    @Test("Random values come back", arguments: 1...8 as ClosedRange<UInt64>)
    func values(seed: UInt64) {
        var random = Random(seed)
        for _ in 0..<500 {
            var packed = ByteBuffer()
            write(&packed, &random, depth: 0)
            let value = PlainValue.messagePack(packed)
            #expect(PlainPickle.list(of: [value]).flatMap(PlainPickle.value) == .messagePack(inList(packed)))
        }
    }

    private func inList(_ packed: ByteBuffer) -> ByteBuffer {
        var list = ByteBuffer(bytes: [0x91])
        list.writeImmutableBuffer(packed)
        return list
    }

    private func write(_ packed: inout ByteBuffer, _ random: inout Random, depth: Int) {
        switch random.number(below: depth < 6 ? 8 : 6) {
        case 0: packed.writeInteger([0xC0, 0xC2, 0xC3][random.number(below: 3)] as UInt8)
        case 1: packed.writeInteger(random.byte() & 0x7F)
        case 2: packed.writeMultipleIntegers(0xCF as UInt8, UInt64.max - UInt64(random.byte()))
        case 3: packed.writeMultipleIntegers(0xCB as UInt8, Double(random.byte()).bitPattern)
        case 4: packed.writeBytes([0xA2, 0xC3, 0xA4])
        case 5: packed.writeBytes([0xC4, 2, random.byte(), random.byte()])
        case 6:
            let count = random.number(below: 6)
            packed.writeInteger(0x90 | UInt8(count))
            for _ in 0..<count { write(&packed, &random, depth: depth + 1) }
        default:
            let count = random.number(below: 6)
            packed.writeInteger(0x80 | UInt8(count))
            for key in 0..<count {
                packed.writeBytes([0xA1, 0x61 + UInt8(key)])
                write(&packed, &random, depth: depth + 1)
            }
        }
    }
}
