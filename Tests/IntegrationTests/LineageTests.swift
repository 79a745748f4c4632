//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Testing

extension IntegrationTests {
    @Suite("Objects on several nodes")
    struct Lineage {
        @Test(
            "The results of a shuffle of two levels are right though a node with its part is lost",
            .timeLimit(.minutes(2)))
        func shuffle() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let path = sandbox.folder + "/go-on"
                let child = try sandbox.start(
                    "raytestprogram", ["shuffle", path], environment: ["RAY_ADDRESS": cluster.address])
                let isMade = try await eventually(within: .seconds(40)) {
                    child.output.contains("made") || !child.isRunning
                }
                #expect(isMade, "\(child.everything)")
                let raylet = try #require(cluster.processes(of: "third").first { $0.name == "raylet" })
                kill(raylet.processID, SIGKILL)
                close(creat(path, 0o600))
                let code = try await child.end(within: .seconds(60))
                #expect(code == 0, "\(child.everything)")
                #expect(child.output.contains("right: 6"), "\(child.everything)")
                #expect(child.errors.contains("Attempting to recover"), "nothing was lost\n\(child.everything)")
                try await cluster.stop()
            }
        }

        @Test("Copies on all nodes go with the last reference, while the job goes on", .timeLimit(.minutes(1)))
        func copies() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let child = try sandbox.start(
                    "raytestprogram", ["copies"], environment: ["RAY_ADDRESS": cluster.address])
                let code = try await child.end()
                #expect(code == 0, "\(child.everything)")
                for line in ["sums: 6", "full: true", "empty: true"] {
                    #expect(child.output.contains(line), "no '\(line)'\n\(child.everything)")
                }
                try await cluster.stop()
            }
        }
    }
}
