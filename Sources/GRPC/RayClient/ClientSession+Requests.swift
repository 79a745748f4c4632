//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import Synchronization

// Requests of a client's stream of data.

extension ClientSession {
    /// Larger ones are the program's, and values that are larger in the store: they might have to wait for room there.
    private static let plainBytesMax = 64 << 10

    /// Answers a request of the client's stream, or not.
    package func take(_ message: ByteBuffer) -> Verdict { turn.withLock { _ in takeInTurn(message) } }

    private func takeInTurn(_ message: ByteBuffer) -> Verdict {
        guard let request = DataRequest(message) else { return .left(nil) }
        if case .acknowledge(let last) = request.content {
            return state.withLock { $0.answers.acknowledge(last) } ? .left(nil) : .noted
        }
        let id = request.requestID
        switch state.withLock({ $0.answers.standing(of: id) }) {
        case .answered(let answer): return .answered(answer)
        case .seen: return .left(nil)
        case .new: break
        }
        let verdict = message.readableBytes <= Self.plainBytesMax ? answer(request) : .left(nil)
        state.withLock { state in
            if case .answered(let answer) = verdict {
                state.answers.add(answer, to: id)
            } else {
                state.answers.leave(id)
            }
        }
        return verdict
    }

    private func answer(_ request: DataRequest) -> Verdict {
        guard state.withLock({ $0.isAnswering }) else { return .left(nil) }
        switch request.content {
        case .task(let task): return call(task, request.requestID)
        case .put(let put): return self.put(put, request.requestID)
        case .release(let ids): return release(ids, request.requestID)
        case .acknowledge, .other: return .left(nil)
        }
    }

    private func put(_ put: PutRequest, _ requestID: Int32) -> Verdict {
        guard put.isWhole, put.clientReferenceID.readableBytes == 0, let value = PlainPickle.value(of: put.data),
            value.byteCount <= Self.plainBytesMax, let id = runtime.put(value)
        else { return .left(nil) }
        keep([id])
        return .answered(ClientAnswer.put(requestID: requestID, id: id.buffer))
    }

    private func call(_ task: ClientTask, _ requestID: Int32) -> Verdict {
        guard task.isWhole, task.clientID == client, let arguments = PlainPickle.arguments(of: task.data),
            arguments.reduce(0, { $0 + $1.byteCount }) <= Self.plainBytesMax,
            let key = CallKey(task, argumentCount: arguments.count)
        else { return .left(nil) }
        guard let learned = state.withLock({ $0.calls[key] }) else { return .left(key) }
        guard let ids = runtime.submit(learned, arguments.flatMap { [learned.marker, $0] }) else { return .left(nil) }
        keep(ids)
        return .answered(ClientAnswer.ticket(requestID: requestID, ids: ids.map(\.buffer)))
    }

    private func release(_ ids: [ByteBuffer], _ requestID: Int32) -> Verdict {
        let released = state.withLock { state -> [ObjectKey]? in
            let keys = ids.compactMap { ObjectKey($0) }
            // The program has to give back what it holds, too, and knows what else a client may have.
            guard keys.count == ids.count, Set(keys).count == keys.count,
                keys.allSatisfy({ state.objects[$0] == false })
            else { return nil }
            for key in keys { state.objects[key] = nil }
            return keys
        }
        guard let released else { return .left(nil) }
        for id in released { runtime.release(id) }
        return .answered(ClientAnswer.released(requestID: requestID, released.map { _ in true }))
    }
}

extension PutRequest {
    fileprivate var isWhole: Bool { chunkID == 0 && chunkCount == 1 }
}

extension ClientTask {
    /// Whether it has all of its arguments, and its results are objects.
    fileprivate var isWhole: Bool {
        chunkID == 0 && chunkCount == 1 && !hasOldArguments && (kind == .function || kind == .method)
    }
}
