//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A driver or worker that is gone, for `ray list workers`.
struct EndedWorker: Sendable {
    /// Why it ended, in Ray's words.
    enum ExitType: String, Sendable {
        /// It crashed, or its node did.
        case systemError = "SYSTEM_ERROR"
        /// The cluster had no use for it any more.
        case intendedSystemExit = "INTENDED_SYSTEM_EXIT"
        /// User code made it useless: an initialiser of an actor that threw.
        case userError = "USER_ERROR"
        /// It ended with exit code 0, or somebody asked for its end.
        case intendedUserExit = "INTENDED_USER_EXIT"
        case outOfMemory = "NODE_OUT_OF_MEMORY"
    }

    /// Bytes of a detail that are kept.
    static let detailBytesMax = 2_000

    var id: WorkerID
    var isDriver: Bool
    var address: Address
    var processID: Int32
    var job: JobID?
    var exitType: ExitType
    /// A sentence, and what the process printed last.
    var detail: String
    /// Nothing if it never came.
    var startedAt: Instant?
    var endedAt: Instant
}
