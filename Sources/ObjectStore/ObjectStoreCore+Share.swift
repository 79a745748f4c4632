//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Objects that have the same bytes: an entry each, one range of the arena.
///
/// Each lives on its own from then on: it is found, pinned, freed and written to disk under its own id, and when it is
/// brought back from disk it has a range for itself. The range is free when the last of them has left it.
extension ObjectStoreCore {
    mutating func share(
        _ source: ObjectID, as id: ObjectID, owner: WorkerID, token: UInt64, into effects: inout Effects
    ) {
        guard let index = indexByID[source], entries[Int(index)].state == .sealed else {
            let error = RayError(.objectLost, "object \(source) is not in this node's store")
            return effects.append(.failed(token: token, client: .raylet, error))
        }
        guard indexByID[id] == nil, disk.objects[id] == nil else {
            let error = RayError(.invalidArgument, "object \(id) is in this node's store already")
            return effects.append(.failed(token: token, client: .raylet, error))
        }
        guard hasVacantEntry else {
            let error = RayError(
                .objectStoreFull,
                "the object store's table of \(configuration.objectsMax) objects is full; let go of references that "
                    + "are not needed, or start the node with a larger object_store_memory")
            return effects.append(.failed(token: token, client: .raylet, error))
        }
        touch(index)
        let shared = entries[Int(index)]
        let new = take(
            Entry(
                id: id, owner: owner, client: .raylet, offset: shared.offset, size: shared.size, layout: shared.layout,
                state: .created, isPrimary: true, generation: 0))
        indexByID[id] = new
        sharedRanges[shared.offset, default: 0] += 1
        publish(new, into: &effects)
        effects.append(.shared(token: token, published(entries[Int(new)])))
    }

    /// An entry leaves its range, which is free unless others have it, too.
    mutating func giveUpRange(of entry: Entry, into effects: inout Effects) {
        guard let others = sharedRanges[entry.offset] else {
            guard isInFile(entry) else { return allocator.free(offset: entry.offset, size: entry.size) }
            let range = fileRange(of: entry)
            fallback.allocator.free(offset: range.lowerBound, size: range.count)
            return effects.append(.discard(range))
        }
        sharedRanges[entry.offset] = others > 1 ? others - 1 : nil
    }
}
