//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A placement group that is not removed.
struct PlacementGroupRecord: Sendable {
    /// Who waits for all bundles to have a node.
    struct Waiter: Sendable {
        var peer: WorkerID
        var requestID: UInt64
        var deadline: Instant
    }

    let spec: PlacementGroupSpec
    /// The actor with which it ends; nothing if it was not created by one.
    let creator: ActorID?
    /// How many groups had been created when it was.
    let number: UInt64
    /// Where its bundles are when it is created: what the journal has.
    var places: [BundlePlace?] = []
    var phase = PlacementGroupState.Phase.pending
    var waiters: [Waiter] = []

    init(spec: PlacementGroupSpec, creator: ActorID?, number: UInt64) {
        self.spec = spec
        self.creator = creator
        self.number = number
    }

    /// "placement group 'main' (ab12…)": what people call it.
    var title: String { spec.title }
}

extension PlacementGroupSpec {
    /// "placement group 'main' (ab12…)": what people call it.
    var title: String { name.isEmpty ? "placement group \(id.hex)" : "placement group '\(name)' (\(id.hex))" }
}

/// A name is known in one namespace; names of groups and of actors do not meet.
struct PlacementGroupName: Hashable, Sendable {
    var namespace: String
    var name: String
}
