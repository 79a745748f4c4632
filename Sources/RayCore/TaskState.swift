//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Where an attempt of a task is, by Ray's numbers and names; those that ours cannot be in are left out.
package enum TaskState: UInt8, Sendable, Hashable, CaseIterable {
    /// An argument is not made yet.
    case pendingArguments = 1
    /// It waits for a worker.
    case pendingNode = 2
    /// It was sent to a worker.
    case submitted = 5
    case running = 8
    case finished = 11
    case failed = 12

    /// Ray's name.
    package var name: String {
        switch self {
        case .pendingArguments: "PENDING_ARGS_AVAIL"
        case .pendingNode: "PENDING_NODE_ASSIGNMENT"
        case .submitted: "SUBMITTED_TO_WORKER"
        case .running: "RUNNING"
        case .finished: "FINISHED"
        case .failed: "FAILED"
        }
    }

    /// Whether nothing comes after it.
    package var isEnd: Bool { self == .finished || self == .failed }
}
