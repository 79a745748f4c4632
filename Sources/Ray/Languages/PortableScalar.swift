//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What MessagePack has a kind for.
protocol PortableScalar {
    /// The value in MessagePack's kinds.
    var portable: MessagePackValue { get }
    /// - Throws: `CodingFailure` if the value is of another kind, or does not fit.
    init(portable: MessagePackValue) throws
}

extension PortableScalar where Self: FixedWidthInteger {
    var portable: MessagePackValue {
        Int64(exactly: self).map { .int($0) } ?? .unsigned(UInt64(truncatingIfNeeded: self))
    }

    init(portable: MessagePackValue) throws {
        let number: Self? =
            switch portable {
            case .int(let number): Self(exactly: number)
            case .unsigned(let number): Self(exactly: number)
            default: throw CodingFailure("expected \(Self.self), found \(portable.kind)")
            }
        guard let number else { throw CodingFailure("the number \(portable.kind) does not fit into \(Self.self)") }
        self = number
    }
}

extension PortableScalar where Self: BinaryFloatingPoint {
    var portable: MessagePackValue { .double(Double(self)) }

    /// A whole number is one, too: Python does not write `3` as `3.0`.
    init(portable: MessagePackValue) throws {
        guard let number = portable.number else {
            throw CodingFailure("expected \(Self.self), found \(portable.kind)")
        }
        self = Self(number)
    }
}

extension Int: PortableScalar {}
extension Int8: PortableScalar {}
extension Int16: PortableScalar {}
extension Int32: PortableScalar {}
extension Int64: PortableScalar {}
extension UInt: PortableScalar {}
extension UInt8: PortableScalar {}
extension UInt16: PortableScalar {}
extension UInt32: PortableScalar {}
extension UInt64: PortableScalar {}
extension Float: PortableScalar {}
extension Double: PortableScalar {}

extension Bool: PortableScalar {
    var portable: MessagePackValue { .bool(self) }

    init(portable: MessagePackValue) throws {
        guard case .bool(let value) = portable else { throw CodingFailure("expected Bool, found \(portable.kind)") }
        self = value
    }
}

extension String: PortableScalar {
    var portable: MessagePackValue { .string(self) }

    init(portable: MessagePackValue) throws {
        guard case .string(let text) = portable else {
            throw CodingFailure("expected String, found \(portable.kind)")
        }
        self = text
    }
}

extension MessagePackValue {
    /// What it is, for people.
    var kind: String {
        switch self {
        case .nil: "nil"
        case .bool(let value): "\(value)"
        case .int(let number): "\(number)"
        case .unsigned(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string: "a string"
        case .bytes: "bytes"
        case .array: "a list"
        case .map: "a map"
        }
    }
}
