//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayObjectStore
internal import RayWire
internal import RayWorker

/// An object in this process's memory.
final class InlineObject: FetchedObject {
    private let object: RayObject

    init(_ object: RayObject) { self.object = object }

    /// A copy that needs no room in the store.
    init(copying other: any FetchedObject) {
        object = RayObject(
            data: other.withBytes { Array($0) }, metadata: other.metadata, contained: other.contained)
    }

    var metadata: [UInt8] { object.metadata }
    var contained: [ObjectReference] { object.contained }
    var byteCount: Int { object.data.count }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try object.data.withUnsafeBytes(body)
    }
}

/// An object in the node's store, pinned while this value lives.
final class SharedObject: FetchedObject {
    private let pinned: PinnedObject
    let metadata: [UInt8]

    init(_ pinned: PinnedObject) {
        self.pinned = pinned
        metadata = pinned.metadata
    }

    /// Read anew each time: Python, which may have thousands, does not ask, and others ask once.
    var contained: [ObjectReference] { pinned.contained.withUnsafeBytes { RayObject.references(in: $0) } ?? [] }
    var byteCount: Int { pinned.byteCount }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try pinned.withBytes(body)
    }
}

/// Room for an object that is being written, in the store or, where that is not worth it, in this process.
///
/// Unchecked: the room is this object's alone until `seal` or `abort`, of which exactly one is called.
final class UnsealedRoom: UnsealedObject, @unchecked Sendable {
    private enum Place {
        case shared(ObjectID, TaskID?, since: Instant)
        case own(TaskID?)
    }

    private let worker: Worker
    private let place: Place
    private let metadata: [UInt8]
    private let contained: [ObjectReference]
    /// The data's part.
    private let bytes: UnsafeMutableRawBufferPointer
    /// What maps it if it is not in the arena.
    private let mapping: FileMapping?

    /// Room that the raylet granted; what follows the data in it is written already.
    init(
        worker: Worker, id: ObjectID, bytes: UnsafeMutableRawBufferPointer, mapping: FileMapping?,
        contained: [ObjectReference], task: TaskID?, since start: Instant
    ) {
        self.worker = worker
        place = .shared(id, task, since: start)
        metadata = []
        self.contained = contained
        self.bytes = bytes
        self.mapping = mapping
    }

    /// Room in this process.
    init(worker: Worker, byteCount: Int, metadata: [UInt8], contained: [ObjectReference], task: TaskID?) {
        self.worker = worker
        place = .own(task)
        self.metadata = metadata
        self.contained = contained
        mapping = nil
        bytes = .allocate(byteCount: byteCount, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        if case .own = place { bytes.deallocate() }
    }

    func withMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try body(bytes)
    }

    func seal() throws(RayError) -> ObjectReference {
        switch place {
        case .own(let task):
            let object = RayObject(data: Array(bytes), metadata: metadata, contained: contained)
            return try worker.put(object, from: task)
        case .shared(let id, let task, let start):
            defer { worker.trace(.put, objectCount: 1, byteCount: bytes.count, from: task, since: start) }
            return worker.sealed(id, byteCount: bytes.count, contained: contained)
        }
    }

    func abort() {
        if case .shared(let id, _, _) = place { worker.abort(id) }
    }
}
