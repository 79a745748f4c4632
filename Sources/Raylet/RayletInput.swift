//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What the raylet's core is told.
package enum RayletInput: Sendable {
    /// A link to this peer is up; the peer's address is as it introduced itself.
    case peerUp(Address)
    /// The link to a peer is lost for good, and why.
    case peerLost(WorkerID, reason: String)
    /// A peer does not want this node; trying again is pointless.
    case refused(WorkerID, reason: String)
    /// A message of a peer; `requestID` is 0 where no answer is expected.
    case message(Message, requestID: UInt64, from: WorkerID)
    /// A worker process asked for by `spawnWorker` runs.
    case workerSpawned(startToken: UInt64, processID: Int32)
    /// It could not be started.
    case spawnFailed(startToken: UInt64, reason: String)
    /// A worker process is gone and reaped. Of what it said last some may come after this, and `peerLost` behind it.
    case processExited(processID: Int32, ProcessExit)
    /// The process that had this slot of the store has ended; the rest is as with `processExited`.
    case storeClientGone(slot: UInt32)
    /// The executable asked for by `fetchProgram` is on this node's disk and fits it.
    case programReady(key: String, path: String)
    /// It cannot be had or does not run here.
    case programFailed(key: String, RayError)
    /// The package asked for by `fetchPackage` is unpacked in this folder.
    case packageReady(String, folder: String, byteCount: Int)
    /// It cannot be had, and why.
    case packageFailed(String, reason: String)
    /// The room asked for by `storeCreate`.
    case storeCreated(token: UInt64, offset: UInt64)
    /// There is none, or the object exists already.
    case storeFailed(token: UInt64, RayError)
    /// The second object asked for by `storeShare` is there.
    case storeShared(token: UInt64, SharedBytes)
    /// A seal is refused; the object does not exist.
    case storeRejected(ObjectID, RayError)
    /// The object can be read by every process of the node from now on.
    case objectSealed(ObjectID)
    /// The store dropped these sealed objects: evicted, freed by `storeFree`, or freed with their owner.
    case objectsRemoved([ObjectID])
    /// A sealed object is on disk only from now on.
    case objectUnloaded(ObjectID)
    /// The object asked for by `storeRestore` cannot be brought back; `isLost` if it never will.
    case restoreFailed(ObjectID, RayError, isLost: Bool)
    /// How much memory is used, with the processes that use it where a limit is near.
    case memory(MemoryReading)
    /// Objects were written to disk, or one was read back.
    case diskUsed(DiskWork)
    /// Time has passed; at least ten times a second.
    case tick(StoreUsage)
    /// The operator wants the node to leave.
    case stop(reason: String)
}

/// A second object of the same bytes.
package struct SharedBytes: Hashable, Sendable {
    /// Bytes of data.
    package var byteCount: Int
    /// The references inside it, encoded.
    package var contained: [UInt8]

    package init(byteCount: Int, contained: [UInt8]) {
        self.byteCount = byteCount
        self.contained = contained
    }
}

/// How a process ended.
package struct ProcessExit: Hashable, Sendable {
    /// Meaningful if `signal` is 0.
    package var code: Int32
    /// The signal that killed it, or 0.
    package var signal: Int32
    /// What it printed last.
    package var lastLines: [String]

    /// A process that ended with this code, or by this signal.
    package init(code: Int32 = 0, signal: Int32 = 0, lastLines: [String] = []) {
        self.code = code
        self.signal = signal
        self.lastLines = lastLines
    }

    /// "ended with exit code 1", "was killed by signal 9 (SIGKILL)".
    package var sentence: String { ExitSentence(code: code, signal: signal).text }

    /// The last lines as a paragraph of an error message; empty if there are none.
    package var lastLinesText: String {
        lastLines.isEmpty
            ? " It printed nothing." : " Its last lines:\n" + lastLines.map { "    \($0)" }.joined(separator: "\n")
    }
}

/// A use of the disk, for the record.
package struct DiskWork: Hashable, Sendable {
    /// Read back, else written.
    package var isRestore: Bool
    /// The object, or the first of several.
    package var object: ObjectID
    package var objectCount: Int
    package var byteCount: Int
    package var began: Instant
    package var ended: Instant
    package var hasFailed: Bool

    /// Work that began; the end is set when it is over.
    package init(isRestore: Bool, object: ObjectID, objectCount: Int, byteCount: Int, began: Instant) {
        self.isRestore = isRestore
        self.object = object
        self.objectCount = objectCount
        self.byteCount = byteCount
        self.began = began
        ended = began
        hasFailed = false
    }
}

/// How full the node's store is.
package struct StoreUsage: Hashable, Sendable {
    package var usedBytes: Int
    /// Bytes of primary copies, which are not evicted.
    package var primaryBytes: Int
    package var capacityBytes: Int
    package var objectCount: Int
    /// What went to disk and came back.
    package var spilled: SpillReport

    /// A store with this much in it.
    package init(
        usedBytes: Int = 0, primaryBytes: Int = 0, capacityBytes: Int = 0, objectCount: Int = 0,
        spilled: SpillReport = SpillReport()
    ) {
        self.spilled = spilled
        self.usedBytes = usedBytes
        self.primaryBytes = primaryBytes
        self.capacityBytes = capacityBytes
        self.objectCount = objectCount
    }
}

extension Program {
    /// What names the executable between core and driver: its hash, or its path where it has none.
    package var key: String { hash.isEmpty ? path : hash }
}
