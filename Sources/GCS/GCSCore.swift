//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayScheduler
internal import RayWire

/// The head of a cluster: who is in it, who gets which resources, where the actors are.
///
///     raylet  ──RegisterNode, NodeReport──▶ nodes
///     driver  ──RegisterJob──▶ jobs
///     owner   ──RequestLease──▶ leases ──▶ scheduler ──AssignLease──▶ raylet
///     owner   ◀──LeaseGranted── leases ◀──LeaseReady── raylet
///     creator ──CreateActor──▶ actors ──lease──▶ scheduler … ──StartActor──▶ worker
///     anybody ──KeyValueRequest, Publish, QueryCluster──▶ key-value store, channels, status
///
/// Links deliver in order and once, but processes die and messages of different peers cross: so every handler is
/// total, what is unknown is ignored or answered with an error, and repeating a message changes nothing.
package struct GCSCore: Sendable {
    let settings: GCSSettings
    var scheduler: SchedulerCore
    var generator: SplitMix64

    var peers: [WorkerID: PeerRecord] = [:]
    /// Executables and packages that can be had here; see `SharedFile`.
    var files = DurableTable<String, SharedFile>()
    var lastFileCheck: Instant?

    /// Nodes that live.
    var nodes = DurableTable<NodeID, NodeRecord>()
    /// Their ids in the order in which they joined.
    var nodeOrder: [NodeID] = []
    /// Nodes that ever joined.
    var nodeCount: UInt64 = 0
    var deadNodes = History<NodeID, NodeRecord>(countMax: GCSLimits.deadNodesMax)

    /// Running jobs, and ended ones of which detached actors live.
    var jobs = DurableTable<JobID, JobRecord>()
    var jobCount: UInt32 = 0

    /// Leases that wait, are being served or are in use.
    var leases: [LeaseID: LeaseRecord] = [:]
    /// The leases for tasks that a process owns.
    var ownerLeases: [WorkerID: Set<LeaseID>] = [:]
    /// The lease that a worker serves.
    var workerLeases: [WorkerID: LeaseID] = [:]
    /// Number of the last lease that the GCS asked for itself.
    var leaseCounter: UInt32 = 0
    var notices = PendingNotices()
    /// Workers whose link was lost and whose end is not reported, in order of time.
    var lostWorkers: [LostWorker] = []
    /// Drivers and workers that are gone, and workers that are to end, with the reason.
    var endedWorkers = History<WorkerID, EndedWorker>(countMax: GCSLimits.endedWorkersMax)
    /// When workers had come whose links are gone: their ends may be reported later.
    var lostStarts = History<WorkerID, Instant>(countMax: GCSLimits.endedWorkersMax)
    var orderedEnds = History<WorkerID, (EndedWorker.ExitType, String)>(countMax: GCSLimits.endedWorkersMax)

    /// Actors that are not dead.
    var actors = DurableTable<ActorID, ActorRecord>()
    var actorNames: [ActorName: ActorID] = [:]
    /// Actors that end when their calls have, and when they are ended at the latest.
    var drainingActors: [ActorID: Instant] = [:]
    /// The actors that end with the process that created them.
    var creatorActors: [WorkerID: Set<ActorID>] = [:]
    /// Who waits for actors that do not exist yet.
    var awaitedActors: [ActorID: AwaitedActor] = [:]
    /// Actors that wait to be started again.
    var backingOffActors: Set<ActorID> = []
    var deadActors = History<ActorID, ActorState>(countMax: GCSLimits.deadActorsMax)
    var forgottenActors = History<ActorID, Bool>(countMax: GCSLimits.forgottenActorsMax)
    var deadActorCount = 0
    /// What is shown of those that died; not durable.
    var endedActors = History<ActorID, EndedActor>(countMax: GCSLimits.deadActorsMax)

    /// Placement groups that are not removed.
    var groups = DurableTable<PlacementGroupID, PlacementGroupRecord>()
    /// Groups that were ever created.
    var groupCount: UInt64 = 0
    var groupNames: [PlacementGroupName: PlacementGroupID] = [:]
    /// The groups that end with the actor that created them.
    var actorGroups: [ActorID: Set<PlacementGroupID>] = [:]
    /// Groups for which somebody waits.
    var awaitedGroups: Set<PlacementGroupID> = []
    var groupBundleCount = 0
    var deadGroups = History<PlacementGroupID, PlacementGroupState>(countMax: GCSLimits.deadGroupsMax)

    /// Questions that owners are being asked.
    var explains: [UInt64: OpenExplain] = [:]
    var explainCounter: UInt64 = 0
    /// Lists of objects that are being made.
    var objectLists: [UInt64: OpenObjectList] = [:]
    var objectListCounter: UInt64 = 0

    /// Attempts of tasks, and how many were never reported.
    var tasks: TaskTable
    var unreportedTasks = 0
    /// Transfers and spills, and what processes waited for.
    var spans = SpanTable<TimelineSpan>()
    var processSpans = SpanTable<TimelineProcessSpan>()
    /// Jobs that are over.
    var endedJobs = History<JobID, JobRecord>(countMax: GCSLimits.endedJobsMax)

    var keyValues = KeyValueTable()
    /// Subscribers by channel.
    var channels: [String: Set<WorkerID>] = [:]

    /// Since when nothing goes on for want of resources, and before when nobody is asked to collect garbage again.
    var stalledSince: Instant?
    var nextCollection = Instant.zero

    var lastTick: Instant?

    // After a new start; see `Recovery`.
    var recovery: Recovery?
    /// Actors that the journal has in a worker, which no raylet has confirmed yet.
    var unconfirmedActors: Set<ActorID> = []
    /// Processes that were taken for dead and may still live.
    var goneProcesses = History<WorkerID, Bool>(countMax: GCSLimits.goneProcessesMax)
    /// Workers of leases whose readiness was lost with a link.
    var lateReady: [(NodeID, LeaseReady)] = []

    // For the journal; see `persistChanges`.
    var unsaved: [JournalRecord] = []
    var writtenJobCount: UInt32 = 0
    /// Lease numbers below this one are set aside.
    var reservedLeases: UInt32 = 0
    /// Dead nodes, actors and groups so far, for the order in which they are forgotten.
    var deathCount: UInt64 = 0

    package init(settings: GCSSettings) {
        self.settings = settings
        scheduler = SchedulerCore(spreadThreshold: settings.spreadThreshold)
        generator = SplitMix64(seed: settings.seed)
        tasks = TaskTable(countMax: settings.trace.keptMax)
        if settings.plantsGrantTwice { scheduler.plantedFault = .grantTwice }
    }

    /// Takes one input and adds what is to be done to `effects`.
    package mutating func receive(_ input: GCSInput, at now: Instant, into effects: inout GCSEffects) {
        let start = effects.items.count
        handle(input, at: now, into: &effects)
        persistChanges(at: start, into: &effects)
    }

    private mutating func handle(_ input: GCSInput, at now: Instant, into effects: inout GCSEffects) {
        switch input {
        case .peerUp(let id, let role, let address): peerUp(id, role: role, address: address, at: now, into: &effects)
        case .peerLost(let id, let reason): peerLost(id, reason: reason, at: now, into: &effects)
        case .message(let message, let requestID, let peer):
            guard let record = peers[peer] else { return }
            if record.isGone {
                guard case .rejoin = message else { return }
            }
            receive(message, Sender(id: peer, role: record.role, requestID: requestID), at: now, into: &effects)
        case .fileStored(let hash, let peer): fileStored(hash, by: peer, at: now)
        case .tick: tick(at: now, into: &effects)
        }
    }

    /// When the next `tick` is due; at once before the first.
    package var nextWake: Instant {
        guard let lastTick else { return .zero }
        let regular = lastTick.advanced(milliseconds: GCSLimits.tickMilliseconds)
        return min(regular, scheduler.nextWake ?? regular)
    }

    private mutating func receive(
        _ message: Message, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        switch message {
        case .rejoinNode(let message): rejoinNode(message, sender, at: now, into: &effects)
        case .rejoin(let message): rejoin(message, sender, at: now, into: &effects)
        case .registerNode(let message): registerNode(message.info, sender, at: now, into: &effects)
        case .nodeReport(let message): nodeReported(message, sender, at: now, into: &effects)
        case .leaseReady(let message): leaseReady(message, sender, at: now, into: &effects)
        case .leaseFailed(let message): leaseFailed(message, sender, at: now, into: &effects)
        case .workerExited(let message): workerExited(message, sender, at: now, into: &effects)
        case .logLines(let message): forward(message, sender, into: &effects)
        case .flushLines(let message): flushLines(message, sender, into: &effects)
        case .registerJob(let message): registerJob(message.info, sender, into: &effects)
        case .finishJob: finishJob(sender, at: now, into: &effects)
        case .requestLease(let message): requestLease(message, sender, at: now, into: &effects)
        case .cancelLease(let message): ownerEndsLease(message.lease, .keepWorker, sender, at: now, into: &effects)
        case .returnLease(let message):
            let fate: WorkerFate = message.isUnreachable ? .killWorker : .keepWorker
            ownerEndsLease(message.lease, fate, sender, at: now, into: &effects)
        case .leaseBlocked(let message): leaseBlocked(message.lease, sender, at: now, into: &effects)
        case .leaseUnblocked(let message): leaseUnblocked(message.lease, sender, at: now, into: &effects)
        case .createActor(let message): createActor(message.spec, sender, at: now, into: &effects)
        case .subscribeActor(let message):
            subscribeActor(message.actor, creator: message.creator, sender, into: &effects)
        case .lookUpActor(let message): lookUpActor(message, sender, into: &effects)
        case .killActor(let message): killActor(message, sender, at: now, into: &effects)
        case .actorStarted(let message): actorStarted(message, sender, at: now, into: &effects)
        case .releaseActor(let message): releaseActor(message.actor, sender, at: now, into: &effects)
        case .actorExited(let message): actorExited(message, sender, at: now, into: &effects)
        case .abandonActor(let message): abandonActor(message, sender, into: &effects)
        case .actorDelayed(let message): actorDelayed(message, sender, at: now, into: &effects)
        case .keyValueRequest(let message): keyValue(message, sender, at: now, into: &effects)
        case .subscribe(let message): subscribe(message.channel, sender, into: &effects)
        case .unsubscribe(let message): unsubscribe(message.channel, sender, into: &effects)
        case .publish(let message): publish(message, sender, into: &effects)
        case .collectGarbage: collectGarbage(sender, into: &effects)
        case .freeStrays(let message): freeStrays(message, into: &effects)
        case .queryCluster: answer(.clusterStatus(clusterStatus(at: now)), sender, into: &effects)
        case .createPlacementGroup(let message): createGroup(message.spec, sender, at: now, into: &effects)
        case .removePlacementGroup(let message): removeGroup(message.group, sender, at: now, into: &effects)
        case .queryPlacementGroups(let message): queryGroups(message, sender, into: &effects)
        case .awaitPlacementGroup(let message): awaitGroup(message, sender, at: now, into: &effects)
        case .drainNode(let message): drainNode(message, sender, at: now, into: &effects)
        case .explain(let message): explain(message.prefix, sender, at: now, into: &effects)
        case .tasksExplained(let message): tasksExplained(message, sender, into: &effects)
        case .workerKilled(let message): workerKilled(message, sender)
        case .spillReport(let message): spillReported(message, sender, into: &effects)
        case .taskEvents(let message): tasksReported(message, sender)
        case .nodeSpans(let message): spansReported(message, sender)
        case .processSpans(let message): processSpansReported(message, sender)
        case .queryTimeline(let message): queryTimeline(message, sender, into: &effects)
        case .queryState(let message): queryState(message, sender, at: now, into: &effects)
        case .objectsListed(let message): objectsListed(message, sender, into: &effects)
        default:
            effects.log(.warning, "ignored a message of kind \(message.kind) from \(sender.id)")
            let error = RayError(.invalidArgument, "the GCS takes no messages of kind \(message.kind)")
            confirm(error, sender, into: &effects)
        }
    }

    private mutating func tick(at now: Instant, into effects: inout GCSEffects) {
        endSilentNodes(at: now, into: &effects)
        endDrainedNodes(at: now, into: &effects)
        expireGroupWaits(at: now, into: &effects)
        expireExplains(at: now, into: &effects)
        expireObjectLists(at: now, into: &effects)
        endRecovery(at: now, into: &effects)
        killLostWorkers(at: now, into: &effects)
        restartActors(at: now, into: &effects)
        endDrainingActors(at: now, into: &effects)
        schedule(.tick, at: now, into: &effects)
        notifyPending(at: now, into: &effects)
        collectGarbageIfStalled(at: now, into: &effects)
        deleteUnusedFiles(at: now, into: &effects)
        lastTick = now
    }

    /// Answers a request.
    func answer(_ message: Message, _ sender: Sender, into effects: inout GCSEffects) {
        effects.send(message, requestID: sender.requestID, to: sender.id)
    }

    /// Answers with `Done` if an answer is expected.
    func confirm(_ error: RayError? = nil, _ sender: Sender, into effects: inout GCSEffects) {
        if sender.requestID != 0 { answer(.done(Done(error: error)), sender, into: &effects) }
    }
}

/// Who sent a message, and under which number it wants the answer.
struct Sender: Sendable {
    var id: WorkerID
    var role: ProcessRole
    var requestID: UInt64
}
