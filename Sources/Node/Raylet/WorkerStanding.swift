//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore

/// How the kernel treats workers: when memory ends they go before raylet, head and driver, whose end costs more.
package struct WorkerStanding: Hashable, Sendable {
    /// What the kernel's out-of-memory killer adds to a worker's score, 0 … 1000.
    package var memoryScore = 1_000
    /// How far a worker stands back when processors are wanted, 0 … 19. Ray's is 15.
    package var niceness = 0

    /// Ray's settings, where the environment has them.
    ///
    /// - Throws: `invalidArgument` if a value is no value for its setting.
    package mutating func tune(_ variable: (String) -> String?) throws(RayError) {
        try RayletConfiguration.read("worker_oom_score_adjustment", variable, in: 0...1_000) { memoryScore = Int($0) }
        try RayletConfiguration.read("worker_niceness", variable, in: 0...19) { niceness = Int($0) }
    }

    /// Gives a child its standing. Where the machine does not allow it, the child runs like this process.
    func apply(to processID: Int32) {
        if memoryScore > 0 { writeFile("/proc/\(processID)/oom_score_adj", "\(memoryScore)") }
        if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(processID), Int32(niceness)) }
    }
}
