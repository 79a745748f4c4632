//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// The pickle of a value that consists of many bytes: of `bytes`, or of a NumPy array of numbers with its elements within.
///
/// It comes in parts: its beginning says where the bytes lie, what is behind them whether it is such a value. Of an array
/// the store keeps a pickle, too, with the elements beside it (`StoredLargeValue`).
struct LargePickle: Sendable {
    enum Kind: Equatable, Sendable {
        case bytes
        /// Its elements may have been such that nobody changes them.
        case array(isReadOnly: Bool)
    }

    /// Where a frame ends, whose size changes with what is in it.
    enum Frame: Equatable, Sendable {
        case none
        case beforeData
        case atTheEnd
    }

    let kind: Kind
    let frame: Frame
    /// All up to the bytes, of which the last `dataHeadSize` say how many they are.
    let head: ByteBuffer
    let dataHeadSize: Int
    let dataCount: Int
    /// How many bytes come behind them.
    let tailCount: Int

    /// What is behind the bytes of such a value is no longer.
    private static let tailMax = 1 << 10
    static let protocolSize = 2

    /// Reads the beginning of a pickle of so many bytes; nothing if it is that of another value. Arrays are made by
    /// `_frombuffer` of `module`.
    init?(_ beginning: ByteBuffer, size: Int, arrays module: String?) {
        var rest = beginning
        guard rest.readInteger(as: UInt8.self) == PickleOpcode.proto.rawValue,
            let version = rest.readInteger(as: UInt8.self), (2...5).contains(version)
        else { return nil }
        let frameEnd = rest.readFrame().map { beginning.readableBytes - rest.readableBytes + min($0, size) }
        let isArray = version == 5 && (module.map { rest.skip(ArrayPickle.function(of: $0)) } ?? false)
        let dataStart = beginning.readableBytes - rest.readableBytes
        guard let (opcode, count) = rest.readBytesHead(), count > 0 else { return nil }
        if isArray {
            kind = .array(isReadOnly: opcode != .byteArray8)
        } else if opcode != .byteArray8 {
            kind = .bytes
        } else {
            return nil
        }
        guard
            let head = beginning.getSlice(
                at: beginning.readerIndex, length: beginning.readableBytes - rest.readableBytes)
        else { return nil }
        self.head = ByteBuffer(bytes: head.readableBytesView)
        dataHeadSize = head.readableBytes - dataStart
        dataCount = count
        tailCount = size - head.readableBytes - count
        guard (1...Self.tailMax).contains(tailCount) else { return nil }
        switch frameEnd {
        case nil: frame = .none
        case dataStart: frame = .beforeData
        case size: frame = .atTheEnd
        default: return nil
        }
    }

    /// Whether what is behind the bytes belongs to such a value.
    func isEnd(_ tail: ByteBuffer) -> Bool {
        guard tail.readableBytes == tailCount else { return false }
        var rest = tail
        if let size = rest.readFrame(), frame == .atTheEnd || size != rest.readableBytes { return false }
        if kind == .bytes { return rest.skip([0x94, 0x2E]) && rest.readableBytes == 0 }
        return rest.skip([0x94]) && rest.readArrayEnd() == dataCount && rest.skip([0x2E]) && rest.readableBytes == 0
    }
}

extension ByteBuffer {
    /// What says that bytes follow, and how many.
    fileprivate mutating func readBytesHead() -> (PickleOpcode, Int)? {
        guard let opcode = readInteger(as: UInt8.self).flatMap(PickleOpcode.init) else { return nil }
        let count: Int? =
            switch opcode {
            case .byteArray8, .binBytes8:
                readInteger(endianness: .little, as: UInt64.self).flatMap { Int(exactly: $0) }
            case .binBytes: readInteger(endianness: .little, as: UInt32.self).map { Int($0) }
            case .shortBinBytes: readInteger(as: UInt8.self).map { Int($0) }
            default: nil
            }
        return count.map { (opcode, $0) }
    }
}
