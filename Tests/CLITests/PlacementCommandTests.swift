//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import ArgumentParser
import RayCLI
import Testing

@Suite struct PlacementCommandTests {
    private let id = String(repeating: "ab", count: 28)

    @Test("ray drain-node takes Ray's options")
    func drainNode() throws {
        let words = [
            "drain-node", "--node-id", id, "--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot",
            "--deadline-remaining-seconds", "30",
        ]
        let command = try #require(try RayCommand.parseAsRoot(words) as? DrainNodeCommand)
        #expect(command.reason == .preemption)
        #expect(command.deadlineRemainingSeconds == 30)
    }

    @Test("An id that cannot be, and a deadline that is over, are refused before the head is asked")
    func refused() throws {
        let reason = ["--reason", "DRAIN_NODE_REASON_IDLE_TERMINATION", "--reason-message", "m"]
        let wrongs = [["drain-node", "--node-id", "xyz"], ["drain-node", "--node-id", id]]
        for (words, more) in zip(wrongs, [[], ["--deadline-remaining-seconds", "0"]]) {
            var command = try RayCommand.parseAsRoot(words + reason + more)
            #expect(throws: UsageError.self) { try command.run() }
        }
        var explain = try RayCommand.parseAsRoot(["explain", "not-hex"])
        #expect(throws: UsageError.self) { try explain.run() }
    }
}
