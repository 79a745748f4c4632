//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Where a bundle is: its node, and the devices of which it has a whole or a part.
package struct BundlePlace: Hashable, Sendable {
    package var node: NodeID
    package var acceleratorIDs: [AcceleratorID]

    package init(node: NodeID, acceleratorIDs: [AcceleratorID]) {
        self.node = node
        self.acceleratorIDs = acceleratorIDs
    }
}

/// What resources are taken from: a node, or what a bundle reserves on one.
enum PoolID: Hashable, Sendable {
    case node(NodeID)
    case bundle(BundleKey)
}

/// A placement group: resources of nodes that are reserved for what names the group.
///
///     waiting ──all bundles have room──▶ placed ──a node died──▶ waiting (for the lost bundles only)
///
/// After a new start bundles are expected back on the nodes that they had, and have no pool until those join.
///
/// Bundles are reserved all at once or not at all. A bundle that has a node is a pool of its own among the
/// scheduler's nodes: leases, blocking and devices work inside of it as they do on a node.
struct PlacementGroup: Sendable {
    let spec: PlacementGroupSpec
    let arrival: UInt64
    /// The node of each bundle; nothing where it has none.
    var nodes: [NodeID?]
    /// Bundles whose nodes have not come back yet; `nodes` names those.
    var awaited: [Int: BundlePlace] = [:]
    /// Whether it had all of its bundles before; such groups come first.
    var wasPlaced = false
    /// Whether no room was found when last tried; then only nodes that changed give reason to try again.
    var isStuck = false
    /// Whether it would fit into idle nodes, as of `feasibleEpoch`.
    var isFeasible = false
    var feasibleEpoch: UInt64 = 0

    init(spec: PlacementGroupSpec, arrival: UInt64) {
        self.spec = spec
        self.arrival = arrival
        nodes = Array(repeating: nil, count: spec.bundles.count)
    }

    /// The bundles without a node.
    var missing: [BundlePolicy.Item] {
        spec.bundles.indices.filter { nodes[$0] == nil }.map { ($0, spec.bundles[$0]) }
    }

    var isPlaced: Bool { !nodes.contains(nil) }

    /// Why a lease of this shape can never be had from the group; nothing if it can.
    func flaw(shape: ResourceSet, bundle: Int?) -> String? {
        if let bundle, !spec.bundles.indices.contains(bundle) {
            return "placement group bundle index \(bundle) is invalid; the group has the bundles 0 to "
                + "\(spec.bundles.count - 1)"
        }
        let allowed = bundle.map { [spec.bundles[$0]] } ?? spec.bundles
        let holds = allowed.contains { candidate in
            candidate.resources.contains(shape)
                && AcceleratorInstances(total: AcceleratorInstances.capped(candidate.resources)).couldHold(shape)
        }
        guard !holds else { return nil }
        let which = bundle.map { "bundle \($0)" } ?? "any bundle"
        let sizes = allowed.prefix(4).map { "[\($0.resources)]" }.joined(separator: ", ")
        return "asks for \(shape), which cannot fit into \(which) of placement group \(spec.id.hex): \(sizes)"
            + (allowed.count > 4 ? ", …" : "")
    }
}
