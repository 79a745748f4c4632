//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension TaskArgument: WireCodable {
    package func encode(into writer: inout WireWriter) {
        switch self {
        case .value(let object):
            writer.write(UInt8(0))
            writer.write(object)
        case .reference(let reference):
            writer.write(UInt8(1))
            writer.write(reference)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.uint8() {
        case 0: self = .value(try reader.value())
        case 1: self = .reference(try reader.value())
        case let other: throw .unknownCase("TaskArgument", Int(other))
        }
    }
}

extension TaskKind: WireCodable {
    package func encode(into writer: inout WireWriter) {
        switch self {
        case .normal: writer.write(UInt8(0))
        case .actorCreation(let actor):
            writer.write(UInt8(1))
            writer.write(actor)
        case .actorCall(let actor, let sequence):
            writer.write(UInt8(2))
            writer.write(actor)
            writer.write(sequence)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.uint8() {
        case 0: self = .normal
        case 1: self = .actorCreation(try reader.identifier())
        case 2: self = .actorCall(try reader.identifier(), sequence: try reader.uint64())
        case let other: throw .unknownCase("TaskKind", Int(other))
        }
    }
}

extension TaskSpec: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(id)
            writer.write(kind)
            if attempt == 0, let written = writer.writtenCalls?.find(call, of: owner) {
                writer.write(again: written.function)
                writer.write(list: arguments)
                writer.write(again: written.rest)
                return
            }
            let start = writer.bytes.count
            writer.write(function)
            let function = start..<writer.bytes.count
            writer.write(list: arguments)
            let rest = writer.bytes.count
            encodeRest(into: &writer)
            guard attempt == 0, writer.writtenCalls?.comesAgain(call) == true else { return }
            writer.writtenCalls?.add(
                WrittenCalls.Parts(
                    call: call, owner: owner, function: Array(writer.bytes[function]),
                    rest: Array(writer.bytes[rest...])))
        })
    }

    /// What comes behind the arguments: the same for all first tries of a call by one owner.
    private func encodeRest(into writer: inout WireWriter) {
        writer.write(UInt32(clamping: returnCount))
        writer.write(resources)
        writer.write(strategy)
        writer.write(retriesMax)
        writer.write(UInt32(clamping: attempt))
        writer.write(owner)
        writer.write(name)
        // Few calls have these, and the others need not carry them.
        guard !concurrencyGroup.isEmpty || generator != nil || environment != nil || !isTraced else { return }
        writer.write(concurrencyGroup)
        writer.write(generator != nil)
        writer.write(UInt32(clamping: generator?.backpressure ?? 0))
        writer.write(UInt32(clamping: generator?.skip ?? 0))
        let again = generator?.again ?? []
        let actorBackpressure = UInt32(clamping: generator?.actorBackpressure ?? 0)
        guard environment != nil || !again.isEmpty || !isTraced || actorBackpressure > 0 else { return }
        writer.write(optional: environment)
        guard !again.isEmpty || !isTraced || actorBackpressure > 0 else { return }
        writer.write(list: again) { $0.write(UInt32(clamping: $1)) }
        guard !isTraced || actorBackpressure > 0 else { return }
        writer.write(isTraced)
        if actorBackpressure > 0 { writer.write(actorBackpressure) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            var spec = TaskSpec(
                id: try reader.identifier(), kind: try reader.value(), function: try reader.value(),
                arguments: try reader.values(), returnCount: Int(try reader.uint32()),
                resources: try reader.value(), strategy: try reader.value(), retriesMax: try reader.int(),
                attempt: Int(try reader.uint32()), owner: try reader.value(), name: try reader.string())
            guard spec.returnCount <= Limits.listCountMax else {
                throw .limitExceeded("returns of a task", spec.returnCount)
            }
            guard !reader.isAtEnd else { return spec }
            spec.concurrencyGroup = try reader.string()
            let isGenerator = try reader.bool()
            var generator = GeneratorSpec(
                backpressure: Int(try reader.uint32()), skip: Int(try reader.uint32()))
            spec.environment = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
                try reader.optionalValue()
            }
            generator.again = try reader.added([]) { (reader: inout WireReader) throws(WireError) in
                try reader.list { (reader: inout WireReader) throws(WireError) in Int(try reader.uint32()) }
            }
            spec.isTraced = try reader.added(true) { (reader: inout WireReader) throws(WireError) in
                try reader.bool()
            }
            generator.actorBackpressure = try reader.added(0) { (reader: inout WireReader) throws(WireError) in
                Int(try reader.uint32())
            }
            if isGenerator { spec.generator = generator }
            return spec
        }
    }
}

extension ActorSpec: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(id)
            writer.write(creation)
            writer.write(name)
            writer.write(namespace)
            writer.write(lifetime.rawValue)
            writer.write(restartsMax)
            writer.write(taskRetriesMax)
            writer.write(UInt32(clamping: concurrencyMax))
            writer.write(heldResources)
            guard !concurrencyGroups.isEmpty || pendingCallsMax >= 0 || isUnordered else { return }
            writer.write(list: concurrencyGroups) { writer, group in
                writer.write(group.name)
                writer.write(UInt32(clamping: group.callsMax))
            }
            writer.write(pendingCallsMax)
            if isUnordered { writer.write(isUnordered) }
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            let id: ActorID = try reader.identifier()
            let creation: TaskSpec = try reader.value()
            let name = try reader.string()
            let namespace = try reader.string()
            let number = try reader.uint8()
            guard let lifetime = ActorLifetime(rawValue: number) else {
                throw .unknownCase("ActorLifetime", Int(number))
            }
            var spec = ActorSpec(
                id: id, creation: creation, name: name, namespace: namespace, lifetime: lifetime,
                restartsMax: try reader.int(), taskRetriesMax: try reader.int(),
                concurrencyMax: Int(try reader.uint32()), heldResources: try reader.value())
            guard !reader.isAtEnd else { return spec }
            spec.concurrencyGroups = try reader.list { (reader: inout WireReader) throws(WireError) in
                ConcurrencyGroup(name: try reader.string(), callsMax: Int(try reader.uint32()))
            }
            spec.pendingCallsMax = try reader.int()
            spec.isUnordered = try reader.added(false) { (reader: inout WireReader) throws(WireError) in
                try reader.bool()
            }
            return spec
        }
    }
}

extension RuntimeEnvironmentSpec: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(list: variables) { writer, variable in
                writer.write(variable.name)
                writer.write(variable.value)
            }
            writer.write(optional: workingDirectory) { $0.write($1) }
            writer.write(optional: program)
            if !packages.isEmpty { writer.write(list: packages) { $0.write($1) } }
        })
    }

    package convenience init(from reader: inout WireReader) throws(WireError) {
        let (variables, workingDirectory, program, packages) = try reader.record {
            (reader: inout WireReader) throws(WireError) -> ([Variable], String?, Program?, [String]) in
            let variables = try reader.list { (reader: inout WireReader) throws(WireError) in
                Variable(try reader.string(), try reader.string())
            }
            let folder = try reader.optional { (reader: inout WireReader) throws(WireError) in try reader.string() }
            let program = try reader.optionalValue(Program.self)
            let packages = try reader.added([]) { (reader: inout WireReader) throws(WireError) in
                try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
            }
            return (variables, folder, program, packages)
        }
        self.init(variables: variables, workingDirectory: workingDirectory, program: program, packages: packages)
    }
}
