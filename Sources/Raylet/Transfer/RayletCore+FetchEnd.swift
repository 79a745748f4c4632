//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// Notes why the current location is of no use and turns to the next one.
    mutating func locationFailed(
        _ object: ObjectID, _ reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let fetch = fetches[object], let current = fetch.current else { return }
        let place = current.host.isEmpty ? "node \(current.node)" : "node \(current.node) at \(current.host)"
        fetches[object]?.failures.append("\(place): \(reason)")
        switch fetch.state {
        case .room, .sealing:
            // Nothing is owed at the moment; the next location is asked when there is room.
            fetches[object]?.current = nil
        default: tryNextLocation(object, at: now, into: &effects)
        }
    }

    /// A peer is gone: fetches from it turn to the next location.
    mutating func locationLost(
        _ peer: WorkerID, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        for object in fetches.keys.sorted() where fetches[object]?.current?.worker == peer {
            locationFailed(object, "the link to it is lost (\(reason))", at: now, into: &effects)
        }
    }

    /// Turns away from locations that take too long.
    mutating func checkFetchDeadlines(at now: Instant, into effects: inout [RayletEffect]) {
        for object in fetches.keys.sorted() {
            guard let fetch = fetches[object] else { continue }
            if case .connecting(let deadline) = fetch.state, now >= deadline {
                let seconds = settings.connectMillisecondsMax / 1_000
                locationFailed(object, "it could not be reached within \(seconds) s", at: now, into: &effects)
            } else if fetch.pieces.values.contains(where: { now >= $0.deadline }) {
                locationSilent(object, at: now, into: &effects)
            }
        }
    }

    /// The current location has taken a request and does not answer, while its link holds.
    ///
    /// Nobody has said that the object is not there: before it counts as lost, the location is asked once more.
    private mutating func locationSilent(
        _ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let current = fetches[object]?.current else { return }
        if fetches[object]?.silent.insert(current.worker).inserted == true {
            fetches[object]?.locations.append(current)
        }
        let seconds = settings.chunkMillisecondsMax / 1_000
        locationFailed(object, "it sent nothing for \(seconds) s", at: now, into: &effects)
    }

    /// Answers all that wait for the object and forgets the fetch.
    mutating func finishFetch(
        _ object: ObjectID, error: RayError?, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard let fetch = fetches.removeValue(forKey: object) else { return }
        giveUpPull(of: fetch, isLocal: error == nil, into: &effects)
        traceFetch(fetch, error, at: now)
        let lost = error?.type == .objectLost ? fetch.tried.sorted().map { NodeID(raylet: $0) } : []
        for waiter in fetch.waiters { sendLocal(object, error: error, lost: lost, to: waiter, into: &effects) }
        startFetches(at: now, into: &effects)
    }

    /// Takes what a fetch has under way out of the tables, and gives its room back unless it is sealed.
    private mutating func giveUpPull(of fetch: Fetch, isLocal: Bool, into effects: inout [RayletEffect]) {
        for requestID in fetch.pieces.keys { chunkRequests[requestID] = nil }
        queuedFetches.removeAll { $0 == fetch.object }
        if let token = fetch.roomToken { storeRequests[token]?.isAbandoned = true }
        guard fetch.hasRoom, !isLocal else { return }
        // After a seal that was asked for the object may exist already.
        effects.append(
            fetch.state == .sealing ? .storeFree([fetch.object]) : .storeAbort(fetch.object, slot: nil))
    }

    /// A process of this node writes the object itself: the pull ends, its waiters wait for the seal.
    mutating func yieldToCreation(_ object: ObjectID, into effects: inout [RayletEffect]) {
        guard let fetch = fetches[object] else { return }
        giveUpPull(of: fetch, isLocal: false, into: &effects)
        var waiting = Fetch(object: object, owner: fetch.owner, waiters: fetch.waiters, state: .local)
        waiting.locations = (fetch.current.map { [$0] } ?? []) + fetch.locations
        waiting.failures = fetch.failures
        waiting.ownerAddress = fetch.ownerAddress
        fetches[object] = waiting
    }

    /// An object on this node's disk does not come back: it is pulled, if another node has it.
    mutating func restoreFailed(
        _ object: ObjectID, _ error: RayError, isLost: Bool, at now: Instant, into effects: inout [RayletEffect]
    ) {
        if isLost {
            diskObjects.remove(object)
            effects.append(.log(.error, error.message))
        }
        if isLost { fetches[object]?.tried.insert(settings.info.address.worker) }
        guard let fetch = fetches[object], fetch.state == .restoring else { return }
        guard isLost, !fetch.locations.isEmpty else {
            return finishFetch(object, error: error, at: now, into: &effects)
        }
        fetches[object]?.failures.append("this node: \(error.message)")
        fetches[object]?.state = .queued
        queuedFetches.append(object)
        startFetches(at: now, into: &effects)
    }

    /// The object that was being written here will not be: it is pulled after all.
    mutating func resumeAfterCreation(
        _ object: ObjectID, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard fetches[object]?.state == .local else { return }
        fetches[object]?.state = .queued
        queuedFetches.append(object)
        startFetches(at: now, into: &effects)
    }

    /// A process is gone: what only it waited for is not brought.
    mutating func forgetWaiter(_ worker: WorkerID, at now: Instant, into effects: inout [RayletEffect]) {
        for object in fetches.keys.sorted() {
            guard let fetch = fetches[object], fetch.waiters.contains(where: { $0.worker == worker }) else { continue }
            fetches[object]?.waiters.removeAll { $0.worker == worker }
            guard fetch.waiters.allSatisfy({ $0.worker == worker }) else { continue }
            let error = RayError(.objectLost, "nobody waits for object \(object) any more")
            finishFetch(object, error: error, at: now, into: &effects)
        }
    }

    /// Tells one waiter that the object is here, or why not.
    func sendLocal(
        _ object: ObjectID, error: RayError?, lost: [NodeID] = [], to waiter: Fetch.Waiter,
        into effects: inout [RayletEffect]
    ) {
        let message = Message.objectLocal(ObjectLocal(object: object, error: error, lost: lost))
        effects.append(.send(message, requestID: waiter.requestID, to: waiter.worker))
    }
}
