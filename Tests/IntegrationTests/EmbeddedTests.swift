//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

/// Programs on clusters of real processes. One at a time: each takes all of a small machine.
@Suite("Integration", .serialized)
enum IntegrationTests {}

extension IntegrationTests {
    @Suite("A cluster started by ray.init")
    struct Embedded {
        /// Runs a mode of the test program and expects these lines in its output.
        private func check(
            _ mode: String, _ argument: String..., lines: [String], code: Int32 = 0,
            location: SourceLocation = #_sourceLocation
        ) async throws {
            try await Sandbox.run { sandbox in
                let child = try sandbox.start("raytestprogram", [mode] + argument)
                let found = try await child.end(within: .seconds(50))
                #expect(found == code, "\(child.everything)", sourceLocation: location)
                let output = child.output.split(separator: "\n").map(String.init)
                for line in lines {
                    #expect(
                        output.contains(where: { $0.contains(line) }), "no line with '\(line)'\n\(child.everything)",
                        sourceLocation: location)
                }
            }
        }

        @Test("A function runs in another process", .timeLimit(.minutes(1)))
        func square() async throws { try await check("square", lines: ["square: 49"]) }

        @Test("A thousand tasks", .timeLimit(.minutes(1)))
        func thousand() async throws { try await check("thousand", lines: ["sum: 332833500"]) }

        @Test("An actor keeps its state, also after a call that throws", .timeLimit(.minutes(1)))
        func counter() async throws {
            try await check(
                "counter",
                lines: ["counts: [11, 12, 13, 14, 15]", "TaskError: the amount -1 is negative", "after: 20"])
        }

        @Test("What a task throws arrives with its text, type and cause", .timeLimit(.minutes(1)))
        func errors() async throws {
            try await check(
                "errors",
                lines: [
                    "TaskError: the planned text [raytestprogram.PlannedFailure]",
                    "cause: typed, pid is a worker's: true", "TaskError: from an argument", "next: 9",
                ])
        }

        @Test("Arrays of 10 MB are put, fetched, viewed and passed on", .timeLimit(.minutes(1)))
        func objects() async throws {
            try await check(
                "objects",
                lines: [
                    "same: true", "view: 1250000 1249999.0", "sum: 781249375000.0", "made: true",
                    "passed on: 781249375000.0", "written: 999",
                ])
        }

        @Test("wait returns what is ready, and in time", .timeLimit(.minutes(1)))
        func waits() async throws {
            try await check("wait", lines: ["ready: 1 true, unready: 1", "ready: 0, unready: 1"])
        }

        @Test("Tasks that wait for tasks give their CPU back: fibonacci(12) on one CPU", .timeLimit(.minutes(1)))
        func fibonacci() async throws { try await check("fibonacci", "12", lines: ["fibonacci: 144"]) }

        @Test("A task whose actor has taken the only CPU goes on while that lives", .timeLimit(.minutes(1)))
        func ownActor() async throws { try await check("own-actor", lines: ["counted: 7"]) }

        @Test("Calls of each caller run in order and one at a time", .timeLimit(.minutes(1)))
        func order() async throws {
            try await check(
                "order", "10000",
                lines: [
                    "done: [10000, 10000, 10000, 10000] counts: [10000, 10000, 10000, 10000] faults: 0"
                ])
        }

        @Test("Actors are found by name, by the driver and by tasks", .timeLimit(.minutes(1)))
        func named() async throws {
            try await check(
                "named",
                lines: [
                    "found: 2", "from a task: 3", "SystemError.invalidArgument", "SystemError.notFound",
                    "SystemError.actorAlreadyExists",
                ])
        }

        @Test("Calls of a killed actor fail with a typed error", .timeLimit(.minutes(1)))
        func killed() async throws { try await check("kill", lines: ["SystemError.actorDied", "next: 9"]) }

        @Test("An actor with restarts left starts again", .timeLimit(.minutes(1)))
        func restart() async throws { try await check("restart", lines: ["after: 1", "SystemError.actorDied"]) }

        @Test("get gives up after its timeout, the task does not", .timeLimit(.minutes(1)))
        func timeout() async throws { try await check("timeout", lines: ["SystemError.getTimeout", "later: 3000"]) }

        @Test("References and handles travel inside values", .timeLimit(.minutes(1)))
        func parcels() async throws {
            try await check("parcels", lines: ["sent: 5.0", "received: 100000", "passed on: 4999950002.0"])
        }

        @Test("A task gets a value whose task was submitted after it, on one CPU", .timeLimit(.minutes(1)))
        func followers() async throws { try await check("followers", lines: ["followed: 36"]) }

        @Test("A task of 5 s among 1,000 of 1 ms on two workers ends in under 6 s", .timeLimit(.minutes(1)))
        func mixed() async throws { try await check("mixed", lines: ["sum: 6000", "in time: true"]) }

        @Test("The program sees its cluster", .timeLimit(.minutes(1)))
        func view() async throws {
            try await check(
                "view",
                lines: [
                    "nodes: 1 true 1", "CPU: 2.0", "available: 2.0", "driver: true true true",
                    "initialized: true false",
                ])
        }

        @Test("What workers print is shown by the driver, with their name and process", .timeLimit(.minutes(1)))
        func speaks() async throws {
            try await Sandbox.run { sandbox in
                let child = try await sandbox.run("raytestprogram", "speaks")
                let isShown = { (text: String, word: String) in
                    text.split(separator: "\n").contains {
                        $0.hasPrefix("(") && $0.contains("pid=") && $0.contains(word)
                    }
                }
                #expect(isShown(child.output, "said: hello"), "\(child.everything)")
                #expect(isShown(child.errors, "complained: hello"), "\(child.everything)")
            }
        }

        @Test("Programs may print and pause before init", .timeLimit(.minutes(1)), arguments: ["print", "pause"])
        func beforeInit(_ what: String) async throws { try await check(what + "-before", lines: ["square: 49"]) }
    }
}
