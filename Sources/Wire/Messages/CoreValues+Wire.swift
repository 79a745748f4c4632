//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension Address: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(node)
            writer.write(worker)
            writer.write(host)
            writer.write(port)
            writer.write(socketPath)
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            Address(
                node: try reader.identifier(), worker: try reader.identifier(), host: try reader.string(),
                port: try reader.uint16(), socketPath: try reader.string())
        }
    }
}

extension FunctionDescriptor: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(language.rawValue)
        writer.write(module)
        writer.write(className)
        writer.write(function)
        writer.write(hash)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            language: try Language(from: &reader), module: try reader.string(), className: try reader.string(),
            function: try reader.string(), hash: try reader.string())
    }
}

extension Language: WireCodable {
    package func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let language = Language(rawValue: number) else { throw .unknownCase("Language", Int(number)) }
        self = language
    }
}

extension ObjectReference: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(owner)
        writer.write(callSite)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(id: try reader.identifier(), owner: try reader.value(), callSite: try reader.string())
    }
}

extension RayObject: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(data)
        writer.write(metadata)
        writer.write(list: contained)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(data: try reader.byteArray(), metadata: try reader.byteArray(), contained: try reader.values())
    }
}

extension ResourceSet: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(list: entries) { writer, entry in
            writer.write(entry.name)
            writer.write(entry.amount.units)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init()
        let entries = try reader.list { (reader: inout WireReader) throws(WireError) in
            (try reader.string(), ResourceAmount(units: try reader.int64()))
        }
        for (name, amount) in entries {
            guard amount.units >= 0, amount.units <= ResourceAmount.unitsMax else {
                throw .limitExceeded("resource amount", Int(amount.units))
            }
            self[name] = amount
        }
    }
}

extension AcceleratorID: WireCodable {
    package func encode(into writer: inout WireWriter) { writer.write(code) }

    package init(from reader: inout WireReader) throws(WireError) {
        let code = try reader.int()
        guard let device = AcceleratorID(code: code) else { throw .unknownCase("AcceleratorID", code) }
        self = device
    }
}

extension SchedulingStrategy: WireCodable {
    package func encode(into writer: inout WireWriter) {
        switch self {
        case .hybrid: writer.write(UInt8(0))
        case .spread: writer.write(UInt8(1))
        case .nodeAffinity(let node, soft: false, waits: false):
            writer.write(UInt8(6))
            writer.write(node)
        case .nodeAffinity(let node, let soft, _):
            writer.write(UInt8(2))
            writer.write(node)
            writer.write(soft)
        case .placementGroup(let group, let bundle, let capturesChildren):
            writer.write(UInt8(3))
            writer.write(group)
            writer.write(bundle ?? -1)
            writer.write(capturesChildren)
        case .labelled(let selectors, let spread) where selectors.count == 1:
            writer.write(UInt8(4))
            writer.write(selectors[0])
            writer.write(spread)
        case .labelled(let selectors, let spread):
            writer.write(UInt8(5))
            writer.write(list: selectors)
            writer.write(spread)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.uint8() {
        case 0: self = .hybrid
        case 1: self = .spread
        case 2: self = .nodeAffinity(try reader.identifier(), soft: try reader.bool())
        case 3:
            let group: PlacementGroupID = try reader.identifier()
            let bundle = try reader.int()
            self = .placementGroup(
                group, bundle: bundle < 0 ? nil : bundle, capturesChildren: try reader.bool())
        case 4: self = .labelled([try reader.value()], spread: try reader.bool())
        case 5:
            let selectors: [LabelSelector] = try reader.values()
            guard (1...Self.selectorsMax).contains(selectors.count) else {
                throw .limitExceeded("label selectors of a strategy", selectors.count)
            }
            self = .labelled(selectors, spread: try reader.bool())
        case 6: self = .nodeAffinity(try reader.identifier(), soft: false, waits: false)
        case let other: throw .unknownCase("SchedulingStrategy", Int(other))
        }
    }
}

extension PendingReason: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(code.rawValue)
        writer.write(sentence)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let code = Code(rawValue: number) else { throw .unknownCase("PendingReason", Int(number)) }
        self.init(code, try reader.string())
    }
}

extension RayError: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(UInt32(type.rawValue))
            writer.write(message)
            writer.write(typeName)
            writer.write(function)
            writer.write(language)
            writer.write(node)
            writer.write(host)
            writer.write(processID)
            writer.write(attempt)
            writer.write(payload)
            writer.write(list: causes) { $0.write($1) }
            if !dependents.isEmpty { writer.write(list: dependents) { $0.write($1) } }
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            let number = Int(try reader.uint32())
            guard let type = ErrorType(rawValue: number) else { throw .unknownCase("ErrorType", number) }
            var error = RayError(
                type, try reader.string(), typeName: try reader.string(), function: try reader.string(),
                language: try reader.value(), node: try reader.string(), host: try reader.string(),
                processID: try reader.int32(), attempt: try reader.int(), payload: try reader.byteArray(),
                causes: try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() })
            error.dependents = try reader.added([]) { (reader: inout WireReader) throws(WireError) in
                try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
            }
            return error
        }
    }

    /// This error as an object, to stand in the place of a value.
    package var object: RayObject {
        var writer = WireWriter()
        writer.write(self)
        return RayObject(data: writer.bytes, metadata: type.metadata)
    }

    /// The error that an object stands for; nothing if it holds data.
    ///
    /// One that a program wrote in its own form (Python stores errors as values, too) keeps its bytes for that program.
    package init?(data: UnsafeRawBufferPointer, metadata: [UInt8]) {
        guard let type = ErrorType(metadata: metadata) else { return nil }
        var reader = WireReader(data)
        do throws(WireError) {
            self = try RayError(from: &reader)
        } catch {
            self.init(type, "the description of this error cannot be read: \(error)", payload: Array(data))
        }
    }
}
