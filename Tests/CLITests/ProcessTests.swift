//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import RayTransport
import Testing

/// Processes that end at a signal or after some time, and a record of what was sent.
private final class FakeProcesses {
    var alive: Set<Int32>
    /// The signal that ends each process; those without one never end.
    var endsAt: [Int32: Int32]
    var sent: [String] = []
    var paused = 0

    init(alive: Set<Int32>, endsAt: [Int32: Int32]) {
        self.alive = alive
        self.endsAt = endsAt
    }

    var control: ProcessControl {
        ProcessControl(
            isAlive: { self.alive.contains($0.processID) },
            send: { signal, process in
                self.sent.append("\(signal)>\(process.role)")
                if signal == 9 || self.endsAt[process.processID] == signal, self.endsAt[process.processID] != nil {
                    self.alive.remove(process.processID)
                }
            },
            pause: { self.paused += $0 })
    }
}

@Suite("Ending processes")
struct ProcessTests {
    private let gcs = RunningProcess(role: "gcs_server", processID: 10, startTime: 1)
    private let raylet = RunningProcess(role: "raylet", processID: 11, startTime: 1)

    @Test("The raylet is asked before the head, and nothing is killed that ends by itself")
    func order() {
        let processes = FakeProcesses(alive: [10, 11], endsAt: [10: 15, 11: 15])
        let result = ProcessEnding(isForced: false, graceMilliseconds: 1000).end(
            [gcs, raylet], with: processes.control)
        #expect(processes.sent == ["15>raylet", "15>gcs_server"])
        #expect(result.stopped == [raylet, gcs])
        #expect(StopReport(result, isForced: false, graceSeconds: 1).text == "Stopped all 2 Ray processes.")
        #expect(processes.paused == 0)
    }

    @Test("What does not end within the grace period is killed")
    func grace() {
        let processes = FakeProcesses(alive: [10, 11], endsAt: [10: 15, 11: 9])
        let result = ProcessEnding(isForced: false, graceMilliseconds: 100).end([gcs, raylet], with: processes.control)
        #expect(processes.sent == ["15>raylet", "9>raylet", "15>gcs_server"])
        #expect(result.killed == [raylet])
        #expect(processes.paused == 100)
        let report = StopReport(result, isForced: false, graceSeconds: 1)
        #expect(report.exitCode == 0)
        #expect(report.text.contains("Stopped only 1 out of 2"))
    }

    @Test("With --force nobody is asked")
    func force() {
        let processes = FakeProcesses(alive: [10, 11], endsAt: [10: 15, 11: 15])
        let result = ProcessEnding(isForced: true, graceMilliseconds: 100).end([gcs, raylet], with: processes.control)
        #expect(processes.sent == ["9>raylet", "9>gcs_server"])
        #expect(StopReport(result, isForced: true, graceSeconds: 1).text == "Stopped all 2 Ray processes.")
    }

    @Test("A process that cannot be ended is told")
    func remaining() {
        let processes = FakeProcesses(alive: [11], endsAt: [:])
        let result = ProcessEnding(isForced: false, graceMilliseconds: 100).end([raylet], with: processes.control)
        #expect(result.remaining == [raylet])
        let report = StopReport(result, isForced: false, graceSeconds: 1)
        #expect(report.exitCode == 1)
        #expect(report.text.contains("raylet (pid 11)"))
    }

    @Test("Without processes there is nothing to stop")
    func none() {
        let text = StopReport(ProcessEnding.Result(), isForced: false, graceSeconds: 1).text
        #expect(text == "Did not find any active Ray processes.")
    }

    @Test("Exit codes 0, 15, -15 and 143 are expected under --block", arguments: [0, 15, -15, 143] as [Int32])
    func expectedCodes(code: Int32) {
        #expect(ChildExit(code: code).isExpected)
        #expect(BlockingDecision(runningCount: 1, ended: [("raylet", ChildExit(code: code))]) == .stay)
        #expect(BlockingDecision(runningCount: 0, ended: [("raylet", ChildExit(code: code))]) == .finish)
    }

    @Test("Any other end of a process ends the node with its name")
    func unexpectedCodes() {
        let ended = [("gcs_server", ChildExit(.exited(code: 0))), ("raylet", ChildExit(.killed(signal: 9)))]
        #expect(
            BlockingDecision(runningCount: 0, ended: ended) == .fail(lines: ["  raylet [ended by signal 9]"]))
        let exited = [("raylet", ChildExit(.exited(code: 1)))]
        #expect(BlockingDecision(runningCount: 1, ended: exited) == .fail(lines: ["  raylet [exit code=1]"]))
        #expect(ChildExit(.killed(signal: 15)).isExpected)
    }
}
