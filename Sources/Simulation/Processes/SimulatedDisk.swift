//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore

/// A node's disk: files of spilled objects, and how it behaves at the moment.
struct SimulatedDisk {
    /// What the store wants; done some time later.
    enum Job {
        case write(file: UInt64, [ObjectEntry])
        /// What was in the file when it was wanted: nodes delete it after that, since their disk's jobs keep their order.
        case read(EntryHandle, [UInt8], offset: Int)
        /// Blocks for a range of the fallback file.
        case reserve(EntryHandle, Range<Int>)
    }

    /// How much longer all takes while the disk is slow.
    static let slowness = 300

    var files: [UInt64: [(SpilledObject, [UInt8])]] = [:]
    /// Until when nothing can be written.
    var fullUntil = Instant.zero
    var slowUntil = Instant.zero
    /// Jobs that have not been begun, in order.
    var jobs: [Job] = []

    mutating func takeJobs() -> [Job] {
        defer { jobs.removeAll() }
        return jobs
    }

    func bytes(of id: ObjectID, file: UInt64) -> [UInt8]? { files[file]?.first { $0.0.id == id }?.1 }

    /// An object, from the latest file that it is in.
    func find(_ id: ObjectID) -> (SpilledObject, [UInt8])? {
        for file in files.keys.sorted(by: >) {
            if let found = files[file]?.first(where: { $0.0.id == id }) { return found }
        }
        return nil
    }
}
