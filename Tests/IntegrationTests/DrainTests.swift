//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    @Suite("A node that is drained")
    struct Draining {
        @Test(
            "Its task and its actor go on elsewhere, and use up neither retry nor restart", .timeLimit(.minutes(3)))
        func moves() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(port)", "--num-cpus=1", "--object-store-memory=134217728")
                #expect(head.exitCode == 0, "\(head.everything)")
                try await start("second", sandbox, port)
                let program = try sandbox.start(
                    "raytestprogram", ["drained", sandbox.folder], environment: ["RAY_ADDRESS": "127.0.0.1:\(port)"])
                let first = try await sandbox.file("attempt-0").split(separator: " ").map(String.init)
                let old = try await actor(0, of: program)
                #expect(old[1] == first[1])
                try await start("third", sandbox, port)
                let drain = try await sandbox.run(
                    "ray", "drain-node", "--node-id", first[1], "--reason", "DRAIN_NODE_REASON_PREEMPTION",
                    "--reason-message", "spot", "--deadline-remaining-seconds", "1")
                #expect(drain.exitCode == 0, "\(drain.everything)")
                let second = try await sandbox.file("attempt-1").split(separator: " ").map(String.init)
                let new = try await actor(1, of: program)
                #expect(second[1] != first[1] && new[1] == second[1], "\(program.everything)\n\(sandbox.logs)")
                let isGone = try await eventually(within: .seconds(15)) {
                    !sandbox.processes.contains { $0.environment.contains("TEST_NODE=second") }
                }
                #expect(isGone, "the drained node is still there\n\(sandbox.logs)")
                let nodes = try await list(sandbox, "nodes", "-f", "state=DEAD")
                #expect((nodes.first?["state_message"] as? String)?.contains("preemption: spot") == true, "\(nodes)")
                // Both have one more life, which the drain has not used up.
                kill(try #require(pid_t(second[0])), SIGKILL)
                kill(try #require(pid_t(new[0])), SIGKILL)
                #expect(try await program.end() == 0, "\(program.everything)\n\(sandbox.logs)")
                #expect(program.output.contains("attempt: 2") && program.output.contains("actor 2: "))
                #expect(try await sandbox.run("ray", "stop").exitCode == 0)
            }
        }

        private func start(_ name: String, _ sandbox: Sandbox, _ port: UInt16) async throws {
            let node = try await sandbox.run(
                "ray", "start", "--address=127.0.0.1:\(port)", "--num-cpus=2", "--node-ip-address=127.0.0.1",
                "--node-name=\(name)", "--resources={\"away\": 2}", "--object-store-memory=134217728",
                environment: ["TEST_NODE": name])
            try #require(node.exitCode == 0, "\(node.everything)")
        }

        /// Process and node of the actor, as the program prints them.
        private func actor(_ move: Int, of program: Child) async throws -> [String] {
            let prefix = "actor \(move): "
            let isThere = try await eventually(within: .seconds(30)) { program.output.contains(prefix) }
            try #require(isThere, "\(program.everything)")
            let line = program.output.split(separator: "\n").first { $0.hasPrefix(prefix) }
            return (line?.dropFirst(prefix.count) ?? "").split(separator: " ").map(String.init)
        }
    }
}
