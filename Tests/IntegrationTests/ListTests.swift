//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

/// What `ray list … --format json` prints.
func list(_ sandbox: Sandbox, _ arguments: String...) async throws -> [[String: Any]] {
    let child = try sandbox.start("ray", ["list"] + arguments + ["--format", "json"])
    try await child.end()
    try #require(child.exitCode == 0, "\(child.everything)")
    return try #require(
        JSONSerialization.jsonObject(with: Data(child.output.utf8)) as? [[String: Any]], "\(child.everything)")
}

extension IntegrationTests {
    @Suite("Looking at a cluster")
    struct Looking {
        @Test("Tasks, actors and transfers of three nodes are listed, counted and drawn", .timeLimit(.minutes(3)))
        func traced() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let program = try sandbox.start(
                    "raytestprogram", ["traced", sandbox.folder], environment: ["RAY_ADDRESS": cluster.address])
                let isThere = try await eventually(within: .seconds(60)) { program.output.contains("waits") }
                #expect(isThere, "\(program.everything)\n\(sandbox.logs)")
                try await tasks(sandbox)
                try trace(sandbox.folder + "/trace.json", hasTransfers: false)
                // Nodes and workers report once a second.
                var drawn = try await draw(sandbox)
                let last = ["transfer_receive", "\"spill\"", "task:deserialize_arguments"]
                for _ in 0..<30 where !last.allSatisfy(drawn.contains) {
                    try await Task.sleep(for: .milliseconds(200))
                    drawn = try await draw(sandbox)
                }
                try "x".write(toFile: sandbox.folder + "/end", atomically: true, encoding: .utf8)
                #expect(try await program.end() == 0, "\(program.everything)")
                // It is kept when the program has ended.
                _ = try await draw(sandbox)
                try trace(sandbox.folder + "/second.json", hasTransfers: true)
                let jobs = try await list(sandbox, "jobs")
                #expect(jobs.count == 1 && jobs[0]["status"] as? String == "SUCCEEDED")
                try await cluster.stop()
            }
        }

        /// The text that `ray timeline` writes.
        private func draw(_ sandbox: Sandbox) async throws -> String {
            let path = sandbox.folder + "/second.json"
            let drawn = try await sandbox.run("ray", "timeline", "--output", path)
            #expect(drawn.exitCode == 0 && drawn.output.contains("second.json"), "\(drawn.everything)")
            return try String(contentsOfFile: path, encoding: .utf8)
        }

        private func tasks(_ sandbox: Sandbox) async throws {
            let squares = try await list(sandbox, "tasks", "--filter", "state=finished", "--limit", "1000")
                .filter { ($0["name"] as? String)?.contains("square") == true }
            #expect(squares.count == 20)
            #expect(squares.allSatisfy { $0["worker_pid"] as? Int ?? 0 > 0 && $0["type"] as? String == "NORMAL_TASK" })
            let failed = try await list(sandbox, "tasks", "-f", "state=FAILED", "--detail")
            #expect(failed.count == 1 && failed[0]["error_type"] as? String == "TASK_EXECUTION_EXCEPTION")
            #expect((failed[0]["error_message"] as? String)?.contains("negative") == true)
            let actors = try await list(sandbox, "actors")
            #expect(actors.count == 1 && actors[0]["state"] as? String == "ALIVE")
            #expect(actors[0]["class_name"] as? String == "Counter" && actors[0]["pid"] as? Int ?? 0 > 0)
            #expect(try await list(sandbox, "nodes", "-f", "state=ALIVE").count == 3)
            #expect(try await list(sandbox, "workers", "-f", "worker_type=DRIVER").count == 1)
            let summary = try await sandbox.run("ray", "summary", "tasks")
            for text in ["Tasks Summary:", "FINISHED: 20", "total_actor_scheduled: 1", "total_actor_tasks: 2"] {
                #expect(summary.output.contains(text), "no '\(text)'\n\(summary.everything)")
            }
            let table = try await sandbox.run("ray", "list", "nodes")
            #expect(table.output.contains("Total: 3") && table.output.contains("NODE_ID"), "\(table.everything)")
            let id = try #require(actors[0]["actor_id"] as? String)
            let one = try await sandbox.run("ray", "get", "actors", id)
            #expect(one.output.hasPrefix("---\n-   actor_id: \(id)"), "\(one.everything)")
            let wrong = try await sandbox.run("ray", "list", "tasks", "-f", "colour=red")
            #expect(wrong.exitCode == 2 && wrong.errors.contains("Available filter keys"), "\(wrong.everything)")
        }

        /// Each task has a row in its worker, each transfer one in its node.
        private func trace(_ path: String, hasTransfers: Bool) throws {
            let data = try #require(FileManager.default.contents(atPath: path))
            let events = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
            let tasks = events.filter { ($0["cat"] as? String)?.hasPrefix("task::") == true }
            #expect(tasks.count == 36, "\(tasks.compactMap { $0["name"] as? String })")
            #expect(tasks.allSatisfy { $0["ph"] as? String == "X" && $0["dur"] as? Double ?? 0 > 0 })
            let far = tasks.filter { ($0["name"] as? String)?.hasPrefix("far ") == true }
            #expect(far.count == 3 && far.allSatisfy { $0["dur"] as? Double ?? 0 >= 300_000 })
            #expect(Set(far.compactMap { $0["pid"] as? Int }).count > 1)
            let names = events.filter { $0["ph"] as? String == "M" }
                .compactMap { ($0["args"] as? [String: Any])?["name"] as? String }
            #expect(names.contains { $0.hasPrefix("Node 127.0.0.1") } && names.contains { $0.hasPrefix("worker:") })
            func spans(_ category: String) -> [[String: Any]] {
                events.filter { $0["cat"] as? String == category && $0["dur"] as? Double ?? 0 > 0 }
            }
            // The wait for what took 300 ms, and ten arrays.
            #expect(spans("ray.get").contains { $0["dur"] as? Double ?? 0 >= 250_000 })
            #expect(spans("ray.put").count >= 10 && names.contains { $0.hasPrefix("driver:") })
            guard hasTransfers else { return }
            #expect(!spans("task:deserialize_arguments").isEmpty && !spans("spill").isEmpty)
            let transfers = events.filter { $0["cat"] as? String == "transfer_receive" }
            #expect(!transfers.isEmpty && names.contains("transfers"))
        }

        @Test("What cannot be served is explained with what it waits for", .timeLimit(.minutes(2)))
        func explained() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(port)", "--num-cpus=2", "--object-store-memory=134217728")
                #expect(head.exitCode == 0, "\(head.everything)")
                let program = try sandbox.start(
                    "raytestprogram", ["stuck", sandbox.folder], environment: ["RAY_ADDRESS": "127.0.0.1:\(port)"])
                let isThere = try await eventually(within: .seconds(30)) { program.output.contains("group: ") }
                #expect(isThere, "\(program.everything)\n\(sandbox.logs)")
                let group = program.output.split(separator: "\n").first { $0.hasPrefix("group: ") }?.dropFirst(7)
                var tasks: [[String: Any]] = []
                for _ in 0..<20 where tasks.isEmpty {
                    tasks = try await list(
                        sandbox, "tasks", "-f", "state=PENDING_NODE_ASSIGNMENT", "-f", "type=NORMAL_TASK")
                    if tasks.isEmpty { try await Task.sleep(for: .milliseconds(200)) }
                }
                let actors = try await list(sandbox, "actors", "-f", "state=PENDING_CREATION")
                let task = try #require(tasks.first?["task_id"] as? String)
                let actor = try #require(actors.first?["actor_id"] as? String)
                for (id, words) in [
                    (task, ["task", "64 CPU"]), (actor, ["actor Counter", "nowhere"]),
                    (group.map(String.init) ?? "", ["placement group 'wide'", "STRICT_SPREAD"]),
                ] {
                    let answer = try await sandbox.run("ray", "explain", String(id.prefix(20)))
                    for word in words { #expect(answer.output.contains(word), "no '\(word)'\n\(answer.everything)") }
                }
                let unknown = try await sandbox.run("ray", "explain", String(repeating: "f0", count: 20))
                #expect(unknown.exitCode == 1 && unknown.errors.contains("no task, actor"), "\(unknown.everything)")
                let status = try await sandbox.run("ray", "status", "-v")
                #expect(status.output.contains("nowhere"), "\(status.everything)")
                #expect(status.output.contains("(STRICT_SPREAD): 1+ pending placement groups"), "\(status.everything)")
                try "x".write(toFile: sandbox.folder + "/end", atomically: true, encoding: .utf8)
                #expect(try await program.end() == 0, "\(program.everything)")
                #expect(try await sandbox.run("ray", "stop").exitCode == 0)
            }
        }
    }
}
