//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A fixed-size binary identifier with one of Ray's layouts, printed as lower-case hex.
///
/// Identifiers are held as machine words, not byte arrays: comparing and hashing by bytes costs
/// hundreds of nanoseconds on the path of every task.
package protocol Identifier: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Size of the identifier on the wire, in bytes.
    static var byteCount: Int { get }
    /// Reads an identifier from exactly `byteCount` bytes.
    init(bytes: UnsafeRawBufferPointer)
    /// The identifier mixed into one word, for hashing.
    var digest: UInt64 { get }
    /// Writes exactly `byteCount` bytes.
    func store(into bytes: UnsafeMutableRawBufferPointer)
}

extension Identifier {
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(digest) }

    /// What dictionaries ask for: one multiplication instead of a keyed hash, whose strength is not needed against
    /// peers that are known, and which is a tenth of the cost of a call. The dictionary's seed keeps its place.
    @inlinable package func _rawHashValue(seed: Int) -> Int {
        let product = (digest ^ UInt64(truncatingIfNeeded: seed)).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }

    /// Reads an identifier from an array, or nothing if the size is not exactly `byteCount`.
    package init?(_ array: [UInt8]) {
        guard array.count == Self.byteCount else { return nil }
        self = array.withUnsafeBytes { Self(bytes: $0) }
    }

    /// Reads an identifier from its hexadecimal form.
    package init?(hex: String) {
        guard let bytes = [UInt8](hex: hex) else { return nil }
        self.init(bytes)
    }

    /// The identifier as an array of `byteCount` bytes.
    package var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            store(into: UnsafeMutableRawBufferPointer(buffer))
            count = Self.byteCount
        }
    }

    /// The identifier as lower-case hex, twice `byteCount` characters.
    package var hex: String { bytes.hex }

    package var description: String { hex }

    /// The value that stands for "none": every byte 0xff, as in Ray.
    package static var none: Self {
        [UInt8](repeating: 0xff, count: byteCount).withUnsafeBytes { Self(bytes: $0) }
    }

    /// Whether this is the "none" value.
    package var isNone: Bool { self == .none }
}

extension [UInt8] {
    /// The bytes as lower-case hex.
    package var hex: String {
        let digits = [UInt8]("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Reads bytes from hex of either case; nothing if a character is not a digit or one is missing.
    package init?(hex: String) {
        let digits = Swift.Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1])
            else { return nil }
            append(high << 4 | low)
        }
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
