//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A process of the node makes an object of its own of one that is here, without a copy (docs/internals/ownership.md).
extension RayletCore {
    mutating func shareObject(_ share: ShareObject, from peer: WorkerID, into effects: inout [RayletEffect]) {
        guard clients[peer] != nil, creations[share.object] == nil, fetches[share.object] == nil,
            pushes[share.object] == nil
        else {
            let error = RayError(
                .invalidArgument,
                "only processes of the node that reported can share objects, under ids that nobody uses")
            return effects.append(.sendShared(ObjectShared(object: share.object, error: error), to: peer))
        }
        let token = takeNumber()
        shares[token] = Share(object: share.object, owner: peer)
        effects.append(.storeShare(share.source, as: share.object, owner: peer, token: token))
    }

    /// The store's answer to `storeShare`; whether it was one.
    mutating func storeShared(
        _ token: UInt64, _ answer: Result<SharedBytes, RayError>, into effects: inout [RayletEffect]
    ) -> Bool {
        guard let share = shares.removeValue(forKey: token) else { return false }
        var reply = ObjectShared(object: share.object)
        switch answer {
        case .success(let shared):
            reply.byteCount = shared.byteCount
            reply.contained = shared.contained
        case .failure(let error): reply.error = error
        }
        effects.append(.sendShared(reply, to: share.owner))
        return true
    }
}

extension RayletEffect {
    fileprivate static func sendShared(_ reply: ObjectShared, to peer: WorkerID) -> RayletEffect {
        .send(.objectShared(reply), requestID: 0, to: peer)
    }
}

/// A second object of the same bytes that the store was asked for and has not answered about.
struct Share: Sendable {
    var object: ObjectID
    var owner: WorkerID
}
