//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Reads values from bytes; every length is checked against what is there before memory is taken.
///
/// The reader borrows the bytes: it must not outlive the closure that lent them.
package struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Bytes not yet read.
    package var remaining: Int { bytes.count - offset }
    package var isAtEnd: Bool { remaining == 0 }

    package mutating func uint8() throws(WireError) -> UInt8 { try integer() }
    package mutating func uint16() throws(WireError) -> UInt16 { try integer() }
    package mutating func uint32() throws(WireError) -> UInt32 { try integer() }
    package mutating func uint64() throws(WireError) -> UInt64 { try integer() }
    package mutating func int32() throws(WireError) -> Int32 { try integer() }
    package mutating func int64() throws(WireError) -> Int64 { try integer() }
    package mutating func int() throws(WireError) -> Int { Int(try int64()) }
    /// A number of things or bytes, of which very many can be added up.
    package mutating func count() throws(WireError) -> Int {
        let value = try int()
        guard (0...Limits.numberMax).contains(value) else { throw .limitExceeded("a number of things", value) }
        return value
    }
    package mutating func double() throws(WireError) -> Double { Double(bitPattern: try integer()) }

    /// A byte that is 0 or 1.
    package mutating func bool() throws(WireError) -> Bool {
        let value = try uint8()
        guard value <= 1 else { throw .unknownCase("Bool", Int(value)) }
        return value == 1
    }

    /// Length as 32 bits, then UTF-8.
    package mutating func string() throws(WireError) -> String {
        let bytes = try slice()
        guard !bytes.isEmpty else { return "" }
        // `String(validating:as:)` takes ten times as long: decoding mends what is wrong, and then the bytes differ.
        var text = String(decoding: bytes, as: UTF8.self)
        let isSame = text.withUTF8 { UnsafeRawBufferPointer($0).elementsEqual(bytes) }
        guard isSame else { throw .invalidText }
        return text
    }

    /// Length as 32 bits, then that many bytes, copied.
    package mutating func byteArray() throws(WireError) -> [UInt8] { Array(try slice()) }

    /// An identifier's bytes, without a length.
    package mutating func identifier<ID: Identifier>(_ type: ID.Type = ID.self) throws(WireError) -> ID {
        ID(bytes: try take(ID.byteCount))
    }

    /// Presence as a byte, then what `body` reads.
    package mutating func optional<Value>(
        _ body: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> Value? {
        guard try bool() else { return nil }
        return try body(&self)
    }

    /// A list; memory is taken for as many elements as can be in the remaining bytes at most.
    package mutating func list<Element>(
        _ body: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        let count = Int(try uint32())
        guard count <= Limits.listCountMax else { throw .limitExceeded("list count", count) }
        guard count <= remaining else { throw .truncated }
        var list: [Element] = []
        list.reserveCapacity(min(count, 1024))
        for _ in 0..<count { list.append(try body(&self)) }
        return list
    }

    /// A record that may have grown: fields behind those that `body` reads are skipped.
    package mutating func record<Value>(
        _ body: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> Value {
        var inner = WireReader(try slice())
        return try body(&inner)
    }

    /// A field that was added later: `fallback` if the sender's version did not have it.
    package mutating func added<Value>(
        _ fallback: Value, _ body: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> Value {
        isAtEnd ? fallback : try body(&self)
    }

    /// Length as 32 bits, then that many bytes, borrowed.
    package mutating func slice() throws(WireError) -> UnsafeRawBufferPointer {
        let count = Int(try uint32())
        guard count <= remaining else { throw .truncated }
        return try take(count)
    }

    private mutating func integer<Value: FixedWidthInteger>() throws(WireError) -> Value {
        let source = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: source.loadUnaligned(as: Value.self))
    }

    private mutating func take(_ count: Int) throws(WireError) -> UnsafeRawBufferPointer {
        guard count <= remaining else { throw .truncated }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
