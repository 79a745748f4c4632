//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The 40 bytes in front of every payload, little-endian.
///
///      0  magic "RAYS"     4  version    5  flags      6  kind
///      8  payload length  12  reserved  16  request id
///     24  sequence        32  acknowledged
///
/// Link frames (kinds 1...15) have sequence 0; application messages count from 1 per link and direction.
/// `acknowledged` is the highest sequence that the sender has received, so that every frame confirms.
package struct FrameHeader: Hashable, Sendable {
    /// Size of the header on the wire, in bytes.
    package static let byteCount = 40
    /// "RAYS" read as a little-endian number.
    package static let magic: UInt32 = 0x5359_4152
    /// Version of the frame layout itself; messages are versioned by the hello.
    package static let version: UInt8 = 1

    /// Bits for later use; a receiver ignores those it does not know.
    package var flags: UInt8
    /// What the payload is: 1...15 belong to the link, the rest to the application.
    package var kind: UInt16
    /// Size of the payload that follows, in bytes.
    package var payloadLength: UInt32
    /// Chosen by the asker, repeated in the answer.
    package var requestID: UInt64
    /// Position in the link's stream of application messages; 0 for link frames.
    package var sequence: UInt64
    /// Highest sequence that the sender had received when it wrote this frame.
    package var acknowledged: UInt64

    /// A header of a frame to be written.
    package init(
        kind: UInt16, payloadLength: UInt32 = 0, requestID: UInt64 = 0, sequence: UInt64 = 0,
        acknowledged: UInt64 = 0, flags: UInt8 = 0
    ) {
        self.flags = flags
        self.kind = kind
        self.payloadLength = payloadLength
        self.requestID = requestID
        self.sequence = sequence
        self.acknowledged = acknowledged
    }

    /// Size of header and payload, in bytes.
    package var frameByteCount: Int { Self.byteCount + Int(payloadLength) }

    /// Appends the header's 40 bytes.
    package func append(to bytes: inout [UInt8]) {
        let first =
            UInt64(Self.magic) | UInt64(Self.version) << 32 | UInt64(flags) << 40 | UInt64(kind) << 48
        let words = (
            first.littleEndian, UInt64(payloadLength).littleEndian, requestID.littleEndian,
            sequence.littleEndian, acknowledged.littleEndian
        )
        withUnsafeBytes(of: words) { bytes.append(contentsOf: $0) }
    }

    /// Reads a header from the first 40 bytes, and checks magic, version and length.
    ///
    /// - Throws: `badMagic`, `unsupportedVersion` or `limitExceeded`: the connection must be closed.
    package init(
        _ bytes: UnsafeRawBufferPointer, payloadBytesMax: Int
    ) throws(WireError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        let first = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        let magic = UInt32(truncatingIfNeeded: first)
        guard magic == Self.magic else { throw .badMagic(magic) }
        let version = UInt8(truncatingIfNeeded: first >> 32)
        guard version == Self.version else { throw .unsupportedVersion(version) }
        flags = UInt8(truncatingIfNeeded: first >> 40)
        kind = UInt16(truncatingIfNeeded: first >> 48)
        let second = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        payloadLength = UInt32(truncatingIfNeeded: second)
        guard Int(payloadLength) <= payloadBytesMax else {
            throw .limitExceeded("frame payload bytes", Int(payloadLength))
        }
        guard kind != 0 else { throw .unknownCase("frame kind", 0) }
        requestID = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        sequence = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        acknowledged = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
    }
}

/// The frames that belong to the link itself; their sequence is 0.
package enum LinkFrameKind: UInt16, Sendable, CaseIterable {
    /// First frame of the side that connects: who it is and what it knows.
    case hello = 1
    /// The answer to a hello that was accepted.
    case welcome = 2
    /// The answer to a hello that was not: a code and a sentence; the connection ends.
    case refused = 3
    /// Nothing but the header's `acknowledged`.
    case acknowledgement = 4
    /// Asks for a pong.
    case ping = 5
    /// The answer to a ping, with its request id.
    case pong = 6
    /// The sender ends the link on purpose; the payload is a sentence.
    case goodbye = 7

    /// The first kind that belongs to the application.
    package static let applicationMin: UInt16 = 16
}
