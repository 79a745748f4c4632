//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What the list of actors shows of one that is dead, beside its state; not durable.
struct EndedActor: Sendable {
    let aliveAt: Instant?
    let diedAt: Instant
    /// How it showed itself.
    let shownName: String
    /// Where it was last.
    let node: NodeID?
    let processID: Int32
    let heldResources: ResourceSet
    let isDetached: Bool
    let group: PlacementGroupID?

    init(_ actor: ActorRecord, processID: Int32, diedAt: Instant) {
        aliveAt = actor.aliveAt
        self.diedAt = diedAt
        shownName = actor.shownName
        node = actor.worker?.node
        self.processID = processID
        heldResources = actor.spec.heldResources
        isDetached = actor.spec.lifetime == .detached
        group = actor.spec.creation.strategy.group
    }
}
