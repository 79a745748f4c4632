//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Raylet to GCS, before `WorkerExited`: it kills a worker, and why; that is then the reason of the worker's end.
package struct WorkerKilled: Hashable, Sendable, WireCodable {
    package var worker: WorkerID
    package var error: RayError

    package init(worker: WorkerID, error: RayError) {
        self.worker = worker
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(worker)
        writer.write(error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        worker = try reader.identifier()
        error = try reader.value()
    }
}

/// Raylet to GCS, when it changed: what its store wrote to disk and read back.
package struct SpillReport: Hashable, Sendable, WireCodable {
    /// Bytes written since the node was started.
    package var spilledBytes: Int
    /// Bytes read back since then.
    package var restoredBytes: Int
    /// Bytes that are on disk now.
    package var bytesOnDisk: Int
    /// Objects that are on disk now.
    package var objectCount: Int
    /// Bytes of objects that are in the fallback file now, because the store had no room for them.
    package var fallbackBytes: Int

    package init(
        spilledBytes: Int = 0, restoredBytes: Int = 0, bytesOnDisk: Int = 0, objectCount: Int = 0,
        fallbackBytes: Int = 0
    ) {
        self.spilledBytes = spilledBytes
        self.restoredBytes = restoredBytes
        self.bytesOnDisk = bytesOnDisk
        self.objectCount = objectCount
        self.fallbackBytes = fallbackBytes
    }

    /// Counts another node's, whatever it says.
    package mutating func add(_ other: SpillReport) {
        spilledBytes = spilledBytes.addingReportingOverflow(other.spilledBytes).partialValue
        restoredBytes = restoredBytes.addingReportingOverflow(other.restoredBytes).partialValue
        bytesOnDisk = bytesOnDisk.addingReportingOverflow(other.bytesOnDisk).partialValue
        objectCount = objectCount.addingReportingOverflow(other.objectCount).partialValue
        fallbackBytes = fallbackBytes.addingReportingOverflow(other.fallbackBytes).partialValue
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(spilledBytes)
        writer.write(restoredBytes)
        writer.write(bytesOnDisk)
        writer.write(objectCount)
        writer.write(fallbackBytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spilledBytes = try reader.count()
        restoredBytes = try reader.count()
        bytesOnDisk = try reader.count()
        objectCount = try reader.count()
        fallbackBytes = try reader.added(0) { (reader: inout WireReader) throws(WireError) in try reader.count() }
    }
}

/// Anyone to GCS, and GCS to all drivers and workers: free what nobody refers to any more. Answered by `Done`, if asked for.
package struct CollectGarbage: Hashable, Sendable, WireCodable {
    package init() {}

    package func encode(into writer: inout WireWriter) {}

    package init(from reader: inout WireReader) throws(WireError) {}
}
