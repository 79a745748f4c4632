//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayNode

/// Decides what is removed of the sessions whose processes are all gone.
package struct SessionCleanup: Sendable, Equatable {
    /// What is known about a session.
    package struct Candidate: Sendable {
        package var path: String
        package var isLive: Bool
        /// Seconds since its folder was last changed.
        package var ageSeconds: Int

        package init(path: String, isLive: Bool, ageSeconds: Int) {
            self.path = path
            self.isLive = isLive
            self.ageSeconds = ageSeconds
        }
    }

    /// Sessions to be removed wholly.
    package private(set) var removed: [String] = []
    /// Sessions of which only the logs stay.
    package private(set) var reducedToLogs: [String] = []

    /// Sessions younger than this may have processes that are not noted yet.
    package static let ageSecondsMin = 60
    /// How many ended sessions keep their logs.
    package static let keptCount = 10

    /// Plans for `candidates`, which are in the order of their start.
    package init(_ candidates: [Candidate]) {
        let stale = candidates.filter { !$0.isLive && $0.ageSeconds >= Self.ageSecondsMin }
        removed = stale.dropLast(Self.keptCount).map(\.path)
        reducedToLogs = stale.suffix(Self.keptCount).map(\.path)
    }

    /// Clears what earlier sessions under `root` have left behind. Those in which nobody has noted a process are
    /// none of ours: Ray's own core may live in them.
    package static func clear(under root: String) {
        let now = time(nil)
        let sessions = SessionDirectory.all(under: root).filter { access($0.processes, F_OK) == 0 }
        let cleanup = SessionCleanup(
            sessions.map {
                Candidate(
                    path: $0.path, isLive: !$0.notedProcesses().isEmpty,
                    ageSeconds: modificationTime($0.path).map { max(0, now - $0) } ?? 0)
            })
        for path in cleanup.removed { removeTree(path) }
        for path in cleanup.reducedToLogs {
            for name in listDirectory(path) where !["logs", "processes"].contains(name) {
                removeTree(path + "/" + name)
            }
        }
    }

    private static func modificationTime(_ path: String) -> Int? {
        var information = stat()
        return lstat(path, &information) == 0 ? information.st_mtim.tv_sec : nil
    }
}
