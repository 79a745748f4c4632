//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// A program that a test has started, with its output in files.
final class Child {
    let processID: pid_t
    private let outputPath: String
    private let errorPath: String
    private var status: Int32?

    init(processID: pid_t, outputPath: String, errorPath: String) {
        self.processID = processID
        self.outputPath = outputPath
        self.errorPath = errorPath
    }

    /// What it has written to standard output so far.
    var output: String { text(of: outputPath) }
    /// What it has written to standard error so far.
    var errors: String { text(of: errorPath) }
    /// Everything, for messages.
    var everything: String { "--- output\n\(output.suffix(2000))\n--- errors\n\(errors.suffix(1000))" }

    /// Whether it still runs; collects its end.
    var isRunning: Bool {
        if status != nil { return false }
        var value: Int32 = 0
        if waitpid(processID, &value, WNOHANG) == processID { status = value }
        return status == nil
    }

    /// The exit code; 128 and the signal if one ended it; nothing while it runs.
    var exitCode: Int32? {
        guard !isRunning, let status else { return nil }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Sends it a signal.
    func send(_ signal: Int32) { if isRunning { kill(processID, signal) } }

    /// Waits for its end and gives the exit code; one that does not end is killed and recorded.
    @discardableResult
    func end(within limit: Duration = .seconds(30), _ location: SourceLocation = #_sourceLocation) async throws -> Int32
    {
        let ended = try await eventually(within: limit) { !isRunning }
        if !ended {
            Issue.record(
                "the program did not end within \(limit)\n\(everything)\n--- threads\n\(threads)",
                sourceLocation: location)
            send(SIGKILL)
            _ = try await eventually(within: .seconds(5)) { !isRunning }
        }
        return exitCode ?? -1
    }

    /// What each thread waits in, as the kernel says: name, state, function, system call.
    private var threads: String {
        let folder = "/proc/\(processID)/task"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().map { name in
            let parts = ["comm", "wchan", "syscall"].map { text(of: "\(folder)/\(name)/\($0)") }
            let state = text(of: "\(folder)/\(name)/status").split(separator: "\n").first { $0.hasPrefix("State:") }
            return ([name, String(state ?? "")] + parts).map { $0.filter { $0 != "\n" } }.joined(separator: " ")
        }.joined(separator: "\n")
    }

    private func text(of path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

/// Looks again and again until `condition` holds; false if the time is over.
func eventually(within limit: Duration, _ condition: () throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while true {
        if try condition() { return true }
        if ContinuousClock.now >= end { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A process as /proc shows it.
struct ProcessEntry: CustomStringConvertible {
    var processID: pid_t
    /// The name that the process gave itself: `gcs_server`, `raylet`, or the program's.
    var name: String
    /// `NAME=value`, as at its start.
    var environment: Set<String>

    var isWorker: Bool { environment.contains("SWIFT_RAY_ROLE=worker") }
    var description: String { "\(name) (pid \(processID))\(isWorker ? " worker" : "")" }

    /// The processes that were started with this in their environment; those that only wait to be collected do not
    /// count.
    static func all(with variable: String) -> [ProcessEntry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let wanted = Data(variable.utf8)
        return names.compactMap { Int32($0) }.sorted().compactMap { processID in
            guard let data = FileManager.default.contents(atPath: "/proc/\(processID)/environ"),
                data.range(of: wanted) != nil
            else { return nil }
            let variables = Set(data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
            let name = FileManager.default.contents(atPath: "/proc/\(processID)/comm") ?? Data()
            guard variables.contains(variable) else { return nil }
            return ProcessEntry(
                processID: processID, name: String(String(decoding: name, as: UTF8.self).dropLast()),
                environment: variables)
        }
    }
}
