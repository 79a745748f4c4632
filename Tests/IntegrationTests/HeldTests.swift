//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

extension IntegrationTests {
    @Suite("What is held, and that it goes")
    struct Held {
        @Test("'ray memory' and 'ray list objects' show who holds what", .timeLimit(.minutes(2)))
        func shown() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let program = try sandbox.start(
                    "raytestprogram", ["holds", sandbox.folder], environment: ["RAY_ADDRESS": cluster.address])
                let isThere = try await eventually(within: .seconds(60)) { program.output.contains("holds") }
                #expect(isThere, "\(program.everything)\n\(sandbox.logs)")
                #expect(program.output.contains("pid is mine: true"), "\(program.everything)")
                try await objects(sandbox)
                let memory = try await sandbox.run("ray", "memory", "--units", "MB", "--sort-by", "OBJECT_SIZE")
                for text in [
                    "--- Summary for node address: 127.0.0.1 ---", "8.388672 MB", "LOCAL_REFERENCE", "ACTOR_HANDLE",
                    "in its owner", "1 object that contains it, 1 borrower", "PENDING_ARGS_AVAIL",
                    "Plasma memory usage",
                ] { #expect(memory.output.contains(text), "no '\(text)'\n\(memory.everything)") }
                let stats = try await sandbox.run("ray", "memory", "--stats-only")
                #expect(stats.output.hasPrefix("--- Aggregate object store stats"), "\(stats.everything)")
                let wrong = try await sandbox.run("ray", "memory", "--sort-by", "COLOUR")
                #expect(wrong.exitCode == 2, "\(wrong.everything)")
                try "x".write(toFile: sandbox.folder + "/end", atomically: true, encoding: .utf8)
                #expect(try await program.end() == 0, "\(program.everything)")
                var left = try await list(sandbox, "objects")
                for _ in 0..<50 where !left.isEmpty {
                    try await Task.sleep(for: .milliseconds(100))
                    left = try await list(sandbox, "objects")
                }
                #expect(left.isEmpty, "objects outlive their job")
                try await cluster.stop()
            }
        }

        private func objects(_ sandbox: Sandbox) async throws {
            let all = try await list(sandbox, "objects", "--detail")
            let large = all.filter { $0["object_size"] as? Int ?? 0 >= 8 << 20 }
            #expect(large.count == 2, "\(all)")
            let owner = try #require(large.first { $0["is_owner"] as? Bool == true }, "\(all)")
            let borrower = try #require(large.first { $0["is_owner"] as? Bool == false }, "\(all)")
            #expect(owner["type"] as? String == "DRIVER" && borrower["type"] as? String == "WORKER")
            #expect(owner["borrower_count"] as? Int == 1 && owner["task_status"] as? String == "FINISHED")
            #expect(owner["borrowers"] as? [String] == [borrower["worker_id"] as? String ?? ""])
            #expect((owner["stored_on"] as? [String])?.count == 1)
            let waiting = try await list(sandbox, "objects", "-f", "task_status=PENDING_ARGS_AVAIL")
            #expect(waiting.count == 1 && waiting.first?["object_size"] is NSNull, "\(all)")
            let id = try #require(owner["object_id"] as? String)
            let one = try await sandbox.run("ray", "get", "objects", id)
            #expect(one.output.contains("object_id: \(id)"), "\(one.everything)")
        }

        @Test(
            "100,000 objects in all shapes on three nodes leave no reference and no byte in any store",
            .timeLimit(.minutes(3)))
        func leaks() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let child = try sandbox.start(
                    "raytestprogram", ["leaks", "100000"], environment: ["RAY_ADDRESS": cluster.address])
                let code = try await child.end(within: .seconds(150))
                #expect(code == 0, "\(child.everything)\n\(sandbox.logs)")
                for line in ["made: true", "held: 0", "nothing is left: true"] {
                    #expect(child.output.contains(line), "no '\(line)'\n\(child.everything)")
                }
                let memory = try await sandbox.run("ray", "memory")
                #expect(!memory.output.contains("Object references"), "\(memory.everything)")
                let status = try await sandbox.run("ray", "memory", "--stats-only")
                #expect(status.output.contains("usage 0 MiB, 0 objects"), "\(status.everything)")
                try await cluster.stop()
            }
        }
    }
}
