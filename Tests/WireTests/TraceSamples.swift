//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire

extension MessageSamples {
    static let taskEvents: TaskEvents = {
        var times = TaskTimes()
        times.submitted = 1
        times.ready = 2
        times.pushed = 3
        times.started = 4
        times.returned = 5
        times.ended = 6
        let trace = TaskTrace(
            task: taskID, attempt: 1, state: .failed, call: 0, worker: 0, parent: taskID, times: times,
            failure: TaskFailure(error))
        return TaskEvents(
            calls: [
                TracedCall(
                    kind: .actorCall, function: function, name: "n", resources: resources, group: groupID)
            ], workers: [TracedWorker(node: nodeID, worker: workerID, processID: 42)], tasks: [trace], dropped: 9)
    }()

    static let span = NodeSpan(
        kind: .transfer, object: objectID, objectCount: 2, byteCount: 3, source: nodeID, started: 4, ended: 5,
        hasFailed: true)

    static let processSpan = ProcessSpan(
        kind: .put, task: taskID, objectCount: 1, byteCount: 2, started: 3, ended: 4)

    static let timelinePart: TimelinePart = {
        var part = TimelinePart(
            tasks: taskEvents, spans: [TimelineSpan(node: nodeID, span: span)],
            nodes: [TimelineNode(id: nodeID, host: "h")], next: 6)
        part.processSpans = [TimelineProcessSpan(process: process, isDriver: true, span: processSpan)]
        return part
    }()

    static let process = TracedWorker(node: nodeID, worker: workerID, processID: 42)

    static let trace: [Message] = [
        .taskEvents(taskEvents),
        .nodeSpans(NodeSpans(spans: [span], dropped: 1)),
        .queryTimeline(QueryTimeline(cursor: 5)),
        .timelinePart(timelinePart),
        .processSpans(ProcessSpans(process: process, spans: [processSpan], dropped: 5)),
        .queryState(
            QueryState(
                resource: .placementGroups, filters: [StateFilter(key: "state", isNegated: true, value: "CREATED")],
                limit: 7, isDetailed: true)),
        .stateRows(
            StateRows(
                columns: ["a", "b"],
                rows: [
                    [.null, .list([.bool(true), .int(-1), .double(0.5)])],
                    [.text("x"), .map([StateField(name: "k", value: .text("v"))])],
                ], matched: 3, dropped: 4, error: error, warnings: ["w"])),
        .listObjects(ListObjects(token: 3, limit: 4)),
        .objectsListed(ObjectsListed(token: 3, objects: [held], omitted: 5)),
        .handOver(
            HandOver(
                token: 3, actor: actorID, incarnation: 1,
                object: .reference(ObjectReference(id: objectID, owner: address)))),
        .handedOver(HandedOver(token: 3, object: ObjectReference(id: objectID, owner: address), error: error)),
        .shareObject(ShareObject(source: objectID, object: objectID)),
        .objectShared(ObjectShared(object: objectID, byteCount: 4, contained: [5], error: error)),
        .rebuildBlocked(RebuildBlocked(task: taskID, attempt: 1, awaited: [[objectID], []])),
    ]

    static let held: HeldObject = {
        var held = HeldObject(id: objectID, owner: workerID, place: .stored, byteCount: 5)
        held.nodes = [nodeID]
        held.attempt = 1
        held.taskState = .finished
        held.localReferences = 2
        held.taskArguments = 3
        held.reads = 4
        held.containers = 5
        held.transfers = 6
        held.lineage = 7
        held.borrowerCount = 8
        held.borrowers = [workerID]
        held.callSite = "(put object) a.py:f:1"
        return held
    }()
}
