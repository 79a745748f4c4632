//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Fields of messages that are passed on")
struct MessageFieldsTests {
    private func has(_ numbers: Set<Int>, _ bytes: [UInt8]) -> Bool {
        MessageFields.contains(numbers, in: ByteBuffer(bytes: bytes))
    }

    /// Field 1 is the number 150, field 2 the text "hi", field 3 has eight bytes, field 4 four, field 300 the number 1.
    private static let message: [UInt8] = [
        0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 0xE0, 0x12, 0x01,
    ]

    @Test("Fields of every kind are found, and none that is not there", arguments: [1, 2, 3, 4, 300])
    func kinds(number: Int) {
        #expect(has([number], Self.message))
        #expect(has([number, 7], Self.message))
        #expect(!has([5, 7, 0x68 >> 3], Self.message))
    }

    @Test("What is inside a field is not looked at")
    func nested() { #expect(!has([3], [0x12, 0x02, 0x18, 0x01])) }

    @Test("In what is cut off, nothing is found beyond it", arguments: 0..<24)
    func cut(length: Int) { #expect(!has([7], Array(Self.message.prefix(length)))) }

    @Test(
        "In what is no message nothing is found",
        arguments: [
            [], [0xFF], Array(repeating: 0xFF, count: 40),
            [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            [0x0B, 0x08, 1], [0x0E], [0x12, 0x05, 0x68],
        ] as [[UInt8]])
    func garbage(bytes: [UInt8]) { #expect(!has([7, 13], bytes)) }
}

@Suite("Sentences of a status")
struct GRPCTextTests {
    @Test("Come back as they went", arguments: ["", "all is well", "100 % nicht da: ä", "\n\t\u{1F600}%25"])
    func roundTrip(text: String) {
        let encoded = GRPCText.encoded(text)
        #expect(encoded.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(GRPCText.decoded(encoded) == text)
    }

    @Test("What is no byte stays", arguments: ["%", "%4", "%zz", "%+f", "a%"])
    func garbage(text: String) { #expect(GRPCText.decoded(text) == text) }
}
