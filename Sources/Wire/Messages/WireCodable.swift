//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A value with a coding of its own inside messages.
package protocol WireCodable {
    func encode(into writer: inout WireWriter)
    init(from reader: inout WireReader) throws(WireError)
}

extension WireWriter {
    package mutating func write(_ value: some WireCodable) { value.encode(into: &self) }
    package mutating func write(list: [some WireCodable]) { write(list: list) { $0.write($1) } }
    package mutating func write(list: [some Identifier]) { write(list: list) { $0.write($1) } }
    package mutating func write(optional value: (some WireCodable)?) { write(optional: value) { $0.write($1) } }
    package mutating func write(optional value: (some Identifier)?) { write(optional: value) { $0.write($1) } }
}

extension WireReader {
    package mutating func value<Value: WireCodable>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }

    package mutating func values<Value: WireCodable>(_ type: Value.Type = Value.self) throws(WireError) -> [Value] {
        try list { (reader: inout WireReader) throws(WireError) in try Value(from: &reader) }
    }

    package mutating func identifiers<ID: Identifier>(_ type: ID.Type = ID.self) throws(WireError) -> [ID] {
        try list { (reader: inout WireReader) throws(WireError) in try reader.identifier(ID.self) }
    }

    package mutating func optionalValue<Value: WireCodable>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value? {
        try optional { (reader: inout WireReader) throws(WireError) in try Value(from: &reader) }
    }

    package mutating func optionalIdentifier<ID: Identifier>(_ type: ID.Type = ID.self) throws(WireError) -> ID? {
        try optional { (reader: inout WireReader) throws(WireError) in try reader.identifier(ID.self) }
    }
}
