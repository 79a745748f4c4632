//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension ray {
    /// A remote function threw: what it threw and where.
    public struct TaskError: Error, Sendable, CustomStringConvertible {
        /// The failure as it travelled.
        package let error: RayError

        /// Wraps a failure of kind `taskExecution`.
        package init(_ error: RayError) { self.error = error }

        /// Name of the thrown error's type.
        public var typeName: String { error.typeName }
        /// The thrown error as text.
        public var message: String { error.message }
        /// The function that threw.
        public var function: String { error.function }
        /// The node as hex; empty if unknown.
        public var node: String { error.node }
        /// The address of the node; empty if unknown.
        public var host: String { error.host }
        /// Process id of the worker; 0 if unknown.
        public var pid: Int { Int(error.processID) }
        /// Which try this was, from 0.
        public var attempt: Int { error.attempt }
        /// What led to it, nearest first; of Python see `traceback`.
        public var causes: [String] { error.language == .python ? [] : error.causes }
        /// The language of the code that failed: `swift`, `python`, …
        public var language: String { "\(error.language)" }

        /// Where in its code Python threw, as Python shows it; nil for other languages.
        public var traceback: String? { error.language == .python ? error.causes.first : nil }

        /// The thrown error itself, if it is of the type and `Codable`; else nil.
        public func cause<Cause: Error & Decodable>(as type: Cause.Type) -> Cause? {
            guard error.typeName == String(reflecting: type), !error.payload.isEmpty else { return nil }
            return try? error.payload.withUnsafeBytes { try RayCoder.decode(type, from: $0) }
        }

        /// Function, type, message, place and causes.
        public var description: String {
            var text = "\(function.isEmpty ? "a task" : function) threw \(typeName): \(message)"
            if !host.isEmpty { text += " (on \(host), process \(pid))" }
            if let traceback { text += "\n" + traceback }
            for cause in causes { text += "\n  because of \(cause)" }
            return text
        }
    }

    /// The error that `get` throws for `error`.
    package static func error(_ error: RayError) -> any Error {
        error.type == .taskExecution ? TaskError(error) : SystemError(error)
    }
}
