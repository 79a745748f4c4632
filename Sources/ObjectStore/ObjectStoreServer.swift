//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore
package import RayWire

/// The raylet's object store: owns the arena and the bookkeeping, and is the only writer of the table.
///
/// Not thread-safe: it belongs to the raylet's loop. Every call that changes something takes the time and leaves what
/// others must hear in a list of events, which the loop takes with `takeEvents` and turns into messages. Offsets in
/// events count from the beginning of the data part, as clients expect them.
package final class ObjectStoreServer {
    /// What others must hear. Tokens, clients and ids are those of the request.
    package enum Event: Hashable, Sendable {
        /// The client may write the object at `offset`.
        case created(token: UInt64, client: StoreClient, id: ObjectID, offset: Int)
        /// The object is there already, or (not sealed) another process writes it.
        case exists(token: UInt64, client: StoreClient, id: ObjectID, isSealed: Bool)
        /// There was no room until the deadline, or never will be.
        case failed(token: UInt64, client: StoreClient, RayError)
        /// The second object is there; the references inside it, encoded.
        case shared(token: UInt64, ObjectEntry, contained: [UInt8])
        /// A seal is refused; the object does not exist.
        case rejected(StoreClient, ObjectID, RayError)
        /// The object can be found from now on.
        case sealed(ObjectID, StoreClient)
        /// The object is gone from this node.
        case removed(ObjectID, RemovalReason)
        /// Creations wait, and nothing can be evicted or spilled.
        case roomWanted(bytes: Int)
        /// The object is on disk only; `restore` brings it back.
        case unloaded(ObjectID)
        /// A spilled object cannot be brought back; `isLost` if it never will.
        case restoreFailed(ObjectID, RayError, isLost: Bool)
    }

    /// Sizes and limits.
    package struct Configuration: Sendable {
        /// Bytes for objects.
        package var capacity: Int
        /// Most objects at a time; nothing means one for each 16 KiB, within 65,536 and 4 million.
        package var objectsMax: Int?
        /// Most processes at a time. The memory of a slot is touched, and so taken, when it is used.
        package var clientsMax = 4_096
        /// Most objects that one process reads at a time; the default makes a slot 64 KiB.
        package var pinsPerClient = 8_176
        /// Fresh bytes that `prepareAhead` keeps ready beyond what is in use.
        package var aheadBytes = 32 << 20
        /// Most creations that wait for room at a time.
        package var waitingMax = 10_000
        /// When objects are written to disk; nothing means never.
        package var spilling: SpillPolicy?
        /// When objects get room in the fallback file, if there is one.
        package var fallback = FallbackPolicy()

        package init(capacity: Int) { self.capacity = capacity }
    }

    /// The descriptor of the arena, to be sent to clients; owned by this object.
    package let fileDescriptor: Int32
    /// Where objects lie that the arena has no room for; its descriptor is to be sent to clients, too.
    package let fallbackFile: FallbackFile?

    let arena: ArenaMapping
    /// Ranges of the fallback file that this process has used, by their offset, until they are given back.
    var mappings: [Int: FileMapping] = [:]
    private var table: ObjectTable
    private(set) var core: ObjectStoreCore
    private var events: [Event] = []
    private var effects: ObjectStoreCore.Effects = []
    private var spillRequests: [SpillRequest] = []
    /// Slots in use, in order of index.
    private var attached: [Int] = []
    /// Free slots, the longest free first: a slot is used again as late as possible.
    private var freeSlots: [Int]
    private var preparedEnd = 0
    private var canPrepare = true
    private let aheadBytes: Int

    /// Creates the arena.
    ///
    /// - Parameters:
    ///   - nonce: tells arenas apart; any random number.
    ///   - fallbackFile: for objects that find no room in the arena; without it they wait and fail.
    /// - Throws: `ObjectStoreError.system` if the machine has no room, `invalidConfiguration` for absurd sizes.
    package init(
        _ configuration: Configuration, nonce: UInt64, fallbackFile: FallbackFile? = nil
    ) throws(ObjectStoreError) {
        self.fallbackFile = fallbackFile
        let objectsMax =
            configuration.objectsMax ?? min(4 << 20, max(65_536, configuration.capacity / (16 << 10)))
        let geometry = try ArenaGeometry(
            capacity: configuration.capacity, entryCount: objectsMax, slotCount: configuration.clientsMax,
            pinsPerSlot: configuration.pinsPerClient)
        var descriptor: Int32 = -1
        arena = try ArenaMapping(creating: geometry, nonce: nonce, descriptor: &descriptor)
        fileDescriptor = descriptor
        table = ObjectTable(arena)
        core = ObjectStoreCore(
            ObjectStoreCore.Configuration(
                capacity: geometry.dataSize, objectsMax: objectsMax, waitingMax: configuration.waitingMax,
                spilling: configuration.spilling, fallback: fallbackFile == nil ? nil : configuration.fallback))
        freeSlots = Array(0..<geometry.slotCount)
        aheadBytes = configuration.aheadBytes
        _ = ray_numa_interleave(arena.base + geometry.dataOffset, UInt64(geometry.dataSize))
    }

    deinit { ray_close(fileDescriptor) }

    // MARK: Clients

    /// Gives a process a slot; the process needs its index and the descriptor.
    ///
    /// - Throws: `slotsExhausted` if there are too many processes.
    package func attachClient(processID: Int32) throws(ObjectStoreError) -> StoreClient {
        guard !freeSlots.isEmpty else { throw .slotsExhausted(arena.geometry.slotCount) }
        let index = freeSlots.removeFirst()
        clearPins(ofSlot: index)
        let slot = arena.slot(index)
        ray_slot_set_process(slot, UInt32(bitPattern: processID))
        ray_slot_set_generation(slot, (ray_slot_generation(slot) | 1))
        attached.insert(index, at: attached.firstIndex { $0 > index } ?? attached.count)
        return StoreClient(index: UInt32(index))
    }

    /// Takes the slot of a process that is dead: its pins and unfinished objects go.
    ///
    /// To be called only when the process has ended, because it might still read or write what is given to others.
    package func detachClient(_ client: StoreClient, at now: Instant) {
        guard let position = attached.firstIndex(of: Int(client.index)) else { return }
        let index = attached.remove(at: position)
        let slot = arena.slot(index)
        ray_slot_set_generation(slot, (ray_slot_generation(slot) | 1) + 1)
        clearPins(ofSlot: index)
        freeSlots.append(index)
        perform(.clientDied(client), at: now)
    }

    /// Whether the client has a slot now.
    package func isAttached(_ client: StoreClient) -> Bool { attached.contains(Int(client.index)) }

    /// The client's clock when it last showed life; 0 if it never did.
    package func heartbeat(of client: StoreClient) -> UInt64 {
        isAttached(client) ? ray_slot_heartbeat(arena.slot(Int(client.index))) : 0
    }

    private func clearPins(ofSlot index: Int) {
        let pins = arena.pins(ofSlot: index)
        for position in 0..<pinCount(ofSlot: index) { ray_pin_store(pins + position, 0) }
        ray_slot_set_pin_high_water(arena.slot(index), 0)
        ray_slot_set_heartbeat(arena.slot(index), 0)
    }

    /// Pin words of the slot that may be in use; what the client says is bounded.
    private func pinCount(ofSlot index: Int) -> Int {
        Int(min(ray_slot_pin_high_water(arena.slot(index)), UInt64(arena.geometry.pinsPerSlot)))
    }

    // MARK: Objects

    /// Asks for room for an object; answered by `created`, `exists` or `failed`, at once if possible.
    package func create(_ creation: ObjectStoreCore.Creation, at now: Instant) {
        perform(.create(creation), at: now)
    }

    /// Any other change; see `ObjectStoreCore.Input`. The answers `retracted` and `pins` are given by the store itself.
    package func receive(_ input: ObjectStoreCore.Input, at now: Instant) { perform(mapped(input), at: now) }

    /// Makes an object findable that was created and written.
    package func seal(
        _ id: ObjectID, by client: StoreClient, metadataSize: Int, containedSize: Int, at now: Instant
    ) {
        perform(.seal(id, client, metadataSize: metadataSize, containedSize: containedSize), at: now)
    }

    /// Gives the room of an unfinished object back.
    package func abort(_ id: ObjectID, by client: StoreClient, at now: Instant) {
        perform(.abort(id, client), at: now)
    }

    /// Lets objects go. One call for many is cheaper than many calls: each looks at all pins once.
    package func free(_ ids: [ObjectID], at now: Instant) { perform(.free(ids), at: now) }

    /// To be called every 10 ms or so while `needsTick`.
    package func tick(at now: Instant) { perform(.tick, at: now) }

    /// Whether creations wait for room or freed objects are still read.
    package var needsTick: Bool { core.needsTick }

    /// Takes what happened since the last call, in order.
    package func takeEvents() -> [Event] {
        let taken = events
        events.removeAll()
        return taken
    }

    /// Takes what the store wants of the disk, in order; to be asked after every call that changes something.
    package func takeSpillRequests() -> [SpillRequest] {
        guard !spillRequests.isEmpty else { return [] }
        let taken = spillRequests
        spillRequests.removeAll()
        return taken
    }

    /// What went to disk and came back.
    package var spillUsage: SpillUsage { core.spillUsage }

    /// Why nothing can be written to disk; nothing while it works.
    package var spillTrouble: String? { core.spillTrouble }

    /// Where an object is on disk; nothing if it is not there.
    package func spilled(_ id: ObjectID) -> SpilledObject? { core.spilled(id) }

    /// Whether the object is sealed here.
    package func contains(_ id: ObjectID) -> Bool { core.contains(id) }

    /// Where a sealed object is and who owns it.
    package func entry(_ id: ObjectID) -> ObjectEntry? { core.entry(id) }

    /// Bytes in use.
    package var used: Int { core.used }

    /// Bytes of primary copies, which are not evicted; without those in the fallback file.
    package var primaryBytes: Int { core.primaryBytes }

    /// Bytes in use in the fallback file.
    package var fallbackUsed: Int { core.fallbackUsed }

    /// Bytes for objects in all.
    package var capacity: Int { core.capacity }

    /// Objects that are sealed.
    package var objectCount: Int { core.sealedCount }

    /// Who owns what is here, sorted. Complexity: O(objects).
    package var owners: [WorkerID] { core.owners }

    /// The largest objects here and on disk. Complexity: O(objects).
    package func list(_ question: ListObjects) -> ObjectsListed { core.list(question) }

    /// What holds the room. Complexity: O(objects).
    package var usage: ObjectStoreUsage { core.usage }

    /// The least recently used objects that others rely on and nobody reads, to be spilled.
    package func spillCandidates(bytes: Int) -> [ObjectID] { core.spillCandidates(bytes: bytes) }

    /// Keeps an object in place across several calls, for a transfer; nothing if it is not here.
    package func hold(_ id: ObjectID) -> EntryHandle? { core.hold(id) }

    /// Ends `hold`.
    package func unhold(_ handle: EntryHandle, at now: Instant) { perform(.unhold(handle), at: now) }

    /// Stops the program if the bookkeeping contradicts itself.
    package func checkInvariants() { core.checkInvariants() }

    // MARK: Bytes

    /// Lends a sealed object: all its bytes (data, metadata, contained references, in this order) and its layout.
    ///
    /// The bytes are only valid inside `body`; they stay the same between calls while the object is held.
    package func withObject<Result>(
        _ id: ObjectID, _ body: (UnsafeRawBufferPointer, ObjectLayout) throws -> Result
    ) rethrows -> Result? {
        guard let entry = core.entry(id), let size = entry.layout.totalSize,
            let bytes = bytes(at: entry.offset, size: size)
        else { return nil }
        return try body(UnsafeRawBufferPointer(bytes), entry.layout)
    }

    /// Lends a held object, even if it was freed meanwhile; see `withObject`.
    package func withHeld<Result>(
        _ handle: EntryHandle, _ body: (UnsafeRawBufferPointer, ObjectLayout) throws -> Result
    ) rethrows -> Result? {
        guard let entry = core.entry(handle), entry.holds > 0, let size = entry.layout.totalSize,
            let bytes = bytes(at: entry.offset, size: size)
        else { return nil }
        return try body(UnsafeRawBufferPointer(bytes), entry.layout)
    }

    /// Lends the room of an object that the raylet itself writes, for data, metadata and contained references.
    package func withUnsealed<Result>(
        _ id: ObjectID, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let (offset, layout) = core.unsealed(id, by: .raylet), let size = layout.totalSize,
            let bytes = bytes(at: offset, size: size)
        else { return nil }
        return try body(bytes)
    }

    /// Brings fresh pages in before they are needed; call it when idle. The bytes made ready, 0 if there is no need.
    ///
    /// Takes about 0.8 ms for each MiB. Does nothing until the store is used for the first time.
    package func prepareAhead(bytesMax: Int = 2 << 20) -> Int {
        let start = max(preparedEnd, core.frontier) / ArenaGeometry.pageSize * ArenaGeometry.pageSize
        let end = min(core.frontier + aheadBytes, arena.geometry.dataSize)
        guard canPrepare, core.frontier > 0, start < end else { return 0 }
        let size = min(end - start, bytesMax)
        guard size > 0, let bytes = arena.data(offset: start, size: size), let base = bytes.baseAddress,
            ray_populate(base, UInt64(size)) == 0
        else {
            // An old kernel, or no memory to spare: pages come in when they are written.
            canPrepare = false
            return 0
        }
        preparedEnd = start + size
        return size
    }

    // MARK: Effects

    private func perform(_ input: ObjectStoreCore.Input, at now: Instant) {
        core.receive(input, at: now, into: &effects)
        // Answers to effects append further effects; the list grows while it is worked through.
        var next = 0
        while next < effects.count {
            let effect = effects[next]
            next += 1
            perform(effect, at: now)
        }
        effects.removeAll(keepingCapacity: true)
    }

    private func perform(_ effect: ObjectStoreCore.Effect, at now: Instant) {
        switch effect {
        case .publish(let handle, let entry): table.publish(handle, entry)
        case .retract(let handles):
            table.retract(handles)
            let pinned = pinnedHandles(among: handles)
            core.receive(.retracted(handles, pinned: pinned), at: now, into: &effects)
        case .scanPins:
            ray_fence()
            core.receive(.pins(pinnedHandles(among: nil)), at: now, into: &effects)
        case .created(let token, let client, let id, let offset):
            events.append(.created(token: token, client: client, id: id, offset: offset))
        case .exists(let token, let client, let id, let isSealed):
            events.append(.exists(token: token, client: client, id: id, isSealed: isSealed))
        case .failed(let token, let client, let error):
            events.append(.failed(token: token, client: client, error))
        case .shared(let token, let entry): events.append(.shared(token: token, entry, contained: contained(entry)))
        case .rejected(let client, let id, let error): events.append(.rejected(client, id, error))
        case .sealed(let id, let client): events.append(.sealed(id, client))
        case .removed(let id, let reason): events.append(.removed(id, reason))
        case .roomWanted(let bytes): events.append(.roomWanted(bytes: bytes))
        case .unloaded(let id): events.append(.unloaded(id))
        case .restoreFailed(let id, let error, let isLost):
            events.append(.restoreFailed(id, error, isLost: isLost))
        case .writeFile(let file, let objects): spillRequests.append(.write(file: file, objects.map(lend)))
        case .readFile(let handle, let object, let offset):
            let range = lend(offset: offset, layout: object.layout)
            spillRequests.append(.read(handle, object, into: range))
        case .deleteFile(let file): spillRequests.append(.delete(file: file))
        case .reserve(let handle, let range):
            if let fallbackFile {
                spillRequests.append(.reserve(handle, FallbackRange(file: fallbackFile, bytes: range)))
            }
        case .discard(let range):
            mappings[range.lowerBound] = nil
            if let fallbackFile { spillRequests.append(.discard(FallbackRange(file: fallbackFile, bytes: range))) }
        }
    }

    /// The encoded references inside an object.
    private func contained(_ entry: ObjectEntry) -> [UInt8] {
        withObject(entry.id) { bytes, layout in Array(bytes[(layout.dataSize + layout.metadataSize)...]) } ?? []
    }

    private func lend(_ entry: ObjectEntry) -> (entry: ObjectEntry, range: LentRange) {
        (entry, lend(offset: entry.offset, layout: entry.layout))
    }

    func lend(offset: Int, layout: ObjectLayout) -> LentRange {
        guard let size = layout.totalSize, let bytes = bytes(at: offset, size: size) else {
            preconditionFailure("the store's bookkeeping names room outside of the arena")
        }
        return LentRange(bytes, of: arena, mapping: mapping(at: offset, size: size))
    }

    /// What is pinned now, among `wanted` or at all, in the order of slots; one object may be named several times.
    private func pinnedHandles(among wanted: [EntryHandle]?) -> [EntryHandle] {
        var found: [EntryHandle] = []
        // A few are compared one by one; many through a set.
        let set = wanted.flatMap { $0.count > 8 ? Set($0) : nil }
        for index in attached {
            let pins = arena.pins(ofSlot: index)
            for position in 0..<pinCount(ofSlot: index) {
                let word = ray_pin_load(pins + position)
                guard word != 0, let handle = table.handle(ofPin: word) else { continue }
                if let set {
                    if set.contains(handle) { found.append(handle) }
                } else if wanted?.contains(handle) ?? true {
                    found.append(handle)
                }
            }
        }
        return found
    }
}
