//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Copies that were fetched from other nodes: their owners know of each of them (docs/internals/references.md).
///
///     (sealed) ──ObjectCopied──▶ known ──FreeObjects──▶ (gone)
///                                  │  evicted: CopiesGone
///                                  ├── KeepCopies: the owner relies on it, as on a first one
///                                  └── the link to the owner is lost: freed here
extension RayletCore {
    /// A fetch has brought an object: its owner is told, so that the copy goes when the object does.
    mutating func noteCopy(_ object: ObjectID, of fetch: Fetch, into effects: inout [RayletEffect]) {
        let owner = fetch.ownerAddress
        guard owner != .none, !settings.plantsSilentCopies else { return }
        copies[object] = owner
        if !peers.contains(owner.worker) { effects.append(.connect(owner)) }
        let message = Message.objectCopied(ObjectCopied(object: object, raylet: settings.info.address))
        effects.append(.send(message, requestID: 0, to: owner.worker))
    }

    /// The owner relies on copies here from now on: they are not evicted, and stay when its link is lost.
    mutating func keepCopies(_ objects: [ObjectID], for owner: WorkerID, into effects: inout [RayletEffect]) {
        let kept = objects.filter { localObjects.contains($0) }
        for object in kept { copies[object] = nil }
        if !kept.isEmpty { effects.append(.storeKeep(kept)) }
        let gone = objects.filter { !localObjects.contains($0) && !diskObjects.contains($0) }
        guard !gone.isEmpty else { return }
        effects.append(.send(.copiesGone(CopiesGone(objects: gone)), requestID: 0, to: owner))
    }

    /// The store dropped objects on its own: owners of copies among them do not send readers here any more.
    mutating func copiesDropped(_ objects: [ObjectID], into effects: inout [RayletEffect]) {
        guard !copies.isEmpty else { return }
        for object in objects {
            guard let owner = copies.removeValue(forKey: object) else { continue }
            let message = Message.copiesGone(CopiesGone(objects: [object]))
            effects.append(.send(message, requestID: 0, to: owner.worker))
        }
    }

    /// The link to a process is lost: it cannot free copies here any more. Who needs one can fetch it again.
    mutating func dropCopies(of owner: WorkerID, into effects: inout [RayletEffect]) {
        let dropped = copies.filter { $0.value.worker == owner }.keys.sorted()
        guard !dropped.isEmpty else { return }
        for object in dropped {
            copies[object] = nil
            localObjects.remove(object)
        }
        effects.append(.storeFree(dropped))
    }
}
