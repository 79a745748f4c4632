//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The executables that this node has or fetches.
///
///     (absent) ──a lease needs it──▶ fetching ──▶ ready ──unused for some time──▶ (absent)
///        ▲                              │           │
///        └───────────── failed ◀────────┘  gone ◀───┘
struct ProgramTable: Sendable {
    /// Where an executable is on its way to this node.
    enum State: Hashable, Sendable {
        /// Next: ready, or gone.
        case fetching
        /// Next: gone.
        case ready(path: String)
    }

    private struct Entry: Sendable {
        var state: State
        /// When it was last seen in use.
        var lastUse: Instant
    }

    private var entries: [String: Entry] = [:]

    /// Where an executable is, by its key.
    subscript(key: String) -> State? { entries[key]?.state }

    /// The driver was asked to bring an executable here.
    mutating func begin(_ key: String, at now: Instant) { entries[key] = Entry(state: .fetching, lastUse: now) }

    /// An executable is here; whether it was awaited.
    mutating func finish(_ key: String, path: String, at now: Instant) -> Bool {
        guard self[key] == .fetching else { return false }
        entries[key] = Entry(state: .ready(path: path), lastUse: now)
        return true
    }

    /// Forgets an executable.
    mutating func remove(_ key: String) { entries[key] = nil }

    /// Forgets what nobody has used for so long; sorted.
    mutating func removeUnused(for milliseconds: Int, inUse: Set<String>, at now: Instant) -> [String] {
        for key in inUse where entries[key] != nil { entries[key]?.lastUse = now }
        let unused = entries.filter { _, entry in
            entry.state != .fetching && now.milliseconds(since: entry.lastUse) >= milliseconds
        }.keys.sorted()
        for key in unused { entries[key] = nil }
        return unused
    }
}
