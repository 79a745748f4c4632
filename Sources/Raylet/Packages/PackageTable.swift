//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The packages of runtime environments that this node has or fetches.
///
///     (absent) ──a lease needs it──▶ fetching ──▶ ready ──unused, and the cache is too large──▶ (absent)
///        ▲                              │
///        └──── failed, or too slow ◀────┘
struct PackageTable: Sendable {
    /// Where a package is on its way to this node.
    enum State: Hashable, Sendable {
        /// Next: ready, or gone.
        case fetching(since: Instant)
        /// Unpacked. Next: gone.
        case ready(folder: String, byteCount: Int)
    }

    private struct Entry: Sendable {
        var state: State
        /// When a worker was last started in it.
        var lastUse: Instant
    }

    private var entries: [String: Entry] = [:]
    /// Of all packages that are ready.
    private(set) var byteCount = 0

    /// Where a package is.
    subscript(package: String) -> State? { entries[package]?.state }

    /// The driver was asked to bring a package here.
    mutating func begin(_ package: String, at now: Instant) {
        entries[package] = Entry(state: .fetching(since: now), lastUse: now)
    }

    /// A package is here; also one that was given up meanwhile.
    mutating func finish(_ package: String, folder: String, byteCount: Int, at now: Instant) {
        if case .ready? = self[package] { return }
        entries[package] = Entry(state: .ready(folder: folder, byteCount: byteCount), lastUse: now)
        self.byteCount += byteCount
    }

    /// Forgets a package.
    mutating func remove(_ package: String) {
        guard case .ready(_, let bytes)? = entries.removeValue(forKey: package)?.state else { return }
        byteCount -= bytes
    }

    /// A worker is started in it.
    mutating func use(_ package: String, at now: Instant) { entries[package]?.lastUse = now }

    /// Packages that have been fetched for too long, sorted.
    func overdue(at now: Instant, milliseconds: Int) -> [String] {
        entries.filter { _, entry in
            if case .fetching(let since) = entry.state { now.milliseconds(since: since) >= milliseconds } else { false }
        }.keys.sorted()
    }

    /// Unused packages to delete so that the others have at most `bytesMax`: those used longest ago first.
    func surplus(over bytesMax: Int, inUse: Set<String>) -> [String] {
        var rest = byteCount
        let unused = entries.filter { package, entry in
            if case .ready = entry.state { !inUse.contains(package) } else { false }
        }
        return unused.sorted { ($0.value.lastUse, $0.key) < ($1.value.lastUse, $1.key) }.compactMap { package, entry in
            guard rest > bytesMax, case .ready(_, let bytes) = entry.state else { return nil }
            rest -= bytes
            return package
        }
    }

    /// Traps if the sum disagrees with the packages.
    func checkInvariants() {
        let sum = entries.values.reduce(0) { sum, entry in
            if case .ready(_, let bytes) = entry.state { sum + bytes } else { sum }
        }
        precondition(sum == byteCount, "the bytes of the packages do not add up")
    }
}
