//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayNode

/// A process that is to be ended, named for good by its id and the time of its start.
package struct RunningProcess: Hashable, Sendable {
    package var role: String
    package var processID: Int32
    /// In clock ticks since boot; nothing if it had ended already.
    package var startTime: UInt64?

    package init(role: String, processID: Int32, startTime: UInt64?) {
        self.role = role
        self.processID = processID
        self.startTime = startTime
    }

    /// The process that has this id now.
    package init(role: String, processID: Int32) {
        self.init(role: role, processID: processID, startTime: processStartTime(processID))
    }

    /// Whether it still runs; a zombie does not.
    package var isAlive: Bool { startTime != nil && processStartTime(processID) == startTime }
}

/// What ending processes needs of the system.
package struct ProcessControl {
    package var isAlive: (RunningProcess) -> Bool
    /// Sends a signal to the process, and to its group where it leads one.
    package var send: (Int32, RunningProcess) -> Void
    package var pause: (_ milliseconds: Int) -> Void

    package init(
        isAlive: @escaping (RunningProcess) -> Bool, send: @escaping (Int32, RunningProcess) -> Void,
        pause: @escaping (_ milliseconds: Int) -> Void
    ) {
        self.isAlive = isAlive
        self.send = send
        self.pause = pause
    }

    /// The real one.
    package static var system: ProcessControl {
        ProcessControl(
            isAlive: \.isAlive,
            send: { signal, process in
                guard process.isAlive, process.processID > 1 else { return }
                let leadsGroup = getpgid(process.processID) == process.processID && getpgrp() != process.processID
                kill(leadsGroup ? -process.processID : process.processID, signal)
            },
            pause: { StopSignal.pause(milliseconds: $0) })
    }
}

/// Ends processes: raylets and workers first, then the head, each asked before it is killed.
package struct ProcessEnding: Sendable {
    /// What became of the processes.
    package struct Result: Sendable, Equatable {
        /// Those that ended when asked.
        package var stopped: [RunningProcess] = []
        /// Those that had to be killed.
        package var killed: [RunningProcess] = []
        /// Those that live on, e.g. because they belong to another user.
        package var remaining: [RunningProcess] = []

        package init() {}
    }

    /// Whether nobody is asked.
    package var isForced: Bool
    /// How long all of them together have to end before they are killed.
    package var graceMilliseconds: Int

    private static let stepMilliseconds = 20
    /// The kernel needs a moment to end a process that is killed.
    private static let killMilliseconds = 2000

    package init(isForced: Bool, graceMilliseconds: Int) {
        self.isForced = isForced
        self.graceMilliseconds = graceMilliseconds
    }

    /// Ends `processes` and returns when they are gone or cannot be ended.
    package func end(_ processes: [RunningProcess], with control: ProcessControl) -> Result {
        var result = Result()
        var grace = graceMilliseconds
        let isHead = { (process: RunningProcess) in process.role == "gcs_server" }
        for stage in [processes.filter { !isHead($0) }, processes.filter(isHead)] {
            var left = stage.filter(control.isAlive)
            result.stopped += isForced ? [] : stage.filter { !left.contains($0) }
            if !isForced {
                let asked = left
                for process in asked { control.send(SIGTERM, process) }
                grace = wait(for: &left, milliseconds: grace, control)
                result.stopped += asked.filter { !left.contains($0) }
            }
            let doomed = left
            for process in doomed { control.send(SIGKILL, process) }
            _ = wait(for: &left, milliseconds: Self.killMilliseconds, control)
            result.killed += doomed.filter { !left.contains($0) }
            result.remaining += left
        }
        return result
    }

    /// Waits until `processes` are gone, keeps those that are not, and returns the time left.
    private func wait(for processes: inout [RunningProcess], milliseconds: Int, _ control: ProcessControl) -> Int {
        var rest = milliseconds
        processes.removeAll { !control.isAlive($0) }
        while !processes.isEmpty, rest > 0 {
            control.pause(Self.stepMilliseconds)
            rest -= Self.stepMilliseconds
            processes.removeAll { !control.isAlive($0) }
        }
        return max(0, rest)
    }
}
