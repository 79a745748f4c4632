//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import Glibc
internal import RayNode

/// `ray stop`: ends every process of every session on this machine.
package struct StopCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop all Ray processes on this machine.")

    @Flag(name: .shortAndLong, help: "Kill at once instead of asking first.")
    package var force = false

    @Option(name: .shortAndLong, help: "Seconds that the processes have to end before they are killed.")
    package var gracePeriod = 16

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Flag(name: .shortAndLong, help: "Name each process.")
    package var verbose = false

    package init() {}

    package func validate() throws {
        guard (0...86_400).contains(gracePeriod) else {
            throw ValidationError("--grace-period is \(gracePeriod); give seconds from 0 to 86400")
        }
    }

    package func run() throws {
        let root = SessionDirectory.temporaryRoot(given: tempDir)
        let ending = ProcessEnding(isForced: force, graceMilliseconds: gracePeriod * 1000)
        var result = ProcessEnding.Result()
        // Processes may appear while others end: a raylet that was just starting a worker.
        for _ in 0..<3 {
            let running = SessionProcesses.running(under: root).filter { !result.remaining.contains($0) }
            if running.isEmpty { break }
            let round = ending.end(running, with: .system)
            result.stopped += round.stopped
            result.killed += round.killed
            result.remaining += round.remaining
        }
        if verbose {
            for process in result.stopped + result.killed { print("Ended \(process.role) (pid \(process.processID))") }
        }
        for session in SessionDirectory.all(under: root) where session.notedProcesses().isEmpty {
            session.removeSockets()
        }
        // Ray's own Python must not look for what is gone.
        if result.remaining.isEmpty { unlink(SessionProcesses.pythonAddress(under: root)) }
        let report = StopReport(result, isForced: force, graceSeconds: gracePeriod)
        if report.exitCode == 0 { print(report.text) } else { printError(report.text) }
        throw ExitCode(report.exitCode)
    }
}

/// What `ray stop` tells when it is done.
package struct StopReport: Sendable, Equatable {
    package var text: String
    package var exitCode: Int32

    /// Words, in Ray's where Ray has them, for what became of the processes.
    package init(_ result: ProcessEnding.Result, isForced: Bool, graceSeconds: Int) {
        let ended = result.stopped.count + result.killed.count
        let total = ended + result.remaining.count
        exitCode = 0
        if total == 0 {
            text = "Did not find any active Ray processes."
        } else if !result.remaining.isEmpty {
            let names = result.remaining.map { "\($0.role) (pid \($0.processID))" }.joined(separator: ", ")
            text =
                "Error: stopped only \(ended) out of \(total) Ray processes; still running: \(names). "
                + "If they belong to another user, run 'ray stop' as that user."
            exitCode = 1
        } else if result.killed.isEmpty || isForced {
            text = "Stopped all \(total) Ray processes."
        } else {
            text =
                "Stopped only \(result.stopped.count) out of \(total) Ray processes within the grace period "
                + "\(graceSeconds) seconds; the others were killed."
        }
    }
}
