//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayWorker

extension ray {
    /// Which errors that a remote function throws make Ray run it again, as long as it has retries.
    public struct RetryExceptions: Hashable, Sendable {
        /// The rule for the runtime.
        let rule: RayWorker.RetryExceptions

        /// No error: only the end of a worker is retried.
        public static let none = RetryExceptions(rule: .none)
        /// Every error.
        public static let all = RetryExceptions(rule: .all)

        /// Errors of these types.
        public static func only(_ types: any Error.Type...) -> RetryExceptions {
            RetryExceptions(rule: .types(types.map { String(reflecting: $0) }))
        }
    }
}
