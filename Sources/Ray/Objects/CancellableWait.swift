//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// A wait for a callback that ends early, with `CancellationError`, when the Swift task is cancelled.
final class CancellableWait<Value: Sendable>: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Value, any Error>)
        case done
    }

    private let state = Mutex(State.idle)

    private init() {}

    /// Calls `start` with what it must call once, and suspends until then.
    static nonisolated(nonsending) func run(
        _ start: (_ completion: @escaping @Sendable (Value) -> Void) -> Void
    ) async throws -> Value {
        try Task.checkCancellation()
        let wait = CancellableWait()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = wait.state.withLock { state in
                    if case .done = state { return true }
                    state = .waiting(continuation)
                    return false
                }
                if isCancelled { return continuation.resume(throwing: CancellationError()) }
                start { value in wait.finish(.success(value)) }
            }
        } onCancel: {
            wait.finish(.failure(CancellationError()))
        }
    }

    /// The first caller resumes; the later ones find the wait over.
    private func finish(_ result: Result<Value, any Error>) {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
            defer { state = .done }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(with: result)
    }
}
