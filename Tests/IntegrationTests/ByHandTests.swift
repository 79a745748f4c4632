//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// A head and two further nodes, started by hand on this machine with one CPU each.
struct ThreeNodes {
    let sandbox: Sandbox
    let port: UInt16
    /// The port for programs outside the cluster.
    let clientPort: UInt16

    /// Its head, as programs name it.
    var address: String { "127.0.0.1:\(port)" }

    init(_ sandbox: Sandbox) async throws {
        self.sandbox = sandbox
        port = try Sandbox.freePort()
        clientPort = try Sandbox.freePort()
        let head = try await sandbox.run(
            "ray", "start", "--head", "--port=\(port)", "--ray-client-server-port=\(clientPort)",
            "--num-cpus=1", "--object-store-memory=268435456", environment: ["TEST_NODE": "head"])
        try #require(head.exitCode == 0, "\(head.everything)")
        for name in ["second", "third"] {
            let node = try await sandbox.run(
                "ray", "start", "--address=\(address)", "--num-cpus=1", "--node-ip-address=127.0.0.1",
                "--node-name=\(name)", "--object-store-memory=268435456", environment: ["TEST_NODE": name])
            try #require(node.exitCode == 0, "\(node.everything)")
        }
    }

    /// The processes of a node: `head`, `second` or `third`.
    func processes(of node: String) -> [ProcessEntry] {
        sandbox.processes.filter { $0.environment.contains("TEST_NODE=\(node)") }
    }

    /// Ends it and expects that nothing is left.
    func stop() async throws {
        let stop = try await sandbox.run("ray", "stop")
        #expect(stop.exitCode == 0, "\(stop.everything)")
        let left = sandbox.processes
        #expect(left.isEmpty, "'ray stop' has left \(left)")
    }
}

extension IntegrationTests {
    @Suite("A cluster started by hand")
    struct ByHand {
        @Test("A head and a node that Ray's own Python has started are found and ended", .timeLimit(.minutes(1)))
        func startedByPython() async throws {
            try await Sandbox.run { sandbox in
                let root = sandbox.folder + "/ray"
                let name = "session_2026-01-02_03-04-05_000006_7"
                try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
                let node = String(repeating: "ab", count: 28)
                // Ray's Python starts the program by these names, and with these flags.
                func start(_ role: String, _ flags: String...) throws -> Child {
                    symlink(Sandbox.programs + "/ray", sandbox.folder + "/\(role)")
                    let common = ["--session-dir=\(root)/\(name)", "--node-id=\(node)", "--node-ip-address=127.0.0.1"]
                    return try sandbox.start(sandbox.folder + "/\(role)", common + flags)
                }
                let head = try start("gcs_server", "--gcs_server_port=0")
                let port = try await sandbox.file("ray/\(name)/gcs_server_port_\(node)")
                _ = try start(
                    "raylet", "--gcs-address=127.0.0.1:\(port)", "--head", "--object_store_memory=134217728",
                    "--static_resource_list=CPU,3")
                try port.write(toFile: root + "/ray_current_cluster", atomically: true, encoding: .utf8)
                var status = try await sandbox.run("ray", "status")
                for _ in 0..<80 where !status.output.contains("/3.0 CPU") {
                    try await Task.sleep(for: .milliseconds(250))
                    status = try await sandbox.run("ray", "status")
                }
                #expect(status.output.contains("/3.0 CPU"), "\(status.everything)\n\(head.everything)\n\(sandbox.logs)")
                let driver = try await sandbox.run("raytestprogram", "address", "auto")
                #expect(driver.output.contains("square: 49"), "\(driver.everything)")
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.output.contains("Stopped all 2 Ray processes."), "\(stop.everything)")
                #expect(access(root + "/ray_current_cluster", F_OK) != 0)
            }
        }

        private func index(_ cluster: ThreeNodes, _ corpus: Corpus) throws -> Child {
            try cluster.sandbox.start(
                "wordindex",
                ["--address", cluster.address, "--top", "100", "--batch-bytes", "250000", corpus.folder])
        }

        private func check(_ job: Child, _ corpus: Corpus, _ location: SourceLocation = #_sourceLocation) async throws {
            let code = try await job.end(within: .seconds(90))
            #expect(code == 0, "\(job.everything)", sourceLocation: location)
            let words = job.output.split(separator: "\n").prefix(100).map(String.init)
            let isSame = words == corpus.words
            #expect(isSame, "other words than the shell's\n\(job.everything)", sourceLocation: location)
        }

        /// Waits until some batches are done, and no more.
        private func waitForMiddle(_ job: Child) async throws {
            let isThere = try await eventually(within: .seconds(30)) {
                job.errors.split(separator: "\r").last?.split(separator: "/").first.flatMap { Int($0) } ?? 0 >= 8
            }
            #expect(isThere && job.isRunning, "the job was not caught in the middle\n\(job.everything)")
        }

        @Test(
            "ray status shows three nodes; the words are those of the shell, also when processes are killed",
            .timeLimit(.minutes(4)))
        func words() async throws {
            try await Sandbox.run { sandbox in
                let corpus = try await Corpus(in: sandbox.folder + "/corpus", sandbox)
                let cluster = try await ThreeNodes(sandbox)
                let status = try await sandbox.run("ray", "status")
                #expect(status.output.split(separator: "\n").count { $0.hasPrefix(" 1 ") } == 3, "\(status.everything)")
                #expect(status.output.contains("/3.0 CPU"), "\(status.everything)")
                let health = try await sandbox.run("ray", "health-check", "--address", cluster.address)
                #expect(health.exitCode == 0, "\(health.everything)")

                try await check(try index(cluster, corpus), corpus)

                let second = try index(cluster, corpus)
                try await waitForMiddle(second)
                let worker = try #require(sandbox.workers.randomElement())
                kill(worker.processID, SIGKILL)
                try await check(second, corpus)

                let third = try index(cluster, corpus)
                try await waitForMiddle(third)
                let raylet = try #require(cluster.processes(of: "third").first { $0.name == "raylet" })
                kill(raylet.processID, SIGKILL)
                try await check(third, corpus)
                // The head takes the node for dead when its link cannot be made again, or after 5 s of silence.
                var after = try await sandbox.run("ray", "status")
                for _ in 0..<40 where !after.output.contains("/2.0 CPU") {
                    try await Task.sleep(for: .milliseconds(250))
                    after = try await sandbox.run("ray", "status")
                }
                #expect(after.output.contains("/2.0 CPU"), "\(after.everything)")
                try await cluster.stop()
            }
        }

        @Test(
            "The head killed again and again under a job: it comes back, and the words are those of the shell",
            .timeLimit(.minutes(3)))
        func headComesBack() async throws {
            try await Sandbox.run { sandbox in
                let corpus = try await Corpus(in: sandbox.folder + "/corpus", sandbox)
                let cluster = try await ThreeNodes(sandbox)
                let job = try index(cluster, corpus)
                try await waitForMiddle(job)
                for _ in 0..<2 {
                    let head = try #require(sandbox.roles("gcs_server").first)
                    kill(head.processID, SIGKILL)
                    let isBack = try await eventually(within: .seconds(10)) {
                        sandbox.roles("gcs_server").contains { $0.processID != head.processID }
                    }
                    #expect(isBack)
                    let status = try await sandbox.run("ray", "status")
                    #expect(status.exitCode == 0, "\(status.everything)")
                }
                try await check(job, corpus)
                try await check(try index(cluster, corpus), corpus)
                let status = try await sandbox.run("ray", "status")
                #expect(status.output.contains("/3.0 CPU"), "\(status.everything)")
                try await cluster.stop()
            }
        }

        @Test(
            "Programs of two versions use one cluster, by both ports, and tasks run where they are wanted",
            .timeLimit(.minutes(1)))
        func programs() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                // Another version of the same program: other content, so another hash.
                let other = sandbox.folder + "/raytestprogram"
                var content = try Data(contentsOf: URL(fileURLWithPath: Sandbox.programs + "/raytestprogram"))
                content.append(contentsOf: Array("another version".utf8))
                try content.write(to: URL(fileURLWithPath: other))
                chmod(other, 0o700)
                let environment = ["RAY_ADDRESS": cluster.address]
                let first = try sandbox.start("raytestprogram", ["churn", "2000"], environment: environment)
                let second = try sandbox.start(other, ["churn", "2000"], environment: environment)
                for child in [first, second] {
                    let code = try await child.end()
                    #expect(code == 0, "\(child.everything)")
                    #expect(child.output.contains("failures: []"), "\(child.everything)")
                }
                let client = try await sandbox.run("raytestprogram", "address", "ray://127.0.0.1:\(cluster.clientPort)")
                #expect(client.output.contains("square: 49"), "\(client.everything)")
                let automatic = try await sandbox.run("raytestprogram", "address", "auto")
                #expect(automatic.output.contains("square: 49"), "\(automatic.everything)")
                let placement = try await sandbox.run("raytestprogram", "placement", environment: environment)
                #expect(placement.output.contains("placed: 3, spread over 3"), "\(placement.everything)")
                try await cluster.stop()
            }
        }
    }
}
