//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What follows in encoded data; the first byte of every value.
///
///     nil, false, true      tag
///     numbers               tag, then the number as wide as its type, little-endian
///     string                tag, bytes: u32, UTF-8
///     keyed                 tag, bytes: u32, entries of (key index: varint, value)
///     unkeyed               tag, bytes: u32, count: u32, values
///     block                 tag, code of the number type, bytes: u64, numbers
///     reference             tag, index into the object's contained references: u32
///     actor                 tag, 16 bytes of the actor id
///
/// An object is one value, or, at its start only:
///
///     alignedBlock          tag, code, 6 × 0, count: u64, zeros up to byte 64, numbers
///     coded                 tag, offset of the key table: u64, value; key table: count: u32, strings of (u32, UTF-8)
///
/// Keys stand in a table, so that an array of a thousand structs names its fields once.
enum CodingTag: UInt8 {
    case none = 0
    case `false` = 1
    case `true` = 2
    case int8 = 3
    case int16 = 4
    case int32 = 5
    case int64 = 6
    case uint8 = 7
    case uint16 = 8
    case uint32 = 9
    case uint64 = 10
    case float = 11
    case double = 12
    case string = 13
    case keyed = 14
    case unkeyed = 15
    case block = 16
    case reference = 17
    case actor = 18
    case int128 = 19
    case uint128 = 20
    case alignedBlock = 64
    case coded = 65
}

/// A plain number and the tag that stands before it.
protocol TaggedNumber: BitwiseCopyable {
    static var tag: CodingTag { get }
}

extension Int8: TaggedNumber { static var tag: CodingTag { .int8 } }
extension Int16: TaggedNumber { static var tag: CodingTag { .int16 } }
extension Int32: TaggedNumber { static var tag: CodingTag { .int32 } }
extension Int64: TaggedNumber { static var tag: CodingTag { .int64 } }
extension Int: TaggedNumber { static var tag: CodingTag { .int64 } }
extension UInt8: TaggedNumber { static var tag: CodingTag { .uint8 } }
extension UInt16: TaggedNumber { static var tag: CodingTag { .uint16 } }
extension UInt32: TaggedNumber { static var tag: CodingTag { .uint32 } }
extension UInt64: TaggedNumber { static var tag: CodingTag { .uint64 } }
extension UInt: TaggedNumber { static var tag: CodingTag { .uint64 } }
extension Int128: TaggedNumber { static var tag: CodingTag { .int128 } }
extension UInt128: TaggedNumber { static var tag: CodingTag { .uint128 } }
extension Float: TaggedNumber { static var tag: CodingTag { .float } }
extension Double: TaggedNumber { static var tag: CodingTag { .double } }

/// Why a value could not be encoded or bytes not be decoded.
package struct CodingFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as a sentence without a full stop.
    package var message: String
    /// The keys and indices that lead to the place, outermost first.
    package var path: [String] = []

    /// A failure at this place.
    package init(_ message: String) { self.message = message }

    /// The message and the place.
    package var description: String { path.isEmpty ? message : "\(message) (at \(path.joined(separator: ".")))" }

    /// The failure as seen from the container in which it happened.
    func inside(_ key: String) -> CodingFailure {
        var outer = self
        // A path is for people; the depth of the coding is limited anyway.
        if outer.path.count < 16 { outer.path.insert(key, at: 0) }
        return outer
    }

    static let truncated = CodingFailure("the bytes end before the value does")
}
