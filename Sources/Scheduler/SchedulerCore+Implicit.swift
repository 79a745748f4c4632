//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Resources that nodes have without being told, one of each: so Ray's libraries limit how many of something are on a
/// node (Serve's `max_replicas_per_node` wants a half of one for two).
extension SchedulerCore {
    /// Gives all nodes, and those that join later, the implicit resources that somebody asks for.
    ///
    /// A name stays known when nothing uses it any more; there are as many as deployments had names.
    mutating func provideImplicit(_ resources: ResourceSet) {
        for entry in resources.entries where ResourceSet.isImplicit(entry.name) {
            guard implicitNames.insert(entry.name).inserted else { continue }
            for index in nodes[..<nodeCount].indices { nodes[index].provideImplicit(entry.name) }
        }
    }
}

extension SchedulerNode {
    mutating func provideImplicit(_ name: String) {
        guard total[name] == .zero else { return }
        total[name] = ResourceAmount(1)
        available[name] = ResourceAmount(1)
    }

    /// What nobody holds, as people see it: of implicit resources only those that are in use.
    var shownAvailable: ResourceSet {
        guard available.entries.contains(where: { ResourceSet.isImplicit($0.name) }) else { return available }
        return available.filter { !ResourceSet.isImplicit($0) || available[$0] < total[$0] }
    }
}
