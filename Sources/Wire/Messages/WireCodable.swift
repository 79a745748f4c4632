//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A value with a coding of its own inside messages.
package protocol WireCodable {
    /// Appends the value's fields.
    func encode(into writer: inout WireWriter)
    /// Reads the value's fields.
    ///
    /// - Throws: any `WireError` if the bytes are not such a value.
    init(from reader: inout WireReader) throws(WireError)
}

extension WireWriter {
    /// Appends the value as it encodes itself.
    package mutating func write(_ value: some WireCodable) { value.encode(into: &self) }
    /// Count as 32 bits, then each value.
    package mutating func write(list: [some WireCodable]) { write(list: list) { $0.write($1) } }
    /// Count as 32 bits, then the bytes of each identifier.
    package mutating func write(list: [some Identifier]) { write(list: list) { $0.write($1) } }
    /// Presence as a byte, then the value.
    package mutating func write(optional value: (some WireCodable)?) { write(optional: value) { $0.write($1) } }
    /// Presence as a byte, then the identifier's bytes.
    package mutating func write(optional value: (some Identifier)?) { write(optional: value) { $0.write($1) } }
}

extension WireReader {
    /// A value with a coding of its own.
    package mutating func value<Value: WireCodable>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }

    /// A list of values.
    package mutating func values<Value: WireCodable>(_ type: Value.Type = Value.self) throws(WireError) -> [Value] {
        try list { (reader: inout WireReader) throws(WireError) in try Value(from: &reader) }
    }

    /// A list of identifiers.
    package mutating func identifiers<ID: Identifier>(_ type: ID.Type = ID.self) throws(WireError) -> [ID] {
        try list { (reader: inout WireReader) throws(WireError) in try reader.identifier(ID.self) }
    }

    /// A value, or nothing.
    package mutating func optionalValue<Value: WireCodable>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value? {
        try optional { (reader: inout WireReader) throws(WireError) in try Value(from: &reader) }
    }

    /// An identifier, or nothing.
    package mutating func optionalIdentifier<ID: Identifier>(_ type: ID.Type = ID.self) throws(WireError) -> ID? {
        try optional { (reader: inout WireReader) throws(WireError) in try reader.identifier(ID.self) }
    }
}
