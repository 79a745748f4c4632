//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore
internal import Synchronization

// Requests of a client's stream of data.

extension ClientSession {
    /// Larger ones are the program's, but for values of a kind that is written where it stays (`IncomingPut`); so are
    /// values that are larger in the store.
    static let plainBytesMax = 64 << 10

    /// Answers a request of the client's stream, or not; postpones it unless it `mayCopy` all of a large value, where it
    /// would have to.
    package func take(_ message: ByteBuffer, at now: NIODeadline = .now(), mayCopy: Bool = true) -> Verdict {
        turn.withLock { turn in
            turn.mayCopy = mayCopy
            return takeInTurn(message, at: now, &turn)
        }
    }

    private func takeInTurn(_ message: ByteBuffer, at now: NIODeadline, _ turn: inout Turn) -> Verdict {
        guard let request = DataRequest(message) else { return handOver(&turn) }
        if case .acknowledge(let last) = request.content {
            return state.withLock { $0.answers.acknowledge(last) } ? .left(nil) : .noted
        }
        let id = request.requestID
        switch state.withLock({ $0.answers.standing(of: id) }) {
        case .answered(let answer): return request.isAnswered ? .answered(answer) : .noted
        case .seen: return .left(nil)
        case .new: break
        }
        let verdict = answer(request, isSmall: message.readableBytes <= Self.plainBytesMax, at: now, &turn)
        state.withLock { state in
            switch verdict {
            case .answered(let answer): state.answers.add(answer, to: id)
            case .left, .leftAfter: state.answers.leave(id)
            case .noted, .postponed: break
            }
        }
        return verdict
    }

    private func answer(
        _ request: DataRequest, isSmall: Bool, at now: NIODeadline, _ turn: inout Turn
    ) -> Verdict {
        let isAnswering = state.withLock { $0.isAnswering }
        // The parts of a value come one behind the other.
        if let put = turn.put, !isAnswering || put.requestID != request.requestID || !request.isPut {
            return handOver(&turn)
        }
        guard isAnswering else { return .left(nil) }
        switch request.content {
        case .put(let put): return self.put(put, request.requestID, isSmall: isSmall, at: now, &turn)
        case .task(let task) where isSmall: return call(task, request.requestID)
        case .release(let ids) where isSmall: return release(ids, request.requestID)
        default: return handOver(&turn)
        }
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

extension DataRequest {
    fileprivate var isPut: Bool { if case .put = content { true } else { false } }

    /// Whether there is an answer to it; of a value in parts, it is to the last one.
    fileprivate var isAnswered: Bool {
        if case .put(let put) = content { put.chunkID == put.chunkCount - 1 } else { true }
    }
}

extension ClientTask {
    /// Whether it has all of its arguments, and its results are objects.
    fileprivate var isWhole: Bool {
        chunkID == 0 && chunkCount == 1 && !hasOldArguments && (kind == .function || kind == .method)
    }
}
