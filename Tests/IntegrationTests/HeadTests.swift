//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    @Suite("A head that is killed")
    struct HeadTests {
        /// Kills the head and waits for the next one, that the head's raylet starts.
        private func killHead(_ sandbox: Sandbox) async throws {
            let head = try #require(sandbox.roles("gcs_server").first)
            kill(head.processID, SIGKILL)
            let isBack = try await eventually(within: .seconds(15)) {
                sandbox.roles("gcs_server").contains { $0.processID != head.processID }
            }
            #expect(isBack, "\(sandbox.logs)")
        }

        @Test(
            "With 1,000 actors it is back within 2 s: nodes are there, and names and actors answer",
            .timeLimit(.minutes(2)))
        func manyActors() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let signal = sandbox.folder + "/killed"
                let program = try sandbox.start(
                    "raytestprogram", ["many-actors", "1000", signal], environment: ["RAY_ADDRESS": cluster.address])
                let isMade = try await eventually(within: .seconds(60)) {
                    program.output.contains("made") || !program.isRunning
                }
                #expect(isMade, "\(program.everything)")
                let head = try #require(sandbox.roles("gcs_server").first)
                kill(head.processID, SIGKILL)
                try Data().write(to: URL(fileURLWithPath: signal))
                let code = try await program.end(within: .seconds(60))
                #expect(
                    code == 0 && program.output.contains("found: 1000, counts: [2, 2, 2, 2]"), "\(program.everything)")
                let words = program.output.split(separator: "\n").last { $0.hasPrefix("back after ") }?.split(
                    separator: " ")
                let milliseconds = try #require(words?.dropFirst(2).first.flatMap { Int($0) }, "\(program.everything)")
                #if DEBUG
                let limit = 6_000
                #else
                let limit = 2_000
                #endif
                #expect(milliseconds < limit, "\(program.everything)\n\(sandbox.logs)")
                try await cluster.stop()
            }
        }

        @Test(
            "Actors, placement groups and running work are there afterwards, for the program that made them and others",
            .timeLimit(.minutes(2)))
        func everythingStays() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let environment = ["RAY_ADDRESS": cluster.address]
                let signal = sandbox.folder + "/killed"
                let program = try sandbox.start("raytestprogram", ["durable-makes", signal], environment: environment)
                let isMade = try await eventually(within: .seconds(40)) { program.output.contains("made") }
                #expect(isMade, "\(program.everything)")
                let head = try #require(sandbox.roles("gcs_server").first)
                kill(head.processID, SIGKILL)
                try Data().write(to: URL(fileURLWithPath: signal))
                let code = try await program.end(within: .seconds(60))
                #expect(code == 0, "\(program.everything)\n\(sandbox.logs)")
                for line in ["counts: [2, 12, 21]", "ran on: 1500", "in the group: true"] {
                    #expect(program.output.contains(line), "\(line) is missing: \(program.everything)")
                }
                try await killHead(sandbox)
                let second = try await sandbox.run("raytestprogram", "durable-looks", environment: environment)
                for line in ["kept: 3", "held: true", "CPU: 3.0 on 3 nodes"] {
                    #expect(second.output.contains(line), "\(line) is missing: \(second.everything)\n\(sandbox.logs)")
                }
                let isFree = try await eventually(within: .seconds(10)) { sandbox.workers.isEmpty }
                #expect(isFree, "\(sandbox.workers)")
                try await cluster.stop()
            }
        }
    }
}
