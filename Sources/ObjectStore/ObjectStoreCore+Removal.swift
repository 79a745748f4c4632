//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How objects go.
extension ObjectStoreCore {
    /// Lets objects go: sealed ones leave the table, unsealed ones stay until their writer stops.
    mutating func remove(
        _ indexes: [UInt32], _ reason: RemovalReason, at now: Instant, into effects: inout Effects
    ) {
        var leaving: [EntryHandle] = []
        for index in indexes {
            let entry = entries[Int(index)]
            switch entry.state {
            case .created:
                entries[Int(index)].state = .doomed
                doomed[entry.id, default: []].append(index)
            case .sealed:
                unlink(index)
                entries[Int(index)].state = .retracting
                retractingCount += 1
                leaving.append(handle(index))
            case .vacant, .doomed, .retracting, .zombie:
                // Named twice in one list.
                continue
            }
            indexByID[entry.id] = nil
            if reason == .evicted, disk.objects[entry.id] != nil {
                effects.append(.unloaded(entry.id))
            } else {
                dropFromDisk(entry.id, into: &effects)
                effects.append(.removed(entry.id, reason))
            }
        }
        if !leaving.isEmpty { effects.append(.retract(leaving)) }
    }

    mutating func free(_ ids: [ObjectID], at now: Instant, into effects: inout Effects) {
        remove(ids.compactMap { indexByID[$0] }, .freed, at: now, into: &effects)
        for id in ids where disk.objects[id] != nil {
            dropFromDisk(id, into: &effects)
            effects.append(.removed(id, .freed))
        }
    }

    mutating func retracted(
        _ handles: [EntryHandle], _ pinned: [EntryHandle], at now: Instant, into effects: inout Effects
    ) {
        let stillRead = Set(pinned)
        for handle in handles {
            guard let entry = entry(handle), entry.state == .retracting else {
                preconditionFailure("an entry is reported as retracted that was not asked to be")
            }
            retractingCount -= 1
            let isRead = entry.holds > 0 || stillRead.contains(handle)
            if isRead, configuration.plantedFault != .dropPinEarly {
                entries[Int(handle.index)].state = .zombie
                zombies.append(Zombie(index: handle.index, provingScan: scansRequested + 1))
            } else {
                release(handle.index, into: &effects)
            }
        }
        serveWaiting(at: now, into: &effects)
    }

    mutating func abort(_ id: ObjectID, _ client: StoreClient, into effects: inout Effects) {
        if releaseDoomed(id, client, into: &effects) { return }
        guard let index = indexByID[id], entries[Int(index)].client == client,
            entries[Int(index)].state == .created
        else { return }
        indexByID[id] = nil
        release(index, into: &effects)
        effects.append(.removed(id, .aborted))
    }

    mutating func ownerDied(_ owner: WorkerID, at now: Instant, into effects: inout Effects) {
        let error = RayError(.ownerDied, "the owner of the object died before there was room for it")
        failWaiting(error, into: &effects) {
            if case .object(_, owner, _, _) = $0.purpose { true } else { false }
        }
        removeAll(.ownerDied, at: now, into: &effects) { $0.owner == owner }
        dropFromDisk(.ownerDied, into: &effects) { $0.owner == owner }
        serveWaiting(at: now, into: &effects)
    }

    mutating func jobEnded(_ job: JobID, at now: Instant, into effects: inout Effects) {
        let error = RayError(.objectDeleted, "the job of the object ended before there was room for it")
        failWaiting(error, into: &effects) {
            if case .object(let id, _, _, _) = $0.purpose { id.job == job } else { false }
        }
        removeAll(.jobEnded, at: now, into: &effects) { $0.id.job == job }
        dropFromDisk(.jobEnded, into: &effects) { $0.id.job == job }
        serveWaiting(at: now, into: &effects)
    }

    /// Complexity: O(entries); deaths are rare.
    private mutating func removeAll(
        _ reason: RemovalReason, at now: Instant, into effects: inout Effects, where isMeant: (Entry) -> Bool
    ) {
        let indexes = entries.indices.filter { position in
            let entry = entries[position]
            return (entry.state == .created || entry.state == .sealed) && isMeant(entry)
        }
        remove(indexes.map { UInt32($0) }, reason, at: now, into: &effects)
    }

    mutating func clientDied(_ client: StoreClient, at now: Instant, into effects: inout Effects) {
        waiting.removeAll { $0.client == client }
        for position in entries.indices where entries[position].client == client {
            let entry = entries[position]
            switch entry.state {
            case .created:
                indexByID[entry.id] = nil
                release(UInt32(position), into: &effects)
                effects.append(.removed(entry.id, .aborted))
            case .doomed: _ = releaseDoomed(entry.id, client, into: &effects)
            case .sealed, .retracting, .zombie: entries[position].client = .raylet
            case .vacant: break
            }
        }
        // What only the dead one read is found free by this scan.
        if !zombies.isEmpty { requestScan(into: &effects) }
        serveWaiting(at: now, into: &effects)
    }

    /// Ends a doomed entry whose writer stopped; whether there was one.
    mutating func releaseDoomed(_ id: ObjectID, _ client: StoreClient, into effects: inout Effects) -> Bool {
        guard var indexes = doomed[id],
            let position = indexes.firstIndex(where: { entries[Int($0)].client == client })
        else { return false }
        let index = indexes.remove(at: position)
        doomed[id] = indexes.isEmpty ? nil : indexes
        release(index, into: &effects)
        return true
    }

    /// Gives the entry's room and the entry itself back.
    mutating func release(_ index: UInt32, into effects: inout Effects) {
        let entry = entries[Int(index)]
        giveUpRange(of: entry, into: &effects)
        entries[Int(index)].state = .vacant
        entries[Int(index)].generation += 1
        entries[Int(index)].holds = 0
        vacant.append(index)
    }
}
