//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore

/// A process's view of its node's object store: finds and reads objects without asking anybody.
///
/// Thread-safe. Room to write into is granted by the raylet; this class only turns granted offsets into memory.
/// Nothing that is read from shared memory is trusted: a damaged table gives an error.
package final class ObjectStoreClient: Sendable {
    private let arena: ArenaMapping
    /// Where objects are that the arena has no room for; nothing if the node has no such file.
    private let file: FallbackFile?
    /// The slot that the raylet gave to this process.
    package let client: StoreClient
    private let slotGeneration: UInt64
    /// Where the search for a free pin word begins: no lower word was free lately.
    private let pinHint: PinHint
    /// What the raylet sees the end of; negative if there is nothing.
    private let connection: Int32

    /// Maps the arena behind `descriptor`, which stays the caller's and may be closed afterwards, like that of the
    /// fallback file, of which nothing is mapped but the objects that are used, while they are. `connection`, the end of
    /// which gives the slot and its pins back, becomes the client's, and is open until nothing is read any more.
    ///
    /// - Throws: `incompatible` or `corrupt` if it is no arena of this version, `detached` if the slot is not ours.
    package init(
        fileDescriptor descriptor: Int32, fallbackDescriptor: Int32? = nil, client: StoreClient, connection: Int32 = -1
    ) throws(ObjectStoreError) {
        let arena = try ArenaMapping(mapping: descriptor)
        guard Int(client.index) < arena.geometry.slotCount else {
            throw .corrupt("slot \(client.index) is not among its \(arena.geometry.slotCount)")
        }
        let generation = ray_slot_generation(arena.slot(Int(client.index)))
        guard generation & 1 == 1 else { throw .detached }
        self.arena = arena
        file = try Self.file(fallbackDescriptor)
        self.client = client
        slotGeneration = generation
        pinHint = PinHint()
        self.connection = connection
    }

    deinit { if connection >= 0 { ray_close(connection) } }

    private static func file(_ descriptor: Int32?) throws(ObjectStoreError) -> FallbackFile? {
        guard let descriptor else { return nil }
        return try FallbackFile(duplicating: descriptor)
    }

    /// Bytes for objects in all.
    package var capacity: Int { arena.geometry.dataSize }

    /// Shows the raylet that this process lives.
    package func beat(_ now: Instant) { ray_slot_set_heartbeat(arena.slot(Int(client.index)), now.nanoseconds) }

    // MARK: Reading

    /// The object if it is sealed on this node; its bytes stay in place while the result lives.
    ///
    /// - Throws: `pinsExhausted` if this process reads too many objects, `detached` if the raylet took it for dead,
    ///   `corrupt` if the table is damaged.
    package func lookup(_ id: ObjectID) throws(ObjectStoreError) -> PinnedObject? {
        try lookup(id, beforePin: {})
    }

    /// `lookup` with something that happens between finding and pinning: for tests of the handshake.
    package func lookup(_ id: ObjectID, beforePin: () -> Void) throws(ObjectStoreError) -> PinnedObject? {
        guard ray_slot_generation(arena.slot(Int(client.index))) == slotGeneration else { throw .detached }
        let words = id.words
        // Retractions that happen meanwhile can lead the search astray; then it begins again. A search that is
        // overtaken this often is given up: the raylet, which is asked next, knows.
        for _ in 0..<Self.searchesMax {
            let sequence = ray_table_sequence_load(arena.header)
            if let found = try find(words, sequence) {
                beforePin()
                if let object = try pin(found, words) { return object }
            }
            if ray_table_sequence_load(arena.header) == sequence { return nil }
        }
        return nil
    }

    private static let searchesMax = 100

    /// An entry, and its control word when it was seen sealed with the wanted id.
    private struct Found {
        var index: Int
        var control: UInt64
    }

    /// Follows the chain of the id's bucket.
    private func find(_ words: IDWords, _ sequence: UInt64) throws(ObjectStoreError) -> Found? {
        let entryCount = UInt32(arena.geometry.entryCount)
        var name = ray_bucket_load(arena.bucket(arena.bucketIndex(words)))
        var steps: UInt32 = 0
        while name != 0 {
            guard name <= entryCount else { throw .corrupt("a chain names entry \(name) of \(entryCount)") }
            let entry = arena.entry(Int(name - 1))
            let control = ray_entry_control(entry)
            if ControlWord.isSealed(control), ray_entry_has_id(entry, words.0, words.1, words.2, words.3) {
                return Found(index: Int(name - 1), control: control)
            }
            steps += 1
            if steps > entryCount {
                // Entries that are used again and again can lead in circles, but not while the table stands still.
                guard ray_table_sequence_load(arena.header) == sequence else { return nil }
                throw .corrupt("a chain has a loop")
            }
            name = ray_entry_next(entry)
        }
        return nil
    }

    /// Pins the entry; nothing if it was retracted meanwhile. The handshake is drawn in `arena.h`.
    private func pin(_ found: Found, _ words: IDWords) throws(ObjectStoreError) -> PinnedObject? {
        let entry = arena.entry(found.index)
        let word = PinWord.make(index: found.index, generation: ControlWord.generation(found.control))
        let position = try takePin(word)
        ray_fence()
        guard ray_entry_control(entry) == found.control,
            ray_entry_has_id(entry, words.0, words.1, words.2, words.3)
        else {
            dropPin(position, word)
            return nil
        }
        let extent = ray_entry_extent(entry)
        let layout = ObjectLayout(
            dataSize: Int(clamping: extent.data_size), metadataSize: Int(extent.metadata_size),
            containedSize: Int(extent.contained_size))
        let base = UInt64(arena.geometry.dataOffset)
        guard extent.data_offset >= base, extent.data_offset.isMultiple(of: UInt64(RAY_ARENA_ALIGNMENT)),
            let offset = Int(exactly: extent.data_offset - base), let size = layout.totalSize
        else {
            dropPin(position, word)
            throw .corrupt("entry \(found.index) lies outside the data")
        }
        do throws(ObjectStoreError) {
            let room = try writableRange(offset: offset, size: size)
            return PinnedObject(
                store: self, pinPosition: position, pinWord: word, bytes: UnsafeRawBufferPointer(room.bytes),
                mapping: room.mapping, layout: layout, offset: offset)
        } catch {
            dropPin(position, word)
            if case .system = error { throw error }
            throw .corrupt("entry \(found.index) lies outside the data")
        }
    }

    // MARK: Pins

    /// Publishes a pin word; its position.
    private func takePin(_ word: UInt64) throws(ObjectStoreError) -> Int {
        let index = Int(client.index)
        let pins = arena.pins(ofSlot: index)
        let count = arena.geometry.pinsPerSlot
        let start = min(pinHint.value, count - 1)
        for step in 0..<count {
            let position = start + step < count ? start + step : start + step - count
            // The raylet must look at this word before it can hold anything.
            ray_slot_raise_pin_high_water(arena.slot(index), UInt64(position + 1))
            if ray_pin_take(pins + position, word) {
                pinHint.value = position + 1
                return position
            }
        }
        throw .pinsExhausted(count)
    }

    func dropPin(_ position: Int, _ word: UInt64) {
        ray_pin_drop(arena.pins(ofSlot: Int(client.index)) + position, word)
        // Low words are used first, so that the raylet has few of them to look at.
        if position < pinHint.value { pinHint.value = position }
    }

    // MARK: Writing

    /// The memory of room that the raylet granted.
    ///
    /// - Throws: `outOfRange` if it is not inside the data part or the fallback file, `system` if it cannot be mapped.
    package func writableRange(offset: Int, size: Int) throws(ObjectStoreError) -> StoreRange {
        let fileStart = FallbackFile.start(capacity: arena.geometry.dataSize)
        if let file, offset >= fileStart {
            let mapping = try file.map(offset: offset - fileStart, size: size)
            return StoreRange(bytes: mapping.bytes, mapping: mapping)
        }
        guard let bytes = arena.data(offset: offset, size: size),
            offset.isMultiple(of: RangeAllocator.alignment)
        else { throw .outOfRange(offset: offset, size: size) }
        return StoreRange(bytes: bytes, mapping: nil)
    }

    /// Writes a whole object into room that the raylet granted.
    ///
    /// - Throws: `outOfRange` if the parts do not fit into the arena.
    package func write(
        data: UnsafeRawBufferPointer, metadata: [UInt8], contained: [UInt8] = [], offset: Int
    ) throws(ObjectStoreError) -> ObjectLayout {
        let layout = ObjectLayout(
            dataSize: data.count, metadataSize: metadata.count, containedSize: contained.count)
        guard let size = layout.totalSize else { throw .outOfRange(offset: offset, size: data.count) }
        let range = try writableRange(offset: offset, size: size)
        defer { withExtendedLifetime(range.mapping) {} }
        let room = range.bytes
        if let source = data.baseAddress, let target = room.baseAddress { ray_copy(target, source, data.count) }
        metadata.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: room[data.count...]).copyMemory(from: $0)
        }
        contained.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: room[(data.count + metadata.count)...]).copyMemory(from: $0)
        }
        return layout
    }

    /// Brings the pages of granted room into this process before they are written; worth it only when idle.
    package func prepare(offset: Int, size: Int) {
        let start = offset / ArenaGeometry.pageSize * ArenaGeometry.pageSize
        guard size > 0, let bytes = arena.data(offset: start, size: size + (offset - start)),
            let base = bytes.baseAddress
        else { return }
        _ = ray_populate(base, UInt64(bytes.count))
    }
}

/// Room in the store: bytes, and what keeps them mapped if they are not in the arena.
package struct StoreRange {
    /// Valid while `mapping`, if there is one, and the store live.
    package let bytes: UnsafeMutableRawBufferPointer
    /// To be kept until the bytes are used no more.
    package let mapping: FileMapping?
}
