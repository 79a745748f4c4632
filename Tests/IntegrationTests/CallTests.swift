//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

extension IntegrationTests {
    @Suite("Calls that are cancelled, tried again, or come in parts")
    struct Calls {
        @Test("Cancelled tasks end in each state, with their children, and by force", .timeLimit(.minutes(1)))
        func cancel() async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["cancel", sandbox.folder])
                let code = try await driver.end()
                #expect(code == 0, "\(driver.everything)")
                let lines = driver.output.split(separator: "\n")
                #expect(lines.count { $0.contains("SystemError.taskCancelled") } == 4, "\(driver.everything)")
                #expect(lines.contains("flag: seen") && lines.contains("child: CancellationError"))
                #expect(lines.contains { $0.contains("SystemError.invalidArgument: force: true is not supported") })
                #expect(lines.last == "next: 9", "\(driver.everything)")
            }
        }

        @Test("Generators deliver in order, through errors, kills and limits", .timeLimit(.minutes(1)))
        func generators() async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["generators", sandbox.folder])
                let code = try await driver.end()
                #expect(code == 0, "\(driver.everything)")
                let lines = driver.output.split(separator: "\n")
                #expect(lines.contains { $0.contains("TaskError: item 3") }, "\(driver.everything)")
                #expect(lines.contains("items: [0, 1, 2]"), "\(driver.everything)")
                #expect(
                    lines.contains("sums: [0.0, 50000.0, 100000.0, 150000.0, 200000.0]"), "\(driver.everything)")
                // Three are read and two may be unread.
                #expect(lines.contains("made: 4"), "\(driver.everything)")
                #expect(lines.contains("total: 45") && lines.last == "next: 9", "\(driver.everything)")
            }
        }

        @Test("Actors: groups, exit from inside, getIfExists, the last handle", .timeLimit(.minutes(1)))
        func actorEnds() async throws {
            try await Sandbox.run { sandbox in
                let run = try await sandbox.run("raytestprogram", "actor-ends")
                let lines = run.output.split(separator: "\n")
                #expect(lines.contains("at a time: 2"), "\(run.everything)")
                #expect(lines.contains { $0.contains("invalidArgument: Groups has no concurrency group 'no'") })
                #expect(lines.count { $0.contains("SystemError.actorDied") && $0.contains("exitActor()") } == 2)
                #expect(lines.contains("same: true [6, 7]"), "\(run.everything)")
                #expect(lines.last == "process: gone", "\(run.everything)")
            }
        }

        @Test("Synchronous calls run on as many threads as asked for, one by default", .timeLimit(.minutes(1)))
        func threadedActors() async throws {
            try await Sandbox.run { sandbox in
                let run = try await sandbox.run("raytestprogram", "threads")
                let lines = run.output.split(separator: "\n")
                #expect(lines.first == "met: true", "\(run.everything)")
                #expect(lines.contains("at a time: 3") && lines.contains("in order: true 9"), "\(run.everything)")
                #expect(lines.contains("met alone: [false, false, false]"), "\(run.everything)")
                #expect(lines.contains("at a time: 1, [0, 1, 2]"), "\(run.everything)")
                #expect(lines.last == "nonisolated: [true, true] 1", "\(run.everything)")
            }
        }

        @Test("A detached actor outlives its driver and is found by the next", .timeLimit(.minutes(1)))
        func detached() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let environment = ["RAY_ADDRESS": cluster.address]
                let first = try await sandbox.run("raytestprogram", "detached", "first", environment: environment)
                #expect(first.output.contains("first: 8"), "\(first.everything)")
                let second = try await sandbox.run("raytestprogram", "detached", "second", environment: environment)
                #expect(second.output.contains("second: 9"), "\(second.everything)")
                try await cluster.stop()
            }
        }

        @Test("A task that throws is tried again for the errors asked for", .timeLimit(.minutes(1)))
        func tryAgain() async throws {
            try await Sandbox.run { sandbox in
                let run = try await sandbox.run("raytestprogram", "try-again")
                let lines = run.output.split(separator: "\n")
                #expect(lines.contains("attempt: 2"), "\(run.everything)")
                #expect(lines.contains { $0.contains("TaskError: attempt 2") }, "\(run.everything)")
                #expect(lines.contains { $0.contains("TaskError: attempt 0") }, "\(run.everything)")
            }
        }
    }
}
