//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// An owner's wish for a worker that has certain resources.
package struct LeaseRequest: Hashable, Sendable {
    /// How much of a request's arguments lies on one node.
    package struct Locality: Hashable, Sendable {
        package var node: NodeID
        package var bytes: Int

        package init(_ node: NodeID, bytes: Int) {
            self.node = node
            self.bytes = bytes
        }
    }

    package var id: LeaseID
    /// The process that asks; when it goes, its requests and leases end.
    package var owner: WorkerID
    /// The node on which the owner runs, preferred when it is free; `NodeID.none` if unknown.
    package var ownerNode: NodeID
    package var job: JobID
    /// What a node must have free for the lease to be placed there.
    package var shape: ResourceSet
    /// What the lease takes and keeps; part of `shape`, and equal to it for tasks.
    package var held: ResourceSet
    package var strategy: SchedulingStrategy
    /// Where the arguments lie; heeded by the hybrid strategy only.
    package var locality: [Locality]
    /// Whether the lease lasts as long as an actor, so that nobody should wait for its end.
    package var isActor: Bool

    package init(
        id: LeaseID, owner: WorkerID, ownerNode: NodeID = .none, job: JobID, shape: ResourceSet,
        held: ResourceSet? = nil, strategy: SchedulingStrategy = .hybrid, locality: [Locality] = [],
        isActor: Bool = false
    ) {
        self.id = id
        self.owner = owner
        self.ownerNode = ownerNode
        self.job = job
        self.shape = shape
        self.held = held ?? shape
        self.strategy = strategy
        self.locality = locality
        self.isActor = isActor
    }

    /// What is wrong with the request and how to mend it; nothing if it is sound.
    var flaw: String? {
        if let entry = shape.entries.first(where: { $0.amount < .zero }) {
            return "asks for \(entry.amount) \(entry.name); amounts must not be negative"
        }
        if held.entries.contains(where: { $0.amount < .zero }) || !shape.contains(held) {
            return "wants to hold \(held) but asks for \(shape); a lease can hold only a part of what it asks for"
        }
        return nil
    }
}
