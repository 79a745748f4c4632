//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

extension IntegrationTests {
    @Suite("A node that runs out of memory")
    struct Memory {
        /// A tree as the kernel shows it, in which the test says how much is used.
        private struct FakeTree {
            let root: String

            init(_ root: String) throws {
                self.root = root
                for folder in ["/proc/self", "/sys/fs/cgroup/pod"] {
                    try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
                }
                try write("/proc/self/cgroup", "0::/pod\n")
                try write("/proc/meminfo", "MemTotal: 20000000 kB\nMemAvailable: 15000000 kB\n")
                try write("/sys/fs/cgroup/pod/memory.max", "10000000000\n")
                try write("/sys/fs/cgroup/pod/memory.stat", "anon 5\ninactive_file 1000000000\n")
                try use(6_000_000_000)
            }

            func use(_ bytes: Int) throws { try write("/sys/fs/cgroup/pod/memory.current", "\(bytes)\n") }

            private func write(_ path: String, _ text: String) throws {
                try text.write(toFile: root + path, atomically: true, encoding: .utf8)
            }
        }

        /// Runs a task that never ends at its first try until the node's memory is short.
        private func run(retries: String, _ body: (Child, pid_t) -> Void) async throws {
            try await Sandbox.run { sandbox in
                let tree = try FakeTree(sandbox.folder + "/machine")
                let driver = try sandbox.start(
                    "raytestprogram", ["hang", sandbox.folder + "/pid", retries],
                    environment: ["RAY_memory_monitor_root": tree.root, "RAY_memory_monitor_refresh_ms": "20"])
                let worker = try #require(pid_t(try await sandbox.file("pid")))
                // What can be taken back from the page cache does not count.
                try tree.use(10_400_000_000)
                try await Task.sleep(for: .milliseconds(300))
                #expect(kill(worker, 0) == 0, "killed too early\n\(driver.everything)")
                try tree.use(10_800_000_000)
                let isKilled = try await eventually(within: .seconds(10)) { kill(worker, 0) != 0 }
                try tree.use(6_000_000_000)
                #expect(isKilled, "\(sandbox.logs)")
                let code = try await driver.end()
                #expect(code == 0, "\(driver.everything)\n\(sandbox.logs)")
                body(driver, worker)
            }
        }

        @Test("The task of the worker that is killed fails with the numbers", .timeLimit(.minutes(1)))
        func error() async throws {
            try await run(retries: "0") { driver, worker in
                // The ten largest are those of the whole machine: the worker need not be among them.
                for text in [
                    "SystemError.outOfMemory", "9.80GB used / 10.00GB limit", "/sys/fs/cgroup/pod",
                    "threshold of 9500000000B", "Selected to kill out of 1: pid=\(worker)",
                    "Top 10 memory users (PID, memory, command):", "next: 9",
                ] {
                    #expect(driver.output.contains(text), "no '\(text)'\n\(driver.everything)")
                }
                #expect(driver.output.contains(/\d+\t\d+\.\d\dGB\t\S/), "no users\n\(driver.everything)")
            }
        }

        @Test("With retries it runs again", .timeLimit(.minutes(1)))
        func retry() async throws {
            try await run(retries: "3") { driver, _ in
                #expect(driver.output.contains("attempt: 1"), "\(driver.everything)")
            }
        }
    }
}
