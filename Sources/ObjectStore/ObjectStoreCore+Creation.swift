//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How objects come into being.
extension ObjectStoreCore {
    mutating func create(_ creation: Creation, at now: Instant, into effects: inout Effects) {
        guard let total = creation.layout.totalSize, let size = RangeAllocator.rounded(total) else {
            let error = RayError(.invalidArgument, "an object's sizes are negative or too large")
            effects.append(.failed(token: creation.token, client: creation.client, error))
            return
        }
        enqueue(
            Request(
                token: creation.token, client: creation.client, size: size, deadline: creation.deadline, since: now,
                purpose: .object(creation.id, creation.owner, creation.layout, isPrimary: creation.isPrimary)),
            at: now, into: &effects)
    }

    mutating func enqueue(_ request: Request, at now: Instant, into effects: inout Effects) {
        if isHopeless(request) {
            fail(request, tooLargeMessage(request), into: &effects)
        } else if waiting.isEmpty, grant(request, into: &effects) {
            return
        } else if waiting.count >= configuration.waitingMax {
            fail(request, fullMessage(request, at: now, why: "too many creations wait already"), into: &effects)
        } else {
            // Those that are larger than the store are behind all others, which need not wait for them.
            let isBeforeOthers = !isTooLarge(request) && waiting.last.map(isTooLarge) == true
            let place = isBeforeOthers ? waiting.firstIndex(where: isTooLarge) : nil
            waiting.insert(request, at: place ?? waiting.count)
            if waiting.count == 1 || isTooLarge(request) || isBeforeOthers { serveWaiting(at: now, into: &effects) }
        }
    }

    /// Gives a request its room if there is any, or says that its object exists; whether it was answered.
    mutating func grant(_ request: Request, inFile: Bool = false, into effects: inout Effects) -> Bool {
        switch request.purpose {
        case .object(let id, let owner, let layout, let isPrimary):
            if let existing = indexByID[id] {
                let isSealed = entries[Int(existing)].state == .sealed
                effects.append(
                    .exists(token: request.token, client: request.client, id: id, isSealed: isSealed))
                return true
            }
            guard hasVacantEntry, let range = takeRange(request.size, inFile: inFile) else { return false }
            let index = take(
                Entry(
                    id: id, owner: owner, client: request.client, offset: range.offset, size: range.size,
                    layout: layout, state: .created, isPrimary: isPrimary, generation: 0))
            indexByID[id] = index
            // A newer copy counts.
            dropFromDisk(id, into: &effects)
            guard !inFile else {
                reserve(index, for: request, into: &effects)
                return true
            }
            effects.append(.created(token: request.token, client: request.client, id: id, offset: range.offset))
        case .restore(let id): return grantRestore(id, request, inFile: inFile, into: &effects)
        }
        return true
    }

    /// Room in the arena or in the fallback file; where, and how much it is there.
    mutating func takeRange(_ size: Int, inFile: Bool) -> (offset: Int, size: Int)? {
        guard !inFile else { return takeFileRange(size) }
        return allocator.allocate(size).map { ($0, size) }
    }

    mutating func seal(
        _ id: ObjectID, _ client: StoreClient, _ metadataSize: Int, _ containedSize: Int,
        into effects: inout Effects
    ) {
        if releaseDoomed(id, client, into: &effects) { return }
        guard let index = indexByID[id], entries[Int(index)].client == client,
            fallback.reserving[handle(index)] == nil
        else {
            let error = RayError(.notFound, "object \(id) cannot be sealed: it was not created by \(client)")
            effects.append(.rejected(client, id, error))
            return
        }
        let entry = entries[Int(index)]
        // A repeated message changes nothing.
        if entry.state == .sealed { return }
        let layout = ObjectLayout(
            dataSize: entry.layout.dataSize, metadataSize: metadataSize, containedSize: containedSize)
        guard let total = layout.totalSize, total <= entry.size else {
            let error = RayError(
                .invalidArgument,
                "object \(id) cannot be sealed: \(metadataSize) bytes of metadata and \(containedSize) of references "
                    + "do not fit behind its \(entry.layout.dataSize) bytes; create it with more room for them")
            effects.append(.rejected(client, id, error))
            return
        }
        entries[Int(index)].layout = layout
        publish(index, into: &effects)
    }

    mutating func publish(_ index: UInt32, into effects: inout Effects) {
        entries[Int(index)].state = .sealed
        let client = entries[Int(index)].client
        if client == .raylet || client == .disk {
            entries[Int(index)].keptUntil = clock.advanced(milliseconds: Self.keptMilliseconds)
        }
        link(index)
        let entry = entries[Int(index)]
        effects.append(.publish(handle(index), published(entry)))
        effects.append(.sealed(entry.id, entry.client))
    }

    /// Time for the reader for whom a copy was brought here to pin it.
    private static let keptMilliseconds = 50

    // MARK: Entries

    var hasVacantEntry: Bool { !vacant.isEmpty || entries.count < configuration.objectsMax }

    mutating func take(_ new: Entry) -> UInt32 {
        guard let index = vacant.popLast() else {
            entries.append(new)
            return UInt32(entries.count - 1)
        }
        let generation = entries[Int(index)].generation
        entries[Int(index)] = new
        entries[Int(index)].generation = generation
        return index
    }

    // MARK: Order of use

    mutating func link(_ index: UInt32) {
        let position = Int(index)
        let isPrimary = entries[position].isPrimary
        let last = isPrimary ? primaryOrder.last : secondaryOrder.last
        if isPrimary, !isInFile(entries[position]) { primaryBytes += entries[position].size }
        entries[position].previous = last
        entries[position].next = UseOrder.none
        if last != UseOrder.none { entries[Int(last)].next = index }
        update(isPrimary) { order in
            if last == UseOrder.none { order.first = index }
            order.last = index
            order.count += 1
        }
    }

    mutating func unlink(_ index: UInt32) {
        let entry = entries[Int(index)]
        if entry.isPrimary, !isInFile(entry) { primaryBytes -= entry.size }
        if entry.previous != UseOrder.none { entries[Int(entry.previous)].next = entry.next }
        if entry.next != UseOrder.none { entries[Int(entry.next)].previous = entry.previous }
        update(entry.isPrimary) { order in
            if entry.previous == UseOrder.none { order.first = entry.next }
            if entry.next == UseOrder.none { order.last = entry.previous }
            order.count -= 1
        }
    }

    private mutating func update(_ isPrimary: Bool, _ body: (inout UseOrder) -> Void) {
        if isPrimary { body(&primaryOrder) } else { body(&secondaryOrder) }
    }

    /// Makes a sealed object the most recently used.
    mutating func touch(_ index: UInt32) {
        guard entries[Int(index)].state == .sealed else { return }
        unlink(index)
        link(index)
    }

    mutating func setPrimary(_ id: ObjectID, _ isPrimary: Bool) {
        // What is on disk need not be written again.
        guard let index = indexByID[id], entries[Int(index)].isPrimary != isPrimary,
            !isPrimary || disk.objects[id] == nil
        else { return }
        let isSealed = entries[Int(index)].state == .sealed
        if isSealed { unlink(index) }
        entries[Int(index)].isPrimary = isPrimary
        if isSealed { link(index) }
    }
}
