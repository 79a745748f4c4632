//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

extension IntegrationTests {
    @Suite("Values that outlive their programs")
    struct Estates {
        @Test("A program leaves values to a detached actor, and the next one reads them", .timeLimit(.minutes(1)))
        func handedOver() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let environment = ["RAY_ADDRESS": cluster.address]
                let first = try await sandbox.run("raytestprogram", "estate", "leave", environment: environment)
                #expect(first.output.contains("left"), "\(first.everything)")
                #expect(first.output.contains("TaskError: attempt 0"), "\(first.everything)")
                // Nothing is left but what was handed over, once each: 10 MB twice, and 8 MiB.
                var memory = try await sandbox.run("ray", "memory", "--stats-only")
                for _ in 0..<50 where !memory.output.contains(" 3 objects") {
                    try await Task.sleep(for: .milliseconds(100))
                    memory = try await sandbox.run("ray", "memory", "--stats-only")
                }
                #expect(memory.output.contains(" 3 objects"), "\(memory.everything)")
                let second = try await sandbox.run("raytestprogram", "estate", "find", environment: environment)
                for line in ["small: true", "large: true", "result: true", "bag: [49]", "adopted: 5"] {
                    #expect(second.output.contains(line), "no '\(line)'\n\(second.everything)\n\(sandbox.logs)")
                }
                let errors = second.output.split(separator: "\n").filter { $0.hasPrefix("SystemError") }
                #expect(errors.first?.contains("ownerDied") == true, "\(second.everything)")
                #expect(errors.first?.contains("the process of actor") == true, "\(second.everything)")
                #expect(errors.last?.contains("actorDied") == true, "\(second.everything)")
                try await cluster.stop()
            }
        }
    }
}
