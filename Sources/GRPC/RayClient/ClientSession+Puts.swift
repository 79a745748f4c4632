//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import Synchronization

// Values that a client puts, of which large ones come in parts.

extension ClientSession {
    func put(_ put: PutRequest, _ requestID: Int32, isSmall: Bool, at now: NIODeadline, _ turn: inout Turn) -> Verdict {
        if turn.put == nil {
            guard put.clientReferenceID.readableBytes == 0 else { return .left(nil) }
            if isSmall, put.isWhole, let id = putPlain(put.data) {
                return .answered(ClientAnswer.put(requestID: requestID, id: id.buffer))
            }
            turn.put = IncomingPut(put, requestID, of: runtime, arrays: arrays)
        }
        guard let room = turn.put?.room else { return .left(nil) }
        switch room.standing {
        case .awaited: return .postponed
        case .refused: return handOver(&turn)
        case .granted: break
        }
        switch turn.put?.take(put, at: now) {
        case .noted: return .noted
        case .stored(let id):
            turn.put = nil
            keep([id])
            return .answered(ClientAnswer.put(requestID: requestID, id: id.buffer))
        case .refused, nil: return handOver(&turn)
        }
    }

    private func putPlain(_ pickle: ByteBuffer) -> ObjectKey? {
        guard let value = PlainPickle.value(of: pickle), value.byteCount <= Self.plainBytesMax,
            let id = runtime.put(value)
        else { return nil }
        keep([id])
        return id
    }

    /// Waits until it is known whether there is room for the value that comes, `milliseconds` at most.
    func awaitRoom(milliseconds: Int) {
        turn.withLock { $0.put?.room }?.wait(milliseconds: milliseconds)
    }

    /// What has come of a value whose parts do not come any more, which is the program's from then on.
    package func overdue(at now: NIODeadline = .now()) -> [ByteBuffer] {
        turn.withLock { turn in
            turn.mayCopy = true
            guard let put = turn.put, put.room.standing == .granted, now - put.lastTime > Self.pauseMax,
                case .leftAfter(let messages) = handOver(&turn)
            else { return [] }
            return messages
        }
    }

    /// As long as a client may take to connect again, and more.
    private static let pauseMax = TimeAmount.seconds(60)

    /// Leaves to the program what has come of a large value, and the message that comes now.
    func handOver(_ turn: inout Turn) -> Verdict {
        guard let put = turn.put else { return .left(nil) }
        if !turn.mayCopy, put.hasParts { return .postponed }
        turn.put = nil
        state.withLock { $0.answers.leave(put.requestID) }
        defer { put.room.abort() }
        let earlier = put.messages()
        return earlier.isEmpty ? .left(nil) : .leftAfter(earlier)
    }
}

extension PutRequest {
    fileprivate var isWhole: Bool { chunkID == 0 && chunkCount == 1 }
}
