//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What the raylet's core wants done, in this order.
package enum RayletEffect: Hashable, Sendable {
    case send(Message, requestID: UInt64, to: WorkerID)
    /// Send what the node serves to the control store, with the owners of the objects in the store filled in.
    case rejoin(RejoinNode)
    /// Tell the control store what is in the store and on disk.
    case listObjects(ListObjects)
    /// Pass on what workers of a job have printed so far, and then a batch without lines.
    case flushLines(JobID)
    /// Open a link; answered by `peerUp` or `peerLost`.
    case connect(Address)
    /// Start a process; answered by `workerSpawned` or `spawnFailed`.
    case spawnWorker(WorkerStart)
    /// Send SIGKILL, to the whole process group if `group`.
    case kill(processID: Int32, group: Bool)
    /// Bring the executable here and check that it runs here; answered by `programReady` or `programFailed`.
    case fetchProgram(Program)
    /// Delete an executable that was brought here and that no process uses, by its key.
    case removeProgram(String)
    /// Bring a package here and unpack it; answered by `packageReady` or `packageFailed`.
    case fetchPackage(String)
    /// Delete a package that no process uses.
    case removePackage(String)
    /// Room for an object; answered by `storeCreated` or `storeFailed` with the token.
    case storeCreate(StoreCreate)
    /// Answered by `objectSealed` or `storeRejected`; `slot` is the writer's as in `storeCreate`.
    case storeSeal(ObjectID, slot: UInt32?, ObjectSizes)
    /// Give back the room of an unsealed object.
    case storeAbort(ObjectID, slot: UInt32?)
    case storeFree([ObjectID])
    /// These copies must not be evicted any more.
    case storeKeep([ObjectID])
    /// Make a second object of this owner of the bytes of the first; answered by `storeShared` or `storeFailed`.
    case storeShare(ObjectID, as: ObjectID, owner: WorkerID, token: UInt64)
    /// Bring a spilled object back; answered by `objectSealed` or `restoreFailed`.
    case storeRestore(ObjectID)
    /// Take the slot of a process that has ended: its pins go, and what it has not sealed.
    case storeDetach(slot: UInt32)
    /// Free all that this process owned; answered by `objectsRemoved`.
    case storeReleaseOwner(WorkerID)
    /// Send a piece of a sealed or spilled object as `ObjectChunk`, or an `ObjectChunk` with an error if it is not there.
    case sendChunk(object: ObjectID, offset: Int, count: Int, to: WorkerID, requestID: UInt64)
    /// Copy bytes into an unsealed object; the core has checked the bounds against the sizes it asked for.
    case writeChunk(object: ObjectID, offset: Int, bytes: [UInt8])
    case log(RayletLogLevel, String)
    /// The node leaves: all workers have been killed; end the process, and why.
    case leave(reason: String)
}

/// How much a line of the log matters.
package enum RayletLogLevel: Hashable, Sendable {
    case info, warning, error
}

/// A process to start.
package struct WorkerStart: Hashable, Sendable {
    /// Given to the process and back by its `WorkerReady`.
    package var startToken: UInt64
    package var program: Program
    /// The executable on this node's disk.
    package var path: String
    package var job: JobID
    /// `NAME=value`, beside what the driver adds for every worker.
    package var environment: [String]
    /// Variables of the runtime environment; their values may name those of the node.
    package var variables: [RuntimeEnvironmentSpec.Variable] = []
    /// The folder of the runtime environment; nothing for the program's own.
    package var folder: String?
    /// Where it runs; nothing for the whole machine.
    package var memoryNode: MemoryNode?

    package init(startToken: UInt64, program: Program, path: String, job: JobID, environment: [String]) {
        self.startToken = startToken
        self.program = program
        self.path = path
        self.job = job
        self.environment = environment
    }
}

/// Room that is wanted in the store.
package struct StoreCreate: Hashable, Sendable {
    package var token: UInt64
    package var object: ObjectID
    package var owner: WorkerID
    /// The slot of the client that writes it; nothing if the raylet itself does.
    package var slot: UInt32?
    package var sizes: ObjectSizes
    /// Whether this is the copy that must not be evicted.
    package var isPrimary: Bool
}

/// Bytes of the three parts of an object; all in one run, in this order.
package struct ObjectSizes: Hashable, Sendable {
    package var dataBytes: Int
    package var metadataBytes: Int
    package var containedBytes: Int

    /// The parts, or nothing if one is negative or all are more than `bytesMax`.
    package init?(dataBytes: Int, metadataBytes: Int, containedBytes: Int, bytesMax: Int) {
        guard dataBytes >= 0, metadataBytes >= 0, containedBytes >= 0, dataBytes <= bytesMax,
            metadataBytes <= bytesMax - dataBytes, containedBytes <= bytesMax - dataBytes - metadataBytes
        else { return nil }
        self.dataBytes = dataBytes
        self.metadataBytes = metadataBytes
        self.containedBytes = containedBytes
    }

    /// All bytes.
    package var total: Int { dataBytes + metadataBytes + containedBytes }
}
