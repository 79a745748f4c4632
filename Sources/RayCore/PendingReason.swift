//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Why something waits: a code for programs, a sentence for people.
package struct PendingReason: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of reason.
    package enum Code: UInt8, Hashable, Sendable, CaseIterable {
        /// No node has, even when idle, what is asked for.
        case infeasible = 1
        /// Some node could, but its resources are in use.
        case resourcesBusy = 2
        /// The wanted node is not there.
        case nodeUnavailable = 3
        /// No node has joined the cluster.
        case noNodes = 4
        /// A worker process is being started.
        case workerStarting = 5
        /// Arguments are not ready.
        case dependencies = 6
        /// The actor it needs is being started.
        case actorStarting = 7
        /// The placement group has no node for it yet.
        case placementGroup = 8
        /// No node has the labels that are asked for.
        case labels = 9
    }

    package var code: Code
    package var sentence: String

    package init(_ code: Code, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    package var description: String { sentence }
}
