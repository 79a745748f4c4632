//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Where a process of the cluster can be reached, and who it is.
package struct Address: Hashable, Sendable {
    // Every reference has its owner's address: see `Shared`.
    @usableFromInline
    struct Fields: Hashable, Sendable {
        @usableFromInline var node: NodeID
        @usableFromInline var worker: WorkerID
        @usableFromInline var host: String
        @usableFromInline var port: UInt16
        @usableFromInline var socketPath: String

        @usableFromInline
        init(node: NodeID, worker: WorkerID, host: String, port: UInt16, socketPath: String) {
            self.node = node
            self.worker = worker
            self.host = host
            self.port = port
            self.socketPath = socketPath
        }
    }

    @usableFromInline var fields: Shared<Fields>

    /// The node on which the process runs; `NodeID.none` for a driver outside the cluster.
    @inlinable package var node: NodeID {
        _read { yield fields.value.node }
        _modify { yield &fields.value.node }
    }

    /// The process. A raylet's is the bytes of its node id, the GCS's is `WorkerID.gcs`.
    @inlinable package var worker: WorkerID {
        _read { yield fields.value.worker }
        _modify { yield &fields.value.worker }
    }

    /// IP address or host name of its TCP listener; empty if it has none.
    @inlinable package var host: String {
        _read { yield fields.value.host }
        _modify { yield &fields.value.host }
    }

    /// Port of its TCP listener; 0 if it has none.
    @inlinable package var port: UInt16 {
        _read { yield fields.value.port }
        _modify { yield &fields.value.port }
    }

    /// Path of its Unix socket, for peers on the same node; empty if it has none.
    @inlinable package var socketPath: String {
        _read { yield fields.value.socketPath }
        _modify { yield &fields.value.socketPath }
    }

    package init(node: NodeID, worker: WorkerID, host: String, port: UInt16, socketPath: String) {
        fields = Shared(Fields(node: node, worker: worker, host: host, port: port, socketPath: socketPath))
    }

    /// An address that leads nowhere.
    package static let none = Address(node: .none, worker: .none, host: "", port: 0, socketPath: "")
}

extension WorkerID {
    /// The process id under which the GCS takes part in the cluster.
    package static let gcs = WorkerID(0, 0, 0, 0)

    /// The process id under which the raylet of `node` takes part in the cluster.
    package init(raylet node: NodeID) {
        self.init(node.word0, node.word1, node.word2, node.tail)
    }
}

extension NodeID {
    /// The node whose raylet is known as `worker`.
    package init(raylet worker: WorkerID) {
        self.init(worker.word0, worker.word1, worker.word2, worker.tail)
    }
}
