//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
package import RayCore
package import RayWire

/// The state machine inside every driver and worker: ownership, submission, execution (Ray's core worker).
///
/// It owns the objects made by its tasks and puts, asks the GCS for leases, pushes tasks to leased workers,
/// calls actors in order, and runs what others push to it. Pure: it is told the time, and what it wants done
/// comes out as effects. The parts live in extensions: `Ownership`, `Submission`, `Execution`, `Requests`.
package struct WorkerCore: Sendable {
    /// What does not change during the life of the process.
    package struct Configuration: Sendable {
        package var address: Address
        /// The raylet of this process's node; nothing for a driver outside the cluster.
        package var raylet: Address?
        package var job: JobID
        package var namespace: String
        package var isDriver: Bool
        package var processID: Int32
        /// This process's slot in the node's store.
        package var storeSlot: UInt32 = 0
        /// How long a lease without work is kept, unless somebody waits for it.
        package var leaseIdleMilliseconds = 200
        /// The same while a task of this process waits for others.
        package var leaseIdleBlockedMilliseconds = 5
        /// How long a worker may take to end itself before it is killed.
        package var forcedEndMilliseconds = 2_000
        /// How long to wait for the cause of a worker's death before the error says that it is unknown.
        package var deathCauseMilliseconds = 5_000
        /// What a worker said before its end must be read within this time: something that it started may keep the other end
        /// of its link open.
        package var lastWordsMilliseconds = 1_000
        /// How long what a lost peer held is kept: longer than any link lives without a connection, so that what
        /// it passed on to others has been registered or cannot be any more.
        package var lostPeerMilliseconds = 10_000
        /// The same of a process whose end the head reports: what it has sent is there, and only has to be handled.
        package var deadPeerMilliseconds = 50
        /// How often a task whose worker was killed for want of memory runs again (Ray's `task_oom_retries`), if its
        /// call wants retries at all; -1 without limit.
        package var oomRetriesMax = -1
        /// The pause before the first of these; each further one is twice as long (`task_oom_retry_delay_base_ms`).
        package var oomRetryDelayMilliseconds = 1_000
        /// How long an actor's process is waited for that is to own something.
        package var handOverMilliseconds = 60_000
        /// What is recorded of tasks.
        package var trace = TraceSettings()
        /// Whether lost results are made again (Ray's `lineage_pinning_enabled`).
        package var keepsLineage = true
        /// Bytes of lineage that are kept at most (Ray's `max_lineage_bytes`).
        package var lineageBytesMax = 1 << 30
        /// A fault for the simulation to find: lineage of arguments goes with their values.
        package var plantsShortLineage = false
        /// A fault for the simulation to find: what is asked to be cancelled goes on.
        package var plantsDeafCancel = false
        /// A fault for the simulation to find: generators that run again send no item a second time.
        package var plantsSkippedRebuild = false
        /// A fault for the simulation to find: calls that make results again wait behind those that want them.
        package var plantsPoliteRebuild = false
        /// A fault for the simulation to find: nothing waits until what is held here is registered.
        package var plantsEarlyAnswer = false
        /// A fault for the simulation to find: workers that are not reached are given back as if they were idle.
        package var plantsPoliteAbandon = false
        /// Where the GCS is; resolved anew at each attempt if it is a name.
        package var gcs = Address.none
        /// The cluster's identity; empty if not known.
        package var clusterName = ""
        /// How long a head that is away is waited for; 0 if it does not come back.
        package var reconnectMilliseconds = 0

        package init(
            address: Address, raylet: Address?, job: JobID, namespace: String, isDriver: Bool,
            processID: Int32 = 0
        ) {
            self.address = address
            self.raylet = raylet
            self.job = job
            self.namespace = namespace
            self.isDriver = isDriver
            self.processID = processID
        }
    }

    /// What can happen to a worker, beside the calls of its API.
    package enum Input: Sendable {
        case message(Message, requestID: UInt64, from: WorkerID)
        /// A link is up; of interest for the GCS.
        case peerUp(WorkerID)
        case peerLost(WorkerID, reason: String)
        /// A peer does not want this process; trying again is pointless.
        case refused(WorkerID, reason: String)
        /// Whether the node's store has the object; the answer to `locate`.
        case located(ObjectID, isPresent: Bool)
        /// Arguments of a task were evicted before it began: they are fetched again. An answer to `execute`.
        case argumentsMissing(TaskID, [ObjectID])
        /// A task ended; the answer to `execute`.
        case finished(TaskID, TaskOutcome)
        /// A message is larger than a frame and was not sent.
        case unsendable(Message, requestID: UInt64, to: WorkerID, byteCount: Int)
        case tick
    }

    package let configuration: Configuration
    /// What this process was started with, or the driver was told; what it submits inherits it.
    package var environment: RuntimeEnvironmentSpec?
    var generator: SplitMix64
    var objects: [ObjectID: ObjectEntry] = [:]
    /// The number of the last put.
    package var putCounter: UInt32 = 0
    /// What a worker's puts outside of tasks count as.
    var ownTask: TaskID?
    var references = ReferenceTable()
    var handOvers = HandOverTable()
    var lineage = LineageTable()
    /// Whether something that was at hand was ever lost again: then gets look twice before they end.
    var hasLosses = false
    /// Whether the value of an object of this process is or was in a store: then waits look whether it is at hand.
    var hasStored = false
    /// Errors of tasks that nobody has asked for yet, and since when.
    var unreadErrors: [ObjectID: Instant] = [:]
    /// Nodes that died, and what to say of it.
    var deadNodes: [NodeID: String] = [:]
    var tasks: [TaskID: PendingTask] = [:]
    /// Generators of this process that are read.
    var streams: [TaskID: GeneratorStream] = [:]
    var shapes: [Shape] = []
    var shapeIndices: [ShapeKey: Int] = [:]
    /// The shape of the latest task without references: most are like the one before.
    var lastShape: (call: Shared<TaskCall>, index: Int)?
    /// Whether some actor has a limit of calls that are under way.
    var limitsCalls = false
    var leases: [LeaseID: OwnedLease] = [:]
    var leaseCounter: UInt32 = 0
    /// Tasks that are tried again after a pause.
    var delayedTasks: [DelayedTask] = []
    /// What the user was told last of why tasks wait.
    var lastWarning: PendingReason?
    var actors: [ActorID: ActorClient] = [:]
    /// With how many calls under way on one actor the driver is warned next.
    var excessWarnedAt = 5_000
    var waits: [UInt64: WaitRequest] = [:]
    /// Questions to the GCS that are not answered.
    var requests: [UInt64: Message] = [:]
    var requestCounter: UInt64 = 0
    /// Channels that this process subscribed to.
    var channels: Set<String> = []
    var execution = Execution()
    var pulls: [ObjectID: RemotePull] = [:]
    /// When `tick` is wanted next, at the latest; `.distantFuture` for never.
    package private(set) var alarm = Instant.distantFuture
    /// What is to be reported of tasks.
    var tracer: TaskTracer
    /// The time of the present input.
    var clock = Instant.zero
    /// Where the first references to objects were made; nothing if that is not recorded.
    var callSites: [ObjectID: String]?
    /// Why nothing works any more: the GCS or the node's raylet is gone.
    var fatal: RayError?
    /// Since when the head is not reached.
    var headAwaySince: Instant?
    /// When it is tried again.
    var headRetryAt: Instant?
    /// The latest leases that were given up because their workers were not reached.
    var abandonedLeases: Deque<LeaseID> = []

    package init(_ configuration: Configuration, seed: UInt64) {
        self.configuration = configuration
        generator = SplitMix64(seed: seed)
        tracer = TaskTracer(configuration.trace)
    }

    /// Takes one input; what is to be done about it is appended to `effects`.
    package mutating func receive(_ input: Input, at now: Instant, into effects: inout WorkerEffects) {
        effects.isHeadAway = headAwaySince != nil
        clock = now
        switch input {
        case .message(let message, let requestID, let peer):
            receive(message, requestID: requestID, from: peer, at: now, into: &effects)
        case .peerUp(let peer): if peer == .gcs { headIsBack(at: now, into: &effects) }
        case .peerLost(let peer, let reason): peerLost(peer, reason: reason, at: now, into: &effects)
        case .refused(let peer, let reason):
            guard peer == .gcs else { return peerLost(peer, reason: reason, at: now, into: &effects) }
            failEverything(RayError(.clusterUnreachable, reason), at: now, into: &effects)
        case .located(let id, let isPresent): located(id, isPresent: isPresent, into: &effects)
        case .argumentsMissing(let task, let missing): argumentsMissing(task, missing, into: &effects)
        case .finished(let task, let outcome): finished(task, outcome, at: now, into: &effects)
        case .unsendable(let message, let requestID, let peer, let byteCount):
            unsendable(message, requestID: requestID, to: peer, byteCount, at: now, into: &effects)
        case .tick: tick(at: now, into: &effects)
        }
        if execution.isRetired { endIfUnneeded(into: &effects) }
    }

    private mutating func receive(
        _ message: Message, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout WorkerEffects
    ) {
        switch message {
        case .taskDone(let message): taskDone(message, from: peer, at: now, into: &effects)
        case .pushTask(let message): pushed(message, from: peer, at: now, into: &effects)
        case .callActor(let message): called(message, from: peer, at: now, into: &effects)
        case .leaseGranted(let message): leaseGranted(message, at: now, into: &effects)
        case .leaseRefused(let message): leaseRefused(message, at: now, into: &effects)
        case .leaseLost(let message): lossHeard(message, at: now, into: &effects)
        case .reclaimLeases: returnIdleLeases(into: &effects)
        case .leasePending(let message): leasePending(message, into: &effects)
        case .handBack(let message): handedBack(message, at: now, into: &effects)
        case .stealTasks(let message):
            handBack(message.lease, atMost: Int(message.count), askedBy: peer, into: &effects)
        case .leaseResumed(let message): leaseResumed(message.lease, into: &effects)
        case .collectGarbage: effects.append(.collectGarbage)
        case .workerRetired(let message): workerRetired(message, from: peer, at: now, into: &effects)
        case .actorUpdate(let message): updated(message, at: now, into: &effects)
        case .generatorItem(let message): itemMade(message, from: peer, into: &effects)
        case .generatorConsumed(let message): itemsConsumed(message, from: peer, into: &effects)
        case .generatorEnded(let message): generatorEnded(message, from: peer, into: &effects)
        case .unreadItems(let message): unreadItems(message, from: peer, into: &effects)
        case .stopGenerator(let message): stopAsked(message, from: peer, into: &effects)
        case .drainActor(let message): drain(message, into: &effects)
        case .cancelTask(let message): cancelAsked(message, from: peer, at: now, into: &effects)
        case .cancelObject(let message): cancelAsked(message, at: now, into: &effects)
        case .startActor(let message): startActor(message, at: now, into: &effects)
        case .queryObject(let message): queried(message, from: peer, at: now, into: &effects)
        case .objectStatus(let message): objectStatus(message, at: now, into: &effects)
        case .borrowObjects(let message): borrowed(message, by: peer, into: &effects)
        case .borrowNoted(let message): borrowNoted(message, from: peer, into: &effects)
        case .returnObjects(let message): returned(message, by: peer, into: &effects)
        case .resultReferences(let message): resultReferences(message, from: peer, into: &effects)
        case .referencesTaken(let message): referencesTaken(message, from: peer, into: &effects)
        case .handOver(let message): handOverAsked(message, from: peer, into: &effects)
        case .handedOver(let message): handedOver(message, from: peer, at: now, into: &effects)
        case .objectShared(let message): objectShared(message, into: &effects)
        case .rebuildBlocked(let message): rebuildBlocked(message, from: peer, at: now, into: &effects)
        case .objectLocal(let message):
            objectLocal(message, version: UInt32(truncatingIfNeeded: requestID), at: now, into: &effects)
        case .objectCopied(let message): objectCopied(message, from: peer, into: &effects)
        case .copiesGone(let message): copiesGone(message, from: peer, at: now, into: &effects)
        case .nodeDied(let message): nodeDied(message, at: now, into: &effects)
        case .processesDied(let message): processesDied(message, at: now)
        case .argumentLost(let message): argumentLost(message, from: peer, at: now, into: &effects)
        case .objectCreated(let message): resultRoomCreated(message, into: &effects)
        case .objectChunk(let message): chunkReceived(message, from: peer, at: now, into: &effects)
        case .rejoined(let message):
            if let error = message.error { failEverything(error, at: now, into: &effects) }
        case .exitWorker(let message): exitRequested(message.reason, into: &effects)
        case .explainTasks(let message): explain(message, into: &effects)
        case .listObjects(let message): listObjects(message, into: &effects)
        case .actorFound, .clusterStatus, .keyValueReply, .done, .blobStored, .blobChunk, .placementGroupsFound,
            .timelinePart, .stateRows:
            if requests.removeValue(forKey: requestID) != nil {
                effects.append(.completeRequest(requestID, .success(message)))
            }
        default: break  // Not for us; a newer or confused peer.
        }
    }

    /// Wants `tick` at `instant` at the latest.
    mutating func setAlarm(_ instant: Instant) { alarm = min(alarm, instant) }

    /// The earliest time at which something is due. O(waits + leases + actors), so only once per tick.
    private func nextDue(after now: Instant) -> Instant {
        var wake = Instant.distantFuture
        for lost in references.lostPeers { wake = min(wake, lost.due) }
        for request in waits.values { wake = min(wake, request.deadline ?? .distantFuture) }
        for lease in leases.values where headAwaySince == nil || lease.lostAt == nil || lease.loss != nil {
            wake = min(
                wake,
                lease.wake(
                    idleMilliseconds: leaseIdleMilliseconds(lease.shape),
                    deathCauseMilliseconds: configuration.deathCauseMilliseconds))
        }
        wake = min(wake, headRetryAt ?? .distantFuture)
        for actor in actors.values where headAwaySince == nil || actor.news != nil {
            wake = min(wake, actor.unavailableAt ?? .distantFuture, actor.restartDue ?? .distantFuture)
        }
        for pull in pulls.values { wake = min(wake, pull.deadline ?? .zero) }
        for task in delayedTasks { wake = min(wake, task.due) }
        wake = min(wake, handOvers.due)
        wake = min(wake, execution.rebuildsDue ?? .distantFuture)
        wake = min(wake, lineage.hopelessDue ?? .distantFuture)
        return min(wake, tracer.reportAt ?? .distantFuture)
    }

    private mutating func tick(at now: Instant, into effects: inout WorkerEffects) {
        reachHead(at: now, into: &effects)
        expireWaits(at: now, into: &effects)
        expireLeases(at: now, into: &effects)
        queueDelayedTasks(at: now, into: &effects)
        expireActorCalls(at: now, into: &effects)
        expireRestarts(at: now, into: &effects)
        expireHandOvers(at: now, into: &effects)
        reportBlockedRebuilds(at: now, into: &effects)
        expireHopeless(at: now, into: &effects)
        expirePulls(at: now, into: &effects)
        expireLostPeers(at: now, into: &effects)
        reportTrace(at: now, into: &effects)
        alarm = nextDue(after: now)
    }

    private mutating func peerLost(
        _ peer: WorkerID, reason: String, at now: Instant, into effects: inout WorkerEffects
    ) {
        if peer == .gcs {
            headIsLost(reason: reason, at: now, into: &effects)
            return
        }
        if let raylet = configuration.raylet, peer == raylet.worker {
            failEverything(
                // For Ray's tools in its words.
                RayError(
                    .localRayletDied,
                    "The worker failed to receive a response from the local raylet, which is gone (\(reason))"),
                at: now, into: &effects)
            return
        }
        requesterLost(peer, into: &effects)
        takerLost(peer, at: now, into: &effects)
        referencePeerLost(peer, at: now, into: &effects)
        ownerLost(peer, reason: reason, into: &effects)
        leasedWorkerLost(peer, reason: reason, at: now, into: &effects)
        actorWorkerLost(peer, at: now, into: &effects)
        callerLost(peer, into: &effects)
        pullSourceLost(peer, at: now, into: &effects)
    }

    /// Ends every wait with `error`: without the GCS or the raylet nothing can come any more.
    mutating func failEverything(
        _ error: RayError, at now: Instant, into effects: inout WorkerEffects
    ) {
        guard fatal == nil else { return }
        fatal = error
        guard configuration.isDriver else {
            effects.append(.exit(reason: error.message))
            return
        }
        for id in tasks.keys.sorted() { fail(task: id, error, into: &effects) }
        for (id, entry) in objects.sorted(by: { $0.key < $1.key }) where !entry.isAtHand {
            settle(id, .failed(error), into: &effects)
        }
        for request in requests.keys.sorted() { effects.append(.completeRequest(request, .failure(error))) }
        requests.removeAll()
        failAllHandOvers(error, into: &effects)
        flushTrace(at: now, into: &effects)
        leases.removeAll()
    }
}
