//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire

/// One message of each kind, with every optional field present and every list filled.
enum MessageSamples {
    static let all: [Message] =
        node + job + lease + actor + cluster + store + task + placement + references
        + head + trace
    /// Bytes that a message has more than in the version before, by its kind.
    static let addedBytes: [UInt16: Int] = [
        18: 8, 64: environmentBytes, 69: 1, 81: 28, 145: 25, 84: addressBytes, 88: 8, 113: environmentBytes,
        119: addressBytes,
        120: 32, 148: 1, 149: 36, 150: 4, 204: 4, 247: 1, 261: 8, 293: processSpanBytes, 295: 9, 301: 29,
    ]
    private static var processSpanBytes: Int {
        var writer = WireWriter()
        writer.write(list: timelinePart.processSpans)
        return writer.bytes.count
    }
    private static var environmentBytes: Int {
        var writer = WireWriter()
        writer.write(optional: environment)
        return writer.bytes.count
    }
    private static var addressBytes: Int {
        var writer = WireWriter()
        writer.write(address)
        return writer.bytes.count
    }

    static let jobID = JobID(7)
    static let actorID = ActorID(0x1111, 0x7_2222_2222)
    static let taskID = TaskID(0x3333, 0x1111, 0x7_2222_2222)
    static let objectID = ObjectID.taskReturn(taskID, index: 0)
    static let leaseID = LeaseID(1, 2, 3, 4)
    static let workerID = WorkerID(5, 6, 7, 8)
    static let nodeID = NodeID(9, 10, 11, 12)
    static let address = Address(
        node: nodeID, worker: workerID, host: "10.0.0.1", port: 6379, socketPath: "/run/a.sock")
    static let resources = ResourceSet([("CPU", 1.5), ("GPU", 1), ("häuser", 0.25)])
    static let error = RayError(
        .taskExecution, "it broke", typeName: "M.E", function: "M.f", language: .python, node: "ab", host: "h",
        processID: 42, attempt: 2, payload: [1, 2, 3], causes: ["first", "second"])
    static let function = FunctionDescriptor(
        language: .swift, module: "M", className: "C", function: "M.f(x:)(Int)", hash: "h")
    static let reference = ObjectReference(id: objectID, owner: address, callSite: "a.swift:1")
    static let object = RayObject(data: [1, 2, 3], metadata: ObjectMetadata.swift, contained: [reference])
    static let program = Program(
        hash: "ab", path: "/bin/p", byteCount: 100, arguments: ["-x"], environment: ["A=b"], workingDirectory: "/")
    static let environment = RuntimeEnvironmentSpec(
        variables: [RuntimeEnvironmentSpec.Variable("A", "b"), RuntimeEnvironmentSpec.Variable("C", "${A}")],
        workingDirectory: "gcs://_ray_pkg_0123456789.zip", program: program, packages: ["gcs://module.whl"])
    static let nodeInfo = NodeInfo(
        address: address, name: "n", isHead: true, processID: 1, total: resources,
        labels: [NodeLabel(key: "zone", value: "a")], storeCapacity: 1 << 30, sessionDirectory: "/tmp/s")
    static let call = TaskSpec(
        id: taskID, kind: .actorCall(actorID, sequence: 3), function: function,
        arguments: [.value(object), .reference(reference)], returnCount: 2, resources: resources,
        strategy: .nodeAffinity(nodeID, soft: true), retriesMax: -1, attempt: 1, owner: address, name: "named")
    static let actorSpec = ActorSpec(
        id: actorID, creation: TaskSpec(id: taskID, kind: .actorCreation(actorID), function: function), name: "a",
        namespace: "n", lifetime: .detached, restartsMax: -1, taskRetriesMax: 2, concurrencyMax: 3,
        heldResources: resources)
    private static let specWithEnvironment: ActorSpec = {
        var spec = actorSpec
        spec.creation.environment = environment
        return spec
    }()
    static let actorState = ActorState(
        id: actorID, phase: .restarting, address: address, incarnation: 1, error: error, className: function,
        taskRetriesMax: 2, name: "a", namespace: "n")

    private static let assignLease: AssignLease = {
        var assign = AssignLease(
            lease: leaseID, job: jobID, owner: address, program: program,
            acceleratorIDs: [AcceleratorID(.gpu, 0), AcceleratorID(.tpu, 3)], actor: actorID,
            held: resources, bundle: BundleKey(group: groupID, number: 2))
        assign.environment = environment
        return assign
    }()
    private static let requestLease: RequestLease = {
        var request = RequestLease(
            lease: leaseID, job: jobID, shape: resources, strategy: .spread,
            locality: [Locality(node: nodeID, bytes: 5)], owner: address)
        request.environment = environment
        return request
    }()
    private static let workerAccepted: WorkerAccepted = {
        var accepted = WorkerAccepted(error: error, storeCapacity: 1)
        accepted.environment = environment
        return accepted
    }()

    private static let node: [Message] = [
        .registerNode(RegisterNode(info: nodeInfo)),
        .nodeRegistered(NodeRegistered(error: error, clusterName: "session", reconnectMilliseconds: 60_000)),
        .nodeReport(NodeReport(storeUsed: 1, storeCapacity: 2, objectCount: 3, workerCount: 4, storePrimary: 5)),
        .assignLease(assignLease),
        .leaseReady(LeaseReady(lease: leaseID, worker: address, processID: 42)),
        .leaseFailed(LeaseFailed(lease: leaseID, error: error)),
        .releaseLease(ReleaseLease(lease: leaseID, kill: true)),
        .workerExited(
            WorkerExited(
                worker: workerID, lease: leaseID, processID: 42, exitCode: -1, signal: 9, intended: true,
                lastLines: ["a", "b"])),
        .releaseOwned(ReleaseOwned(workers: [workerID], jobs: [jobID])),
        .killWorker(KillWorker(lease: leaseID, reason: "why")),
        .logLines(LogLines(job: jobID, host: "h", processID: 42, name: "f", isError: true, lines: ["x"])),
        .shutDownNode(ShutDownNode(reason: "why")),
    ]

    private static let references: [Message] = [
        .borrowObjects(BorrowObjects(objects: [objectID])),
        .borrowNoted(BorrowNoted(missing: [objectID])),
        .returnObjects(ReturnObjects(objects: [objectID])),
        .resultReferences(ResultReferences(task: taskID, attempt: 2, contained: [[], [reference]])),
        .referencesTaken(ReferencesTaken(task: taskID, attempt: 2, item: 3)),
    ]

    private static let job: [Message] = [
        .registerJob(
            RegisterJob(
                info: JobInfo(
                    driver: address, processID: 42, namespace: "n", entrypoint: "p -x", program: program))),
        .jobRegistered(
            JobRegistered(
                job: jobID, namespace: "n", nodes: [nodeInfo], hasProgram: true, clusterName: "c",
                reconnectMilliseconds: 60_000)),
        .finishJob(FinishJob()),
        .storeBlob(StoreBlob(hash: "ab", offset: 1, total: 2, bytes: [3])),
        .blobStored(BlobStored(error: error)),
        .fetchBlob(FetchBlob(hash: "ab", offset: 1, count: 2)),
        .blobChunk(BlobChunk(hash: "ab", offset: 1, total: 2, bytes: [3], error: error)),
    ]

    private static let lease: [Message] = [
        .requestLease(requestLease),
        .leaseGranted(LeaseGranted(lease: leaseID, worker: address, processID: 42)),
        .leaseRefused(LeaseRefused(lease: leaseID, error: error)),
        .cancelLease(CancelLease(lease: leaseID)),
        .returnLease(ReturnLease(lease: leaseID, isUnreachable: true)),
        .leaseLost(LeaseLost(lease: leaseID, error: error, wasPreempted: true)),
        .reclaimLeases(ReclaimLeases()),
        .leasePending(LeasePending(lease: leaseID, reason: PendingReason(.infeasible, "no node has 4 GPU"))),
        .leaseBlocked(LeaseBlocked(lease: leaseID)),
        .leaseUnblocked(LeaseUnblocked(lease: leaseID)),
        .leaseResumed(LeaseResumed(lease: leaseID)),
    ]

    private static let actor: [Message] = [
        .createActor(CreateActor(spec: actorSpec)),
        .subscribeActor(SubscribeActor(actor: actorID, creator: workerID)),
        .actorUpdate(ActorUpdate(state: actorState, pendingCallsMax: 4, isUnordered: true)),
        .lookUpActor(LookUpActor(name: "a", namespace: "n")),
        .actorFound(ActorFound(state: actorState, creator: address)),
        .killActor(KillActor(actor: actorID, restart: true)),
        .done(Done(error: error)),
        .startActor(StartActor(spec: specWithEnvironment, incarnation: 1, lease: leaseID)),
        .actorStarted(ActorStarted(actor: actorID, incarnation: 1, error: error, shownName: "C(7)")),
    ]

    private static let cluster: [Message] = [
        .keyValueRequest(
            KeyValueRequest(operation: .keys, namespace: "n", key: [1], value: [2], overwrite: true)),
        .keyValueReply(KeyValueReply(value: [1], keys: [Key(bytes: [2])], count: 3)),
        .subscribe(Subscribe(channel: "c")),
        .unsubscribe(Unsubscribe(channel: "c")),
        .publish(Publish(channel: "c", payload: [1])),
        .published(Published(channel: "c", payload: [1])),
        .queryCluster(QueryCluster()),
        .clusterStatus(
            ClusterStatus(
                nodes: [
                    NodeStatus(
                        info: nodeInfo, isAlive: false, available: resources, storeUsed: 1, objectCount: 2,
                        workerCount: 3, deathReason: "silent", drainMilliseconds: 60)
                ],
                demands: [Demand(shape: resources, count: 2, reason: PendingReason(.resourcesBusy, "in use"))],
                actorsAlive: 1, actorsPending: 2, actorsDead: 3, jobs: 4,
                warnings: ["open"],
                groups: [
                    GroupDemand(
                        bundles: [GroupDemand.Bundles(shape: resources, count: 2)], strategy: "PACK", count: 3,
                        reason: PendingReason(.infeasible, "too much"))
                ])),
        .workerKilled(WorkerKilled(worker: workerID, error: error)),
        .spillReport(SpillReport(spilledBytes: 1, restoredBytes: 2, bytesOnDisk: 3, objectCount: 4, fallbackBytes: 5)),
    ]

    static let heldLease = HeldLease(
        lease: leaseID, job: jobID, owner: address, held: resources,
        acceleratorIDs: [AcceleratorID(.gpu, 0), AcceleratorID(.neuronCores, 2)], actor: actorID, worker: address,
        processID: 42, bundle: BundleKey(group: groupID, number: 2))
    static let rejoin = Rejoin(
        job: jobID, clusterName: "c", leases: [OwnedWorker(lease: leaseID, node: nodeID)], requests: [leaseID],
        abandoned: [leaseID])

    private static let head: [Message] = [
        .rejoinNode(
            RejoinNode(info: nodeInfo, clusterName: "c", leases: [heldLease], jobs: [jobID], owners: [workerID])),
        .rejoin(rejoin),
        .rejoined(Rejoined(error: error)),
    ]

    private static let store: [Message] = [
        .workerReady(WorkerReady(address: address, processID: 42, startToken: 1)),
        .workerAccepted(workerAccepted),
        .createObject(
            CreateObject(
                object: objectID, owner: workerID, slot: 1, dataBytes: 2, metadataBytes: 3, containedBytes: 4)),
        .objectCreated(ObjectCreated(object: objectID, offset: 64, error: error)),
        .sealObject(SealObject(object: objectID)),
        .abortObject(AbortObject(object: objectID)),
        .freeObjects(FreeObjects(objects: [objectID])),
        .fetchObject(FetchObject(object: objectID, owner: workerID, locations: [address], ownerAddress: address)),
        .objectCopied(ObjectCopied(object: objectID, raylet: address)),
        .copiesGone(CopiesGone(objects: [objectID])),
        .keepCopies(KeepCopies(objects: [objectID])),
        .nodeDied(NodeDied(node: nodeID, name: "n", reason: "r")),
        .processesDied(ProcessesDied(processes: [workerID])),
        .argumentLost(ArgumentLost(task: taskID, attempt: 1, object: objectID, version: 2, nodes: [nodeID])),
        .objectLocal(ObjectLocal(object: objectID, error: error, lost: [nodeID])),
        .exitWorker(ExitWorker(reason: "why")),
        .exitDeclined(ExitDeclined()),
        .workerRetired(WorkerRetired(lease: leaseID)), .collectGarbage(CollectGarbage()),
        .freeStrays(FreeStrays(objects: [objectID], nodes: [nodeID])),
        .flushLines(FlushLines(job: jobID)),
        .abandonActor(AbandonActor(actor: actorID, error: error)),
        .pullChunk(PullChunk(object: objectID, offset: 1, count: 2)),
        .objectChunk(
            ObjectChunk(
                object: objectID, offset: 1, dataBytes: 2, metadataBytes: 3, containedBytes: 4, bytes: [5],
                error: error)),
        .pushChunk(
            PushChunk(
                object: objectID, owner: workerID, offset: 1, dataBytes: 2, metadataBytes: 3, containedBytes: 4,
                bytes: [5])),
        .chunkStored(ChunkStored(object: objectID, offset: 1, error: error)),
    ]

    static let groupID = PlacementGroupID(0x1111, 0x7_0000_0000_2222, 0)
    static let group = PlacementGroupSpec(
        id: groupID, name: "g", namespace: "n", strategy: .strictSpread,
        bundles: [
            Bundle(
                resources,
                labels: LabelSelector([LabelSelector.Condition(key: "zone", values: ["a", "b"], isNegated: true)]))
        ], isDetached: true, softTarget: nodeID)

    private static let placement: [Message] = [
        .createPlacementGroup(CreatePlacementGroup(spec: group)),
        .removePlacementGroup(RemovePlacementGroup(group: groupID)),
        .placementGroupsFound(
            PlacementGroupsFound(
                groups: [PlacementGroupState(spec: group, phase: .rescheduling, nodes: [nodeID], reason: "r")],
                error: error)),
        .queryPlacementGroups(QueryPlacementGroups(group: groupID, name: "g", namespace: "n")),
        .awaitPlacementGroup(AwaitPlacementGroup(group: groupID, milliseconds: 1_500)),
        .drainNode(DrainNode(node: nodeID, isPreemption: true, message: "spot", deadlineMilliseconds: 1_500)),
        .explain(Explain(prefix: "ab")),
        .explanation(Explanation(lines: ["a", "b"], isFound: true)),
        .explainTasks(ExplainTasks(token: 3, prefix: "ab")),
        .tasksExplained(
            TasksExplained(
                token: 3,
                tasks: [
                    TaskExplanation(task: taskID, name: "f", sentence: "waits", lease: leaseID, actor: actorID)
                ])),
    ]

    private static let task: [Message] = [
        .pushTask(PushTask(lease: leaseID, spec: call)),
        .taskDone(
            TaskDone(
                task: taskID, attempt: 1, results: [.inline(object), .stored(at: address, byteCount: 5)],
                error: error, times: ExecutionTimes(started: 1, returned: 2, ended: 3))),
        .handBack(HandBack(lease: leaseID, tasks: [taskID])),
        .stealTasks(StealTasks(lease: leaseID, count: 2)),
        .callActor(CallActor(spec: call, incarnation: 1, isRebuild: true)),
        .cancelTask(CancelTask(task: taskID, attempt: 1, force: true, recursive: true)),
        .cancelObject(CancelObject(object: objectID, force: true, recursive: true)),
        .releaseActor(ReleaseActor(actor: actorID)),
        .drainActor(DrainActor(actor: actorID, incarnation: 1, reason: "why")),
        .actorExited(ActorExited(actor: actorID, incarnation: 1, reason: "why")),
        .actorDelayed(ActorDelayed(actor: actorID, incarnation: 2)),
        .generatorItem(
            GeneratorItem(
                task: taskID, attempt: 1, index: 2, result: .stored(at: address, byteCount: 5),
                contained: [reference])),
        .generatorConsumed(GeneratorConsumed(task: taskID, count: 3)),
        .generatorEnded(GeneratorEnded(task: taskID, attempt: 1)),
        .unreadItems(UnreadItems(task: taskID, attempt: 1, count: 2)),
        .stopGenerator(StopGenerator(task: taskID, attempt: 2)),
        .queryObject(QueryObject(object: objectID, version: 2, lost: [nodeID])),
        .objectStatus(ObjectStatus(object: objectID, result: .inline(object), error: error, version: 2)),
    ]
}
