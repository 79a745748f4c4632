//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayScheduler
internal import RayWire

/// The time after a new start in which the GCS learns what still is as its journal says.
struct Recovery: Sendable {
    /// What nobody has confirmed by then is taken for dead.
    let end: Instant
    /// Who owns objects in the stores of nodes that came back.
    var owners: Set<WorkerID> = []
}

extension GCSCore {
    private typealias Entries = [(key: [UInt8], value: [UInt8])]

    /// A GCS that goes on where the one before it ended.
    ///
    /// - Parameter records: what the journal has, one record for each entry, in any order.
    /// - Throws: `systemError` if a record cannot be read.
    package init(settings: GCSSettings, records: [JournalRecord], at now: Instant) throws(RayError) {
        self.init(settings: settings)
        do throws(WireError) {
            try restore(records, at: now)
        } catch {
            throw RayError(
                .systemError,
                "the journal of the head holds an entry that this version cannot read (\(error)); start the version "
                    + "that wrote it, or move the journal away to begin a new cluster")
        }
        guard nodes.count + jobs.count + actors.count + groups.count > 0 else { return }
        recovery = Recovery(end: now.advanced(milliseconds: settings.recoveryMilliseconds))
    }

    private mutating func restore(_ records: [JournalRecord], at now: Instant) throws(WireError) {
        var tables: [JournalTable: Entries] = [:]
        for record in records {
            if let value = record.value { tables[record.table, default: []].append((record.key, value)) }
        }
        for (key, value) in tables[.cluster] ?? [] { try restoreCounter(key, value) }
        for (key, value) in tables[.keyValues] ?? [] {
            let (namespace, name) = try read(key) { (reader: inout WireReader) throws(WireError) in
                (try reader.string(), try reader.byteArray())
            }
            _ = keyValues.set(value, Key(bytes: name), in: namespace)
        }
        for (key, value) in tables[.jobs] ?? [] {
            let id: JobID = try identifier(key)
            let job = try read(value) { (reader: inout WireReader) throws(WireError) in
                try JobRecord(id, from: &reader)
            }
            jobs.restore(job, for: id, value)
        }
        try restoreNodes(tables[.nodes] ?? [], at: now)
        try restoreDeadNodes(tables[.deadNodes] ?? [], at: now)
        try restoreDeadActors(tables[.deadActors] ?? [])
        let specs = Dictionary(tables[.actorSpecs] ?? []) { first, _ in first }
        for (key, value) in (tables[.actors] ?? []).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            guard let spec = specs[key] else { continue }
            try restoreActor(try identifier(key), spec, value, at: now)
        }
        for id in jobs.keys.sorted() where jobs[id]?.isEnded == true && jobs[id]?.actorCount == 0 {
            jobs[id] = nil
            deleteFunctions(of: id)
        }
        deleteLateKeys()
        try restoreGroups(tables[.groups] ?? [], at: now)
        try restoreDeadGroups(tables[.deadGroups] ?? [])
        try restoreFiles(tables[.files] ?? [], at: now)
    }

    /// Files with those of their holders that are left; the archive says later which of them it has.
    private mutating func restoreFiles(_ entries: Entries, at now: Instant) throws(WireError) {
        let end = now.advanced(milliseconds: settings.fileGraceMilliseconds)
        for (key, value) in entries {
            let name = String(decoding: key, as: UTF8.self)
            let file = try read(value) { (reader: inout WireReader) throws(WireError) in
                try SharedFile(from: &reader, keptUntil: end)
            }
            files.restore(file, for: name, value)
            for holder in file.holders where !isLeft(holder) { files[name]?.holders.remove(holder) }
        }
        for key in keyValues.keys(prefix: Array(SharedFile.packagePrefix.utf8), in: "") {
            fileStored(String(decoding: key.bytes, as: UTF8.self), by: nil, at: now)
        }
    }

    /// Whether what holds a file still lives.
    func isLeft(_ holder: SharedFile.Holder) -> Bool {
        switch holder {
        case .job(let id): jobs[id] != nil
        case .actor(let id): actors[id] != nil
        }
    }

    /// Groups have their bundles back when the nodes of those are; the scheduler waits for them.
    private mutating func restoreGroups(_ entries: Entries, at now: Instant) throws(WireError) {
        var nothing = SchedulerEffects()
        for id in nodeOrder {
            let isDraining = nodes[id]?.drain != nil
            scheduler.receive(.nodeAwaited(id, isDraining: isDraining), at: now, into: &nothing)
        }
        var found: [PlacementGroupRecord] = []
        for (key, value) in entries {
            let id: PlacementGroupID = try identifier(key)
            let group = try read(value) { (reader: inout WireReader) throws(WireError) in
                try PlacementGroupRecord(from: &reader)
            }
            groups.restore(group, for: id, value)
            enterGroup(group.spec, group.creator)
            groupCount = max(groupCount, group.number)
            found.append(group)
        }
        for group in found.sorted(by: { $0.number < $1.number }) {
            let places = settings.plantsForgottenBundles ? [] : group.places
            scheduler.receive(.groupRestored(group.spec, places: places), at: now, into: &nothing)
            guard group.phase == .created, scheduler.nodes(of: group.spec.id)?.contains(.none) != false else {
                continue
            }
            groups[group.spec.id]?.phase = .rescheduling
        }
    }

    private mutating func restoreDeadGroups(_ entries: Entries) throws(WireError) {
        var found: [(UInt64, PlacementGroupState)] = []
        for (_, value) in entries {
            found.append(
                try read(value) { (reader: inout WireReader) throws(WireError) in
                    (try reader.uint64(), try reader.value())
                })
        }
        for (number, state) in found.sorted(by: { $0.0 < $1.0 }) {
            deathCount = max(deathCount, number)
            deadGroups.insert(state, for: state.spec.id)
        }
    }

    private mutating func restoreCounter(_ key: [UInt8], _ value: [UInt8]) throws(WireError) {
        let name = String(decoding: key, as: UTF8.self)
        guard name == "jobs" || name == "leases" else { return }
        let number = try read(value) { (reader: inout WireReader) throws(WireError) in try reader.uint32() }
        if name == "jobs" {
            jobCount = number
            writtenJobCount = number
        } else {
            leaseCounter = number
        }
    }

    private mutating func restoreNodes(_ entries: Entries, at now: Instant) throws(WireError) {
        for (key, value) in entries {
            let id: NodeID = try identifier(key)
            let node = try read(value) { (reader: inout WireReader) throws(WireError) in
                try NodeRecord(from: &reader, at: now)
            }
            nodeCount = max(nodeCount, node.number)
            nodes.restore(node, for: id, value)
        }
        nodeOrder = nodes.map { ($0.value.number, $0.key) }.sorted { $0 < $1 }.map(\.1)
    }

    private mutating func restoreDeadNodes(_ entries: Entries, at now: Instant) throws(WireError) {
        var found: [(UInt64, NodeID, NodeRecord)] = []
        for (key, value) in entries {
            let id: NodeID = try identifier(key)
            let (number, node) = try read(value) { (reader: inout WireReader) throws(WireError) in
                let number = try reader.uint64()
                var node = NodeRecord(info: try reader.value(), number: 0, at: now)
                node.deathReason = try reader.string()
                if !reader.isAtEnd {
                    // Journals of before have no more of it.
                    node.end = NodeEnd(rawValue: try reader.uint8()) ?? .unspecified
                    node.endMessage = try reader.string()
                }
                node.diedAt = now
                return (number, node)
            }
            found.append((number, id, node))
        }
        for (number, id, node) in found.sorted(by: { $0.0 < $1.0 }) {
            deathCount = max(deathCount, number)
            deadNodes.insert(node, for: id)
        }
    }

    private mutating func restoreDeadActors(_ entries: Entries) throws(WireError) {
        var found: [(UInt64, ActorID, ActorState?)] = []
        for (key, value) in entries {
            let id: ActorID = try identifier(key)
            let (number, state) = try read(value) { (reader: inout WireReader) throws(WireError) in
                (try reader.uint64(), try reader.optionalValue(ActorState.self))
            }
            found.append((number, id, state))
        }
        for (number, id, state) in found.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            deathCount = max(deathCount, number)
            if let state { deadActors.insert(state, for: id) } else { forgottenActors.insert(true, for: id) }
        }
        deadActorCount = found.count
    }

    private mutating func restoreActor(
        _ id: ActorID, _ spec: [UInt8], _ value: [UInt8], at now: Instant
    ) throws(WireError) {
        let (plan, creator) = try read(spec) { (reader: inout WireReader) throws(WireError) in
            (try reader.value(ActorSpec.self), try reader.identifier(WorkerID.self))
        }
        let actor = try read(value) { (reader: inout WireReader) throws(WireError) in
            try ActorRecord(spec: plan, creator: creator, state: &reader, at: now)
        }
        actors.restore(actor, for: id, value)
        guard let job = jobs[id.job], !job.isEnded || plan.lifetime == .detached else {
            actors[id] = nil
            return
        }
        jobs[id.job]?.actorCount += 1
        if !plan.name.isEmpty { actorNames[ActorName(namespace: plan.namespace, name: plan.name)] = id }
        if plan.lifetime == .job { creatorActors[creator, default: []].insert(id) }
        if actor.isUnreferenced {
            drainingActors[id] = now.advanced(milliseconds: GCSLimits.actorDrainMilliseconds)
        }
        if actor.lease == nil { backingOffActors.insert(id) } else { unconfirmedActors.insert(id) }
    }

    private func identifier<ID: Identifier>(_ key: [UInt8]) throws(WireError) -> ID {
        try read(key) { (reader: inout WireReader) throws(WireError) in try reader.identifier() }
    }

    private func read<Value>(
        _ bytes: [UInt8], _ body: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> Value {
        let result = bytes.withUnsafeBytes { bytes -> Result<Value, WireError> in
            var reader = WireReader(bytes)
            do throws(WireError) {
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
