//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// How room is made.
extension ObjectStoreCore {
    /// Serves those who wait, in order, and makes room for the first who cannot be served.
    mutating func serveWaiting(at now: Instant, into effects: inout Effects) {
        var served = 0
        while served < waiting.count, grant(waiting[served], into: &effects) { served += 1 }
        if served > 0 { waiting.removeFirst(served) }
        // While entries are being retracted it is not known yet how much room they give.
        guard let first = waiting.first, retractingCount == 0 else { return }
        guard pinsAreFresh else {
            requestScan(into: &effects)
            return
        }
        let victims = evictionCandidates(bytes: first.size)
        guard victims.isEmpty else { return remove(victims, .evicted, at: now, into: &effects) }
        // What is being written can be evicted afterwards.
        guard disk.writing == nil, !spill(bytes: first.size, into: &effects) else { return }
        grantWhatFits(into: &effects)
        if let bytes = waiting.first?.size { effects.append(.roomWanted(bytes: bytes)) }
    }

    /// Serves those behind the first who need no more than what is free.
    ///
    /// Nothing can be evicted or spilled, so what holds the room is read or being written. Whoever does that may be
    /// among those who wait, and must not wait for the first.
    private mutating func grantWhatFits(into effects: inout Effects) {
        var position = 1
        while position < waiting.count {
            if grant(waiting[position], into: &effects) { waiting.remove(at: position) } else { position += 1 }
        }
    }

    /// The least recently used secondary copies that nobody reads: at least one, `bytes` in all if there are so many.
    private func evictionCandidates(bytes: Int) -> [UInt32] {
        var found: [UInt32] = []
        var sum = 0
        var index = secondaryOrder.first
        while index != UseOrder.none, sum < bytes {
            let entry = entries[Int(index)]
            if isEvictable(entry) {
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
                release(zombie.index)
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
