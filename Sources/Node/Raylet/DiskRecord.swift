//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayRaylet

/// What the store wants of the disk and has not got yet, with its beginning, for the record.
struct DiskRecord: Sendable {
    private var writes: [UInt64: DiskWork] = [:]
    private var reads: [EntryHandle: DiskWork] = [:]

    /// A request goes to the disk's threads.
    mutating func began(_ request: SpillRequest, at now: Instant) {
        switch request {
        case .write(let file, let objects):
            guard let first = objects.first else { return }
            let bytes = objects.reduce(0) { $0 + $1.range.bytes.count }
            writes[file] = DiskWork(
                isRestore: false, object: first.entry.id, objectCount: objects.count, byteCount: bytes, began: now)
        case .read(let handle, let object, _):
            reads[handle] = DiskWork(
                isRestore: true, object: object.id, objectCount: 1, byteCount: object.layout.totalSize ?? 0,
                began: now)
        case .delete, .reserve, .discard: break
        }
    }

    /// The answer came; what it was an answer to.
    mutating func ended(_ answer: ObjectStoreCore.Input, at now: Instant) -> DiskWork? {
        var work: DiskWork?
        switch answer {
        case .fileWritten(let file, let result):
            work = writes.removeValue(forKey: file)
            if case .failure = result { work?.hasFailed = true }
        case .fileRead(let handle, let error):
            work = reads.removeValue(forKey: handle)
            work?.hasFailed = error != nil
        default: return nil
        }
        work?.ended = now
        return work
    }
}
