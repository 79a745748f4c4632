//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import Foundation
internal import RayCore
internal import RayNode
internal import RayWire

/// `ray timeline`: writes what tasks did and when, for chrome://tracing.
package struct TimelineCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "timeline", abstract: "Take a Chrome tracing timeline for a Ray cluster.")

    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Option(help: "The file to write. (default: ray-timeline-TIME.json in the folder of the sessions)")
    package var output: String?

    package init() {}

    package func run() throws {
        let parts = try Timeline.parts { question in
            try ClusterQuery.ask(question, address: address, temporaryRoot: tempDir).1
        }
        let path = output ?? Self.defaultPath(under: SessionDirectory.temporaryRoot(given: tempDir))
        guard writeFile(path, Timeline.text(of: parts)) else {
            throw RayError(.systemError, "the trace cannot be written to \(path); name another file with --output")
        }
        printLine("Trace file written to \(path).")
        printLine("You can open this with chrome://tracing in the Chrome browser, or on https://ui.perfetto.dev.")
        let dropped = parts.map(\.tasks.dropped).max() ?? 0
        if dropped > 0 {
            printError("Warning: \(dropped) attempts of tasks are not in it: they were dropped, because too many came")
        }
    }

    private static func defaultPath(under folder: String) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd_HH-mm-ss"
        return "\(folder)/ray-timeline-\(formatter.string(from: .now)).json"
    }
}
