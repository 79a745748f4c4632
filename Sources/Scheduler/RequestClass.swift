//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A request that waits.
struct PendingRequest: Sendable {
    let request: LeaseRequest
    /// Counts requests from 1 in order of arrival.
    let arrival: UInt64
    let arrivedAt: Instant
    let classID: Int
}

/// The requests that are the same to the scheduler: what fits one fits all, so they wait in one queue.
struct RequestClass: Sendable {
    /// What the requests of a class have in common.
    struct Key: Hashable, Sendable {
        var shape: ResourceSet
        var held: ResourceSet
        var strategy: SchedulingStrategy
        var isActor: Bool
        /// Whether a task waits for what is asked for, so that it goes first; see `SchedulerCore.urgentMilliseconds`.
        var isUrgent: Bool

        init(_ request: LeaseRequest, isUrgent: Bool = false) {
            self.isUrgent = isUrgent
            shape = request.shape
            held = request.held
            // Whether children are captured is no matter of the scheduler's.
            strategy =
                if case .placementGroup(let id, let bundle, _) = request.strategy {
                    .placementGroup(id, bundle: bundle, capturesChildren: false)
                } else {
                    request.strategy
                }
            isActor = request.isActor
        }
    }

    /// A place in the queue; void when the request with this arrival number no longer waits.
    struct Place: Sendable {
        var id: LeaseID
        var arrival: UInt64
    }

    let key: Key
    /// Places in order of arrival from `head` on; those before it are used up.
    private(set) var places: [Place] = []
    private(set) var head = 0
    /// How many places are not void.
    private(set) var count = 0
    /// Whether no node could take a request when last tried; then only nodes that changed are tried.
    var isStuck = false
    /// Whether some node could take it when idle, as of `feasibleEpoch`.
    var isFeasible = false
    var feasibleEpoch: UInt64 = 0
    /// The node that the spread policy chose last.
    var lastSpread: NodeID?

    init(key: Key) { self.key = key }

    var first: Place? { head < places.count ? places[head] : nil }

    mutating func append(_ id: LeaseID, arrival: UInt64) {
        places.append(Place(id: id, arrival: arrival))
        count += 1
    }

    /// Drops the first place, which is void.
    mutating func dropFirst() {
        head += 1
        if head == places.count {
            places.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024, head * 2 >= places.count {
            places.removeFirst(head)
            head = 0
        }
    }

    /// Notes that one place became void.
    mutating func placeBecameVoid() {
        count -= 1
        guard count == 0 else { return }
        places.removeAll(keepingCapacity: false)
        head = 0
        isStuck = false
    }

    /// Whether so many places are void that `removeVoid` is worth its cost.
    var isMostlyVoid: Bool { places.count - head > 2 * count + 64 }

    /// Keeps only places for which `isWaiting` holds.
    mutating func removeVoid(where isWaiting: (Place) -> Bool) {
        places = places[head...].filter(isWaiting)
        head = 0
    }
}
