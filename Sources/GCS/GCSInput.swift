//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What the GCS's core is told.
package enum GCSInput: Sendable {
    /// A link to this peer is up, with what it said of itself.
    case peerUp(WorkerID, role: ProcessRole, address: Address)
    /// The link to a peer is lost for good, and why.
    case peerLost(WorkerID, reason: String)
    /// A message of a peer; `requestID` is 0 where no answer is expected.
    case message(Message, requestID: UInt64, from: WorkerID)
    /// A file of this hash is in the archive; a peer brought it or asked for it, or it was there at the start.
    case fileStored(hash: String, by: WorkerID?)
    /// Time has passed; due at `GCSCore.nextWake`.
    case tick
}
