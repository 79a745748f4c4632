//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension ray {
    /// A number of fixed size: arrays of these travel as one block of memory.
    public protocol Number: BitwiseCopyable, Codable, Sendable {
        /// The code of the type in encoded data.
        static var _rayCode: UInt8 { get }
    }
}

extension Int8: ray.Number {
    /// The code of `Int8` in encoded data.
    public static var _rayCode: UInt8 { 1 }
}

extension Int16: ray.Number {
    /// The code of `Int16` in encoded data.
    public static var _rayCode: UInt8 { 2 }
}

extension Int32: ray.Number {
    /// The code of `Int32` in encoded data.
    public static var _rayCode: UInt8 { 3 }
}

extension Int64: ray.Number {
    /// The code of `Int64` in encoded data.
    public static var _rayCode: UInt8 { 4 }
}

extension Int: ray.Number {
    /// The code of `Int` in encoded data.
    public static var _rayCode: UInt8 { 4 }
}

extension UInt8: ray.Number {
    /// The code of `UInt8` in encoded data.
    public static var _rayCode: UInt8 { 5 }
}

extension UInt16: ray.Number {
    /// The code of `UInt16` in encoded data.
    public static var _rayCode: UInt8 { 6 }
}

extension UInt32: ray.Number {
    /// The code of `UInt32` in encoded data.
    public static var _rayCode: UInt8 { 7 }
}

extension UInt64: ray.Number {
    /// The code of `UInt64` in encoded data.
    public static var _rayCode: UInt8 { 8 }
}

extension UInt: ray.Number {
    /// The code of `UInt` in encoded data.
    public static var _rayCode: UInt8 { 8 }
}

extension Float: ray.Number {
    /// The code of `Float` in encoded data.
    public static var _rayCode: UInt8 { 9 }
}

extension Double: ray.Number {
    /// The code of `Double` in encoded data.
    public static var _rayCode: UInt8 { 10 }
}

/// A run of numbers in encoded data: the code of their type and their bytes.
package struct NumberBlock {
    /// Size of the header before the numbers of an object that is one block: they begin at a multiple of it.
    package static let headerBytes = 64

    /// Whether values of the type are one reference, as arrays are: spares plain numbers all comparisons.
    private static func mayBeArray<Value>(_: Value.Type) -> Bool {
        MemoryLayout<Value>.size == MemoryLayout<[UInt8]>.size && !_isPOD(Value.self)
    }

    /// Calls `body` with the code and bytes of `value` if it is an array of numbers.
    ///
    /// Comparing types costs a few nanoseconds each, a cast to a protocol a hundred times as much.
    static func withBytes<Value>(of value: Value, _ body: (UInt8, UnsafeRawBufferPointer) -> Void) -> Bool {
        func matches<Element: ray.Number>(_ type: Element.Type) -> Bool {
            guard Value.self == [Element].self else { return false }
            // The types are the same, so is the representation.
            let array = unsafeBitCast(value, to: [Element].self)
            array.withUnsafeBytes { body(Element._rayCode, $0) }
            return true
        }
        guard mayBeArray(Value.self) else { return false }
        // One after the other: the type checker gives up on one long expression.
        if matches(UInt8.self) || matches(Float.self) || matches(Double.self) || matches(Int.self) { return true }
        if matches(Int32.self) || matches(Int64.self) || matches(UInt64.self) || matches(UInt32.self) { return true }
        return matches(UInt16.self) || matches(Int16.self) || matches(Int8.self) || matches(UInt.self)
    }

    /// The code of the elements if `Value` is an array of numbers.
    static func code<Value>(of type: Value.Type) -> UInt8? {
        guard mayBeArray(Value.self) else { return nil }
        func matches<Element: ray.Number>(_: Element.Type) -> UInt8? {
            Value.self == [Element].self ? Element._rayCode : nil
        }
        // One after the other: the type checker gives up on one long expression.
        if let code = matches(UInt8.self) ?? matches(Float.self) ?? matches(Double.self) { return code }
        if let code = matches(Int.self) ?? matches(Int32.self) ?? matches(Int64.self) { return code }
        if let code = matches(UInt64.self) ?? matches(UInt32.self) ?? matches(UInt16.self) { return code }
        return matches(Int16.self) ?? matches(Int8.self) ?? matches(UInt.self)
    }

    /// The array that the bytes hold; `Value` must be an array of the numbers that `code` names.
    static func array<Value>(_ type: Value.Type, code: UInt8, bytes: UnsafeRawBufferPointer) -> Value {
        func make<Element: ray.Number>(_: Element.Type) -> Value {
            let count = bytes.count / MemoryLayout<Element>.stride
            let array = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * MemoryLayout<Element>.stride)]))
                initialized = count
            }
            // `code(of:)` said that `Value` is an array of numbers of this size and kind.
            return unsafeBitCast(array, to: Value.self)
        }
        return switch code {
        case 1: make(Int8.self)
        case 2: make(Int16.self)
        case 3: make(Int32.self)
        case 4: Value.self == [Int].self ? make(Int.self) : make(Int64.self)
        case 5: make(UInt8.self)
        case 6: make(UInt16.self)
        case 7: make(UInt32.self)
        case 8: Value.self == [UInt].self ? make(UInt.self) : make(UInt64.self)
        case 9: make(Float.self)
        default: make(Double.self)
        }
    }

    /// Bytes of one number with the code, or nothing for an unknown code.
    static func stride(of code: UInt8) -> Int? {
        switch code {
        case 1, 5: 1
        case 2, 6: 2
        case 3, 7, 9: 4
        case 4, 8, 10: 8
        default: nil
        }
    }

    /// Writes the header of an object that is one block into its first 64 bytes.
    static func writeHeader(code: UInt8, count: Int, into bytes: UnsafeMutableRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: bytes[..<headerBytes]).initializeMemory(as: UInt8.self, repeating: 0)
        bytes[0] = CodingTag.alignedBlock.rawValue
        bytes[1] = code
        bytes.storeBytes(of: UInt64(count).littleEndian, toByteOffset: 8, as: UInt64.self)
    }
}
