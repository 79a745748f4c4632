//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Testing

extension IntegrationTests {
    @Suite("More objects than the store holds")
    struct Spilling {
        private func check(
            _ mode: String, environment: [String: String] = [:], lines: [String],
            location: SourceLocation = #_sourceLocation
        ) async throws {
            try await Sandbox.run { sandbox in
                let folder = sandbox.folder + "/spilled"
                mkdir(folder, 0o700)
                var variables = ["RAY_object_spilling_directory": folder]
                variables.merge(environment) { $1 }
                let child = try sandbox.start("raytestprogram", [mode, folder], environment: variables)
                let code = try await child.end(within: .seconds(100))
                #expect(code == 0, "\(child.everything)", sourceLocation: location)
                for line in lines {
                    #expect(
                        child.output.contains(line), "no '\(line)'\n\(child.everything)\n\(sandbox.logs)",
                        sourceLocation: location)
                }
                let isEmpty = try await eventually(within: .seconds(5)) {
                    (opendir(folder).map { stream in
                        defer { closedir(stream) }
                        var count = 0
                        while readdir(stream) != nil { count += 1 }
                        return count <= 2
                    }) ?? true
                }
                #expect(isEmpty, "the node's folder is left", sourceLocation: location)
            }
        }

        @Test("A working set of five times the store runs to the end, and its files go", .timeLimit(.minutes(2)))
        func workingSet() async throws {
            try await check(
                "spill",
                lines: [
                    "read back: 40, wrong: 0", "at once: true", "summed by tasks: true", "files: some", "files left: 0",
                ])
        }

        @Test("Results of tasks that do not fit together are spilled and read by tasks", .timeLimit(.minutes(2)))
        func results() async throws { try await check("spill-results", lines: ["sums: 24"]) }

        @Test("A full disk is an error for the one who puts, and for nobody else", .timeLimit(.minutes(1)))
        func fullDisk() async throws {
            try await check(
                "spill-full",
                environment: ["RAY_local_fs_capacity_threshold": "0", "RAY_oom_grace_period_s": "0.2"],
                lines: [
                    "SystemError.outOfDisk", "local_fs_capacity_threshold", "read back: true, wrong: 0",
                    "after room was made: true",
                ])
        }

        @Test("A damaged file is an error for what was in it, and for nothing else", .timeLimit(.minutes(1)))
        func damagedFile() async throws {
            try await check(
                "spill-damaged", lines: ["damaged: true", "lost: true, wrong: 0, named: true", "next: true"])
        }
    }
}
