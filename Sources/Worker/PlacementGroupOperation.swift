//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What can be done with placement groups.
package enum PlacementGroupOperation: Sendable {
    case create(PlacementGroupSpec)
    case remove(PlacementGroupID)
    /// Waits until all bundles have a node; the error is of type `getTimeout` if that takes longer.
    case await(PlacementGroupID, milliseconds: Int)
    case find(PlacementGroupID)
    /// An empty namespace means that of the job.
    case findNamed(String, namespace: String)
    /// All that the cluster remembers, removed ones included.
    case list
}
