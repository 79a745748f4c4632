//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// A value that Python and all other languages of the cluster have: none, truth values, numbers, text, bytes, and lists
/// and maps of these.
package enum PlainValue: Equatable, Sendable {
    /// Bytes, if they are the whole value.
    case raw(ByteBuffer)
    /// Everything else.
    case messagePack(ByteBuffer)

    /// How many bytes it has.
    package var byteCount: Int {
        switch self {
        case .raw(let bytes), .messagePack(let bytes): bytes.readableBytes
        }
    }
}

/// How a value lies in the object store, as Ray has it:
///
///     RAW       bytes as they are
///     XLANG     length N in MessagePack, in 9 bytes | N bytes of MessagePack
extension PlainValue {
    private static let rawMetadata = ByteBuffer(string: "RAW")
    private static let crossLanguageMetadata = ByteBuffer(string: "XLANG")
    private static let headerSize = 9

    /// The value in an object; nothing if it holds another kind of value, an error, or not what it says.
    package init?(data: ByteBuffer, metadata: ByteBuffer) {
        switch metadata {
        case Self.rawMetadata: self = .raw(data)
        case Self.crossLanguageMetadata:
            var body = data
            guard var header = body.readSlice(length: Self.headerSize),
                let size = header.readPackedUnsigned().flatMap({ Int(exactly: $0) }),
                let content = body.readSlice(length: size)
            else { return nil }
            self = .messagePack(content)
        default: return nil
        }
    }

    /// What an object with this value consists of.
    package var stored: (data: ByteBuffer, metadata: ByteBuffer) {
        switch self {
        case .raw(let bytes): return (bytes, Self.rawMetadata)
        case .messagePack(let content):
            var data = ByteBuffer()
            data.reserveCapacity(Self.headerSize + content.readableBytes)
            data.writePacked(UInt64(content.readableBytes))
            data.writeRepeatingByte(0, count: Self.headerSize - data.readableBytes)
            data.writeImmutableBuffer(content)
            return (data, Self.crossLanguageMetadata)
        }
    }
}
