//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayObjectStore
package import RayRaylet
package import RayWire

/// What one raylet is told at its start.
package struct RayletConfiguration: Sendable {
    /// The session's folder on this machine; `logs` and `links` in it are made if they are not there.
    package var sessionDirectory: String
    package var nodeID: NodeID
    /// For people.
    package var nodeName: String
    /// Numeric address at which other nodes reach this one.
    package var host: String
    /// Numeric address that is listened on; nothing means `host`.
    package var bindHost: String?
    /// Port for other nodes; 0 takes a free one.
    package var port: UInt16 = 0
    /// `host:port` of the control store; empty if it is reached by `gcsSocketPath` only.
    package var gcsAddress: String
    /// Unix socket of the control store if it is on this machine; preferred. Else empty.
    package var gcsSocketPath: String
    /// The cluster's token; empty if none is wanted.
    package var token: String
    /// Where the token comes from, for messages.
    package var tokenSource: String
    package var resources: ResourceSet
    package var labels: [NodeLabel] = []
    /// Bytes.
    package var storeCapacity: Int
    package var isHead = false
    /// With what the head's GCS is started again when it dies; nothing where somebody else sees to it.
    package var headRole: RoleSettings?
    /// What workers will run: it is loaded at once, so that the first of them does not wait for it.
    package var expectedProgram: Program?
    /// `NAME=value` for every worker, beside the raylet's own environment.
    package var workerEnvironment: [String] = []
    /// When objects are written to disk; nothing means never.
    package var spilling: SpillPolicy? = SpillPolicy()
    /// The folder for spilled objects and the fallback file; nothing means the session's.
    package var spillDirectory: String?
    /// That folder.
    package var diskDirectory: String { spillDirectory ?? sessionDirectory }
    /// How long neither eviction nor spilling helps before an object goes to the fallback file.
    package var fallback = FallbackPolicy()
    /// Share of the disk in use beyond which nothing is spilled.
    package var diskCapacityThreshold = 0.95
    /// Bytes of unpacked packages beyond which those are deleted that no process uses.
    package var packageCacheBytesMax = 10 << 30
    /// When workers are killed for want of memory.
    package var memory = MemorySettings()
    /// How often memory is looked at; 0 means never.
    package var memoryRefreshMilliseconds = 250
    /// The machine's memory nodes, over which workers are spread; empty to leave them to the kernel.
    package var memoryNodes: [MemoryNode] = []
    /// How the kernel treats workers.
    package var workerStanding = WorkerStanding()
    /// What is recorded of transfers and spills.
    package var trace = TraceSettings()
    /// In front of the paths of /proc and /sys/fs/cgroup from which limit and use are read; for tests.
    package var memoryRoot = ""

    /// A worker node with a free port; the rest is set afterwards.
    package init(
        sessionDirectory: String, nodeID: NodeID, nodeName: String, host: String, gcsAddress: String = "",
        gcsSocketPath: String = "", token: String = "", tokenSource: String = "", resources: ResourceSet,
        storeCapacity: Int
    ) {
        self.sessionDirectory = sessionDirectory
        self.nodeID = nodeID
        self.nodeName = nodeName
        self.host = host
        self.gcsAddress = gcsAddress
        self.gcsSocketPath = gcsSocketPath
        self.token = token
        self.tokenSource = tokenSource
        self.resources = resources
        self.storeCapacity = storeCapacity
    }

    /// The first digits of the node's id, for names of files.
    var shortNode: String { String(nodeID.hex.prefix(8)) }

    /// Unix socket on which the raylet serves its node.
    package var socketPath: String { "\(sessionDirectory)/links/raylet-\(shortNode).sock" }

    /// Unix socket on which processes of the node get the store.
    package var storeSocketPath: String { "\(sessionDirectory)/links/store-\(shortNode).sock" }
    /// Where executables and packages of runtime environments are kept that were brought here; other raylets of the machine
    /// have folders of their own.
    package var resourceDirectory: String { "\(sessionDirectory)/runtime_resources/\(shortNode)" }
    /// The socket of a worker or driver of this session, if it has one.
    package func socketPath(of peer: WorkerID) -> String { "\(sessionDirectory)/links/\(peer.hex.prefix(16)).sock" }

    /// Where the control store is reached.
    ///
    /// - Throws: `invalidArgument` if neither a socket nor `host:port` is given.
    func gcsTarget() throws(RayError) -> Address {
        guard gcsSocketPath.isEmpty else {
            return Address(node: .none, worker: .gcs, host: "", port: 0, socketPath: gcsSocketPath)
        }
        guard let colon = gcsAddress.lastIndex(of: ":"),
            let port = UInt16(gcsAddress[gcsAddress.index(after: colon)...]), port > 0, colon != gcsAddress.startIndex
        else {
            throw RayError(
                .invalidArgument,
                "the control store's address '\(gcsAddress)' is not host:port, for instance 10.0.0.1:6379")
        }
        var host = gcsAddress[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return Address(node: .none, worker: .gcs, host: String(host), port: port, socketPath: "")
    }
}
