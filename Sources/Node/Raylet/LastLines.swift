//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The last lines that a worker has printed, for messages about its end.
package struct LastLines: Sendable {
    /// Lines kept.
    package static let countMax = 20
    /// How lines begin by which Ray's Python tells the readers of logs whose the next ones are.
    private static let marks = [":job_id:", ":actor_name:", ":task_name:"]

    /// Oldest first.
    package private(set) var lines: [String] = []

    package init() {}

    /// Takes the next line; what is no output of the user's does not push that out.
    package mutating func append(_ line: String) {
        guard !Self.marks.contains(where: line.hasPrefix) else { return }
        lines.append(line)
        if lines.count > Self.countMax { lines.removeFirst() }
    }
}
