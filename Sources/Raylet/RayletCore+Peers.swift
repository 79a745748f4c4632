//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension RayletCore {
    /// Joins the cluster if it is the control store; goes on with fetches that waited for the link.
    mutating func peerUp(_ address: Address, at now: Instant, into effects: inout [RayletEffect]) {
        peers.insert(address.worker)
        if address.worker == .gcs {
            headIsBack(into: &effects)
        } else {
            askConnectedLocation(address.worker, at: now, into: &effects)
        }
    }

    /// Gives up what the peer held; without the control store the node leaves.
    mutating func peerLost(
        _ peer: WorkerID, reason: String, at now: Instant, into effects: inout [RayletEffect]
    ) {
        peers.remove(peer)
        guard peer != .gcs else { return headIsLost(reason: reason, at: now, into: &effects) }
        if let token = pool.token(worker: peer) {
            // What it has not sealed is given back when the process is reaped: until then it may still write.
            workerLinkLost(token, at: now, into: &effects)
        } else {
            clientGone(peer, at: now, into: &effects)
        }
        dropCopies(of: peer, into: &effects)
        locationLost(peer, reason: reason, at: now, into: &effects)
        pushPeerLost(peer, at: now, into: &effects)
    }

    /// Hands a message to its handler, if its sender may send it.
    mutating func receive(
        _ message: Message, requestID: UInt64, from peer: WorkerID, at now: Instant,
        into effects: inout [RayletEffect]
    ) {
        switch message {
        case .nodeRegistered, .assignLease, .releaseLease, .killWorker, .releaseOwned, .shutDownNode, .nodeDied,
            .listObjects, .flushLines:
            guard peer == .gcs else {
                return effects.append(.log(.warning, "ignored a message of kind \(message.kind) from \(peer)"))
            }
            receiveControl(message, at: now, into: &effects)
        case .exitDeclined: exitDeclined(by: peer, at: now)
        case .workerRetired: workerRetired(by: peer, at: now)
        case .workerReady(let ready): workerReady(ready, requestID: requestID, from: peer, at: now, into: &effects)
        case .createObject(let create):
            createObject(create, requestID: requestID, from: peer, at: now, into: &effects)
        case .sealObject(let seal): sealObject(seal.object, from: peer, at: now, into: &effects)
        case .shareObject(let share): shareObject(share, from: peer, into: &effects)
        case .abortObject(let abort): abortObject(abort.object, from: peer, at: now, into: &effects)
        case .freeObjects(let free): freeObjects(free.objects, at: now, into: &effects)
        case .keepCopies(let keep): keepCopies(keep.objects, for: peer, into: &effects)
        case .fetchObject(let fetch): fetchObject(fetch, requestID: requestID, from: peer, at: now, into: &effects)
        case .pullChunk(let pull): pullChunk(pull, requestID: requestID, from: peer, into: &effects)
        case .objectChunk(let chunk): objectChunk(chunk, requestID: requestID, from: peer, at: now, into: &effects)
        case .pushChunk(let push): pushChunk(push, requestID: requestID, from: peer, into: &effects)
        default: effects.append(.log(.warning, "ignored a message of kind \(message.kind) from \(peer)"))
        }
    }

    private mutating func receiveControl(
        _ message: Message, at now: Instant, into effects: inout [RayletEffect]
    ) {
        switch message {
        case .nodeRegistered(let answer):
            if let error = answer.error {
                leave(reason: "the head refused this node: \(error.message)", into: &effects)
            } else {
                isRegistered = true
                clusterName = answer.clusterName
                reconnectMilliseconds = answer.reconnectMilliseconds
            }
        case .assignLease(let assign): assignLease(assign, at: now, into: &effects)
        case .releaseLease(let release):
            releaseLease(release.lease, kill: release.kill, at: now, into: &effects)
        case .killWorker(let kill): killWorker(kill.lease, reason: kill.reason, at: now, into: &effects)
        case .releaseOwned(let release): releaseOwned(release, at: now, into: &effects)
        case .listObjects(let question): effects.append(.listObjects(question))
        case .flushLines(let flush): effects.append(.flushLines(flush.job))
        case .shutDownNode(let order): leave(reason: order.reason, into: &effects)
        case .nodeDied(let died):
            locationLost(WorkerID(raylet: died.node), reason: "the node died: \(died.reason)", at: now, into: &effects)
        default: break
        }
    }
}
