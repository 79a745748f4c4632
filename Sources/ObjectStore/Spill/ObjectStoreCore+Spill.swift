//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How objects go to disk and come back.
///
///     primary copy ──writeFile▶ (held) ──fileWritten▶ copy that disk backs ──evicted▶ on disk only
///                                 │ failed                   ▲                          │ restore
///                                 ▼                          └──────fileRead── created ◀┘
///                           primary copy
///
/// One file is written at a time; reads are as many as there are creations for them. A copy that disk backs is a
/// secondary one: it costs nothing to evict again. A file goes when none of its objects is of use.
extension ObjectStoreCore {
    // MARK: To disk

    /// Bytes of primary copies beyond which they are written ahead of need.
    private var spillThresholdBytes: Int {
        guard let policy = configuration.spilling else { return .max }
        return Int(policy.threshold * Double(capacity))
    }

    /// Whether primary copies are to be written though nobody waits for room.
    var isOverSpillThreshold: Bool {
        primaryBytes > spillThresholdBytes && disk.writing == nil && maySpill
    }

    private var maySpill: Bool {
        configuration.spilling != nil && (disk.trouble.map { $0.retryAt <= clock } ?? true)
    }

    /// Writes what is beyond the threshold; to be called after a scan.
    mutating func spillOverThreshold(into effects: inout Effects) {
        guard isOverSpillThreshold else { return }
        _ = spill(bytes: primaryBytes - spillThresholdBytes, into: &effects)
    }

    /// Has the least recently used primary copies that nobody reads written to disk; whether there are any.
    mutating func spill(bytes: Int, into effects: inout Effects) -> Bool {
        guard let policy = configuration.spilling, disk.writing == nil, maySpill else { return false }
        let wanted = max(bytes, min(policy.batchBytesMin, capacity / 8))
        var handles: [EntryHandle] = []
        var sum = 0
        var index = primaryOrder.first
        while index != UseOrder.none, sum < wanted, handles.count < policy.batchObjectsMax {
            let entry = entries[Int(index)]
            if isEvictable(entry), !isInFile(entry) {
                handles.append(handle(index))
                sum += entry.size
            }
            index = entry.next
        }
        guard !handles.isEmpty else { return false }
        disk.filesMade += 1
        disk.writing = DiskState.Writing(file: disk.filesMade, handles: handles)
        let sources = handles.map { published(entries[Int($0.index)]) }
        for handle in handles { entries[Int(handle.index)].holds += 1 }
        effects.append(.writeFile(disk.filesMade, sources))
        return true
    }

    mutating func fileWritten(
        _ file: UInt64, _ result: Result<[SpilledObject], SpillFailure>, at now: Instant, into effects: inout Effects
    ) {
        guard let writing = disk.writing, writing.file == file else { return }
        disk.writing = nil
        for handle in writing.handles { unhold(handle, into: &effects) }
        switch result {
        case .success(let objects):
            disk.trouble = nil
            fallback.fullSince = nil
            for (handle, object) in zip(writing.handles, objects) { wroteObject(handle, object) }
            if disk.liveCounts[file] == nil { effects.append(.deleteFile(file)) }
        case .failure(let failure):
            let retryAt = now.advanced(milliseconds: configuration.spilling?.retryMilliseconds ?? 0)
            disk.trouble = DiskState.Trouble(reason: failure.reason, retryAt: retryAt)
        }
        serveWaiting(at: now, into: &effects)
    }

    private mutating func wroteObject(_ handle: EntryHandle, _ object: SpilledObject) {
        guard let entry = entry(handle) else { return }
        disk.usage.spilledBytes += object.layout.totalSize ?? 0
        // It may have been let go while it was written.
        guard entry.state == .sealed || configuration.plantedFault == .keepLetGo, entry.id == object.id else { return }
        setPrimary(entry.id, false)
        disk.objects[object.id] = object
        disk.liveCounts[object.file, default: 0] += 1
        disk.usage.objectCount += 1
        disk.usage.bytesOnDisk += object.layout.totalSize ?? 0
    }

    /// Forgets what is on disk of an object; its file is deleted with the last one.
    mutating func dropFromDisk(_ id: ObjectID, into effects: inout Effects) {
        guard let object = disk.objects.removeValue(forKey: id) else { return }
        disk.usage.objectCount -= 1
        disk.usage.bytesOnDisk -= object.layout.totalSize ?? 0
        let left = (disk.liveCounts[object.file] ?? 1) - 1
        disk.liveCounts[object.file] = left > 0 ? left : nil
        if left <= 0 { effects.append(.deleteFile(object.file)) }
    }

    /// Lets objects go that are on disk only.
    mutating func dropFromDisk(
        _ reason: RemovalReason, into effects: inout Effects, where isMeant: (SpilledObject) -> Bool
    ) {
        for id in disk.objects.values.filter(isMeant).map(\.id).sorted() {
            dropFromDisk(id, into: &effects)
            effects.append(.removed(id, reason))
        }
    }

    /// Fails creations that waited long enough while the disk takes nothing; those who read go on waiting.
    mutating func failForDisk(at now: Instant, into effects: inout Effects) {
        // Who could have the fallback file fails when that has no room either.
        let isFileTried = configuration.fallback != nil
        guard let trouble = isFileTried ? fallback.trouble : disk.trouble else { return }
        let grace = configuration.fallback?.graceMilliseconds ?? configuration.spilling?.graceMilliseconds ?? 0
        let late = waiting.filter {
            $0.client != .raylet && $0.client != .disk
                && now >= $0.since.advanced(milliseconds: grace)
        }
        guard !late.isEmpty else { return }
        let tokens = Set(late.map(\.token))
        waiting.removeAll { tokens.contains($0.token) && $0.client != .raylet && $0.client != .disk }
        for request in late {
            let error = RayError(.outOfDisk, outOfDiskMessage(request, trouble.reason))
            effects.append(.failed(token: request.token, client: request.client, error))
        }
    }

    // MARK: Back

    /// An object that is on disk is wanted in the store; answered by `sealed` or `restoreFailed`.
    mutating func restore(_ id: ObjectID, deadline: Instant, at now: Instant, into effects: inout Effects) {
        if let index = indexByID[id] {
            // One that is being written tells its end by itself.
            if entries[Int(index)].state == .sealed { effects.append(.sealed(id, .disk)) }
            return
        }
        guard let object = disk.objects[id], let size = RangeAllocator.rounded(object.layout.totalSize ?? 0) else {
            let error = RayError(.objectLost, "object \(id) is not on this node's disk any more")
            return effects.append(.restoreFailed(id, error, isLost: true))
        }
        let isAsked = waiting.contains { if case .restore(id) = $0.purpose { true } else { false } }
        guard !isAsked else { return }
        enqueue(
            Request(
                token: 0, client: .disk, size: size, deadline: deadline, since: now, purpose: .restore(id)),
            at: now, into: &effects)
    }

    /// Begins to read if there is room; whether the request is answered.
    mutating func grantRestore(
        _ id: ObjectID, _ request: Request, inFile: Bool, into effects: inout Effects
    ) -> Bool {
        guard let object = disk.objects[id], indexByID[id] == nil else {
            if let index = indexByID[id], entries[Int(index)].state == .sealed { effects.append(.sealed(id, .disk)) }
            return true
        }
        guard hasVacantEntry, let range = takeRange(request.size, inFile: inFile) else { return false }
        let index = take(
            Entry(
                id: id, owner: object.owner, client: .disk, offset: range.offset, size: range.size,
                layout: object.layout,
                state: .created, isPrimary: false, generation: 0))
        indexByID[id] = index
        if inFile {
            reserve(index, for: request, into: &effects)
        } else {
            effects.append(.readFile(handle(index), object, offset: range.offset))
        }
        return true
    }

    mutating func fileRead(
        _ handle: EntryHandle, _ error: RayError?, at now: Instant, into effects: inout Effects
    ) {
        guard let entry = entry(handle), entry.client == .disk else { return }
        if entry.state == .created {
            if let error {
                indexByID[entry.id] = nil
                release(handle.index, into: &effects)
                dropFromDisk(entry.id, into: &effects)
                effects.append(.restoreFailed(entry.id, error, isLost: true))
            } else {
                disk.usage.restoredBytes += entry.layout.totalSize ?? 0
                publish(handle.index, into: &effects)
            }
        } else if entry.state == .doomed {
            doomed[entry.id]?.removeAll { $0 == handle.index }
            if doomed[entry.id]?.isEmpty == true { doomed[entry.id] = nil }
            release(handle.index, into: &effects)
        }
        serveWaiting(at: now, into: &effects)
    }

    // MARK: Invariants

    var diskViolation: String? {
        var counts: [UInt64: Int] = [:]
        for (id, object) in disk.objects {
            counts[object.file, default: 0] += 1
            if let index = indexByID[id], entries[Int(index)].state == .sealed, entries[Int(index)].isPrimary {
                return "a primary copy is on disk, too"
            }
        }
        if counts != disk.liveCounts { return "the files' objects are miscounted" }
        if disk.usage.objectCount != disk.objects.count { return "spilled objects are miscounted" }
        for handle in disk.writing?.handles ?? [] where (entry(handle)?.holds ?? 0) == 0 {
            return "an object is written that is not held"
        }
        let primary = entries.reduce(0) { $0 + ($1.state == .sealed && $1.isPrimary && !isInFile($1) ? $1.size : 0) }
        return primary == primaryBytes ? nil : "bytes of primary copies are miscounted"
    }
}
