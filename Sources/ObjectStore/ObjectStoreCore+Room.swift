//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How room is made.
extension ObjectStoreCore {
    /// Serves those who wait, in order, and makes room for the first who cannot be served.
    mutating func serveWaiting(at now: Instant, into effects: inout Effects) {
        while serveRound(at: now, into: &effects) {}
    }

    /// One round of `serveWaiting`; whether another may serve more.
    private mutating func serveRound(at now: Instant, into effects: inout Effects) -> Bool {
        var served = 0
        while served < waiting.count, grant(waiting[served], into: &effects) { served += 1 }
        if served > 0 { waiting.removeFirst(served) }
        if served > 0 || waiting.isEmpty { fallback.fullSince = nil }
        // While entries are being retracted it is not known yet how much room they give.
        guard let first = waiting.first, let last = waiting.last, retractingCount == 0 else { return false }
        guard pinsAreFresh else {
            requestScan(into: &effects)
            return false
        }
        if isTooLarge(last), mayFallBack(last) { return fallBack(waiting.count - 1, at: now, into: &effects) }
        guard !isTooLarge(first) else { return false }
        let victims = evictionCandidates(bytes: first.size)
        guard victims.isEmpty else {
            fallback.fullSince = nil
            remove(victims, .evicted, at: now, into: &effects)
            return false
        }
        // What is being written can be evicted afterwards.
        guard disk.writing == nil, !spill(bytes: first.size, into: &effects) else { return false }
        fallback.fullSince = fallback.fullSince ?? now
        if mayFallBack(first) { return fallBack(0, at: now, into: &effects) }
        grantWhatFits(into: &effects)
        if let bytes = waiting.first?.size { effects.append(.roomWanted(bytes: bytes)) }
        return false
    }

    /// Serves those behind the first who need no more than what is free.
    ///
    /// Nothing can be evicted or spilled, so what holds the room is read or being written. Whoever does that may be
    /// among those who wait, and must not wait for the first, which takes the fallback file after the grace.
    private mutating func grantWhatFits(into effects: inout Effects) {
        var position = 1
        while position < waiting.count {
            if grant(waiting[position], into: &effects) { waiting.remove(at: position) } else { position += 1 }
        }
    }

    /// The least recently used secondary copies that nobody reads: at least one, `bytes` in all if there are so many.
    func evictionCandidates(bytes: Int, inFile: Bool = false) -> [UInt32] {
        var found: [UInt32] = []
        var sum = 0
        var index = secondaryOrder.first
        while index != UseOrder.none, sum < bytes {
            let entry = entries[Int(index)]
            if isEvictable(entry), isInFile(entry) == inFile {
                found.append(index)
                sum += entry.size
            }
            index = entry.next
        }
        return found
    }

    mutating func requestScan(into effects: inout Effects) {
        guard scansRequested == scansAnswered else { return }
        scansRequested += 1
        effects.append(.scanPins)
    }

    mutating func pinsScanned(_ pinned: [EntryHandle], at now: Instant, into effects: inout Effects) {
        guard scansAnswered < scansRequested else { preconditionFailure("pins are reported that nobody asked for") }
        scansAnswered += 1
        pinsAreFresh = true
        for handle in pinned {
            // What the shared memory says is checked: it may name entries that are not in use.
            guard let entry = entry(handle), entry.state != .vacant else { continue }
            entries[Int(handle.index)].pinnedAtScan = scansAnswered
            entries[Int(handle.index)].keptUntil = .zero
            touch(handle.index)
        }
        let known = zombies
        zombies.removeAll(keepingCapacity: true)
        for zombie in known {
            let entry = entries[Int(zombie.index)]
            if zombie.provingScan <= scansAnswered, entry.pinnedAtScan != scansAnswered, entry.holds == 0 {
                release(zombie.index, into: &effects)
            } else {
                zombies.append(zombie)
            }
        }
        serveWaiting(at: now, into: &effects)
        spillOverThreshold(into: &effects)
    }

    mutating func tick(at now: Instant, into effects: inout Effects) {
        var expired: [Request] = []
        waiting.removeAll { request in
            guard request.deadline <= now else { return false }
            expired.append(request)
            return true
        }
        for request in expired {
            fail(request, fullMessage(request, at: now, why: "its time is up"), into: &effects)
        }
        failForDisk(at: now, into: &effects)
        if needsTick || isOverSpillThreshold { requestScan(into: &effects) }
    }

    mutating func failWaiting(
        _ error: RayError, into effects: inout Effects, where isMeant: (Request) -> Bool
    ) {
        for request in waiting where isMeant(request) {
            effects.append(.failed(token: request.token, client: request.client, error))
        }
        waiting.removeAll(where: isMeant)
    }

    func fail(_ request: Request, _ message: String, into effects: inout Effects) {
        if case .restore(let id) = request.purpose {
            let error = RayError(.objectStoreFull, "object \(id) is on disk and cannot be brought back: \(message)")
            return effects.append(.restoreFailed(id, error, isLost: false))
        }
        effects.append(
            .failed(token: request.token, client: request.client, RayError(.objectStoreFull, message)))
    }
}
