//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
internal import RayWire

/// `ray drain-node`: lets a node finish what it does, and leave.
package struct DrainNodeCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "drain-node", abstract: "Let a node finish what runs there and leave the cluster.")

    /// Why a node is drained, by Ray's names.
    package enum Reason: String, ExpressibleByArgument, CaseIterable, Sendable {
        case idleTermination = "DRAIN_NODE_REASON_IDLE_TERMINATION"
        case preemption = "DRAIN_NODE_REASON_PREEMPTION"
    }

    @Option(help: "The head, HOST:PORT. (default: $RAY_ADDRESS, else the latest session on this machine)")
    package var address: String?

    @Option(help: "The folder of the sessions. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Option(help: "Hex id of the node; 'ray status -v' lists them.")
    package var nodeId: String

    @Option(help: "Why: an idle node that is not needed, or one that its provider takes away.")
    package var reason: Reason

    @Option(help: "Why, for people.")
    package var reasonMessage: String

    @Option(help: "Seconds after which what still runs there is ended. (default: never)")
    package var deadlineRemainingSeconds: Int?

    package init() {}

    package func run() throws {
        guard let node = NodeID(hex: nodeId), !node.isNone else {
            throw UsageError("Invalid hex ID of a Ray node, got \(nodeId)")
        }
        let seconds = deadlineRemainingSeconds ?? 0
        guard seconds >= 0, deadlineRemainingSeconds != 0, seconds <= Int(Int32.max) else {
            throw UsageError("--deadline-remaining-seconds is \(seconds); give 1 or more, or leave it out")
        }
        let request = DrainNode(
            node: node, isPreemption: reason == .preemption, message: reasonMessage,
            deadlineMilliseconds: seconds * 1_000)
        let (_, reply) = try ClusterQuery.ask(.drainNode(request), address: address, temporaryRoot: tempDir)
        guard case .done(let done) = reply else { throw ClusterQuery.strangeAnswer }
        if let error = done.error {
            throw RayError(error.type, "The drain request is not accepted: \(error.message)")
        }
        let limit = seconds == 0 ? "" : ", or in \(seconds) s"
        printLine("Node \(nodeId) takes nothing new, and leaves when it is idle\(limit).")
    }
}
