//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// An arena mapped into this process; unmapped when the last user lets it go.
///
/// Sendable, though it holds raw pointers: the pointers never change, the memory behind them stays mapped while this
/// lives, and table, slots and pins are only reached through the atomic functions of `arena.h`. Object bytes are
/// written by the one client that the raylet gave the room to, and read only under a pin.
final class ArenaMapping: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let geometry: ArenaGeometry

    /// Creates an arena of its own, and gives out its descriptor, which the caller closes.
    init(creating geometry: ArenaGeometry, nonce: UInt64, descriptor: inout Int32) throws(ObjectStoreError) {
        let created = ray_memfd_create("ray-object-store", UInt64(geometry.arenaSize))
        guard created >= 0 else { throw .system("memfd_create", -created) }
        do throws(ObjectStoreError) {
            base = try Self.map(created, geometry.arenaSize)
        } catch {
            ray_close(created)
            throw error
        }
        self.geometry = geometry
        base.storeBytes(of: geometry.header(nonce: nonce), as: ray_arena_header.self)
        descriptor = created
    }

    /// Maps an arena that another process created; the descriptor stays the caller's.
    init(mapping descriptor: Int32) throws(ObjectStoreError) {
        var size: UInt64 = 0
        let status = ray_memfd_check(descriptor, &size)
        guard status >= 0 else { throw .system("looking at the shared memory", -status) }
        guard status == 1 else { throw .incompatible("it could shrink while it is read") }
        guard let size = Int(exactly: size), size >= ArenaGeometry.headerSize else {
            throw .incompatible("it has \(size) bytes")
        }
        let base = try Self.map(descriptor, size)
        do throws(ObjectStoreError) {
            geometry = try ArenaGeometry(checking: base.load(as: ray_arena_header.self), mappedSize: size)
        } catch {
            ray_unmap(base, UInt64(size))
            throw error
        }
        self.base = base
    }

    deinit { ray_unmap(base, UInt64(geometry.arenaSize)) }

    private static func map(_ descriptor: Int32, _ size: Int) throws(ObjectStoreError) -> UnsafeMutableRawPointer {
        var number: Int32 = 0
        guard let base = ray_map(descriptor, UInt64(size), &number) else { throw .system("mmap", number) }
        return base
    }

    // MARK: Parts

    var header: UnsafeMutablePointer<ray_arena_header> {
        base.assumingMemoryBound(to: ray_arena_header.self)
    }

    /// The bucket's word; `index` is below the bucket count.
    func bucket(_ index: Int) -> UnsafeMutablePointer<UInt32> {
        precondition(index >= 0 && index < geometry.bucketCount, "a bucket of the table")
        return (base + geometry.bucketsOffset + index * 4).assumingMemoryBound(to: UInt32.self)
    }

    /// The entry; `index` is below the entry count.
    func entry(_ index: Int) -> UnsafeMutablePointer<ray_arena_entry> {
        precondition(index >= 0 && index < geometry.entryCount, "an entry of the table")
        return (base + geometry.entriesOffset + index * ArenaGeometry.entrySize)
            .assumingMemoryBound(to: ray_arena_entry.self)
    }

    /// The slot's head; `index` is below the slot count.
    func slot(_ index: Int) -> UnsafeMutablePointer<ray_arena_slot> {
        precondition(index >= 0 && index < geometry.slotCount, "a slot of the arena")
        return (base + geometry.slotsOffset + index * geometry.slotSize)
            .assumingMemoryBound(to: ray_arena_slot.self)
    }

    /// The first pin word of the slot, of `geometry.pinsPerSlot`.
    func pins(ofSlot index: Int) -> UnsafeMutablePointer<UInt64> {
        (UnsafeMutableRawPointer(slot(index)) + ArenaGeometry.slotHeadSize).assumingMemoryBound(to: UInt64.self)
    }

    /// `size` bytes at `offset` of the data part, or nothing if they are not inside it.
    func data(offset: Int, size: Int) -> UnsafeMutableRawBufferPointer? {
        guard offset >= 0, size >= 0, offset <= geometry.dataSize, size <= geometry.dataSize - offset else {
            return nil
        }
        return UnsafeMutableRawBufferPointer(start: base + geometry.dataOffset + offset, count: size)
    }

    /// The bucket in which `words` of an object id are looked for.
    func bucketIndex(_ words: IDWords) -> Int {
        Int(ray_bucket_of(words.0, words.1, words.2, words.3, UInt32(geometry.bucketCount - 1)))
    }
}

/// An object id as the words of a table entry.
typealias IDWords = (UInt64, UInt64, UInt64, UInt32)

/// What a pin word says: the entry's index + 1 above 32 bits of its generation.
enum PinWord {
    static func make(index: Int, generation: UInt64) -> UInt64 {
        UInt64(index + 1) << 32 | generation & 0xffff_ffff
    }
}

/// What a control word says: an entry's generation above 8 bits of state.
enum ControlWord {
    static func make(generation: UInt64, state: UInt32) -> UInt64 { generation << 8 | UInt64(state) }
    static func isSealed(_ word: UInt64) -> Bool { word & 0xff == UInt64(RAY_ENTRY_SEALED) }
    static func generation(_ word: UInt64) -> UInt64 { word >> 8 }
}
