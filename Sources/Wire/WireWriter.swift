//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Appends values to a growing byte array, little-endian, in the coding of docs/internals/wire.md.
package struct WireWriter: Sendable {
    package private(set) var bytes: [UInt8]
    /// What was written of calls, if this writer is to write many: see `WrittenCalls`.
    var writtenCalls: WrittenCalls?

    /// - Parameter manyCalls: whether it writes message after message, in which the same calls come again and again.
    package init(capacity: Int = 256, manyCalls: Bool = false) {
        bytes = []
        bytes.reserveCapacity(capacity)
        writtenCalls = manyCalls ? WrittenCalls() : nil
    }

    /// Continues behind the bytes of `prefix`.
    package init(continuing prefix: [UInt8]) { bytes = prefix }

    /// Empties the writer and keeps its memory.
    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    package mutating func write(_ value: UInt8) { bytes.append(value) }
    package mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func write(_ value: UInt16) { writeInteger(value) }
    package mutating func write(_ value: UInt32) { writeInteger(value) }
    package mutating func write(_ value: UInt64) { writeInteger(value) }
    package mutating func write(_ value: Int32) { writeInteger(value) }
    package mutating func write(_ value: Int64) { writeInteger(value) }
    /// As 64 bits.
    package mutating func write(_ value: Int) { writeInteger(Int64(value)) }
    package mutating func write(_ value: Double) { writeInteger(value.bitPattern) }

    /// Length as 32 bits, then the UTF-8.
    package mutating func write(_ value: String) {
        var value = value
        value.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    /// Length as 32 bits, then the bytes.
    package mutating func write(_ value: [UInt8]) { value.withUnsafeBytes { write($0) } }

    /// Length as 32 bits, then the bytes.
    package mutating func write(_ value: UnsafeRawBufferPointer) {
        write(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    /// Bytes that were written before, without a length.
    mutating func write(again written: [UInt8]) { bytes.append(contentsOf: written) }

    /// The identifier's bytes, without a length.
    package mutating func write(_ value: some Identifier) {
        add(type(of: value).byteCount) { value.store(into: $0) }
    }

    /// Presence as a byte, then the value.
    package mutating func write<Value>(optional value: Value?, _ body: (inout WireWriter, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }

    /// Count as 32 bits, then each element.
    package mutating func write<Element>(list: [Element], _ body: (inout WireWriter, Element) -> Void) {
        write(UInt32(list.count))
        for element in list { body(&self, element) }
    }

    /// A record that may grow: its length as 32 bits, then what `body` writes.
    ///
    /// A reader of an older version skips the fields behind those it knows.
    package mutating func write(record body: (inout WireWriter) -> Void) {
        let start = bytes.count
        write(UInt32(0))
        body(&self)
        let length = UInt32(bytes.count - start - 4)
        withUnsafeBytes(of: length.littleEndian) { source in
            for offset in 0..<4 { bytes[start + offset] = source[offset] }
        }
    }

    private mutating func writeInteger(_ value: some FixedWidthInteger) {
        let value = value.littleEndian
        add(MemoryLayout.size(ofValue: value)) { $0.storeBytes(of: value, as: type(of: value)) }
    }

    /// Adds so many bytes, which `fill` writes: a third of what it costs to append those of a buffer.
    @inline(__always)
    private mutating func add(_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { room, filled in
                fill(
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(room)[filled..<filled + count]))
                filled += count
            }
        }
    }
}
