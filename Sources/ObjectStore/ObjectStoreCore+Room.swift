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
        if victims.isEmpty {
            effects.append(.roomWanted(bytes: first.size))
        } else {
            remove(victims, .evicted, at: now, into: &effects)
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
        if needsTick { requestScan(into: &effects) }
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
        effects.append(
            .failed(token: request.token, client: request.client, RayError(.objectStoreFull, message)))
    }
}
