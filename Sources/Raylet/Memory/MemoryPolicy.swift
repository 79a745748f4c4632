//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A worker that may be killed to make memory free.
package struct MemoryCandidate: Hashable, Sendable {
    /// Its start token.
    package var token: UInt64
    /// Whose task it runs.
    package var owner: WorkerID
    /// Whether what it runs is run again.
    package var isRetriable: Bool
    /// When it got its lease.
    package var since: Instant

    package init(token: UInt64, owner: WorkerID, isRetriable: Bool, since: Instant) {
        self.token = token
        self.owner = owner
        self.isRetriable = isRetriable
        self.since = since
    }
}

/// Which worker goes when a node runs out of memory.
///
/// Ray's rule by groups: tasks of one owner form a group, what is not run again a group each. The largest group of
/// tasks that are run again loses its newest member, since that lost the least; only then go those that end for good,
/// the newest first.
package enum MemoryPolicy {
    /// Whether so much memory is used that a worker must go.
    package static func isOver(used: Int, limit: Int, threshold: Double, freeBytesMin: Int?) -> Bool {
        Double(used) > thresholdBytes(limit: limit, threshold: threshold, freeBytesMin: freeBytesMin)
    }

    /// Bytes beyond which a worker must go.
    package static func thresholdBytes(limit: Int, threshold: Double, freeBytesMin: Int?) -> Double {
        let share = threshold * Double(limit)
        guard let freeBytesMin else { return share }
        return max(share, Double(limit - freeBytesMin))
    }

    /// The worker to be killed, or nothing if there is none.
    package static func victim(among candidates: [MemoryCandidate]) -> MemoryCandidate? {
        var groups: [WorkerID: [MemoryCandidate]] = [:]
        for candidate in candidates where candidate.isRetriable {
            groups[candidate.owner, default: []].append(candidate)
        }
        let newest = groups.values.compactMap { group in
            group.max(by: isOlder).map { (count: group.count, newest: $0) }
        }
        let largest = newest.max { $0.count != $1.count ? $0.count < $1.count : isOlder($0.newest, $1.newest) }
        return largest?.newest ?? candidates.max(by: isOlder)
    }

    private static func isOlder(_ left: MemoryCandidate, _ right: MemoryCandidate) -> Bool {
        (left.since, left.token) < (right.since, right.token)
    }
}
