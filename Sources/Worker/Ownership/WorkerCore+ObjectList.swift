//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Which objects this process holds and why, for who asks through the GCS (`ray memory`, `ray list objects`).
extension WorkerCore {
    /// Objects in one answer, whatever is asked for.
    private static let listedObjectsMax = 10_000

    /// Answers with the largest objects. O(objects).
    func listObjects(_ question: ListObjects, into effects: inout WorkerEffects) {
        let limit = min(max(question.limit, 0), Self.listedObjectsMax)
        let (largest, omitted) = HeldObject.largest(limit, of: objects) { ($0.value.byteCount, $0.key) }
        let containers = count(references.contained.values)
        let transfers = count(references.transfers.values.lazy.map(\.objects))
        let sites = knownCallSites()
        let listed = largest.map { id, entry in
            var held = held(id, entry, containers: containers[id] ?? 0, transfers: transfers[id] ?? 0)
            held.callSite = sites[id] ?? ""
            return held
        }
        let answer = ObjectsListed(token: question.token, objects: listed, omitted: omitted)
        effects.send(.objectsListed(answer), to: WorkerID.gcs)
    }

    private func count(_ lists: some Sequence<[ObjectID]>) -> [ObjectID: UInt32] {
        var counts: [ObjectID: UInt32] = [:]
        for list in lists { for id in list { counts[id, default: 0] += 1 } }
        return counts
    }

    private func held(_ id: ObjectID, _ entry: ObjectEntry, containers: UInt32, transfers: UInt32) -> HeldObject {
        var held = HeldObject(
            id: id, owner: entry.owner?.worker ?? configuration.address.worker, place: .pending,
            byteCount: entry.byteCount)
        switch entry.value {
        case .pending: held.byteCount = nil
        case .inline: held.place = .inline
        case .failed: held.place = .failed
        case .stored(let raylets, let byteCount):
            held.place = .stored
            held.nodes = raylets.prefix(HeldObject.namedMax).map(\.node)
            // A borrower that found it in its node's store was never told its size.
            if byteCount == 0, entry.owner != nil { held.byteCount = nil }
        }
        held.localReferences = UInt32(clamping: entry.localReferences)
        if let actor = id.actorOfHandle {
            // No value stands for handles, but all that this process has count as one reference.
            held.place = .inline
            held.byteCount = nil
            held.localReferences = UInt32(clamping: actors[actor]?.handles ?? 0)
        }
        held.attempt = entry.version
        held.taskArguments = UInt32(clamping: entry.taskUses)
        held.reads = UInt32(clamping: entry.argumentUses + entry.waiters.count { isRead($0) })
        held.containers = containers
        held.transfers = transfers
        let borrowers = references.borrowers[id] ?? []
        held.borrowerCount = UInt32(clamping: borrowers.count)
        held.borrowers = Array(borrowers.prefix(HeldObject.namedMax))
        let others = entry.pins - Int(containers) - Int(transfers) - borrowers.count
        held.lineage = UInt32(clamping: others)
        noteTask(of: id, entry, in: &held)
        return held
    }

    private func isRead(_ waiter: ObjectEntry.Waiter) -> Bool {
        switch waiter {
        case .get, .fetch: true
        // The use of it is counted.
        case .argument, .wait, .dependency, .query, .handOver, .taking: false
        }
    }

    private func noteTask(of id: ObjectID, _ entry: ObjectEntry, in held: inout HeldObject) {
        guard entry.owner == nil, id.index <= ObjectID.generatorReturnsMax, id.actorOfHandle == nil else { return }
        if let task = tasks[id.task], !entry.exists {
            held.attempt = UInt32(clamping: task.spec.attempt)
            switch task.phase {
            case .waiting: held.taskState = .pendingArguments
            case .queued: held.taskState = .pendingNode
            case .pushed, .called, .orphaned: held.taskState = .submitted
            }
        } else if entry.exists {
            held.taskState = held.place == .failed ? .failed : .finished
        }
    }
}
