//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire
internal import Synchronization

extension Endpoint {
    /// Tells peers met from now on that this process belongs to a node, so that those on the node use its socket.
    package func settle(node: NodeID) { identity.withLock { $0.address.node = node } }
}
