//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import DequeModule
internal import RayCore
internal import RayWire
internal import Synchronization

/// Lines that workers printed, until Python's printing thread fetches them. The oldest go where nobody does.
///
/// Unchecked: as `EventQueue`.
final class LogQueue: @unchecked Sendable {
    static let shared = LogQueue()

    private static let batchesMax = 10_000

    private let batches = Mutex<Deque<LogLines>>([])
    private let word: UnsafeMutablePointer<UInt32>

    private init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    func add(_ lines: LogLines) {
        batches.withLock {
            if $0.count >= Self.batchesMax { $0.removeFirst() }
            $0.append(lines)
            word.pointee &+= 1
        }
        ray_futex_wake(word, 1)
    }

    /// The next lines; nothing after `milliseconds`.
    func next(milliseconds: Int) -> MessagePackValue? {
        let (first, seen) = batches.withLock { ($0.popFirst(), word.pointee) }
        if let first { return first.messagePack }
        ray_futex_wait(word, seen, UInt64(max(0, milliseconds)) * 1_000)
        return batches.withLock { $0.popFirst() }?.messagePack
    }
}

extension LogLines {
    fileprivate var messagePack: MessagePackValue {
        .record([
            "job": .bytes(job.bytes), "host": .string(host), "pid": .int(Int64(processID)), "name": .string(name),
            "is_err": .bool(isError), "lines": .array(lines.map { .string($0) }),
        ])
    }
}
