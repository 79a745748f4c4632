//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Where the copies of this process's objects are: raylets tell of those that they fetched, and of those that go.
extension WorkerCore {
    /// A node has a further copy. One of an object that is gone already goes at once.
    mutating func objectCopied(_ message: ObjectCopied, from peer: WorkerID, into effects: inout WorkerEffects) {
        guard message.raylet.worker == peer else { return }
        guard let entry = objects[message.object], entry.owner == nil,
            case .stored(var raylets, let byteCount) = entry.value
        else {
            effects.send(.freeObjects(FreeObjects(objects: [message.object])), to: peer)
            return
        }
        guard !raylets.contains(where: { $0.worker == peer }), deadNodes[message.raylet.node] == nil else { return }
        raylets.append(message.raylet)
        objects.update(message.object) { $0.value = .stored(at: raylets, byteCount: byteCount) }
    }

    /// A node has no copies of these any more.
    mutating func copiesGone(
        _ message: CopiesGone, from peer: WorkerID, at now: Instant, into effects: inout WorkerEffects
    ) {
        let node = NodeID(raylet: peer)
        let lost = message.objects.filter { forgetCopies(of: $0, at: [node], isCertain: true, into: &effects) }
        recover(lost, because: "the last node that had a copy has dropped it", at: now, into: &effects)
    }

    /// A node died with all that was in its store.
    mutating func nodeDied(_ message: NodeDied, at now: Instant, into effects: inout WorkerEffects) {
        let node = message.node
        let reason = "node \(message.name) died (\(message.reason))"
        guard deadNodes.updateValue(reason, forKey: node) == nil, fatal == nil else { return }
        let concerned = objects.filter { _, entry in
            if case .stored(let raylets, _) = entry.value { raylets.contains { $0.node == node } } else { false }
        }.keys.sorted()
        var lost: [ObjectID] = []
        for id in concerned {
            if objects[id]?.owner != nil {
                borrowedCopyLost(id, at: node, into: &effects)
            } else if forgetCopies(of: id, at: [node], into: &effects) {
                lost.append(id)
            }
        }
        leaveLeases(on: node, at: now)
        recover(lost, because: reason, at: now, into: &effects)
    }

    /// Takes nodes out of the places where an object of this process is; whether none is left. Then it does not exist.
    mutating func forgetCopies(
        of id: ObjectID, at nodes: [NodeID], isCertain: Bool = false, into effects: inout WorkerEffects
    ) -> Bool {
        guard let entry = objects[id], entry.owner == nil, case .stored(let raylets, let byteCount) = entry.value
        else { return false }
        let gone = raylets.filter { nodes.contains($0.node) }
        guard !gone.isEmpty else { return false }
        for raylet in gone where !isCertain && deadNodes[raylet.node] == nil {
            // Perhaps only this way to it is broken: it is freed with the others.
            references.strays[id, default: []].append(raylet.node)
        }
        let left = raylets.filter { !nodes.contains($0.node) }
        guard let first = left.first else {
            hasLosses = true
            objects.update(id) { $0.value = .pending }
            if entry.presence == .present { objects[id]?.presence = .unknown }
            return true
        }
        objects.update(id) { $0.value = .stored(at: left, byteCount: byteCount) }
        if gone.first == raylets.first { effects.send(.keepCopies(KeepCopies(objects: [id])), to: first) }
        return false
    }

    /// A borrowed object is not where its owner said: the owner is asked again as soon as that matters.
    private mutating func borrowedCopyLost(_ id: ObjectID, at node: NodeID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], case .stored(let raylets, let byteCount) = entry.value else { return }
        switch entry.presence {
        case .present: objects[id]?.value = .stored(at: raylets.filter { $0.node != node }, byteCount: byteCount)
        case .fetching, .locating: break  // It fails there, unless another node has it.
        case .unknown, .absent:
            hasLosses = true
            objects.update(id) { $0.value = .pending }
            if !entry.waiters.isEmpty { ask(id, version: entry.version, lost: [node], into: &effects) }
        }
    }
}
