//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The bookkeeping of one node's object store: which objects are there, and what goes when it is full.
///
/// An entry's life:
///
///     vacant ─create▶ created ─seal▶ sealed ─free, evict▶ retracting ─no pin▶ vacant
///                     │  abort, client died ▶ vacant             │ pinned
///                     └─ freed: doomed until its writer stops     └▶ zombie ─no pin left▶ vacant
///
/// - *created*: its writer may write; nobody can find it. Goes on to sealed, or to vacant.
/// - *doomed* (a created entry): nobody wants it any more, but its writer may still write; goes to vacant.
/// - *sealed*: in the table; goes to retracting.
/// - *retracting*: the driver takes it out of the table and looks for pins; goes to vacant or zombie.
/// - *zombie*: gone for everybody but those who read it at that moment; goes to vacant when a scan finds no pin.
///
/// A full store lets creations wait in one queue, first come, first served: it evicts secondary copies that nobody
/// reads, least recently used first, spills, takes the fallback file, and fails a creation with a reason at its
/// deadline.
/// Several entries may have one range (`share`): its room is free when the last of them is vacant.
/// Offsets are relative to the data part of the arena; behind it go on those of the fallback file (`Fallback/`).
package struct ObjectStoreCore: Sendable {
    let configuration: Configuration
    var allocator: RangeAllocator
    var entries: [Entry] = []
    /// Entries that were used before and are free, last freed first.
    var vacant: [UInt32] = []
    /// The entry of every object that is created (and not doomed) or sealed.
    var indexByID: [ObjectID: UInt32] = [:]
    /// Doomed entries by object, oldest first.
    var doomed: [ObjectID: [UInt32]] = [:]
    var zombies: [Zombie] = []
    var waiting: [Request] = []
    /// Sealed copies that may be evicted, and those that may not, each least recently used first.
    var secondaryOrder = UseOrder()
    var primaryOrder = UseOrder()
    /// Scans asked for so far, and how many of them were answered (one or none is open).
    var scansRequested: UInt64 = 0
    var scansAnswered: UInt64 = 0
    /// Entries beyond the first that have the range at this offset; see `share`.
    var sharedRanges: [Int: Int] = [:]
    /// Whether nothing but retractions happened since the last scan was answered.
    var pinsAreFresh = false
    var retractingCount = 0
    /// Bytes of sealed primary copies, which are not evicted; without those in the fallback file.
    package internal(set) var primaryBytes = 0
    var disk = DiskState()
    var fallback: FallbackState
    /// When the input that is being handled came.
    var clock = Instant.zero

    enum State: Hashable, Sendable {
        case vacant, created, doomed, sealed, retracting, zombie
    }

    struct Entry: Sendable {
        var id: ObjectID
        var owner: WorkerID
        var client: StoreClient
        var offset: Int
        /// Bytes of the range, a multiple of the alignment.
        var size: Int
        var layout: ObjectLayout
        var state: State
        var isPrimary: Bool
        var generation: UInt64
        /// Uses by the raylet itself.
        var holds = 0
        /// The last scan that found a pin.
        var pinnedAtScan: UInt64 = 0
        /// A copy that was brought here for a reader is not evicted before that reader had time to pin it.
        var keptUntil = Instant.zero
        /// Neighbours in the order of use; `UseOrder.none` at the ends.
        var previous = UseOrder.none
        var next = UseOrder.none
    }

    /// A freed entry that is still read.
    struct Zombie: Hashable, Sendable {
        var index: UInt32
        /// The first scan that can prove that it is not read: one asked for after it was retracted.
        var provingScan: UInt64
    }

    /// A wish that waits for room.
    struct Request: Sendable {
        enum Purpose: Sendable {
            case object(ObjectID, WorkerID, ObjectLayout, isPrimary: Bool)
            /// A spilled object is wanted back.
            case restore(ObjectID)
        }

        var token: UInt64
        var client: StoreClient
        var size: Int
        var deadline: Instant
        var since: Instant
        var purpose: Purpose
        /// Whether copies that nobody reads have left the fallback file for it.
        var hasMadeRoom = false
    }

    /// The ends of a list of entries that is linked through the entries themselves.
    struct UseOrder: Hashable, Sendable {
        static let none = UInt32.max
        var first = UseOrder.none
        var last = UseOrder.none
        var count = 0
    }

    /// An empty store.
    package init(_ configuration: Configuration) {
        precondition(configuration.objectsMax > 0, "a store holds at least one object")
        precondition(configuration.objectsMax < Int(UseOrder.none), "entries are numbered with 32 bits")
        self.configuration = configuration
        allocator = RangeAllocator(capacity: configuration.capacity)
        fallback = FallbackState(configuration.fallback)
    }

    /// Takes one input and appends what is to be done.
    package mutating func receive(_ input: Input, at now: Instant, into effects: inout Effects) {
        clock = now
        switch input {
        case .retracted, .pins: break
        default: pinsAreFresh = false
        }
        switch input {
        case .create(let creation): create(creation, at: now, into: &effects)
        case .seal(let id, let client, let metadataSize, let containedSize):
            seal(id, client, metadataSize, containedSize, into: &effects)
            serveWaiting(at: now, into: &effects)
        case .abort(let id, let client):
            abort(id, client, into: &effects)
            serveWaiting(at: now, into: &effects)
        case .share(let source, let id, let owner, let token):
            share(source, as: id, owner: owner, token: token, into: &effects)
        case .free(let ids): free(ids, at: now, into: &effects)
        case .setPrimary(let ids, let isPrimary):
            for id in ids { setPrimary(id, isPrimary) }
            serveWaiting(at: now, into: &effects)
        case .touched(let ids):
            for case let index? in ids.map({ indexByID[$0] }) { touch(index) }
        case .ownerDied(let owner): ownerDied(owner, at: now, into: &effects)
        case .jobEnded(let job): jobEnded(job, at: now, into: &effects)
        case .clientDied(let client): clientDied(client, at: now, into: &effects)
        case .retracted(let handles, let pinned): retracted(handles, pinned, at: now, into: &effects)
        case .pins(let pinned): pinsScanned(pinned, at: now, into: &effects)
        case .unhold(let handle): unhold(handle, into: &effects)
        case .fileWritten(let file, let result): fileWritten(file, result, at: now, into: &effects)
        case .restore(let id, let deadline): restore(id, deadline: deadline, at: now, into: &effects)
        case .fileRead(let handle, let error): fileRead(handle, error, at: now, into: &effects)
        case .reserved(let handle, let failure): reserved(handle, failure, at: now, into: &effects)
        case .tick: tick(at: now, into: &effects)
        }
    }

    // MARK: Questions

    /// Bytes for objects in all.
    package var capacity: Int { allocator.capacity }

    /// Bytes in use, freed objects that are still read among them.
    package var used: Int { allocator.used }

    /// One past the highest offset that was ever in use: what is below was touched before.
    package var frontier: Int { allocator.frontier }

    /// Objects that are sealed and can be found.
    package var sealedCount: Int { primaryOrder.count + secondaryOrder.count }

    /// Whether time matters: creations wait, or freed objects are still read.
    package var needsTick: Bool { !waiting.isEmpty || !zombies.isEmpty }

    /// Creations that wait for room.
    package var waitingCount: Int { waiting.count }

    /// Freed objects that are still read.
    package var zombieCount: Int { zombies.count }

    /// Whether the object is sealed here.
    package func contains(_ id: ObjectID) -> Bool { entry(id) != nil }

    /// Where a sealed object is.
    package func entry(_ id: ObjectID) -> ObjectEntry? {
        guard let index = indexByID[id] else { return nil }
        let entry = entries[Int(index)]
        return entry.state == .sealed ? published(entry) : nil
    }

    /// Where an object is that `client` writes now: offset and size of its data.
    package func unsealed(_ id: ObjectID, by client: StoreClient) -> (offset: Int, layout: ObjectLayout)? {
        guard let index = indexByID[id] else { return nil }
        let entry = entries[Int(index)]
        return entry.state == .created && entry.client == client ? (entry.offset, entry.layout) : nil
    }

    /// What went to disk and came back.
    package var spillUsage: SpillUsage { disk.usage }

    /// Why nothing can be written to disk; nothing while it works.
    package var spillTrouble: String? { disk.trouble?.reason }

    /// Where an object is on disk.
    package func spilled(_ id: ObjectID) -> SpilledObject? { disk.objects[id] }

    /// The least recently used primary copies that nobody reads, `bytes` in all if there are so many: what to spill.
    package func spillCandidates(bytes: Int) -> [ObjectID] {
        var found: [ObjectID] = []
        var sum = 0
        var index = primaryOrder.first
        while index != UseOrder.none, sum < bytes {
            let entry = entries[Int(index)]
            if isEvictable(entry), !isInFile(entry) {
                found.append(entry.id)
                sum += entry.size
            }
            index = entry.next
        }
        return found
    }

    /// Who owns what is here, sorted. Complexity: O(entries).
    package var owners: [WorkerID] {
        Set(entries.lazy.filter { $0.state == .created || $0.state == .sealed }.map(\.owner)).sorted()
    }

    // MARK: Holds

    /// Keeps a sealed object's bytes in place for the raylet's own use until `unhold`; nothing if it is not here.
    package mutating func hold(_ id: ObjectID) -> EntryHandle? {
        guard let index = indexByID[id], entries[Int(index)].state == .sealed else { return nil }
        entries[Int(index)].holds += 1
        touch(index)
        return EntryHandle(index: index, generation: entries[Int(index)].generation)
    }

    mutating func unhold(_ handle: EntryHandle, into effects: inout Effects) {
        guard let entry = entry(handle), entry.holds > 0 else {
            preconditionFailure("an entry is let go that is not held")
        }
        entries[Int(handle.index)].holds -= 1
        if entry.state == .zombie, entry.holds == 1 { requestScan(into: &effects) }
    }

    // MARK: Leaves

    func published(_ entry: Entry) -> ObjectEntry {
        ObjectEntry(id: entry.id, owner: entry.owner, offset: entry.offset, layout: entry.layout)
    }

    /// The entry in the use that `handle` means, or nothing if it has been used again since.
    func entry(_ handle: EntryHandle) -> Entry? {
        guard Int(handle.index) < entries.count else { return nil }
        let entry = entries[Int(handle.index)]
        return entry.generation == handle.generation ? entry : nil
    }

    func handle(_ index: UInt32) -> EntryHandle {
        EntryHandle(index: index, generation: entries[Int(index)].generation)
    }

    func isEvictable(_ entry: Entry) -> Bool {
        entry.holds == 0 && (entry.pinnedAtScan == 0 || entry.pinnedAtScan != scansAnswered)
            && entry.keptUntil <= clock
    }
}
