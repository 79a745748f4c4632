//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore
internal import Synchronization

// Gets, which come beside a client's stream of data.

extension ClientSession {
    /// What became of a get.
    package enum Got: Equatable, Sendable {
        case values([PlainValue])
        /// The value is to be sent from this part on.
        case large(LargeValue, from: Int)
        /// It has waited for as long as it was to.
        case timedOut
        /// It is the program's.
        case left
    }

    /// A get that waits.
    struct PendingGet: Sendable {
        /// Those of the objects that are held for it: the client may give them back meanwhile.
        let held: [ObjectKey]
        let done: @Sendable (Got) -> Void
    }

    /// Ray's clients ask for two seconds at a time; whoever wants to wait longer waits with the program, which waits for
    /// fewer.
    private static let millisecondsMax: Int64 = 10_000
    private static let getsMax = 1_000

    /// Fetches objects of the client for a request outside of its stream. Whether `done` will be called, once.
    package func get(_ request: GetRequest, _ done: @escaping @Sendable (Got) -> Void) -> Bool {
        let ids = request.ids.compactMap { ObjectKey($0) }
        guard ids.count == request.ids.count, !ids.isEmpty, !request.isAsynchronous,
            (0...(ids.count == 1 ? .max : 0)).contains(request.startChunkID), let milliseconds = request.milliseconds,
            milliseconds <= Self.millisecondsMax
        else { return false }
        let get = PendingGet(held: ids.filter { runtime.retain($0) }, done: done)
        let number = state.withLock { state -> UInt64? in
            guard state.isAnswering, state.gets.count < Self.getsMax, ids.allSatisfy({ state.objects[$0] != nil })
            else { return nil }
            state.lastGet += 1
            state.gets[state.lastGet] = get
            return state.lastGet
        }
        guard let number else {
            for id in get.held { runtime.release(id) }
            return false
        }
        let end = NIODeadline.now() + .milliseconds(milliseconds)
        let start = Int(request.startChunkID)
        runtime.get(ids, milliseconds: milliseconds, arrays: arrays) { [self] values in
            // At the session's end it has ended as well.
            guard let get = state.withLock({ $0.gets.removeValue(forKey: number) }) else { return }
            switch values {
            case .plain(let values) where start == 0: finish(get, with: .values(values))
            case .large(let value) where start < value.partCount: finish(get, with: .large(value, from: start))
            case .plain, .large: finish(get, with: .left)
            case nil: finish(get, with: NIODeadline.now() < end ? .left : .timedOut)
            }
        }
        return true
    }

    func finish(_ get: PendingGet, with got: Got) {
        for id in get.held { runtime.release(id) }
        get.done(got)
    }
}

extension GetRequest {
    /// How long the client waits at most; nothing if that is no time.
    fileprivate var milliseconds: Int64? { timeout >= 0 ? Int64(exactly: (timeout * 1_000).rounded(.up)) : nil }
}
