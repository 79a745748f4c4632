//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// One node's leases, worker processes, transfers and the use of its object store.
///
///     GCS ──AssignLease──▶ lease ──▶ worker pool ──spawnWorker──▶ driver
///     GCS ◀──LeaseReady── lease ◀── worker pool ◀──WorkerReady── worker
///
///     worker ──FetchObject──▶ fetch ──PullChunk──▶ raylet of another node
///     worker ◀──ObjectLocal── fetch ◀──ObjectChunk── raylet of another node
///
/// The accounting of the store is another core: this one asks it by effects and hears of it by inputs.
/// Every handler is total: what it does not know it ignores or answers with an error, since processes die and
/// messages cross at any moment.
package struct RayletCore: Sendable {
    let settings: RayletSettings
    /// Source of start tokens, store tokens and request ids.
    var nextNumber: UInt64
    var peers: Set<WorkerID> = []
    var leases: [LeaseID: Lease] = [:]
    /// Leases without a worker, in the order in which they came.
    var waitingLeases: [LeaseID] = []
    var pool = WorkerPool()
    var programs = ProgramTable()
    /// When it is looked for programs that nobody uses.
    var nextProgramCheck = Instant.zero
    var packages = PackageTable()
    /// Jobs that ended and still have workers here.
    var endedJobs: Set<JobID> = []
    /// Processes of this node that reported: workers and drivers.
    var clients: [WorkerID: StoreClientState] = [:]
    /// Sealed objects in the store.
    var localObjects: Set<ObjectID> = []
    /// Objects that are on this node's disk and not in the store.
    var diskObjects: Set<ObjectID> = []
    var creations: [ObjectID: ObjectCreation] = [:]
    /// Requests for room under way, by token.
    var storeRequests: [UInt64: StoreRequest] = [:]
    /// Second objects of the same bytes that the store was asked for, by token.
    var shares: [UInt64: Share] = [:]
    /// Sealed copies in the store that were fetched from other nodes, and whose owner was told of them.
    var copies: [ObjectID: Address] = [:]
    var fetches: [ObjectID: Fetch] = [:]
    /// Fetches that have not begun, in the order in which they came.
    var queuedFetches: [ObjectID] = []
    /// Pieces asked for, by request id.
    var chunkRequests: [UInt64: ObjectID] = [:]
    var pushes: [ObjectID: Push] = [:]
    var usage = StoreUsage()
    /// What the control store knows of the disk.
    var reportedSpill = SpillReport()
    /// Transfers and spills that are to be reported, oldest first, and those that were too many.
    var spans: [NodeSpan] = []
    var droppedSpans = 0
    var nextSpanReport = Instant.zero
    var isRegistered = false
    /// The cluster's identity, as the head said it when it took this node.
    var clusterName = ""
    /// How long the node waits for a head that is away, and since when it does.
    var reconnectMilliseconds = 0
    var headAwaySince: Instant?
    /// When it is tried again.
    var headRetryAt: Instant?
    /// What the head could not be told of ends of workers.
    var unsent: [Message] = []
    var nextReport = Instant.zero
    /// Before this nobody is asked to collect garbage again.
    var nextCollection = Instant.zero
    /// Why the node left; everything that comes later is ignored.
    package private(set) var leaveReason: String?

    /// A raylet without leases, workers and objects.
    package init(settings: RayletSettings) {
        self.settings = settings
        nextNumber = settings.firstNumber
        usage.capacityBytes = settings.info.storeCapacity
    }

    /// Takes one input at time `now` and appends what is to be done.
    package mutating func receive(_ input: RayletInput, at now: Instant, into effects: inout [RayletEffect]) {
        guard leaveReason == nil else { return }
        switch input {
        case .peerUp(let address): peerUp(address, at: now, into: &effects)
        case .peerLost(let peer, let reason): peerLost(peer, reason: reason, at: now, into: &effects)
        case .refused(let peer, let reason): refused(by: peer, reason: reason, at: now, into: &effects)
        case .message(let message, let requestID, let peer):
            receive(message, requestID: requestID, from: peer, at: now, into: &effects)
        case .workerSpawned(let token, let processID):
            workerSpawned(token, processID: processID, at: now, into: &effects)
        case .spawnFailed(let token, let reason): spawnFailed(token, reason: reason, at: now, into: &effects)
        case .processExited(let processID, let exit):
            processExited(processID, exit, at: now, into: &effects)
        case .storeClientGone(let slot): storeClientGone(slot, into: &effects)
        case .programReady(let key, let path): programReady(key, path: path, at: now, into: &effects)
        case .programFailed(let key, let error): programFailed(key, error, into: &effects)
        case .packageReady(let package, let folder, let byteCount):
            packageReady(package, folder: folder, byteCount: byteCount, at: now, into: &effects)
        case .packageFailed(let package, let reason): packageFailed(package, reason, into: &effects)
        case .storeCreated(let token, let offset): storeCreated(token, offset: offset, at: now, into: &effects)
        case .storeFailed(let token, let error): storeFailed(token, error, at: now, into: &effects)
        case .storeShared(let token, let shared): _ = storeShared(token, .success(shared), into: &effects)
        case .storeRejected(let object, let error): storeRejected(object, error, at: now, into: &effects)
        case .objectSealed(let object): objectSealed(object, at: now, into: &effects)
        case .objectsRemoved(let objects):
            localObjects.subtract(objects)
            diskObjects.subtract(objects)
            copiesDropped(objects, into: &effects)
        case .objectUnloaded(let object):
            if localObjects.remove(object) != nil { diskObjects.insert(object) }
        case .restoreFailed(let object, let error, let isLost):
            restoreFailed(object, error, isLost: isLost, at: now, into: &effects)
        case .memory(let reading): checkMemory(reading, at: now, into: &effects)
        case .diskUsed(let work): traceDisk(work)
        case .tick(let usage): tick(usage, at: now, into: &effects)
        case .stop(let reason): leave(reason: reason, into: &effects)
        }
    }

    /// Ends all processes and the node.
    mutating func leave(reason: String, into effects: inout [RayletEffect]) {
        for token in pool.order {
            if let processID = pool[token]?.livingProcessID {
                effects.append(.kill(processID: processID, group: true))
            }
        }
        effects.append(.log(.warning, "this node leaves the cluster: \(reason)"))
        effects.append(.leave(reason: reason))
        leaveReason = reason
    }

    /// A number that was not used before: a token or a request id, never 0.
    mutating func takeNumber() -> UInt64 {
        defer { nextNumber = nextNumber == .max ? 1 : nextNumber + 1 }
        return nextNumber
    }

    private mutating func tick(_ usage: StoreUsage, at now: Instant, into effects: inout [RayletEffect]) {
        self.usage = usage
        checkWorkerDeadlines(at: now, into: &effects)
        checkPackages(at: now, into: &effects)
        checkPrograms(at: now, into: &effects)
        checkFetchDeadlines(at: now, into: &effects)
        if let headRetryAt, headRetryAt <= now {
            self.headRetryAt = nil
            effects.append(.connect(settings.gcs))
        }
        guard isRegistered, headAwaySince == nil else { return }
        reportSpans(at: now, into: &effects)
        collectGarbage(at: now, into: &effects)
        guard now >= nextReport else { return }
        nextReport = now.advanced(milliseconds: settings.reportMilliseconds)
        let report = NodeReport(
            storeUsed: usage.usedBytes, storeCapacity: usage.capacityBytes, objectCount: usage.objectCount,
            workerCount: pool.workers.count, storePrimary: usage.primaryBytes)
        effects.append(.send(.nodeReport(report), requestID: 0, to: .gcs))
        guard usage.spilled != reportedSpill else { return }
        reportedSpill = usage.spilled
        effects.append(.send(.spillReport(usage.spilled), requestID: 0, to: .gcs))
    }
}
