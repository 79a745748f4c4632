//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore

/// `ray health-check`: whether the head answers, told by the exit code.
package struct HealthCheckCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "health-check",
        abstract: "Exit with 0 if the cluster's head answers within 5 seconds, else with 1.")

    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Option(help: "A component of the head; none reports its health yet.")
    package var component: String?

    @Flag(help: "Taken for Ray's sake; versions are compared when processes connect.")
    package var skipVersionCheck = false

    @Option(help: ArgumentHelp("Accepted, but not served yet.", visibility: .hidden))
    package var redisPassword: String?

    @Option(help: ArgumentHelp("Accepted, but not served yet.", visibility: .hidden))
    package var redisUsername: String?

    package init() {}

    package func run() throws {
        _ = try ClusterQuery.status(address: address, temporaryRoot: tempDir)
        if let component {
            throw RayError(
                .notFound, "the head answers, but no component '\(component)' reports its health; leave --component out"
            )
        }
    }
}
