//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A driver program.
///
///     running ──FinishJob, or its driver's link is lost──▶ ended ──▶ (forgotten with its last detached actor)
struct JobRecord: Sendable {
    let id: JobID
    var info: JobInfo
    /// Where its actors' names live; never empty.
    var namespace: String
    var isEnded = false
    /// Actors that are not dead.
    var actorCount = 0
}
