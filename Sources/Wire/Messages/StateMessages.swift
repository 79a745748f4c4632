//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A kind of thing that can be listed.
package enum StateResource: UInt8, Sendable, Hashable, CaseIterable {
    case tasks = 0
    case actors = 1
    case nodes = 2
    case workers = 3
    case jobs = 4
    case placementGroups = 5
    /// Tasks, counted by name and state.
    case taskSummary = 6
    /// What processes hold of objects, and what stores have.
    case objects = 7
}

/// One value in a list.
package indirect enum StateValue: Hashable, Sendable, WireCodable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case text(String)
    case list([StateValue])
    case map([StateField])

    /// Lists and maps inside each other.
    private static let depthMax = 8

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .bool(let value):
            writer.write(UInt8(1))
            writer.write(value)
        case .int(let value):
            writer.write(UInt8(2))
            writer.write(value)
        case .double(let value):
            writer.write(UInt8(3))
            writer.write(value)
        case .text(let value):
            writer.write(UInt8(4))
            writer.write(value)
        case .list(let values):
            writer.write(UInt8(5))
            writer.write(list: values)
        case .map(let fields):
            writer.write(UInt8(6))
            writer.write(list: fields) { writer, field in
                writer.write(field.name)
                writer.write(field.value)
            }
        }
    }

    package init(from reader: inout WireReader) throws(WireError) { try self.init(from: &reader, depth: 0) }

    private init(from reader: inout WireReader, depth: Int) throws(WireError) {
        guard depth < Self.depthMax else { throw .limitExceeded("depth of a value", depth) }
        switch try reader.uint8() {
        case 0: self = .null
        case 1: self = .bool(try reader.bool())
        case 2: self = .int(try reader.int())
        case 3: self = .double(try reader.double())
        case 4: self = .text(try reader.string())
        case 5:
            self = .list(
                try reader.list { (reader: inout WireReader) throws(WireError) in
                    try StateValue(from: &reader, depth: depth + 1)
                })
        case 6:
            self = .map(
                try reader.list { (reader: inout WireReader) throws(WireError) in
                    StateField(
                        name: try reader.string(), value: try StateValue(from: &reader, depth: depth + 1))
                })
        case let number: throw .unknownCase("StateValue", Int(number))
        }
    }
}

/// A value and its name.
package struct StateField: Hashable, Sendable {
    package var name: String
    package var value: StateValue

    package init(name: String, value: StateValue) {
        self.name = name
        self.value = value
    }
}

/// `key=value` or `key!=value`; letters may be large or small.
package struct StateFilter: Hashable, Sendable, WireCodable {
    package var key: String
    package var isNegated: Bool
    package var value: String

    package init(key: String, isNegated: Bool, value: String) {
        self.key = key
        self.isNegated = isNegated
        self.value = value
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(key)
        writer.write(isNegated)
        writer.write(value)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(key: try reader.string(), isNegated: try reader.bool(), value: try reader.string())
    }
}

/// Anybody to GCS: what there is of a kind. Answered by `StateRows`.
package struct QueryState: Hashable, Sendable, WireCodable {
    package var resource: StateResource
    /// All must hold.
    package var filters: [StateFilter]
    package var limit: Int
    /// With the columns that are shown only then.
    package var isDetailed: Bool

    package init(resource: StateResource, filters: [StateFilter] = [], limit: Int = 100, isDetailed: Bool = false) {
        self.resource = resource
        self.filters = filters
        self.limit = limit
        self.isDetailed = isDetailed
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(resource.rawValue)
        writer.write(list: filters)
        writer.write(limit)
        writer.write(isDetailed)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let resource = StateResource(rawValue: number) else { throw .unknownCase("StateResource", Int(number)) }
        self.init(
            resource: resource, filters: try reader.values(), limit: try reader.int(), isDetailed: try reader.bool())
    }
}

/// GCS to who asked: what there is, ordered by its first column.
package struct StateRows: Hashable, Sendable, WireCodable {
    package var columns: [String]
    /// Each with a value for each column.
    package var rows: [[StateValue]]
    /// How many there are that the filters let through.
    package var matched: Int
    /// How many more there were that are not known any more.
    package var dropped: Int
    /// Why there is no answer.
    package var error: RayError?
    /// What is missing in the rows, in sentences.
    package var warnings: [String]

    package init(
        columns: [String], rows: [[StateValue]], matched: Int, dropped: Int = 0, error: RayError? = nil,
        warnings: [String] = []
    ) {
        self.columns = columns
        self.rows = rows
        self.matched = matched
        self.dropped = dropped
        self.error = error
        self.warnings = warnings
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: columns) { $0.write($1) }
        writer.write(list: rows) { $0.write(list: $1) }
        writer.write(matched)
        writer.write(dropped)
        writer.write(optional: error)
        if !warnings.isEmpty { writer.write(list: warnings) { $0.write($1) } }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        columns = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
        rows = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.values() }
        matched = try reader.count()
        dropped = try reader.count()
        error = try reader.optionalValue()
        warnings = try reader.added([]) { (reader: inout WireReader) throws(WireError) in
            try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
        }
    }
}
