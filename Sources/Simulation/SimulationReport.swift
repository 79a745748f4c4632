//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// One line of what happened, for people.
package struct SimulationTrace: Sendable, Hashable, CustomStringConvertible {
    /// Virtual time in nanoseconds.
    package var nanoseconds: UInt64
    package var text: String

    /// Seconds with microseconds, then the text.
    package var description: String {
        let microseconds = String(nanoseconds / 1_000 % 1_000_000)
        let padding = String(repeating: "0", count: 6 - microseconds.count)
        return "\(nanoseconds / 1_000_000_000).\(padding)\(microseconds) \(text)"
    }
}

/// What came of one run.
package struct SimulationReport: Sendable, Hashable {
    package var seed: UInt64
    package var workload: SimulationWorkload
    package var nodeCount = 0
    package var driverCount = 0
    /// Events handled.
    package var eventCount = 0
    /// Messages delivered to cores.
    package var messageCount = 0
    /// Tasks started, with repetitions.
    package var taskCount = 0
    /// Results that drivers compared with what they must be.
    package var resultCount = 0
    /// Results that were errors explained by a fault.
    package var errorCount = 0
    /// Faults in order, for people.
    package var faults: [String] = []
    /// How many messages of each kind were sent between nodes, and how many were delivered anywhere.
    package var sentKinds: [UInt16: Int] = [:]
    package var deliveredKinds: [UInt16: Int] = [:]
    /// When the last driver had all its results, in virtual milliseconds since the start.
    package var finishedMilliseconds = 0
    /// The end, in virtual milliseconds since the start.
    package var endMilliseconds = 0
    /// Equal for equal runs.
    package var digest: UInt64 = 0
    /// What was wrong; nothing if all was well.
    package var failure: String?
    /// The last events before the end.
    package var trace: [SimulationTrace] = []

    /// One line for people; several with the trace if something was wrong.
    package var summary: String {
        let head =
            "seed \(seed): \(workload.rawValue), \(nodeCount) nodes, \(driverCount) drivers, \(eventCount) events, "
            + "\(messageCount) messages, \(taskCount) tasks, \(resultCount) results, \(errorCount) errors, "
            + "\(faults.count) faults, \(endMilliseconds) ms, digest \(String(digest, radix: 16))"
        guard let failure else { return head }
        return ([head, "FAILED: \(failure)"] + faults.map { "fault: \($0)" } + trace.map(\.description))
            .joined(separator: "\n")
    }
}
