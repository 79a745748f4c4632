//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A lease as the raylet that serves it knows it.
package struct HeldLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var job: JobID
    package var owner: Address
    /// What it holds on the node.
    package var held: ResourceSet
    package var acceleratorIDs: [AcceleratorID]
    package var actor: ActorID?
    /// The worker that serves it; nothing while it is being started.
    package var worker: Address?
    package var processID: Int32
    /// The bundle of a placement group that it takes its resources from, if any.
    package var bundle: BundleKey?

    package init(
        lease: LeaseID, job: JobID, owner: Address, held: ResourceSet, acceleratorIDs: [AcceleratorID] = [],
        actor: ActorID? = nil,
        worker: Address? = nil, processID: Int32, bundle: BundleKey? = nil
    ) {
        self.lease = lease
        self.job = job
        self.owner = owner
        self.held = held
        self.acceleratorIDs = acceleratorIDs
        self.actor = actor
        self.worker = worker
        self.processID = processID
        self.bundle = bundle
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(job)
        writer.write(owner)
        writer.write(held)
        writer.write(list: acceleratorIDs)
        writer.write(optional: actor)
        writer.write(optional: worker)
        writer.write(processID)
        writer.write(optional: bundle)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        job = try reader.identifier()
        owner = try reader.value()
        held = try reader.value()
        acceleratorIDs = try reader.values()
        actor = try reader.optionalIdentifier()
        worker = try reader.optionalValue()
        processID = try reader.int32()
        bundle = try reader.optionalValue()
    }
}

/// Raylet to GCS, over a new link: the node was in the cluster before. Answered by `NodeRegistered`.
package struct RejoinNode: Hashable, Sendable, WireCodable {
    package var info: NodeInfo
    /// The cluster that the node is in.
    package var clusterName: String
    /// All leases that the node serves.
    package var leases: [HeldLease]
    /// The jobs that have workers here.
    package var jobs: [JobID]
    /// Who owns objects in the store of the node.
    package var owners: [WorkerID]

    package init(
        info: NodeInfo, clusterName: String, leases: [HeldLease], jobs: [JobID], owners: [WorkerID]
    ) {
        self.info = info
        self.clusterName = clusterName
        self.leases = leases
        self.jobs = jobs
        self.owners = owners
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(info)
        writer.write(clusterName)
        writer.write(list: leases)
        writer.write(list: jobs)
        writer.write(list: owners)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        info = try reader.value()
        clusterName = try reader.string()
        leases = try reader.values()
        jobs = try reader.identifiers()
        owners = try reader.identifiers()
    }
}

/// A lease as its owner knows it.
package struct OwnedWorker: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    /// The node of the worker that serves it.
    package var node: NodeID

    package init(lease: LeaseID, node: NodeID) {
        self.lease = lease
        self.node = node
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(node)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        node = try reader.identifier()
    }
}

/// Driver or worker to GCS, over a new link: it was in the cluster before. Answered by `Rejoined`.
package struct Rejoin: Hashable, Sendable, WireCodable {
    package var job: JobID
    /// The cluster that the process is in; empty if it does not know.
    package var clusterName: String
    /// The leases that it has.
    package var leases: [OwnedWorker]
    /// The leases that it waits for; each is asked for again behind this message.
    package var requests: [LeaseID]
    /// The latest leases that it gave up because their workers were not reached: those workers must die.
    package var abandoned: [LeaseID]

    package init(
        job: JobID, clusterName: String, leases: [OwnedWorker], requests: [LeaseID], abandoned: [LeaseID] = []
    ) {
        self.job = job
        self.clusterName = clusterName
        self.leases = leases
        self.requests = requests
        self.abandoned = abandoned
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(job)
        writer.write(clusterName)
        writer.write(list: leases)
        writer.write(list: requests)
        writer.write(list: abandoned)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        job = try reader.identifier()
        clusterName = try reader.string()
        leases = try reader.values()
        requests = try reader.identifiers()
        abandoned = try reader.identifiers()
    }
}

/// GCS to driver or worker: taken in again, or why not.
package struct Rejoined: Hashable, Sendable, WireCodable {
    package var error: RayError?

    package init(error: RayError? = nil) {
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        error = try reader.optionalValue()
    }
}
