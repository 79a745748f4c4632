//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A node that is kept for one request which has waited long, so that smaller ones do not keep it waiting.
///
/// The oldest request that finds no room has a node reserved while its waiting time, in seconds, lies in
/// 1 ..< 2, 4 ..< 8, 16 ..< 32 and so on. Meanwhile younger requests may not take on that node any
/// resource that it needs. The pauses in between are there because a reservation that never ends could
/// deadlock with running tasks whose children wait behind it, as long as it is not known that they do
/// (`isUrgent`); the periods grow so that in the end one is long enough for the node to drain. Resources that
/// actors hold are never waited for.
struct Reservation: Hashable, Sendable {
    var lease: LeaseID
    var arrival: UInt64
    var shape: ResourceSet
    var pool: PoolID
    /// When the period ends.
    var end: Instant

    /// Whether a request must keep off the reserved node.
    func excludes(_ other: ResourceSet, arrival: UInt64) -> Bool {
        arrival > self.arrival && other.entries.contains { shape[$0.name] > .zero }
    }

    /// The end of the period in which `now` lies; nothing if it lies in a pause.
    static func end(arrivedAt: Instant, now: Instant) -> Instant? {
        let waited = now.milliseconds(since: arrivedAt) / 1000
        guard waited >= 1 else { return nil }
        let exponent = Int.bitWidth - 1 - waited.leadingZeroBitCount
        guard exponent.isMultiple(of: 2), exponent <= 30 else { return nil }
        return arrivedAt.advanced(milliseconds: (2 << exponent) * 1000)
    }
}

extension SchedulerCore {
    /// Owners are asked for idle leases at most once in this time.
    static let reclaimMilliseconds = 50

    /// Ends the reservation if its time is over and begins the one that is due.
    mutating func updateReservation(at now: Instant) {
        if let reservation, now < reservation.end { return }
        endReservation()
        var oldest: (PendingRequest, Instant)?
        for id in waitingClasses where classes[id]?.isStuck == true {
            guard let first = firstRequest(of: id), oldest.map({ first.arrival < $0.0.arrival }) ?? true,
                let end = Reservation.end(arrivedAt: first.arrivedAt, now: now), isFeasible(id)
            else { continue }
            oldest = (first, end)
        }
        guard let (waiting, end) = oldest, let pool = poolToDrain(for: waiting.request) else { return }
        reservation = Reservation(
            lease: waiting.request.id, arrival: waiting.arrival, shape: waiting.request.shape, pool: pool,
            end: end)
    }

    /// Ends the reservation; the node is open to all again.
    mutating func endReservation() {
        guard let ended = reservation else { return }
        reservation = nil
        markChanged(ended.pool)
    }

    /// Asks owners for idle leases if requests, or tasks that would go on, wait for what these hold.
    mutating func reclaim(at now: Instant, into effects: inout SchedulerEffects) {
        if !resumingPools.isEmpty {
            resumingPools = resumingPools.filter { pool in
                index(of: pool).map { keepsCPUForResume(nodes[$0]) } ?? false
            }
        }
        let isWanted =
            !resumingPools.isEmpty || waitingClasses.contains { isFeasible($0) }
            || waitingGroups.contains { isFeasible(group: $0) }
        wantsReclaim = isWanted && owners.values.contains { $0.reclaimableCount > 0 }
        guard wantsReclaim, now >= nextReclaim else { return }
        nextReclaim = now.advanced(milliseconds: Self.reclaimMilliseconds)
        let holders = owners.lazy.filter { $0.value.reclaimableCount > 0 }.map(\.key)
        for owner in holders.sorted() { effects.append(.reclaimIdle(owner: owner)) }
    }

    /// The node, or bundle, that lacks the least for a request and would have all when its tasks end.
    private func poolToDrain(for request: LeaseRequest) -> PoolID? {
        let key = RequestClass.Key(request)
        var best: (missing: Double, pool: PoolID)?
        for node in indices(for: key).lazy.map({ nodes[$0] }) where node.couldFit(key.shape) && allows(key, node) {
            guard (node.total - node.heldByActors - node.reserved).contains(key.shape) else { continue }
            let missing = key.shape.entries.reduce(0.0) { sum, entry in
                let lacks = entry.amount - node.available[entry.name]
                return sum + max(0, Double(lacks.units) / Double(entry.amount.units))
            }
            if best.map({ missing < $0.missing }) ?? true { best = (missing, node.pool) }
        }
        return best?.pool
    }
}
