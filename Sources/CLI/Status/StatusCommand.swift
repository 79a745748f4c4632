//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import Foundation
internal import RayWire

/// `ray status`: prints nodes, resources and what waits.
package struct StatusCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Print the nodes, resources and pending work of a cluster.")

    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Option(help: ArgumentHelp("Accepted, but not served yet.", visibility: .hidden))
    package var redisPassword: String?

    @Option(help: ArgumentHelp("Accepted, but not served yet.", visibility: .hidden))
    package var redisUsername: String?

    @Flag(name: .shortAndLong, help: "Print each node's resources, labels and store, and why what waits does so.")
    package var verbose = false

    package init() {}

    package func run() throws {
        let (_, status) = try ClusterQuery.status(address: address, temporaryRoot: tempDir)
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss.SSS"
        print(StatusText(status, isVerbose: verbose).text(at: formatter.string(from: .now) + "000"))
        guard verbose else { return }
        print("\nWhat waits, and why")
        let explanation = try ExplainCommand.ask("", address: address, temporaryRoot: tempDir)
        for line in explanation.lines { print(" \(line)") }
    }
}
