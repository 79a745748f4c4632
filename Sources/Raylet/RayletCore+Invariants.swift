//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension RayletCore {
    /// Traps if the tables contradict each other. O(everything); for tests and the simulator.
    package func checkInvariants() {
        pool.checkInvariants()
        packages.checkInvariants()
        checkLeases()
        checkTransfers()
        precondition(localObjects.isDisjoint(with: diskObjects), "an object is in the store and only on disk")
        for object in copies.keys { precondition(localObjects.contains(object), "a copy is known that is not here") }
        for (object, creation) in creations {
            precondition(!diskObjects.contains(object), "an object is on disk and being written")
            precondition(!localObjects.contains(object), "an object is sealed and being written")
            if let client = clients[creation.client] {
                precondition(client.creations.contains(object), "a client does not know what it writes")
            } else {
                precondition(creation.state == .sealing, "a dead client's object was not given back")
            }
            precondition(pushes[object] == nil, "an object is written by two processes")
        }
        for (_, client) in clients {
            for object in client.creations { precondition(creations[object] != nil, "a client writes nothing known") }
        }
        for (_, request) in storeRequests where !request.isAbandoned {
            let object = request.object
            precondition(
                creations[object] != nil || pushes[object] != nil || fetches[object] != nil,
                "the store was asked for room for nobody")
        }
    }

    private func checkLeases() {
        let waiting = Set(waitingLeases)
        precondition(waiting.count == waitingLeases.count, "a lease waits twice")
        for (id, lease) in leases {
            precondition(lease.id == id, "a lease is kept under another id")
            guard let token = lease.worker else {
                precondition(waiting.contains(id), "a lease without a worker does not wait")
                continue
            }
            precondition(!waiting.contains(id), "a lease with a worker waits")
            let worker = pool[token]
            let serves = worker?.state == .leased(id) || (worker?.isDead == true && worker?.lease == id)
            precondition(serves, "a lease's worker does not serve it")
        }
        for id in waitingLeases { precondition(leases[id] != nil, "a lease waits that is not known") }
        for token in pool.order {
            guard case .leased(let lease)? = pool[token]?.state else { continue }
            precondition(leases[lease]?.worker == token, "a worker serves a lease that is not its own")
        }
        precondition(pool.startingCount <= settings.workersStartingMax, "too many workers start at the same time")
    }

    private func checkTransfers() {
        let queued = Set(queuedFetches)
        precondition(queued.count == queuedFetches.count, "a fetch is queued twice")
        var pieceCount = 0
        for (object, fetch) in fetches {
            precondition(!localObjects.contains(object), "a fetch goes on for an object that is here")
            precondition(!fetch.waiters.isEmpty, "a fetch goes on for nobody")
            precondition((fetch.state == .queued) == queued.contains(object), "a fetch is queued and is not")
            precondition(fetch.pieces.count <= settings.chunksInFlightMax, "too many pieces are under way")
            pieceCount += fetch.pieces.count
            for requestID in fetch.pieces.keys {
                precondition(chunkRequests[requestID] == object, "a piece is under way for nobody")
            }
            precondition(fetch.state == .restoring || !diskObjects.contains(object), "what is on disk is pulled")
            if fetch.state == .local {
                precondition(creations[object] != nil || pushes[object] != nil, "a fetch waits for no writer")
            }
            if let sizes = fetch.sizes {
                precondition(fetch.receivedBytes <= sizes.total, "a fetch received more than the object")
            }
        }
        precondition(pieceCount == chunkRequests.count, "requests for pieces are left over")
    }
}
