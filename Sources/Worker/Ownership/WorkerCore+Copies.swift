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
        guard !raylets.contains(where: { $0.worker == peer }) else { return }
        raylets.append(message.raylet)
        objects[message.object]?.value = .stored(at: raylets, byteCount: byteCount)
    }

    /// Copies are not at a node any more. The last one stays in the books: who wants to read it hears why it cannot.
    mutating func copiesGone(_ message: CopiesGone, from peer: WorkerID) {
        for id in message.objects {
            guard let entry = objects[id], entry.owner == nil, case .stored(var raylets, let byteCount) = entry.value,
                raylets.count > 1
            else { continue }
            raylets.removeAll { $0.worker == peer }
            objects[id]?.value = .stored(at: raylets, byteCount: byteCount)
        }
    }
}
