//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// How many bytes of a task's arguments a node holds.
package struct Locality: Hashable, Sendable, WireCodable {
    package var node: NodeID
    package var bytes: Int

    package init(node: NodeID, bytes: Int) {
        self.node = node
        self.bytes = bytes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(bytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        node = try reader.identifier()
        bytes = try reader.count()
    }
}

/// Owner to GCS: a worker of this shape is wanted. Repeating it is harmless.
package struct RequestLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var job: JobID
    package var shape: ResourceSet
    package var strategy: SchedulingStrategy
    package var locality: [Locality]
    package var owner: Address
    /// What the worker needs beside the job's program.
    package var environment: RuntimeEnvironmentSpec?

    package init(
        lease: LeaseID, job: JobID, shape: ResourceSet, strategy: SchedulingStrategy, locality: [Locality],
        owner: Address
    ) {
        self.lease = lease
        self.job = job
        self.shape = shape
        self.strategy = strategy
        self.locality = locality
        self.owner = owner
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(job)
        writer.write(shape)
        writer.write(strategy)
        writer.write(list: locality)
        writer.write(owner)
        // Few leases have one, and the others need not carry it.
        if environment != nil { writer.write(optional: environment) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        job = try reader.identifier()
        shape = try reader.value()
        strategy = try reader.value()
        locality = try reader.values()
        owner = try reader.value()
        environment = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
            try reader.optionalValue()
        }
    }
}

/// GCS to owner: the worker to push tasks to.
package struct LeaseGranted: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var worker: Address
    package var processID: Int32

    package init(lease: LeaseID, worker: Address, processID: Int32) {
        self.lease = lease
        self.worker = worker
        self.processID = processID
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(worker)
        writer.write(processID)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        worker = try reader.value()
        processID = try reader.int32()
    }
}

/// GCS to owner: the lease cannot be had, and why.
package struct LeaseRefused: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var error: RayError

    package init(lease: LeaseID, error: RayError) {
        self.lease = lease
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        error = try reader.value()
    }
}

/// Owner to GCS: a request is withdrawn, or a grant given back that crossed it.
package struct CancelLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID

    package init(lease: LeaseID) {
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
    }
}

/// Owner to GCS: no more work for this lease.
package struct ReturnLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    /// Whether the owner cannot reach the worker: it may still run something, and must not serve others.
    package var isUnreachable: Bool

    package init(lease: LeaseID, isUnreachable: Bool = false) {
        self.lease = lease
        self.isUnreachable = isUnreachable
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(isUnreachable)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        isUnreachable = try reader.bool()
    }
}

/// GCS to owner: the leased worker is gone, and why.
package struct LeaseLost: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var error: RayError
    /// Whether its node was taken away after an announcement: what ran there uses up no retry.
    package var wasPreempted: Bool

    package init(lease: LeaseID, error: RayError, wasPreempted: Bool = false) {
        self.lease = lease
        self.error = error
        self.wasPreempted = wasPreempted
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(error)
        writer.write(wasPreempted)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        error = try reader.value()
        wasPreempted = try reader.added(false) { (reader: inout WireReader) throws(WireError) in try reader.bool() }
    }
}

/// GCS to owner: others wait; return leases that have no work.
package struct ReclaimLeases: Hashable, Sendable, WireCodable {
    package init() {}

    package func encode(into writer: inout WireWriter) {
    }

    package init(from reader: inout WireReader) throws(WireError) {
    }
}

/// GCS to owner: why a request still waits.
package struct LeasePending: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var reason: PendingReason

    package init(lease: LeaseID, reason: PendingReason) {
        self.lease = lease
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        reason = try reader.value()
    }
}

/// Worker to GCS: its task waits; the CPU may be used by others.
package struct LeaseBlocked: Hashable, Sendable, WireCodable {
    package var lease: LeaseID

    package init(lease: LeaseID) {
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
    }
}

/// Worker to GCS: its task could go on; answered by `LeaseResumed` when the CPU is its own again.
package struct LeaseUnblocked: Hashable, Sendable, WireCodable {
    package var lease: LeaseID

    package init(lease: LeaseID) {
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
    }
}

/// GCS to worker.
package struct LeaseResumed: Hashable, Sendable, WireCodable {
    package var lease: LeaseID

    package init(lease: LeaseID) {
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
    }
}

/// Worker to the owner of its lease, and to its raylet: it begins no further tasks, and ends when nobody depends on it.
package struct WorkerRetired: Hashable, Sendable, WireCodable {
    package var lease: LeaseID

    package init(lease: LeaseID) {
        self.lease = lease
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
    }
}
