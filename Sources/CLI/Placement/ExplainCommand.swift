//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
package import RayWire

/// `ray explain`: why a task, an actor or a placement group waits, and what would resolve it.
package struct ExplainCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why a task, an actor or a placement group waits.")

    @Argument(help: "The id as hex, or its beginning.")
    package var id: String

    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    package init() {}

    package func run() throws {
        guard !id.isEmpty, id.allSatisfy(\.isHexDigit) else {
            throw UsageError("'\(id)' is no id; give the hex id of a task, actor or placement group, or its beginning")
        }
        let explanation = try Self.ask(id, address: address, temporaryRoot: tempDir)
        guard explanation.isFound else {
            throw RayError(.notFound, explanation.lines.joined(separator: "\n"))
        }
        for line in explanation.lines { printLine(line) }
    }

    /// What waits among the things whose ids begin with `prefix`; all if it is empty.
    ///
    /// - Throws: `UsageError` if the address cannot be read, `RayError` if nobody answers it.
    package static func ask(_ prefix: String, address: String?, temporaryRoot: String?) throws -> Explanation {
        let request = Explain(prefix: prefix)
        let (_, reply) = try ClusterQuery.ask(.explain(request), address: address, temporaryRoot: temporaryRoot)
        guard case .explanation(let explanation) = reply else { throw ClusterQuery.strangeAnswer }
        return explanation
    }
}
