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
