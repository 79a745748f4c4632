//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Testing

extension IntegrationTests {
    @Suite("Objects on several nodes")
    struct Lineage {
        @Test("Copies on all nodes go with the last reference, while the job goes on", .timeLimit(.minutes(1)))
        func copies() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let child = try sandbox.start(
                    "raytestprogram", ["copies"], environment: ["RAY_ADDRESS": cluster.address])
                let code = try await child.end()
                #expect(code == 0, "\(child.everything)")
                for line in ["sums: 6", "full: true", "empty: true"] {
                    #expect(child.output.contains(line), "no '\(line)'\n\(child.everything)")
                }
                try await cluster.stop()
            }
        }
    }
}
