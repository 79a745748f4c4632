//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

extension IntegrationTests {
    @Suite("Runtime environments")
    struct RuntimeEnvironments {
        @Test("Variables and folders reach tasks, their children and actors", .timeLimit(.minutes(1)))
        func inherited() async throws {
            try await Sandbox.run { sandbox in
                let run = try await sandbox.run("raytestprogram", "environments", sandbox.folder + "/files")
                let lines = run.output.split(separator: "\n")
                #expect(
                    lines.prefix(3) == ["seen: job job - first", "seen: job job child first", "seen: job job - first"],
                    "\(run.everything)")
                #expect(lines.contains("task: job task - first; again: true; shared: false"), "\(run.everything)")
                #expect(lines.contains("actor: [job actor - first]"), "\(run.everything)")
                #expect(lines.contains("changed: job job - second"), "\(run.everything)")
                #expect(lines.last == "unchanged: job job - first", "\(run.everything)")
            }
        }

        @Test("Each node has a copy of the folder of its own", .timeLimit(.minutes(1)))
        func nodes() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let run = try await sandbox.run(
                    "raytestprogram", "environment-nodes", sandbox.folder + "/files",
                    environment: ["RAY_ADDRESS": cluster.address])
                let lines = run.output.split(separator: "\n")
                #expect(lines.count { $0 == "on a node: everywhere" } == 3, "\(run.everything)")
                #expect(lines.last == "folders: 3", "\(run.everything)")
                try await cluster.stop()
            }
        }

        @Test("What cannot be set up fails those who asked for it, with the reason", .timeLimit(.minutes(1)))
        func errors() async throws {
            try await Sandbox.run { sandbox in
                let run = try await sandbox.run("raytestprogram", "environment-errors")
                let lines = run.output.split(separator: "\n")
                let failed = lines.filter { $0.hasPrefix("SystemError.runtimeEnvSetup: ") }
                #expect(failed.count { $0.contains("could not be brought to this node") } == 4, "\(run.everything)")
                #expect(failed.count { $0.contains("the actor Counter cannot be created") } == 1, "\(run.everything)")
                #expect(run.output.contains("a worker running /usr/bin/ls ended with exit code"), "\(run.everything)")
                #expect(lines.contains("next: 9"), "\(run.everything)")
                #expect(lines.last?.contains("'/nonexistent' is not a valid path") == true, "\(run.everything)")
            }
        }

        @Test("Another executable runs what asks for it", .timeLimit(.minutes(1)))
        func executable() async throws {
            try await Sandbox.run { sandbox in
                let copy = sandbox.folder + "/othername"
                try FileManager.default.copyItem(atPath: Sandbox.programs + "/raytestprogram", toPath: copy)
                let run = try await sandbox.run("raytestprogram", "environment-executable", copy)
                #expect(run.output.contains("program: othername"), "\(run.everything)")
                #expect(run.output.contains("own: raytestprogram"), "\(run.everything)")
            }
        }
    }
}
