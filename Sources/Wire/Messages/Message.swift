//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Every message between processes, by kind. Kinds below 16 belong to the link (see `Frames`).
///
/// What is large and rare is indirect: a message is as large as its largest case, and those of calls are moved about a lot.
package enum Message: Hashable, Sendable {
    case registerNode(RegisterNode)
    case nodeRegistered(NodeRegistered)
    case nodeReport(NodeReport)
    indirect case assignLease(AssignLease)
    case leaseReady(LeaseReady)
    case leaseFailed(LeaseFailed)
    case releaseLease(ReleaseLease)
    case workerExited(WorkerExited)
    case releaseOwned(ReleaseOwned)
    case killWorker(KillWorker)
    case logLines(LogLines)
    case shutDownNode(ShutDownNode)
    case registerJob(RegisterJob)
    case jobRegistered(JobRegistered)
    case finishJob(FinishJob)
    case storeBlob(StoreBlob)
    case blobStored(BlobStored)
    case fetchBlob(FetchBlob)
    case blobChunk(BlobChunk)
    case requestLease(RequestLease)
    case leaseGranted(LeaseGranted)
    case leaseRefused(LeaseRefused)
    case cancelLease(CancelLease)
    case returnLease(ReturnLease)
    case leaseLost(LeaseLost)
    case reclaimLeases(ReclaimLeases)
    case leasePending(LeasePending)
    case leaseBlocked(LeaseBlocked)
    case leaseUnblocked(LeaseUnblocked)
    case leaseResumed(LeaseResumed)
    indirect case createActor(CreateActor)
    case subscribeActor(SubscribeActor)
    indirect case actorUpdate(ActorUpdate)
    case lookUpActor(LookUpActor)
    indirect case actorFound(ActorFound)
    case killActor(KillActor)
    case done(Done)
    indirect case startActor(StartActor)
    case actorStarted(ActorStarted)
    case keyValueRequest(KeyValueRequest)
    case keyValueReply(KeyValueReply)
    case subscribe(Subscribe)
    case unsubscribe(Unsubscribe)
    case publish(Publish)
    case published(Published)
    case queryCluster(QueryCluster)
    case clusterStatus(ClusterStatus)
    case workerKilled(WorkerKilled)
    case spillReport(SpillReport)
    case taskEvents(TaskEvents)
    case nodeSpans(NodeSpans)
    case queryTimeline(QueryTimeline)
    case timelinePart(TimelinePart)
    case queryState(QueryState)
    case stateRows(StateRows)
    case listObjects(ListObjects)
    case objectsListed(ObjectsListed)
    case handOver(HandOver)
    case handedOver(HandedOver)
    case shareObject(ShareObject)
    case objectShared(ObjectShared)
    case rebuildBlocked(RebuildBlocked)
    case processSpans(ProcessSpans)
    case workerReady(WorkerReady)
    case workerAccepted(WorkerAccepted)
    case createObject(CreateObject)
    case objectCreated(ObjectCreated)
    case sealObject(SealObject)
    case abortObject(AbortObject)
    case freeObjects(FreeObjects)
    case fetchObject(FetchObject)
    case objectLocal(ObjectLocal)
    case exitWorker(ExitWorker)
    case exitDeclined(ExitDeclined)
    case workerRetired(WorkerRetired)
    case collectGarbage(CollectGarbage)
    case freeStrays(FreeStrays)
    case flushLines(FlushLines)
    case abandonActor(AbandonActor)
    case pullChunk(PullChunk)
    case objectChunk(ObjectChunk)
    case pushChunk(PushChunk)
    case chunkStored(ChunkStored)
    case pushTask(PushTask)
    case taskDone(TaskDone)
    case handBack(HandBack)
    case stealTasks(StealTasks)
    case callActor(CallActor)
    case queryObject(QueryObject)
    case objectStatus(ObjectStatus)
    case cancelTask(CancelTask)
    case cancelObject(CancelObject)
    case createPlacementGroup(CreatePlacementGroup)
    case removePlacementGroup(RemovePlacementGroup)
    case placementGroupsFound(PlacementGroupsFound)
    case queryPlacementGroups(QueryPlacementGroups)
    case awaitPlacementGroup(AwaitPlacementGroup)
    case drainNode(DrainNode)
    case explain(Explain)
    case explanation(Explanation)
    case explainTasks(ExplainTasks)
    case tasksExplained(TasksExplained)
    case borrowObjects(BorrowObjects)
    case borrowNoted(BorrowNoted)
    case returnObjects(ReturnObjects)
    case resultReferences(ResultReferences)
    case referencesTaken(ReferencesTaken)
    case releaseActor(ReleaseActor)
    case drainActor(DrainActor)
    case actorExited(ActorExited)
    case actorDelayed(ActorDelayed)
    case generatorItem(GeneratorItem)
    case generatorConsumed(GeneratorConsumed)
    case generatorEnded(GeneratorEnded)
    case unreadItems(UnreadItems)
    case stopGenerator(StopGenerator)
    case rejoinNode(RejoinNode)
    case rejoin(Rejoin)
    case rejoined(Rejoined)
    case objectCopied(ObjectCopied)
    case copiesGone(CopiesGone)
    case keepCopies(KeepCopies)
    case nodeDied(NodeDied)
    case processesDied(ProcessesDied)
    case argumentLost(ArgumentLost)

    /// The number that stands for the message in the frame header; never reused.
    package var kind: UInt16 {
        switch self {
        case .registerNode: 16
        case .nodeRegistered: 17
        case .nodeReport: 18
        case .assignLease: 19
        case .leaseReady: 20
        case .leaseFailed: 21
        case .releaseLease: 22
        case .workerExited: 23
        case .releaseOwned: 24
        case .killWorker: 25
        case .logLines: 26
        case .shutDownNode: 27
        case .registerJob: 48
        case .jobRegistered: 49
        case .finishJob: 50
        case .storeBlob: 51
        case .blobStored: 52
        case .fetchBlob: 53
        case .blobChunk: 54
        case .requestLease: 64
        case .leaseGranted: 65
        case .leaseRefused: 66
        case .cancelLease: 67
        case .returnLease: 68
        case .leaseLost: 69
        case .reclaimLeases: 70
        case .leasePending: 71
        case .leaseBlocked: 72
        case .leaseUnblocked: 73
        case .leaseResumed: 74
        case .createActor: 80
        case .subscribeActor: 81
        case .actorUpdate: 82
        case .lookUpActor: 83
        case .actorFound: 84
        case .killActor: 85
        case .done: 86
        case .startActor: 87
        case .actorStarted: 88
        case .keyValueRequest: 96
        case .keyValueReply: 97
        case .subscribe: 98
        case .unsubscribe: 99
        case .publish: 100
        case .published: 101
        case .queryCluster: 102
        case .clusterStatus: 103
        case .workerKilled: 260
        case .spillReport: 261
        case .taskEvents: 290
        case .nodeSpans: 291
        case .queryTimeline: 292
        case .timelinePart: 293
        case .queryState: 294
        case .stateRows: 295
        case .listObjects: 300
        case .objectsListed: 301
        case .handOver: 320
        case .handedOver: 321
        case .shareObject: 322
        case .objectShared: 323
        case .rebuildBlocked: 324
        case .processSpans: 325
        case .workerReady: 112
        case .workerAccepted: 113
        case .createObject: 114
        case .objectCreated: 115
        case .sealObject: 116
        case .abortObject: 117
        case .freeObjects: 118
        case .fetchObject: 119
        case .objectLocal: 120
        case .exitWorker: 121
        case .exitDeclined: 122
        case .workerRetired: 330
        case .collectGarbage: 331
        case .freeStrays: 332
        case .flushLines: 333
        case .abandonActor: 334
        case .pullChunk: 128
        case .objectChunk: 129
        case .pushChunk: 130
        case .chunkStored: 131
        case .pushTask: 144
        case .taskDone: 145
        case .handBack: 146
        case .stealTasks: 147
        case .callActor: 148
        case .queryObject: 149
        case .objectStatus: 150
        case .cancelTask: 220
        case .cancelObject: 221
        case .createPlacementGroup: 240
        case .removePlacementGroup: 241
        case .placementGroupsFound: 242
        case .queryPlacementGroups: 243
        case .awaitPlacementGroup: 244
        case .drainNode: 245
        case .explain: 246
        case .explanation: 247
        case .explainTasks: 248
        case .tasksExplained: 249
        case .borrowObjects: 200
        case .borrowNoted: 201
        case .returnObjects: 202
        case .resultReferences: 203
        case .referencesTaken: 204
        case .releaseActor: 222
        case .drainActor: 223
        case .actorExited: 224
        case .actorDelayed: 348
        case .generatorItem: 225
        case .generatorConsumed: 226
        case .generatorEnded: 349
        case .unreadItems: 350
        case .stopGenerator: 346
        case .rejoinNode: 280
        case .rejoin: 281
        case .rejoined: 282
        case .objectCopied: 270
        case .copiesGone: 271
        case .keepCopies: 272
        case .nodeDied: 273
        case .processesDied: 347
        case .argumentLost: 274
        }
    }

    /// The message's fields.
    package func encode(into writer: inout WireWriter) {
        switch self {
        case .registerNode(let message): message.encode(into: &writer)
        case .nodeRegistered(let message): message.encode(into: &writer)
        case .nodeReport(let message): message.encode(into: &writer)
        case .assignLease(let message): message.encode(into: &writer)
        case .leaseReady(let message): message.encode(into: &writer)
        case .leaseFailed(let message): message.encode(into: &writer)
        case .releaseLease(let message): message.encode(into: &writer)
        case .workerExited(let message): message.encode(into: &writer)
        case .releaseOwned(let message): message.encode(into: &writer)
        case .killWorker(let message): message.encode(into: &writer)
        case .logLines(let message): message.encode(into: &writer)
        case .shutDownNode(let message): message.encode(into: &writer)
        case .registerJob(let message): message.encode(into: &writer)
        case .jobRegistered(let message): message.encode(into: &writer)
        case .finishJob(let message): message.encode(into: &writer)
        case .storeBlob(let message): message.encode(into: &writer)
        case .blobStored(let message): message.encode(into: &writer)
        case .fetchBlob(let message): message.encode(into: &writer)
        case .blobChunk(let message): message.encode(into: &writer)
        case .requestLease(let message): message.encode(into: &writer)
        case .leaseGranted(let message): message.encode(into: &writer)
        case .leaseRefused(let message): message.encode(into: &writer)
        case .cancelLease(let message): message.encode(into: &writer)
        case .returnLease(let message): message.encode(into: &writer)
        case .leaseLost(let message): message.encode(into: &writer)
        case .reclaimLeases(let message): message.encode(into: &writer)
        case .leasePending(let message): message.encode(into: &writer)
        case .leaseBlocked(let message): message.encode(into: &writer)
        case .leaseUnblocked(let message): message.encode(into: &writer)
        case .leaseResumed(let message): message.encode(into: &writer)
        case .createActor(let message): message.encode(into: &writer)
        case .subscribeActor(let message): message.encode(into: &writer)
        case .actorUpdate(let message): message.encode(into: &writer)
        case .lookUpActor(let message): message.encode(into: &writer)
        case .actorFound(let message): message.encode(into: &writer)
        case .killActor(let message): message.encode(into: &writer)
        case .done(let message): message.encode(into: &writer)
        case .startActor(let message): message.encode(into: &writer)
        case .actorStarted(let message): message.encode(into: &writer)
        case .keyValueRequest(let message): message.encode(into: &writer)
        case .keyValueReply(let message): message.encode(into: &writer)
        case .subscribe(let message): message.encode(into: &writer)
        case .unsubscribe(let message): message.encode(into: &writer)
        case .publish(let message): message.encode(into: &writer)
        case .published(let message): message.encode(into: &writer)
        case .queryCluster(let message): message.encode(into: &writer)
        case .clusterStatus(let message): message.encode(into: &writer)
        case .workerKilled(let message): message.encode(into: &writer)
        case .spillReport(let message): message.encode(into: &writer)
        case .taskEvents(let message): message.encode(into: &writer)
        case .nodeSpans(let message): message.encode(into: &writer)
        case .queryTimeline(let message): message.encode(into: &writer)
        case .timelinePart(let message): message.encode(into: &writer)
        case .queryState(let message): message.encode(into: &writer)
        case .stateRows(let message): message.encode(into: &writer)
        case .listObjects(let message): message.encode(into: &writer)
        case .objectsListed(let message): message.encode(into: &writer)
        case .handOver(let message): message.encode(into: &writer)
        case .handedOver(let message): message.encode(into: &writer)
        case .shareObject(let message): message.encode(into: &writer)
        case .objectShared(let message): message.encode(into: &writer)
        case .rebuildBlocked(let message): message.encode(into: &writer)
        case .processSpans(let message): message.encode(into: &writer)
        case .workerReady(let message): message.encode(into: &writer)
        case .workerAccepted(let message): message.encode(into: &writer)
        case .createObject(let message): message.encode(into: &writer)
        case .objectCreated(let message): message.encode(into: &writer)
        case .sealObject(let message): message.encode(into: &writer)
        case .abortObject(let message): message.encode(into: &writer)
        case .freeObjects(let message): message.encode(into: &writer)
        case .fetchObject(let message): message.encode(into: &writer)
        case .objectLocal(let message): message.encode(into: &writer)
        case .exitWorker(let message): message.encode(into: &writer)
        case .exitDeclined(let message): message.encode(into: &writer)
        case .workerRetired(let message): message.encode(into: &writer)
        case .collectGarbage(let message): message.encode(into: &writer)
        case .freeStrays(let message): message.encode(into: &writer)
        case .flushLines(let message): message.encode(into: &writer)
        case .abandonActor(let message): message.encode(into: &writer)
        case .pullChunk(let message): message.encode(into: &writer)
        case .objectChunk(let message): message.encode(into: &writer)
        case .pushChunk(let message): message.encode(into: &writer)
        case .chunkStored(let message): message.encode(into: &writer)
        case .pushTask(let message): message.encode(into: &writer)
        case .taskDone(let message): message.encode(into: &writer)
        case .handBack(let message): message.encode(into: &writer)
        case .stealTasks(let message): message.encode(into: &writer)
        case .callActor(let message): message.encode(into: &writer)
        case .queryObject(let message): message.encode(into: &writer)
        case .objectStatus(let message): message.encode(into: &writer)
        case .cancelTask(let message): message.encode(into: &writer)
        case .cancelObject(let message): message.encode(into: &writer)
        case .createPlacementGroup(let message): message.encode(into: &writer)
        case .removePlacementGroup(let message): message.encode(into: &writer)
        case .placementGroupsFound(let message): message.encode(into: &writer)
        case .queryPlacementGroups(let message): message.encode(into: &writer)
        case .awaitPlacementGroup(let message): message.encode(into: &writer)
        case .drainNode(let message): message.encode(into: &writer)
        case .explain(let message): message.encode(into: &writer)
        case .explanation(let message): message.encode(into: &writer)
        case .explainTasks(let message): message.encode(into: &writer)
        case .tasksExplained(let message): message.encode(into: &writer)
        case .borrowObjects(let message): message.encode(into: &writer)
        case .borrowNoted(let message): message.encode(into: &writer)
        case .returnObjects(let message): message.encode(into: &writer)
        case .resultReferences(let message): message.encode(into: &writer)
        case .referencesTaken(let message): message.encode(into: &writer)
        case .releaseActor(let message): message.encode(into: &writer)
        case .drainActor(let message): message.encode(into: &writer)
        case .actorExited(let message): message.encode(into: &writer)
        case .actorDelayed(let message): message.encode(into: &writer)
        case .generatorItem(let message): message.encode(into: &writer)
        case .generatorConsumed(let message): message.encode(into: &writer)
        case .generatorEnded(let message): message.encode(into: &writer)
        case .unreadItems(let message): message.encode(into: &writer)
        case .stopGenerator(let message): message.encode(into: &writer)
        case .rejoinNode(let message): message.encode(into: &writer)
        case .rejoin(let message): message.encode(into: &writer)
        case .rejoined(let message): message.encode(into: &writer)
        case .objectCopied(let message): message.encode(into: &writer)
        case .copiesGone(let message): message.encode(into: &writer)
        case .keepCopies(let message): message.encode(into: &writer)
        case .nodeDied(let message): message.encode(into: &writer)
        case .processesDied(let message): message.encode(into: &writer)
        case .argumentLost(let message): message.encode(into: &writer)
        }
    }

    /// The message's fields as bytes.
    package var payload: [UInt8] {
        var writer = WireWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads a message; bytes behind the known fields are of a newer version and are skipped.
    package init(kind: UInt16, payload: UnsafeRawBufferPointer) throws(WireError) {
        var reader = WireReader(payload)
        switch kind {
        case 16: self = .registerNode(try reader.value())
        case 17: self = .nodeRegistered(try reader.value())
        case 18: self = .nodeReport(try reader.value())
        case 19: self = .assignLease(try reader.value())
        case 20: self = .leaseReady(try reader.value())
        case 21: self = .leaseFailed(try reader.value())
        case 22: self = .releaseLease(try reader.value())
        case 23: self = .workerExited(try reader.value())
        case 24: self = .releaseOwned(try reader.value())
        case 25: self = .killWorker(try reader.value())
        case 26: self = .logLines(try reader.value())
        case 27: self = .shutDownNode(try reader.value())
        case 48: self = .registerJob(try reader.value())
        case 49: self = .jobRegistered(try reader.value())
        case 50: self = .finishJob(try reader.value())
        case 51: self = .storeBlob(try reader.value())
        case 52: self = .blobStored(try reader.value())
        case 53: self = .fetchBlob(try reader.value())
        case 54: self = .blobChunk(try reader.value())
        case 64: self = .requestLease(try reader.value())
        case 65: self = .leaseGranted(try reader.value())
        case 66: self = .leaseRefused(try reader.value())
        case 67: self = .cancelLease(try reader.value())
        case 68: self = .returnLease(try reader.value())
        case 69: self = .leaseLost(try reader.value())
        case 70: self = .reclaimLeases(try reader.value())
        case 71: self = .leasePending(try reader.value())
        case 72: self = .leaseBlocked(try reader.value())
        case 73: self = .leaseUnblocked(try reader.value())
        case 74: self = .leaseResumed(try reader.value())
        case 80: self = .createActor(try reader.value())
        case 81: self = .subscribeActor(try reader.value())
        case 82: self = .actorUpdate(try reader.value())
        case 83: self = .lookUpActor(try reader.value())
        case 84: self = .actorFound(try reader.value())
        case 85: self = .killActor(try reader.value())
        case 86: self = .done(try reader.value())
        case 87: self = .startActor(try reader.value())
        case 88: self = .actorStarted(try reader.value())
        case 96: self = .keyValueRequest(try reader.value())
        case 97: self = .keyValueReply(try reader.value())
        case 98: self = .subscribe(try reader.value())
        case 99: self = .unsubscribe(try reader.value())
        case 100: self = .publish(try reader.value())
        case 101: self = .published(try reader.value())
        case 102: self = .queryCluster(try reader.value())
        case 103: self = .clusterStatus(try reader.value())
        case 260: self = .workerKilled(try reader.value())
        case 261: self = .spillReport(try reader.value())
        case 290: self = .taskEvents(try reader.value())
        case 291: self = .nodeSpans(try reader.value())
        case 292: self = .queryTimeline(try reader.value())
        case 293: self = .timelinePart(try reader.value())
        case 294: self = .queryState(try reader.value())
        case 295: self = .stateRows(try reader.value())
        case 300: self = .listObjects(try reader.value())
        case 301: self = .objectsListed(try reader.value())
        case 320: self = .handOver(try reader.value())
        case 321: self = .handedOver(try reader.value())
        case 322: self = .shareObject(try reader.value())
        case 323: self = .objectShared(try reader.value())
        case 324: self = .rebuildBlocked(try reader.value())
        case 325: self = .processSpans(try reader.value())
        case 112: self = .workerReady(try reader.value())
        case 113: self = .workerAccepted(try reader.value())
        case 114: self = .createObject(try reader.value())
        case 115: self = .objectCreated(try reader.value())
        case 116: self = .sealObject(try reader.value())
        case 117: self = .abortObject(try reader.value())
        case 118: self = .freeObjects(try reader.value())
        case 119: self = .fetchObject(try reader.value())
        case 120: self = .objectLocal(try reader.value())
        case 121: self = .exitWorker(try reader.value())
        case 122: self = .exitDeclined(try reader.value())
        case 330: self = .workerRetired(try reader.value())
        case 331: self = .collectGarbage(try reader.value())
        case 332: self = .freeStrays(try reader.value())
        case 333: self = .flushLines(try reader.value())
        case 334: self = .abandonActor(try reader.value())
        case 128: self = .pullChunk(try reader.value())
        case 129: self = .objectChunk(try reader.value())
        case 130: self = .pushChunk(try reader.value())
        case 131: self = .chunkStored(try reader.value())
        case 144: self = .pushTask(try reader.value())
        case 145: self = .taskDone(try reader.value())
        case 146: self = .handBack(try reader.value())
        case 147: self = .stealTasks(try reader.value())
        case 148: self = .callActor(try reader.value())
        case 149: self = .queryObject(try reader.value())
        case 150: self = .objectStatus(try reader.value())
        case 220: self = .cancelTask(try reader.value())
        case 221: self = .cancelObject(try reader.value())
        case 240: self = .createPlacementGroup(try reader.value())
        case 241: self = .removePlacementGroup(try reader.value())
        case 242: self = .placementGroupsFound(try reader.value())
        case 243: self = .queryPlacementGroups(try reader.value())
        case 244: self = .awaitPlacementGroup(try reader.value())
        case 245: self = .drainNode(try reader.value())
        case 246: self = .explain(try reader.value())
        case 247: self = .explanation(try reader.value())
        case 248: self = .explainTasks(try reader.value())
        case 249: self = .tasksExplained(try reader.value())
        case 200: self = .borrowObjects(try reader.value())
        case 201: self = .borrowNoted(try reader.value())
        case 202: self = .returnObjects(try reader.value())
        case 203: self = .resultReferences(try reader.value())
        case 204: self = .referencesTaken(try reader.value())
        case 222: self = .releaseActor(try reader.value())
        case 223: self = .drainActor(try reader.value())
        case 224: self = .actorExited(try reader.value())
        case 348: self = .actorDelayed(try reader.value())
        case 225: self = .generatorItem(try reader.value())
        case 226: self = .generatorConsumed(try reader.value())
        case 349: self = .generatorEnded(try reader.value())
        case 350: self = .unreadItems(try reader.value())
        case 346: self = .stopGenerator(try reader.value())
        case 280: self = .rejoinNode(try reader.value())
        case 281: self = .rejoin(try reader.value())
        case 282: self = .rejoined(try reader.value())
        case 270: self = .objectCopied(try reader.value())
        case 271: self = .copiesGone(try reader.value())
        case 272: self = .keepCopies(try reader.value())
        case 273: self = .nodeDied(try reader.value())
        case 347: self = .processesDied(try reader.value())
        case 274: self = .argumentLost(try reader.value())
        default: throw .unknownCase("message kind", Int(kind))
        }
    }
}
