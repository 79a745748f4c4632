//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore

/// The raylet's side of the table in the arena: the only writer of buckets and entries.
///
/// It keeps the chains in memory of its own and never reads them back: what another process writes into the table can
/// mislead that node's readers, but not the raylet.
struct ObjectTable {
    private let arena: ArenaMapping
    /// First entry + 1 of each bucket, as in the arena.
    private var heads: [UInt32]
    /// For each entry: next entry + 1 of its chain, its bucket, and its generation while it is or was published.
    private var nexts: [UInt32]
    private var buckets: [UInt32]
    private var generations: [UInt64]
    private var sequence: UInt64 = 0

    init(_ arena: ArenaMapping) {
        self.arena = arena
        heads = Array(repeating: 0, count: arena.geometry.bucketCount)
        nexts = Array(repeating: 0, count: arena.geometry.entryCount)
        buckets = nexts
        generations = Array(repeating: 0, count: arena.geometry.entryCount)
    }

    /// Makes an object findable.
    mutating func publish(_ handle: EntryHandle, _ object: ObjectEntry) {
        let index = Int(handle.index)
        let entry = arena.entry(index)
        let words = object.id.words
        ray_entry_set_id(entry, words.0, words.1, words.2, words.3)
        ray_entry_set_extent(
            entry,
            ray_extent(
                data_offset: UInt64(arena.geometry.dataOffset + object.offset),
                data_size: UInt64(object.layout.dataSize), metadata_size: UInt32(object.layout.metadataSize),
                contained_size: UInt32(object.layout.containedSize)))
        let owner = object.owner
        ray_entry_set_owner(entry, owner.word0, owner.word1, owner.word2, owner.tail)
        generations[index] = handle.generation
        // From here on a reader that still stands on this entry may see it, complete.
        ray_entry_set_control(
            entry, ControlWord.make(generation: handle.generation, state: UInt32(RAY_ENTRY_SEALED)))
        let bucket = arena.bucketIndex(words)
        buckets[index] = UInt32(bucket)
        nexts[index] = heads[bucket]
        ray_entry_set_next(entry, heads[bucket])
        heads[bucket] = handle.index + 1
        ray_bucket_store(arena.bucket(bucket), heads[bucket])
    }

    /// Makes objects impossible to find and to pin. Pins that were taken before are seen by a scan after this.
    mutating func retract(_ handles: [EntryHandle]) {
        for handle in handles {
            let control = ControlWord.make(generation: handle.generation, state: UInt32(RAY_ENTRY_RETRACTED))
            ray_entry_set_control(arena.entry(Int(handle.index)), control)
            unlink(Int(handle.index))
        }
        // A reader that is led astray by an entry that is used again sees that the sequence changed.
        sequence += 1
        ray_table_sequence_store(arena.header, sequence)
        ray_fence()
    }

    private mutating func unlink(_ index: Int) {
        let bucket = Int(buckets[index])
        let name = UInt32(index + 1)
        if heads[bucket] == name {
            heads[bucket] = nexts[index]
            ray_bucket_store(arena.bucket(bucket), heads[bucket])
            return
        }
        var previous = Int(heads[bucket])
        while previous != 0 {
            if nexts[previous - 1] == name {
                nexts[previous - 1] = nexts[index]
                ray_entry_set_next(arena.entry(previous - 1), nexts[index])
                return
            }
            previous = Int(nexts[previous - 1])
        }
        preconditionFailure("a published entry is in its bucket's chain")
    }

    /// The entry that a pin word means, or nothing if it is free or names no use of an entry that was published.
    func handle(ofPin word: UInt64) -> EntryHandle? {
        let name = Int(word >> 32)
        guard name > 0, name <= generations.count else { return nil }
        let generation = generations[name - 1]
        guard generation & 0xffff_ffff == word & 0xffff_ffff else { return nil }
        return EntryHandle(index: UInt32(name - 1), generation: generation)
    }
}

extension ObjectID {
    /// The id as the words of a table entry.
    var words: IDWords { (word0, word1, word2, tail) }
}
