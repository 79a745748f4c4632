//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A node as it joins the cluster.
package struct NodeInfo: Hashable, Sendable, WireCodable {
    /// The raylet.
    package var address: Address
    /// For people.
    package var name: String
    package var isHead: Bool
    /// Process id of the raylet.
    package var processID: Int32
    /// All its resources.
    package var total: ResourceSet
    package var labels: [NodeLabel]
    /// Bytes of its object store.
    package var storeCapacity: Int
    package var sessionDirectory: String

    package init(
        address: Address, name: String, isHead: Bool, processID: Int32, total: ResourceSet, labels: [NodeLabel],
        storeCapacity: Int, sessionDirectory: String
    ) {
        self.address = address
        self.name = name
        self.isHead = isHead
        self.processID = processID
        self.total = total
        self.labels = labels
        self.storeCapacity = storeCapacity
        self.sessionDirectory = sessionDirectory
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(address)
        writer.write(name)
        writer.write(isHead)
        writer.write(processID)
        writer.write(total)
        writer.write(list: labels)
        writer.write(storeCapacity)
        writer.write(sessionDirectory)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        address = try reader.value()
        name = try reader.string()
        isHead = try reader.bool()
        processID = try reader.int32()
        total = try reader.value()
        labels = try reader.values()
        storeCapacity = try reader.count()
        sessionDirectory = try reader.string()
    }
}

/// A key and value that describe a node.
package struct NodeLabel: Hashable, Sendable, WireCodable {
    /// The key of the label that holds a node's id as hex.
    package static let nodeID = "ray.io/node-id"

    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(key)
        writer.write(value)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        key = try reader.string()
        value = try reader.string()
    }
}

/// Raylet to GCS: the node wants to join. Repeating it is harmless.
package struct RegisterNode: Hashable, Sendable, WireCodable {
    package var info: NodeInfo

    package init(info: NodeInfo) {
        self.info = info
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(info)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        info = try reader.value()
    }
}

/// GCS to raylet: joined, or why not.
package struct NodeRegistered: Hashable, Sendable, WireCodable {
    package var error: RayError?
    /// The cluster's identity, the same after its head was started again.
    package var clusterName: String
    /// How long a process waits for a head that is away; 0 where it does not come back.
    package var reconnectMilliseconds: Int

    package init(error: RayError? = nil, clusterName: String, reconnectMilliseconds: Int = 0) {
        self.error = error
        self.clusterName = clusterName
        self.reconnectMilliseconds = reconnectMilliseconds
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: error)
        writer.write(clusterName)
        writer.write(reconnectMilliseconds)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        error = try reader.optionalValue()
        clusterName = try reader.string()
        reconnectMilliseconds = try reader.added(0) { (reader: inout WireReader) throws(WireError) in
            try reader.int()
        }
    }
}

/// Raylet to GCS, once a second: it lives, and how full it is.
package struct NodeReport: Hashable, Sendable, WireCodable {
    /// Bytes.
    package var storeUsed: Int
    /// Bytes.
    package var storeCapacity: Int
    package var objectCount: Int
    package var workerCount: Int
    /// Bytes of primary copies in the store, which are not evicted.
    package var storePrimary: Int

    package init(storeUsed: Int, storeCapacity: Int, objectCount: Int, workerCount: Int, storePrimary: Int = 0) {
        self.storeUsed = storeUsed
        self.storeCapacity = storeCapacity
        self.objectCount = objectCount
        self.workerCount = workerCount
        self.storePrimary = storePrimary
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(storeUsed)
        writer.write(storeCapacity)
        writer.write(objectCount)
        writer.write(workerCount)
        writer.write(storePrimary)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        storeUsed = try reader.count()
        storeCapacity = try reader.count()
        objectCount = try reader.count()
        workerCount = try reader.count()
        storePrimary = try reader.added(0) { (reader: inout WireReader) throws(WireError) in try reader.count() }
    }
}

/// GCS to raylet: give this owner a worker. Answered by `LeaseReady` or `LeaseFailed`.
package struct AssignLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var job: JobID
    /// Who asked; the GCS itself for actors.
    package var owner: Address
    /// What the worker runs.
    package var program: Program
    /// The devices of which the lease holds a whole or a part.
    package var acceleratorIDs: [AcceleratorID]
    /// The actor that will live in the worker, if any.
    package var actor: ActorID?
    /// What the lease holds on the node; the raylet says it again to a head that was started again.
    package var held: ResourceSet
    /// The bundle of a placement group that it takes that from, if any; to be said again like `held`.
    package var bundle: BundleKey?
    /// What the worker needs beside its program.
    package var environment: RuntimeEnvironmentSpec?

    package init(
        lease: LeaseID, job: JobID, owner: Address, program: Program, acceleratorIDs: [AcceleratorID] = [],
        actor: ActorID? = nil,
        held: ResourceSet = ResourceSet(), bundle: BundleKey? = nil
    ) {
        self.lease = lease
        self.job = job
        self.owner = owner
        self.program = program
        self.acceleratorIDs = acceleratorIDs
        self.actor = actor
        self.held = held
        self.bundle = bundle
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(job)
        writer.write(owner)
        writer.write(program)
        writer.write(list: acceleratorIDs)
        writer.write(optional: actor)
        writer.write(held)
        writer.write(optional: bundle)
        // Few leases have one, and the others need not carry it.
        if environment != nil { writer.write(optional: environment) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        job = try reader.identifier()
        owner = try reader.value()
        program = try reader.value()
        acceleratorIDs = try reader.values()
        actor = try reader.optionalIdentifier()
        held = try reader.added(ResourceSet()) { (reader: inout WireReader) throws(WireError) in
            try reader.value()
        }
        bundle = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
            try reader.optionalValue()
        }
        environment = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
            try reader.optionalValue()
        }
    }
}

/// Raylet to GCS: the worker of a lease is there.
package struct LeaseReady: Hashable, Sendable, WireCodable {
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

/// Raylet to GCS: no worker could be started, and why.
package struct LeaseFailed: Hashable, Sendable, WireCodable {
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

/// GCS to raylet: the lease has ended; the worker is idle again, or is to be killed.
package struct ReleaseLease: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var kill: Bool

    package init(lease: LeaseID, kill: Bool) {
        self.lease = lease
        self.kill = kill
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(kill)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        kill = try reader.bool()
    }
}

/// Raylet to GCS: a worker process is gone.
package struct WorkerExited: Hashable, Sendable, WireCodable {
    package var worker: WorkerID
    /// The lease that it served.
    package var lease: LeaseID?
    package var processID: Int32
    /// Meaningful if `signal` is 0.
    package var exitCode: Int32
    /// The signal that killed it, or 0.
    package var signal: Int32
    /// Whether it was told to go.
    package var intended: Bool
    /// What it printed last.
    package var lastLines: [String]

    package init(
        worker: WorkerID, lease: LeaseID? = nil, processID: Int32, exitCode: Int32, signal: Int32, intended: Bool,
        lastLines: [String]
    ) {
        self.worker = worker
        self.lease = lease
        self.processID = processID
        self.exitCode = exitCode
        self.signal = signal
        self.intended = intended
        self.lastLines = lastLines
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(worker)
        writer.write(optional: lease)
        writer.write(processID)
        writer.write(exitCode)
        writer.write(signal)
        writer.write(intended)
        writer.write(list: lastLines) { $0.write($1) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        worker = try reader.identifier()
        lease = try reader.optionalIdentifier()
        processID = try reader.int32()
        exitCode = try reader.int32()
        signal = try reader.int32()
        intended = try reader.bool()
        lastLines = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
    }
}

/// GCS to raylets: these processes and jobs are gone; free what they owned, end their workers.
package struct ReleaseOwned: Hashable, Sendable, WireCodable {
    package var workers: [WorkerID]
    package var jobs: [JobID]

    package init(workers: [WorkerID], jobs: [JobID]) {
        self.workers = workers
        self.jobs = jobs
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: workers)
        writer.write(list: jobs)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        workers = try reader.identifiers()
        jobs = try reader.identifiers()
    }
}

/// GCS to raylet: kill the worker that serves this lease.
package struct KillWorker: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var reason: String

    package init(lease: LeaseID, reason: String) {
        self.lease = lease
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        reason = try reader.string()
    }
}

/// Raylet to GCS to driver: lines that a worker printed.
package struct LogLines: Hashable, Sendable, WireCodable {
    package var job: JobID
    package var host: String
    package var processID: Int32
    /// What ran, for the prefix.
    package var name: String
    /// Standard error instead of output.
    package var isError: Bool
    package var lines: [String]

    package init(job: JobID, host: String, processID: Int32, name: String, isError: Bool, lines: [String]) {
        self.job = job
        self.host = host
        self.processID = processID
        self.name = name
        self.isError = isError
        self.lines = lines
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(job)
        writer.write(host)
        writer.write(processID)
        writer.write(name)
        writer.write(isError)
        writer.write(list: lines) { $0.write($1) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        job = try reader.identifier()
        host = try reader.string()
        processID = try reader.int32()
        name = try reader.string()
        isError = try reader.bool()
        lines = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
    }
}

/// Driver to GCS to all raylets: pass on what workers of the job have printed so far. Each answers the driver with a
/// `LogLines` without lines.
package struct FlushLines: Hashable, Sendable, WireCodable {
    package var job: JobID

    package init(job: JobID) { self.job = job }

    package func encode(into writer: inout WireWriter) { writer.write(job) }

    package init(from reader: inout WireReader) throws(WireError) { job = try reader.identifier() }
}

/// GCS to raylet: leave; the reason is for the log.
package struct ShutDownNode: Hashable, Sendable, WireCodable {
    package var reason: String

    package init(reason: String) {
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        reason = try reader.string()
    }
}

extension Program: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(hash)
        writer.write(path)
        writer.write(byteCount)
        writer.write(list: arguments) { $0.write($1) }
        writer.write(list: environment) { $0.write($1) }
        writer.write(workingDirectory)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            hash: try reader.string(), path: try reader.string(), byteCount: try reader.count(),
            arguments: try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() },
            environment: try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() },
            workingDirectory: try reader.string())
    }
}
