//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What a store consists of at one moment, in bytes and objects.
package struct ObjectStoreUsage: Hashable, Sendable {
    /// Objects of one kind.
    package struct Share: Hashable, Sendable {
        /// Number of objects.
        package var count = 0
        /// Their bytes, rounded up as they are given out.
        package var bytes = 0

        mutating func add(_ size: Int) {
            count += 1
            bytes += size
        }
    }

    /// Bytes for objects in all.
    package var capacity = 0
    /// Bytes in use.
    package var used = 0
    /// Largest object that could be created now without making room.
    package var largestFree = 0
    /// Copies that their owners rely on.
    package var primary = Share()
    /// Copies that can be evicted.
    package var secondary = Share()
    /// Objects that are being written.
    package var unsealed = Share()
    /// Freed objects that are still read.
    package var freedButRead = Share()
    /// Objects of all kinds that take no room here, because they are in the fallback file.
    package var inFile = Share()

    /// What holds the room, as a phrase.
    package var phrase: String {
        let parts = [
            (primary, "in scope"), (secondary, "copies of other nodes' objects"), (unsealed, "being written"),
            (freedButRead, "freed but still read by a process"), (inFile, "in the fallback file"),
        ]
        let named = parts.filter { $0.0.count > 0 }.map { "\($0.0.count) \($0.1) (\(Self.amount($0.0.bytes)))" }
        return named.isEmpty ? "nothing" : named.joined(separator: ", ")
    }

    /// A number of bytes for people, for example "1.5 MB".
    package static func amount(_ bytes: Int) -> String {
        let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")]
        for (size, name) in units where bytes >= size {
            let tenths = bytes / (size / 10)
            return "\(tenths / 10).\(tenths % 10) \(name)"
        }
        return "\(bytes) bytes"
    }
}

extension ObjectStoreCore {
    /// What holds the room now. Complexity: O(entries).
    package var usage: ObjectStoreUsage {
        var usage = ObjectStoreUsage()
        usage.capacity = capacity
        usage.used = used
        usage.largestFree = allocator.largestFree
        for entry in entries {
            guard entry.state == .vacant || !isInFile(entry) else {
                usage.inFile.add(entry.size)
                continue
            }
            switch entry.state {
            case .vacant: break
            case .created, .doomed: usage.unsealed.add(entry.size)
            case .sealed: entry.isPrimary ? usage.primary.add(entry.size) : usage.secondary.add(entry.size)
            case .retracting, .zombie: usage.freedButRead.add(entry.size)
            }
        }
        return usage
    }

    func tooLargeMessage(_ request: Request) -> String {
        "\(ObjectStoreUsage.amount(request.size)) do not fit into this node's object store, which has "
            + "\(ObjectStoreUsage.amount(capacity)) in all. Start the node with a larger object_store_memory, or "
            + "split the object."
    }

    func fullMessage(_ request: Request, at now: Instant, why: String) -> String {
        let usage = usage
        let entriesHint = hasVacantEntry ? "" : " Its table of \(configuration.objectsMax) objects is full."
        return "The local object store is full of objects that are still in scope and cannot be evicted: "
            + "\(ObjectStoreUsage.amount(request.size)) were wanted and \(why) after "
            + "\(now.milliseconds(since: request.since)) ms of waiting; "
            + "\(ObjectStoreUsage.amount(usage.used)) of \(ObjectStoreUsage.amount(usage.capacity)) are in use, the "
            + "largest free range has \(ObjectStoreUsage.amount(usage.largestFree)).\(entriesHint) Held by: "
            + "\(usage.phrase). Let go of references that are not needed, or start the node with a larger "
            + "object_store_memory. Tip: Use the `ray memory` command to list active objects in the cluster."
    }

    func outOfDiskMessage(_ request: Request, _ reason: String) -> String {
        "The object cannot be created because the local object store is full and nothing can be spilled to disk: "
            + "\(reason). \(ObjectStoreUsage.amount(request.size)) were wanted. Held by: \(usage.phrase). Tip: Use `df` "
            + "on this node to check disk usage and `ray memory` to check object store memory usage; choose another "
            + "folder with --object-spilling-directory."
    }

    // MARK: Invariants

    /// Stops the program if the bookkeeping contradicts itself. Complexity: O(n log n); for tests and simulation.
    package func checkInvariants() {
        if let violation { preconditionFailure("object store: \(violation)") }
    }

    /// What is wrong with the bookkeeping, or nothing.
    package var violation: String? {
        allocator.violation ?? fallbackViolation ?? rangesViolation ?? entriesViolation ?? orderViolation(
            primaryOrder, true)
            ?? orderViolation(secondaryOrder, false) ?? diskViolation
    }

    private var rangesViolation: String? {
        var ranges: [(Int, Int)] = []
        for (offset, sharers) in Dictionary(
            grouping: entries.filter { $0.state != .vacant && !isInFile($0) }, by: \.offset)
        {
            guard sharers.count - 1 == sharedRanges[offset, default: 0] else {
                return "the sharers of \(offset) are miscounted"
            }
            if Set(sharers.map(\.size)).count > 1 { return "the range at \(offset) has two sizes" }
            ranges.append((offset, sharers[0].size))
        }
        if sharedRanges.values.contains(where: { $0 < 1 }) { return "a range is shared by nobody" }
        let usedCount = Set(entries.lazy.filter { $0.state != .vacant }.map(\.offset)).count
        if sharedRanges.count > usedCount { return "a range is shared that is not in use" }
        if ranges.reduce(0, { $0 + $1.1 }) != used { return "the ranges' sum is not the \(used) bytes in use" }
        if used > capacity { return "more in use than there is" }
        ranges += allocator.freeRanges.map { ($0.offset, $0.size) }
        var end = 0
        for (offset, size) in ranges.sorted(by: { $0.0 < $1.0 }) {
            if offset != end { return "ranges overlap or leave a gap at \(offset)" }
            end = offset + size
        }
        return end == frontier ? nil : "the ranges end at \(end), not at the frontier \(frontier)"
    }

    private var entriesViolation: String? {
        var known = 0
        var doomedCount = 0
        var zombieCount = 0
        var leaving = 0
        for (position, entry) in entries.enumerated() {
            switch entry.state {
            case .created, .sealed:
                if indexByID[entry.id] != UInt32(position) { return "object \(entry.id) is not indexed" }
                guard let total = entry.layout.totalSize, total <= entry.size else {
                    return "object \(entry.id) is larger than its range"
                }
                known += 1
            case .doomed:
                if doomed[entry.id]?.contains(UInt32(position)) != true { return "a doomed entry is lost" }
                doomedCount += 1
            case .zombie: zombieCount += 1
            case .retracting: leaving += 1
            case .vacant: if entry.holds != 0 { return "a vacant entry is held" }
            }
        }
        if known != indexByID.count { return "the index names objects that are not there" }
        if doomedCount != doomed.values.reduce(0, { $0 + $1.count }) { return "doomed entries are miscounted" }
        if zombieCount != zombies.count { return "zombies are miscounted" }
        if leaving != retractingCount { return "retracting entries are miscounted" }
        if vacant.count != entries.count(where: { $0.state == .vacant }) { return "vacant entries are miscounted" }
        return entries.count <= configuration.objectsMax ? nil : "more entries than the table has"
    }

    private func orderViolation(_ order: UseOrder, _ isPrimary: Bool) -> String? {
        var count = 0
        var previous = UseOrder.none
        var index = order.first
        while index != UseOrder.none {
            let entry = entries[Int(index)]
            if entry.state != .sealed || entry.isPrimary != isPrimary { return "an entry is in the wrong order" }
            if entry.previous != previous { return "the order of use is broken" }
            count += 1
            if count > order.count { return "the order of use has a loop" }
            (previous, index) = (index, entry.next)
        }
        if previous != order.last || count != order.count { return "the order of use is miscounted" }
        let sealed = entries.count { $0.state == .sealed && $0.isPrimary == isPrimary }
        return sealed == count ? nil : "a sealed entry is not in the order of use"
    }
}
