//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A value of MessagePack's kinds: what Swift and Python can both say without knowing each other's types.
package enum MessagePackValue: Hashable, Sendable {
    case `nil`
    case bool(Bool)
    case int(Int64)
    /// Only for numbers over `Int64.max`.
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case array([MessagePackValue])
    /// In the order in which they were written.
    case map([Pair])

    /// A key with its value.
    package struct Pair: Hashable, Sendable {
        package var key: MessagePackValue
        package var value: MessagePackValue

        package init(_ key: MessagePackValue, _ value: MessagePackValue) {
            self.key = key
            self.value = value
        }
    }

    /// A map with names as keys.
    package static func record(_ fields: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
        .map(fields.map { Pair(.string($0.key), $0.value) })
    }

    /// The value of a name in a map; nothing if this is none, or has no such name.
    package subscript(name: String) -> MessagePackValue? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == .string(name) }?.value
    }

    /// The number, if it is one that fits.
    package var integer: Int? {
        switch self {
        case .int(let number): Int(exactly: number)
        case .unsigned(let number): Int(exactly: number)
        default: nil
        }
    }

    /// The number, whole or not.
    package var number: Double? {
        switch self {
        case .int(let number): Double(number)
        case .unsigned(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }

    /// The text; bytes count as text too if they are UTF-8, since older writers do not tell them apart.
    package var text: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// The bytes, of a text its UTF-8.
    package var data: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        default: nil
        }
    }

    /// The truth value.
    package var isTrue: Bool { self == .bool(true) }

    /// The elements, if this is an array.
    package var elements: [MessagePackValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The pairs, if this is a map.
    package var pairs: [Pair]? {
        if case .map(let pairs) = self { pairs } else { nil }
    }
}
