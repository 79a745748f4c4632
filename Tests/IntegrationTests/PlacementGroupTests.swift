//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    @Suite("Placement groups on three nodes")
    struct PlacementGroups {
        @Test("Groups hold their promises, end with a reason, and move when a node dies", .timeLimit(.minutes(3)))
        func groups() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let environment = ["RAY_ADDRESS": cluster.address]
                let program = try sandbox.start("raytestprogram", ["groups"], environment: environment)
                let isThere = try await eventually(within: .seconds(60)) {
                    program.output.contains("waits for a node to die")
                }
                #expect(isThere, "\(program.everything)")
                let output = program.output
                for line in ["apart: true, as told: true", "found: true", "together: false", "captured: true"] {
                    #expect(output.contains(line), "\(line) is missing: \(program.everything)")
                }
                #expect(output.contains("taskPlacementGroupRemoved"), "\(program.everything)")
                #expect(output.contains("actorPlacementGroupRemoved"), "\(program.everything)")
                // Two of three nodes hold a bundle; the head's must stay.
                for name in ["third", "second"] {
                    let status = try await sandbox.run("ray", "status", "-v")
                    #expect(status.output.contains("What waits, and why"), "\(status.everything)")
                    let raylet = cluster.processes(of: name).first { $0.name == "raylet" }
                    guard program.isRunning, let raylet else { break }
                    kill(raylet.processID, SIGKILL)
                    let hasMoved = try await eventually(within: .seconds(15)) { !program.isRunning }
                    if hasMoved { break }
                    let node = try await sandbox.run(
                        "ray", "start", "--address=\(cluster.address)", "--num-cpus=1", "--node-ip-address=127.0.0.1",
                        "--object-store-memory=268435456")
                    #expect(node.exitCode == 0, "\(node.everything)")
                }
                let code = try await program.end(within: .seconds(30))
                #expect(code == 0, "\(program.everything)")
                #expect(program.output.contains("moved: true"), "\(program.everything)")
                try await cluster.stop()
            }
        }
    }
}
