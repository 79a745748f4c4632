//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Messages of gRPC")
struct MessageReaderTests {
    private func framed(_ message: [UInt8], flag: UInt8 = 0, size: UInt32? = nil) -> [UInt8] {
        var buffer = ByteBuffer(bytes: [flag])
        buffer.writeInteger(size ?? UInt32(message.count))
        buffer.writeBytes(message)
        return Array(buffer.readableBytesView)
    }

    private func messages(of reader: inout MessageReader) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        while let next = try reader.next() { found.append(Array(next.readableBytesView)) }
        return found
    }

    @Test("Messages come out as they went in, however they are cut", arguments: 1...12)
    func cuts(pieceSize: Int) throws {
        let sent: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 7, count: 100), [9]]
        let bytes = sent.flatMap { framed($0) }
        var reader = MessageReader(sizeMax: 100)
        var received: [[UInt8]] = []
        for start in stride(from: 0, to: bytes.count, by: pieceSize) {
            reader.add(ByteBuffer(bytes: bytes[start..<min(start + pieceSize, bytes.count)]))
            received += try messages(of: &reader)
        }
        #expect(received == sent)
        #expect(!reader.isInside)
    }

    @Test("Large messages come out as they went in, whether those before are kept or not", arguments: [false, true])
    func large(areKept: Bool) throws {
        let sizes = [200_000, 150_000, 5, 100_000, 0, 100_001, 70_000, 65_537]
        let sent = sizes.enumerated().map { [UInt8](repeating: UInt8($0.offset), count: $0.element) }
        var stream = ByteBuffer(bytes: sent.flatMap { framed($0) })
        var reader = MessageReader(sizeMax: 1 << 20)
        var kept: [ByteBuffer] = []
        var received: [[UInt8]] = []
        while let piece = stream.readSlice(length: min(30_000, stream.readableBytes)), piece.readableBytes > 0 {
            reader.add(piece)
            while let next = try reader.next() {
                received.append(Array(next.readableBytesView))
                if areKept { kept.append(next) }
            }
        }
        #expect(received == sent)
        #expect(!areKept || kept.map { Array($0.readableBytesView) } == sent)
    }

    @Test("A message that has begun is noticed")
    func unfinished() throws {
        var reader = MessageReader(sizeMax: 100)
        reader.add(ByteBuffer(bytes: framed([1, 2, 3]).dropLast()))
        #expect(try messages(of: &reader).isEmpty)
        #expect(reader.isInside)
    }

    @Test("A compressed message and one that is too large are refused, the latter before it is there")
    func faults() {
        var compressed = MessageReader(sizeMax: 100)
        compressed.add(ByteBuffer(bytes: framed([1], flag: 1)))
        #expect(throws: MessageReader.Fault.compressed) { try compressed.next() }
        var large = MessageReader(sizeMax: 100)
        large.add(ByteBuffer(bytes: framed([], size: 101)))
        #expect(throws: MessageReader.Fault.tooLarge(101)) { try large.next() }
    }
}
