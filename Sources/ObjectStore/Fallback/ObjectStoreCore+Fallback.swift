//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Room beyond the store: a file on the disk, for objects that find none in the arena (Ray's fallback allocation).
///
///     waits ──neither eviction nor spilling helps for the grace──▶ range ──reserve▶ (disk) ──reserved▶ created or read
///       ▲     larger than the store: at once                                          │ refused
///       └───────────── who reads waits on; who puts fails: outOfDisk ◀────────────────┘
///
/// An object in the file is one like any other: it is found, pinned, shared and freed as in the arena. It is on a disk
/// already, so it is never spilled, and no count of what the arena holds has it. Copies in the file that can be had
/// again go, unless they are read, when the next object needs room there.
extension ObjectStoreCore {
    /// Whether an entry's bytes are in the fallback file.
    func isInFile(_ entry: Entry) -> Bool { entry.offset >= fileStart }

    /// Where offsets of the fallback file begin.
    package var fileStart: Int { FallbackFile.start(capacity: capacity) }

    /// Bytes in use in the fallback file.
    package var fallbackUsed: Int { fallback.allocator.used }

    /// Whether the object can lie nowhere but in the fallback file.
    func isTooLarge(_ request: Request) -> Bool { request.size > capacity }

    /// Whether the object will never get room.
    func isHopeless(_ request: Request) -> Bool {
        isTooLarge(request) && request.size > (configuration.fallback?.capacity ?? 0)
    }

    // MARK: Taking it

    /// Whether a request may take the file now.
    func mayFallBack(_ request: Request) -> Bool {
        guard let policy = configuration.fallback, fallback.trouble.map({ $0.retryAt <= clock }) ?? true else {
            return false
        }
        guard !isTooLarge(request) else { return true }
        guard let since = fallback.fullSince else { return false }
        return since.advanced(milliseconds: policy.graceMilliseconds) <= clock
    }

    /// Gives one who waits room in the file; whether more is to be served.
    mutating func fallBack(_ position: Int, at now: Instant, into effects: inout Effects) -> Bool {
        guard !waiting[position].hasMadeRoom else {
            guard grant(waiting[position], inFile: true, into: &effects) else { return false }
            waiting.remove(at: position)
            return true
        }
        waiting[position].hasMadeRoom = true
        let victims = evictionCandidates(bytes: waiting[position].size, inFile: true)
        guard victims.isEmpty else {
            remove(victims, .evicted, at: now, into: &effects)
            return false
        }
        return true
    }

    /// A range of the file, or nothing if there is no file.
    mutating func takeFileRange(_ size: Int) -> (offset: Int, size: Int)? {
        let rounded = FallbackFile.start(capacity: size)
        guard configuration.fallback != nil, let offset = fallback.allocator.allocate(rounded) else { return nil }
        return (fileStart + offset, rounded)
    }

    /// Has the disk set blocks aside for an entry; its request goes on when that is done.
    mutating func reserve(_ index: UInt32, for request: Request, into effects: inout Effects) {
        let entry = entries[Int(index)]
        fallback.reserving[handle(index)] = request
        effects.append(.reserve(handle(index), fileRange(of: entry)))
    }

    func fileRange(of entry: Entry) -> Range<Int> {
        entry.offset - fileStart..<entry.offset - fileStart + entry.size
    }

    /// What the raylet or its reader of spilled objects is to write when its blocks are there.
    func reservedForRaylet(_ handle: EntryHandle) -> ObjectEntry? {
        guard fallback.reserving[handle] != nil, let entry = entry(handle),
            entry.client == .raylet || entry.client == .disk
        else { return nil }
        return published(entry)
    }

    // MARK: The disk's answer

    mutating func reserved(
        _ handle: EntryHandle, _ failure: SpillFailure?, at now: Instant, into effects: inout Effects
    ) {
        guard let request = fallback.reserving.removeValue(forKey: handle) else { return }
        // The writer may have died meanwhile; then the range was given back behind the reservation.
        guard let entry = entry(handle) else { return }
        if let failure {
            let retryAt = now.advanced(milliseconds: configuration.fallback?.retryMilliseconds ?? 0)
            fallback.trouble = DiskState.Trouble(reason: failure.reason, retryAt: retryAt)
            refuse(request, entry, handle, failure, into: &effects)
        } else {
            fallback.trouble = nil
            goOn(request, entry, handle, into: &effects)
        }
        serveWaiting(at: now, into: &effects)
    }

    private mutating func goOn(
        _ request: Request, _ entry: Entry, _ handle: EntryHandle, into effects: inout Effects
    ) {
        switch request.purpose {
        case .object(let id, _, _, _):
            effects.append(.created(token: request.token, client: request.client, id: id, offset: entry.offset))
        case .restore(let id):
            if entry.state == .created, let object = disk.objects[id] {
                effects.append(.readFile(handle, object, offset: entry.offset))
            } else {
                drop(entry, handle, into: &effects)
            }
        }
    }

    private mutating func refuse(
        _ request: Request, _ entry: Entry, _ handle: EntryHandle, _ failure: SpillFailure,
        into effects: inout Effects
    ) {
        let isWanted = entry.state == .created
        drop(entry, handle, into: &effects)
        if isWanted, request.client == .raylet || request.client == .disk {
            waiting.insert(request, at: isTooLarge(request) ? waiting.count : 0)
        } else if case .object = request.purpose {
            let error = RayError(.outOfDisk, outOfDiskMessage(request, failure.reason))
            effects.append(.failed(token: request.token, client: request.client, error))
        }
    }

    /// Takes an entry away that nobody has begun to write.
    private mutating func drop(_ entry: Entry, _ handle: EntryHandle, into effects: inout Effects) {
        if entry.state == .created {
            indexByID[entry.id] = nil
        } else {
            doomed[entry.id]?.removeAll { $0 == handle.index }
            if doomed[entry.id]?.isEmpty == true { doomed[entry.id] = nil }
        }
        release(handle.index, into: &effects)
    }

    // MARK: Invariants

    var fallbackViolation: String? {
        var ranges = fallback.allocator.freeRanges.map { ($0.offset, $0.size) }
        var used = 0
        for (_, sharers) in Dictionary(grouping: entries.filter { $0.state != .vacant && isInFile($0) }, by: \.offset) {
            let range = fileRange(of: sharers[0])
            if sharers.count - 1 != sharedRanges[sharers[0].offset, default: 0] { return "sharers are miscounted" }
            if !range.count.isMultiple(of: FallbackFile.pageSize) { return "a range of the file is no whole pages" }
            ranges.append((range.lowerBound, range.count))
            used += range.count
        }
        if used != fallbackUsed { return "the ranges' sum is not the \(fallbackUsed) bytes in use in the file" }
        var end = 0
        for (offset, size) in ranges.sorted(by: { $0.0 < $1.0 }) {
            if offset != end { return "ranges of the file overlap or leave a gap at \(offset)" }
            end = offset + size
        }
        for (handle, _) in fallback.reserving {
            guard let entry = entry(handle) else { continue }
            if entry.state != .created, entry.state != .doomed { return "an entry is used that has no blocks yet" }
        }
        return fallback.allocator.violation
    }
}
