//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RaySystem
internal import RayTransport
internal import Synchronization

/// Threads for synchronous calls that run beside each other.
///
/// Calls are taken up in the order in which they came. A thread is started when a call finds none without work, so
/// there are as many as calls were under way at the same time, which the worker limits to `maxConcurrency`.
package final class CallThreads: Sendable {
    private let pool = Pool()

    /// Without threads yet.
    package init() {}

    deinit { pool.stop() }

    /// Has a call made on one of the threads; false if there is none and none can be started.
    package func perform(_ call: @escaping @Sendable () -> Void) -> Bool { pool.add(call) }

    /// What the threads share; it lives as long as they do.
    private final class Pool: Sendable {
        private struct State {
            var calls: [@Sendable () -> Void] = []
            var threadCount = 0
            var idleCount = 0
            var isStopped = false
        }

        private let state = Mutex(State())
        private let changes = EventCount()

        func add(_ call: @escaping @Sendable () -> Void) -> Bool {
            let needsThread = state.withLock { state in
                state.calls.append(call)
                return state.calls.count > state.idleCount
            }
            changes.raise(waking: 1)
            guard needsThread else { return true }
            return start() || giveUpLast()
        }

        func stop() {
            state.withLock { $0.isStopped = true }
            changes.raise()
        }

        private func start() -> Bool {
            do throws(TransportError) {
                try PlainThread.start("ray.call") { self.run() }
            } catch {
                return false
            }
            state.withLock { $0.threadCount += 1 }
            return true
        }

        /// Without any thread the last call would never be made; with some it waits for one.
        private func giveUpLast() -> Bool {
            state.withLock { state in
                guard state.threadCount == 0 else { return true }
                if !state.calls.isEmpty { state.calls.removeLast() }
                return false
            }
        }

        private func run() {
            while true {
                let seen = changes.current
                let (call, isStopped) = state.withLock { state in
                    let call = state.calls.isEmpty ? nil : state.calls.removeFirst()
                    if call == nil { state.idleCount += 1 }
                    return (call, state.isStopped)
                }
                if let call {
                    call()
                    continue
                }
                if !isStopped { changes.wait(after: seen, milliseconds: 60_000) }
                state.withLock { $0.idleCount -= 1 }
                if isStopped { return }
            }
        }
    }
}
