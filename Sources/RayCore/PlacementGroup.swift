//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How the bundles of a placement group lie on nodes; the numbers are Ray's.
package enum PlacementStrategy: UInt8, Hashable, Sendable, CaseIterable {
    /// On as few nodes as can be.
    case pack = 0
    /// On as many nodes as can be.
    case spread = 1
    /// All on one node.
    case strictPack = 2
    /// Each on a node of its own.
    case strictSpread = 3

    /// Ray's name, "STRICT_PACK".
    package var name: String {
        switch self {
        case .pack: "PACK"
        case .spread: "SPREAD"
        case .strictPack: "STRICT_PACK"
        case .strictSpread: "STRICT_SPREAD"
        }
    }
}

/// What one bundle of a placement group reserves on one node.
package struct Bundle: Hashable, Sendable {
    package var resources: ResourceSet
    /// What the node's labels must be.
    package var labels: LabelSelector

    package init(_ resources: ResourceSet, labels: LabelSelector = LabelSelector()) {
        self.resources = resources
        self.labels = labels
    }
}

/// A placement group as it was asked for.
package struct PlacementGroupSpec: Hashable, Sendable {
    /// Most bundles of one group.
    package static let bundlesMax = 10_000

    package var id: PlacementGroupID
    /// Name in the namespace; empty for none.
    package var name: String
    package var namespace: String
    package var strategy: PlacementStrategy
    package var bundles: [Bundle]
    /// Whether it stays until it is removed; else it ends with the job or actor that created it.
    package var isDetached: Bool
    /// Where a `STRICT_PACK` group should lie, if there is room.
    package var softTarget: NodeID?

    package init(
        id: PlacementGroupID, name: String = "", namespace: String = "", strategy: PlacementStrategy = .pack,
        bundles: [Bundle], isDetached: Bool = false, softTarget: NodeID? = nil
    ) {
        self.id = id
        self.name = name
        self.namespace = namespace
        self.strategy = strategy
        self.bundles = bundles
        self.isDetached = isDetached
        self.softTarget = softTarget
    }

    /// What is wrong with it and how to mend it; nothing if it is sound.
    package var flaw: String? {
        guard !bundles.isEmpty else {
            return "a placement group needs at least one bundle, for example [[\"CPU\": 1], [\"GPU\": 1]]"
        }
        guard bundles.count <= Self.bundlesMax else {
            return "a placement group has at most \(Self.bundlesMax) bundles, not \(bundles.count)"
        }
        guard name.utf8.count <= Limits.nameBytesMax, namespace.utf8.count <= Limits.nameBytesMax else {
            return "the name of a placement group has at most \(Limits.nameBytesMax) bytes"
        }
        for (index, bundle) in bundles.enumerated() {
            if bundle.resources.isEmpty {
                return "bundle \(index) is empty or has only amounts of 0; each bundle must reserve something"
            }
            if bundle.resources.entries.count > Self.resourcesMax {
                return "bundle \(index) names more than \(Self.resourcesMax) resources"
            }
            if let entry = bundle.resources.entries.first(where: { $0.amount < .zero }) {
                return "bundle \(index) asks for \(entry.amount) \(entry.name); amounts must not be negative"
            }
        }
        return nil
    }

    private static let resourcesMax = 64
}

/// Which bundle of which placement group.
package struct BundleKey: Hashable, Sendable {
    package var group: PlacementGroupID
    package var number: Int

    package init(group: PlacementGroupID, number: Int) {
        self.group = group
        self.number = number
    }
}

/// A placement group at one moment.
package struct PlacementGroupState: Hashable, Sendable {
    /// The states of Ray's table; the numbers are Ray's.
    package enum Phase: UInt8, Hashable, Sendable, CaseIterable {
        /// Some bundle has never had a node.
        case pending = 0
        /// All bundles have a node.
        case created = 2
        /// It is over.
        case removed = 3
        /// Nodes of some bundles died; others are looked for.
        case rescheduling = 4
    }

    package var spec: PlacementGroupSpec
    package var phase: Phase
    /// The node of each bundle; `NodeID.none` where it has none.
    package var nodes: [NodeID]
    /// Why it waits, or was removed; empty when it is created.
    package var reason: String

    package init(spec: PlacementGroupSpec, phase: Phase, nodes: [NodeID], reason: String) {
        self.spec = spec
        self.phase = phase
        self.nodes = nodes
        self.reason = reason
    }
}
