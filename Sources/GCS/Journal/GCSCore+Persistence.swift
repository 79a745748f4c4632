//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// What of the state is durable, and how it is written.
///
/// At the end of each input all changed entries become one `persist` effect *before* the messages that the input
/// led to. So whatever a peer was told is in the journal, and each input is there whole or not at all.
extension GCSCore {
    /// Numbers of leases that are set aside with one write; so none is used again after a new start.
    static let leaseNumbersPerBlock: UInt32 = 1_000

    /// Puts what changed since the last input at `index` of the effects.
    mutating func persistChanges(at index: Int, into effects: inout GCSEffects) {
        guard settings.isDurable else {
            nodes.dropChanges()
            jobs.dropChanges()
            actors.dropChanges()
            groups.dropChanges()
            files.dropChanges()
            unsaved.removeAll(keepingCapacity: true)
            return
        }
        var records = unsaved
        unsaved.removeAll(keepingCapacity: true)
        if jobCount != writtenJobCount {
            writtenJobCount = jobCount
            records.append(.counter("jobs", jobCount))
        }
        if leaseCounter >= reservedLeases {
            reservedLeases = leaseCounter &+ Self.leaseNumbersPerBlock
            records.append(.counter("leases", reservedLeases))
        }
        for change in nodes.takeChanges(\.encoded) {
            records.append(JournalRecord(table: .nodes, key: change.key.journalKey, value: change.value))
        }
        for change in jobs.takeChanges(\.encoded) {
            records.append(JournalRecord(table: .jobs, key: change.key.journalKey, value: change.value))
        }
        for change in actors.takeChanges(\.encoded) {
            let key = change.key.journalKey
            if let actor = change.new {
                records.append(JournalRecord(table: .actorSpecs, key: key, value: actor.encodedSpec))
            } else if change.value == nil {
                records.append(JournalRecord(table: .actorSpecs, key: key, value: nil))
            }
            records.append(JournalRecord(table: .actors, key: key, value: change.value))
        }
        for change in groups.takeChanges(\.encoded) {
            records.append(JournalRecord(table: .groups, key: change.key.journalKey, value: change.value))
        }
        for change in files.takeChanges(\.encoded) {
            records.append(JournalRecord(table: .files, key: Array(change.key.utf8), value: change.value))
        }
        guard !records.isEmpty else { return }
        effects.insert(.persist(records), at: index)
    }

    /// Remembers a dead node, durably.
    mutating func remember(_ node: NodeRecord, as id: NodeID) {
        deathCount += 1
        let value = encoding { writer in
            writer.write(deathCount)
            writer.write(node.info)
            writer.write(node.deathReason)
            writer.write(node.end.rawValue)
            writer.write(node.endMessage)
        }
        unsaved.append(JournalRecord(table: .deadNodes, key: id.journalKey, value: value))
        guard let forgotten = deadNodes.insert(node, for: id) else { return }
        unsaved.append(JournalRecord(table: .deadNodes, key: forgotten.journalKey, value: nil))
    }

    /// Remembers a dead actor, durably; of those that died long ago only that they did.
    mutating func remember(_ state: ActorState) {
        deadActorCount += 1
        deathCount += 1
        unsaved.append(deadActor(state.id, state))
        guard let forgotten = deadActors.insert(state, for: state.id) else { return }
        unsaved.append(deadActor(forgotten, nil))
        guard let lost = forgottenActors.insert(true, for: forgotten) else { return }
        unsaved.append(JournalRecord(table: .deadActors, key: lost.journalKey, value: nil))
    }

    /// Remembers a removed placement group, durably.
    mutating func remember(_ state: PlacementGroupState) {
        deathCount += 1
        let value = encoding { writer in
            writer.write(deathCount)
            writer.write(state)
        }
        unsaved.append(JournalRecord(table: .deadGroups, key: state.spec.id.journalKey, value: value))
        guard let forgotten = deadGroups.insert(state, for: state.spec.id) else { return }
        unsaved.append(JournalRecord(table: .deadGroups, key: forgotten.journalKey, value: nil))
    }

    private func deadActor(_ id: ActorID, _ state: ActorState?) -> JournalRecord {
        let value = encoding { writer in
            writer.write(deathCount)
            writer.write(optional: state)
        }
        return JournalRecord(table: .deadActors, key: id.journalKey, value: value)
    }
}

extension JournalRecord {
    /// A number under a name.
    static func counter(_ name: String, _ value: UInt32) -> JournalRecord {
        JournalRecord(table: .cluster, key: Array(name.utf8), value: encoding { $0.write(value) })
    }

    /// A key with its value, or that it is gone.
    static func keyValue(_ key: Key, in namespace: String, _ value: [UInt8]?) -> JournalRecord {
        let place = encoding { writer in
            writer.write(namespace)
            writer.write(key.bytes)
        }
        return JournalRecord(table: .keyValues, key: place, value: value)
    }

    /// The name of the cluster, which its first start chooses.
    package static func clusterName(_ name: String) -> JournalRecord {
        JournalRecord(table: .cluster, key: Array("name".utf8), value: Array(name.utf8))
    }

    /// The name of the cluster if this record holds it.
    package var clusterName: String? {
        table == .cluster && key == Array("name".utf8) ? value.map { String(decoding: $0, as: UTF8.self) } : nil
    }
}

extension Identifier {
    var journalKey: [UInt8] { encoding { $0.write(self) } }
}

/// What `body` writes.
func encoding(_ body: (inout WireWriter) -> Void) -> [UInt8] {
    var writer = WireWriter()
    body(&writer)
    return writer.bytes
}

// MARK: Entries

extension NodeRecord {
    var encoded: [UInt8] {
        encoding { writer in
            writer.write(number)
            writer.write(joined)
            writer.write(drain != nil)
            guard let drain else { return }
            writer.write(drain.isPreemption)
            writer.write(drain.message)
            writer.write(drain.milliseconds)
        }
    }

    /// A living node; time for its drain counts from now, since clocks of two starts have nothing in common.
    init(from reader: inout WireReader, at now: Instant) throws(WireError) {
        let number = try reader.uint64()
        self.init(info: try reader.value(), number: number, at: now)
        isConfirmed = false
        guard try reader.bool() else { return }
        drain = Drain(
            isPreemption: try reader.bool(), message: try reader.string(), milliseconds: try reader.int(), from: now)
    }
}

extension PlacementGroupRecord {
    var encoded: [UInt8] {
        encoding { writer in
            writer.write(number)
            writer.write(spec)
            writer.write(optional: creator)
            writer.write(phase.rawValue)
            writer.write(list: places) { writer, place in
                writer.write(place != nil)
                guard let place else { return }
                writer.write(place.node)
                writer.write(list: place.acceleratorIDs)
            }
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint64()
        self.init(spec: try reader.value(), creator: try reader.optionalIdentifier(), number: number)
        let rawPhase = try reader.uint8()
        guard let phase = PlacementGroupState.Phase(rawValue: rawPhase) else {
            throw .unknownCase("phase of a placement group", Int(rawPhase))
        }
        self.phase = phase
        places = try reader.list { (reader: inout WireReader) throws(WireError) in
            guard try reader.bool() else { return nil }
            let node: NodeID = try reader.identifier()
            return BundlePlace(node: node, acceleratorIDs: try reader.values())
        }
    }
}

extension JobRecord {
    var encoded: [UInt8] {
        encoding { writer in
            writer.write(info)
            writer.write(namespace)
            writer.write(isEnded)
        }
    }

    init(_ id: JobID, from reader: inout WireReader) throws(WireError) {
        self.init(id: id, info: try reader.value(), namespace: try reader.string())
        isEnded = try reader.bool()
    }
}

extension ActorRecord {
    var encodedSpec: [UInt8] {
        encoding { writer in
            writer.write(spec)
            writer.write(creator)
        }
    }

    /// Where the actor stands; one that waits for a worker asks again after a new start.
    var encoded: [UInt8] {
        encoding { writer in
            switch stage {
            case .queued, .backingOff: writer.write(UInt8(0))
            case .starting(let lease, let worker):
                writer.write(UInt8(1))
                writer.write(lease)
                writer.write(worker)
            case .alive(let lease, let worker):
                writer.write(UInt8(2))
                writer.write(lease)
                writer.write(worker)
            }
            writer.write(incarnation)
            writer.write(restartCount)
            writer.write(failuresInARow)
            writer.write(wasAlive)
            writer.write(isUnreferenced)
            writer.write(optional: error)
        }
    }

    init(
        spec: ActorSpec, creator: WorkerID, state: inout WireReader, at now: Instant
    ) throws(WireError) {
        self.init(spec: spec, creator: creator, stage: .backingOff(until: now))
        switch try state.uint8() {
        case 0: break
        case 1: stage = .starting(try state.identifier(), try state.value())
        case 2: stage = .alive(try state.identifier(), try state.value())
        case let other: throw .unknownCase("stage of an actor", Int(other))
        }
        incarnation = try state.uint32()
        restartCount = try state.int()
        failuresInARow = try state.int()
        wasAlive = try state.bool()
        isUnreferenced = try state.bool()
        error = try state.optionalValue()
    }
}
