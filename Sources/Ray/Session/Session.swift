//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker
internal import Synchronization

/// The one place that knows the process's current runtime.
package final class Session: Sendable {
    private enum State {
        case none
        case starting
        case running(any WorkerAPI)
    }

    /// The session that `ray` speaks to.
    package static let current = Session()

    private let state = Mutex(State.none)

    /// A session without a runtime.
    package init() {}

    /// Whether this process was started as a worker.
    package static var isWorkerProcess: Bool { Bootstrap.isWorkerProcess }

    /// The runtime of the task under way, else the process's.
    package func worker() throws(RayError) -> any WorkerAPI {
        if let worker = TaskContext.current?.worker { return worker }
        let running: (any WorkerAPI)? = state.withLock { if case .running(let worker) = $0 { worker } else { nil } }
        guard let running else {
            throw RayError(.systemError, "Ray is not running in this process; call 'try await ray.init()' first")
        }
        return running
    }

    /// Makes `worker` the current runtime, or none.
    package func install(_ worker: (any WorkerAPI)?) {
        state.withLock { $0 = worker.map { .running($0) } ?? .none }
    }

    /// Starts the runtime.
    ///
    /// - Throws: `ray.SystemError` if it runs already or cannot be started.
    package func begin(_ options: InitOptions) async throws {
        let isFree = state.withLock { state in
            guard case .none = state else { return false }
            state = .starting
            return true
        }
        guard isFree else {
            throw ray.SystemError.invalidArgument(
                "Ray is running in this process already; call 'await ray.shutdown()' before another ray.init()")
        }
        do {
            install(try await Bootstrap.start(options))
        } catch {
            install(nil)
            throw error
        }
    }

    /// Ends the runtime; nothing if there is none.
    package func end() async {
        let running: (any WorkerAPI)? = state.withLock { state in
            guard case .running(let worker) = state else { return nil }
            state = .none
            return worker
        }
        if let running { await Bootstrap.stop(running) }
    }
}
