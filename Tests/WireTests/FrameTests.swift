//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("Frames")
struct FrameTests {
    private func frame(_ kind: UInt16, _ payload: [UInt8], requestID: UInt64 = 7, sequence: UInt64 = 1) -> [UInt8] {
        var bytes: [UInt8] = []
        FrameHeader(
            kind: kind, payloadLength: UInt32(payload.count), requestID: requestID, sequence: sequence,
            acknowledged: 3
        ).append(to: &bytes)
        return bytes + payload
    }

    private func decode(_ decoder: inout FrameDecoder) throws(WireError) -> [(FrameHeader, [UInt8])] {
        var frames: [(FrameHeader, [UInt8])] = []
        while let frame = try decoder.next() {
            frames.append((frame.header, decoder.withBuffer { Array($0[frame.payload]) }))
        }
        return frames
    }

    @Test("The header has 40 bytes, as documented")
    func goldenHeader() {
        var bytes: [UInt8] = []
        FrameHeader(
            kind: 0x1234, payloadLength: 0x0102_0304, requestID: 0x1112_1314_1516_1718,
            sequence: 0x2122_2324_2526_2728, acknowledged: 0x3132_3334_3536_3738, flags: 5
        ).append(to: &bytes)
        #expect(FrameHeader.byteCount == 40)
        #expect(
            bytes.hex == "52415953" + "01" + "05" + "3412" + "04030201" + "00000000" + "1817161514131211"
                + "2827262524232221" + "3837363534333231")
    }

    @Test("Frames survive arbitrary splits", arguments: 0..<20 as Range<UInt64>)
    func randomSplits(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var stream: [UInt8] = []
        var expected: [[UInt8]] = []
        for index in 0..<50 {
            let size = Int.random(in: 0...(index % 10 == 0 ? 200_000 : 300), using: &random)
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ index) }
            expected.append(payload)
            stream += frame(16, payload, sequence: UInt64(index + 1))
        }
        var decoder = FrameDecoder(payloadBytesMax: 1 << 20, initialCapacity: 64)
        var found: [[UInt8]] = []
        var offset = 0
        while offset < stream.count {
            let count = min(stream.count - offset, Int.random(in: 1...(seed % 2 == 0 ? 100 : 30_000), using: &random))
            stream[offset..<offset + count].withUnsafeBytes { decoder.append($0) }
            offset += count
            for (header, payload) in try decode(&decoder) {
                #expect(header.sequence == UInt64(found.count + 1))
                found.append(payload)
            }
        }
        #expect(found == expected)
        #expect(decoder.pendingBytes == 0)
    }

    @Test("A length over the limit is refused before its bytes come")
    func lengthLimit() {
        var decoder = FrameDecoder(payloadBytesMax: 100)
        frame(16, [UInt8](repeating: 0, count: 101))[..<40].withUnsafeBytes { decoder.append($0) }
        #expect(throws: WireError.limitExceeded("frame payload bytes", 101)) { try decoder.next() }
    }

    @Test("Other protocols are told by their first bytes")
    func foreignBytes() {
        var decoder = FrameDecoder(payloadBytesMax: 100)
        Array("GET / HTTP/1.1\r\nHost: here.example.com\r\n\r\n".utf8).withUnsafeBytes { decoder.append($0) }
        #expect(throws: WireError.badMagic(0x2054_4547)) { try decoder.next() }
    }

    @Test("Random and mutated bytes decode or throw", arguments: 0..<200 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = (0..<5).flatMap { frame(16, [UInt8](repeating: UInt8($0), count: $0 * 30)) }
        if seed % 4 == 0 { bytes = (0..<500).map { _ in UInt8.random(in: 0...255, using: &random) } }
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        var decoder = FrameDecoder(payloadBytesMax: 1 << 16, initialCapacity: 128)
        bytes.withUnsafeBytes { decoder.append($0) }
        do throws(WireError) {
            while let frame = try decoder.next() { #expect(frame.payload.count <= 1 << 16) }
        } catch {
            #expect(!error.description.isEmpty)
        }
    }
}

/// A small generator with a seed, the same on every machine (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
