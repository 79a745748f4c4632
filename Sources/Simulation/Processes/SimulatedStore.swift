//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayRaylet

/// A node's object store: the core, the table of what can be found, the pins, and the bytes.
final class SimulatedStore {
    /// An object that a process reads.
    struct Pin {
        var number: Int
        var slot: UInt32
        var handle: EntryHandle
        var entry: ObjectEntry
    }

    private(set) var core: ObjectStoreCore
    private var table: [ObjectID: (EntryHandle, ObjectEntry)] = [:]
    private(set) var pins: [Pin] = []
    private var pinCount = 0
    /// The arena, and behind it the fallback file.
    private(set) var memory: [UInt8]
    private var slots: Set<UInt32> = []
    private var slotCount: UInt32 = 0
    private var effects: ObjectStoreCore.Effects = []
    var disk = SimulatedDisk()
    /// What is wrong, if anything.
    private(set) var violation: String?

    /// A fault for the checks to find: what a full disk refused counts as written.
    private let dropsUnwritten: Bool

    init(
        capacity: Int, spilling: SpillPolicy?, fallback: FallbackPolicy?, fault: SimulationPlantedFault?
    ) {
        let planted: ObjectStoreCore.PlantedFault? =
            switch fault {
            case .dropPinEarly: .dropPinEarly
            case .keepLetGo: .keepLetGo
            default: nil
            }
        dropsUnwritten = fault == .dropUnwritten
        core = ObjectStoreCore(
            ObjectStoreCore.Configuration(
                capacity: capacity, objectsMax: 4_096, spilling: spilling, fallback: fallback,
                plantedFault: planted))
        memory = [UInt8](repeating: 0, count: capacity)
    }

    // MARK: Clients

    func attach() -> UInt32 {
        slotCount += 1
        slots.insert(slotCount)
        return slotCount
    }

    func isAttached(_ slot: UInt32) -> Bool { slots.contains(slot) }

    /// A dead process's pins go before the core hears of it.
    func detach(_ slot: UInt32, at now: Instant, into inputs: inout [RayletInput]) {
        guard slots.remove(slot) != nil else { return }
        pins.removeAll { $0.slot == slot }
        perform(.clientDied(StoreClient(index: slot)), at: now, into: &inputs)
    }

    // MARK: Readers

    /// Finds and pins an object for a process.
    func find(_ id: ObjectID, slot: UInt32) -> Pin? {
        guard slots.contains(slot), let (handle, entry) = table[id] else { return nil }
        pinCount += 1
        let pin = Pin(number: pinCount, slot: slot, handle: handle, entry: entry)
        pins.append(pin)
        return pin
    }

    /// Whether the object can be found, without pinning it.
    func has(_ id: ObjectID) -> Bool { table[id] != nil }

    /// What can be found, in order.
    var objects: [ObjectID] { table.keys.sorted() }

    func unpin(_ pin: Pin) { pins.removeAll { $0.number == pin.number } }

    func bytes(of entry: ObjectEntry) -> (data: ArraySlice<UInt8>, all: ArraySlice<UInt8>) {
        let total = entry.layout.totalSize ?? 0
        return (
            memory[entry.offset..<entry.offset + entry.layout.dataSize], memory[entry.offset..<entry.offset + total]
        )
    }

    /// The references inside an object, as bytes.
    func containedBytes(of entry: ObjectEntry) -> ArraySlice<UInt8> {
        let start = entry.offset + entry.layout.dataSize + entry.layout.metadataSize
        return memory[start..<entry.offset + (entry.layout.totalSize ?? 0)]
    }

    // MARK: Writers

    func write(_ bytes: [UInt8], at offset: Int) {
        guard offset >= 0, bytes.count <= memory.count - offset else {
            violation = violation ?? "\(bytes.count) bytes are written at \(offset), outside the store"
            return
        }
        memory.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// A piece of an object that the raylet itself writes.
    func writeUnsealed(_ bytes: [UInt8], to id: ObjectID, offset: Int) {
        guard let (start, layout) = core.unsealed(id, by: .raylet), let total = layout.totalSize,
            offset >= 0, offset <= total - bytes.count
        else { return }
        write(bytes, at: start + offset)
    }

    // MARK: Core

    func perform(_ input: ObjectStoreCore.Input, at now: Instant, into inputs: inout [RayletInput]) {
        core.receive(input, at: now, into: &effects)
        var next = 0
        while next < effects.count {
            let effect = effects[next]
            next += 1
            perform(effect, at: now, into: &inputs)
        }
        effects.removeAll(keepingCapacity: true)
        violation = violation ?? core.violation
    }

    private func perform(_ effect: ObjectStoreCore.Effect, at now: Instant, into inputs: inout [RayletInput]) {
        switch effect {
        case .publish(let handle, let entry): table[entry.id] = (handle, entry)
        case .retract(let handles):
            let leaving = Set(handles)
            table = table.filter { !leaving.contains($0.value.0) }
            core.receive(.retracted(handles, pinned: pinned { leaving.contains($0) }), at: now, into: &effects)
        case .scanPins: core.receive(.pins(pinned { _ in true }), at: now, into: &effects)
        case .created(let token, _, let id, let offset):
            checkUnread(offset, id)
            inputs.append(.storeCreated(token: token, offset: UInt64(offset)))
        case .exists(let token, _, let id, let isSealed):
            let what = isSealed ? "is in the store already" : "is being written by another process"
            inputs.append(.storeFailed(token: token, RayError(.invalidArgument, "object \(id) \(what)")))
        case .failed(let token, _, let error): inputs.append(.storeFailed(token: token, error))
        case .shared(let token, let entry):
            let contained = Array(containedBytes(of: entry))
            let shared = SharedBytes(byteCount: entry.layout.dataSize, contained: contained)
            inputs.append(.storeShared(token: token, shared))
        case .rejected(_, let id, let error): inputs.append(.storeRejected(id, error))
        case .sealed(let id, _): inputs.append(.objectSealed(id))
        case .removed(_, .aborted): break
        case .removed(let id, _): inputs.append(.objectsRemoved([id]))
        case .unloaded(let id): inputs.append(.objectUnloaded(id))
        case .restoreFailed(let id, let error, let isLost):
            inputs.append(.restoreFailed(id, error, isLost: isLost))
        case .roomWanted: break
        case .writeFile(let file, let entries): disk.jobs.append(.write(file: file, entries))
        case .readFile(let handle, let object, let offset):
            guard let bytes = disk.bytes(of: object.id, file: object.file) else {
                violation = violation ?? "object \(object.id.short) is not in file \(object.file)"
                return
            }
            disk.jobs.append(.read(handle, bytes, offset: offset))
        case .deleteFile(let file): disk.files[file] = nil
        case .reserve(let handle, let range): disk.jobs.append(.reserve(handle, range))
        case .discard(let range):
            // Whoever still reads there finds something else.
            for offset in range where core.fileStart + offset < memory.count {
                memory[core.fileStart + offset] = 0xee
            }
        }
    }

    /// The disk has done something, or failed to.
    func finish(_ job: SimulatedDisk.Job, at now: Instant, into inputs: inout [RayletInput]) {
        switch job {
        case .write(let file, let entries):
            let isFull = disk.fullUntil > now
            guard !isFull || dropsUnwritten else {
                let failure = SpillFailure(reason: "the disk is full")
                return perform(.fileWritten(file, .failure(failure)), at: now, into: &inputs)
            }
            let objects = entries.map { entry in
                SpilledObject(
                    id: entry.id, owner: entry.owner, layout: entry.layout, file: file, offset: 0, checksums: [])
            }
            if !isFull { disk.files[file] = zip(objects, entries).map { ($0, Array(bytes(of: $1).all)) } }
            perform(.fileWritten(file, .success(objects)), at: now, into: &inputs)
        case .reserve(let handle, let range):
            guard disk.fullUntil <= now else {
                let failure = SpillFailure(reason: "the disk is full")
                return perform(.reserved(handle, failure), at: now, into: &inputs)
            }
            let end = core.fileStart + range.upperBound
            if memory.count < end { memory += [UInt8](repeating: 0, count: end - memory.count) }
            perform(.reserved(handle, nil), at: now, into: &inputs)
        case .read(let handle, let bytes, let offset):
            write(bytes, at: offset)
            perform(.fileRead(handle, nil), at: now, into: &inputs)
        }
    }

    private func pinned(among isWanted: (EntryHandle) -> Bool) -> [EntryHandle] {
        pins.map(\.handle).filter(isWanted)
    }

    /// Room that is given away must not be read by anybody.
    private func checkUnread(_ offset: Int, _ id: ObjectID) {
        guard let entry = core.unsealed(id, by: .raylet) ?? anyUnsealed(id) else { return }
        let end = offset + (entry.layout.totalSize ?? 0)
        for pin in pins {
            let pinEnd = pin.entry.offset + (pin.entry.layout.totalSize ?? 0)
            if pin.entry.offset < end, offset < pinEnd {
                violation =
                    violation
                    ?? "the room of object \(pin.entry.id.short), which is still read, is given to \(id.short)"
            }
        }
    }

    private func anyUnsealed(_ id: ObjectID) -> (offset: Int, layout: ObjectLayout)? {
        for slot in slots.sorted() {
            if let found = core.unsealed(id, by: StoreClient(index: slot)) { return found }
        }
        return nil
    }
}
