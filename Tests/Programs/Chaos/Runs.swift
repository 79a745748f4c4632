//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// What tasks and actors have noted about their runs, in a file of all workers of this machine.
struct Runs {
    /// Tries after the first whose predecessor had not come to its end.
    private(set) var retried = 0
    /// Tries after one that had: what it made was lost.
    private(set) var rebuilt = 0
    /// Lives of actors beyond their first.
    private(set) var restarted = 0

    init(_ path: String) {
        var ended: Set<Substring> = []
        var lives: Set<Substring> = []
        for line in String(decoding: ChaosCluster.bytes(path), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3 else { continue }
            switch words[0] {
            case "end": ended.insert(words[1])
            case "begin" where words[2] != "0":
                if ended.contains(words[1]) { rebuilt += 1 } else { retried += 1 }
            case "actor" where !lives.insert(words[1]).inserted: restarted += 1
            default: break
            }
        }
    }

    /// Notes a moment of the task under way.
    static func note(_ moment: String) {
        guard let context = try? ray.context, let root = getenv("RAY_TMPDIR") else { return }
        let id = moment == "actor" ? context.actorID : context.taskID
        var line = "\(moment) \(id ?? "none") \(context.attempt)\n"
        let file = open(String(cString: root) + "/runs", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        line.withUTF8 { _ = write(file, $0.baseAddress, $0.count) }
    }
}
