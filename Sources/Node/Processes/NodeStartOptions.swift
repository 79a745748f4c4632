//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What a node is started with: the same for `ray start`, `ray.init()` and tests.
package struct NodeStartOptions: Sendable {
    /// Whether this node runs the cluster's head (GCS and scheduler) beside its raylet.
    package var isHead = false
    /// The head to join, where this node is not the head: host and port.
    package var headHost = ""
    package var headPort: UInt16 = 6379
    /// This node's address, to be bound and told to others; loopback if not given.
    package var nodeHost = "127.0.0.1"
    /// Whether the head's ports are open on loopback too, where `nodeHost` is another address.
    package var listensOnLoopback = false
    /// The head's port for the cluster; 0 takes a free one.
    package var port: UInt16 = 6379
    /// The head's port for drivers outside; 0 takes a free one, nothing opens none.
    package var clientPort: UInt16? = 10001
    /// The raylet's port; 0 takes a free one.
    package var rayletPort: UInt16 = 0
    package var nodeName = ""
    /// Nothing means: as detected.
    package var cpus: Double?
    package var gpus: Double?
    /// Bytes.
    package var memory: Int?
    /// Bytes.
    package var objectStoreMemory: Int?
    /// Custom resources.
    package var resources: [String: Double] = [:]
    package var labels: [String: String] = [:]
    /// The folder that holds the sessions.
    package var temporaryRoot: String?
    /// The folder for objects that the store has no room for; nothing means the session's.
    package var objectSpillingDirectory: String?
    package var token = AuthenticationToken.open
    /// The executable that becomes `gcs_server` and `raylet`: this program itself.
    package var executable = "/proc/self/exe"
    /// Whether the processes end with this one: so for `ray.init()`, not for `ray start`.
    package var endsWithParent = false
    /// Whether the head keeps its state in a journal and comes back after its death: so for `ray start`.
    package var isDurable = false
    /// Folder of the head's journal; the session's if not given. `RAY_gcs_storage_path`.
    package var storagePath: String?
    /// Whether the raylet of the head's node starts the GCS again when it dies: so without `--block`.
    package var restartsHead = false

    package init() {}
}

/// A node that was started.
package struct StartedNode: Sendable {
    package var session: SessionDirectory
    package var nodeID: NodeID
    /// `host:port` of the head, to be passed to others.
    package var headHost: String
    package var headPort: UInt16
    package var clientPort: UInt16?
    package var rayletPort: UInt16
    package var token: AuthenticationToken
    /// `gcs_server` (on the head) and `raylet`, in the order of their start.
    package var processes: [(role: String, processID: Int32)]
}
