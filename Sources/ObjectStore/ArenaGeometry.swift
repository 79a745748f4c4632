//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// Where the parts of an arena lie: computed by the raylet that creates it, checked by every process that maps it.
struct ArenaGeometry: Hashable, Sendable {
    static let pageSize = 4096
    /// Data begins at a multiple of this, so that large pages can be used.
    static let dataAlignment = 2 << 20
    static let headerSize = 4096
    static let entrySize = MemoryLayout<ray_arena_entry>.stride
    static let slotHeadSize = MemoryLayout<ray_arena_slot>.stride

    var arenaSize: Int
    var bucketsOffset: Int
    var bucketCount: Int
    var entriesOffset: Int
    var entryCount: Int
    var slotsOffset: Int
    var slotCount: Int
    var slotSize: Int
    var pinsPerSlot: Int
    var dataOffset: Int
    var dataSize: Int

    /// The geometry for the given numbers.
    init(capacity: Int, entryCount: Int, slotCount: Int, pinsPerSlot: Int) throws(ObjectStoreError) {
        guard capacity >= Self.pageSize, capacity <= 1 << 46 else {
            throw .invalidConfiguration(
                "an object store has between 4096 bytes and 64 TiB, not \(capacity)")
        }
        guard (1...(1 << 28)).contains(entryCount), (1...65_536).contains(slotCount),
            (1...(1 << 20)).contains(pinsPerSlot)
        else { throw .invalidConfiguration("the object store's table or slots are too many or none") }
        self.entryCount = entryCount
        self.slotCount = slotCount
        self.pinsPerSlot = pinsPerSlot
        bucketCount = Self.powerOfTwo(atLeast: entryCount * 2)
        slotSize = Self.rounded(Self.slotHeadSize + pinsPerSlot * 8, to: Self.pageSize)
        bucketsOffset = Self.headerSize
        entriesOffset = Self.rounded(bucketsOffset + bucketCount * 4, to: Self.pageSize)
        slotsOffset = Self.rounded(entriesOffset + entryCount * Self.entrySize, to: Self.pageSize)
        dataOffset = Self.rounded(slotsOffset + slotCount * slotSize, to: Self.dataAlignment)
        dataSize = capacity / RangeAllocator.alignment * RangeAllocator.alignment
        arenaSize = Self.rounded(dataOffset + dataSize, to: Self.pageSize)
    }

    /// The geometry that a mapped header tells, after checking that every part lies inside `mappedSize` bytes.
    init(checking header: ray_arena_header, mappedSize: Int) throws(ObjectStoreError) {
        guard header.magic == RAY_ARENA_MAGIC else { throw .incompatible("it does not begin with the magic") }
        guard header.layout_version == RAY_ARENA_LAYOUT_VERSION else {
            throw .incompatible("its layout version is \(header.layout_version), not \(RAY_ARENA_LAYOUT_VERSION)")
        }
        guard header.arena_size == UInt64(mappedSize) else {
            throw .incompatible("it says \(header.arena_size) bytes and has \(mappedSize)")
        }
        guard header.page_size == UInt32(Self.pageSize), header.entry_size == UInt32(Self.entrySize) else {
            throw .incompatible("its pages or entries have another size")
        }
        guard let capacity = Int(exactly: header.data_size) else { throw .incompatible("its size is absurd") }
        // Everything follows from four numbers; a header that tells anything else is not ours.
        try self.init(
            capacity: capacity, entryCount: Int(header.entry_count), slotCount: Int(header.slot_count),
            pinsPerSlot: Int(header.pins_per_slot))
        guard UInt64(arenaSize) == header.arena_size, UInt64(bucketsOffset) == header.buckets_offset,
            UInt32(bucketCount) == header.bucket_count, UInt64(entriesOffset) == header.entries_offset,
            UInt64(slotsOffset) == header.slots_offset, UInt32(slotSize) == header.slot_size,
            UInt64(dataOffset) == header.data_offset, UInt64(dataSize) == header.data_size
        else { throw .corrupt("its header contradicts itself") }
    }

    /// The header that tells this geometry.
    func header(nonce: UInt64) -> ray_arena_header {
        var header = ray_arena_header()
        header.magic = RAY_ARENA_MAGIC
        header.layout_version = RAY_ARENA_LAYOUT_VERSION
        header.page_size = UInt32(Self.pageSize)
        header.arena_size = UInt64(arenaSize)
        header.arena_nonce = nonce
        header.buckets_offset = UInt64(bucketsOffset)
        header.bucket_count = UInt32(bucketCount)
        header.entries_offset = UInt64(entriesOffset)
        header.entry_count = UInt32(entryCount)
        header.entry_size = UInt32(Self.entrySize)
        header.slots_offset = UInt64(slotsOffset)
        header.slot_count = UInt32(slotCount)
        header.slot_size = UInt32(slotSize)
        header.pins_per_slot = UInt32(pinsPerSlot)
        header.data_offset = UInt64(dataOffset)
        header.data_size = UInt64(dataSize)
        return header
    }

    private static func rounded(_ value: Int, to multiple: Int) -> Int {
        (value + multiple - 1) / multiple * multiple
    }

    private static func powerOfTwo(atLeast value: Int) -> Int {
        var power = 1
        while power < value { power *= 2 }
        return power
    }
}
