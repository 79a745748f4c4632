//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import Synchronization

extension ray {
    /// A remote declaration of the program: what the macros emit and workers run. Not for use by hand.
    public final class _Declaration: Sendable {
        /// What is declared.
        public enum Kind: Sendable {
            case function
            case method
            case initializer
        }

        /// How a worker runs it.
        public enum Entry: Sendable {
            /// Directly on the worker's loop thread.
            case synchronous(@Sendable (_Invocation) throws -> _Results)
            /// On a thread of its own where several calls of the actor may run at a time, else as `synchronous`.
            case parallel(@Sendable (_Invocation) throws -> _Results)
            /// In a Swift task.
            case asynchronous(@Sendable (_Invocation) async throws -> _Results)
        }

        /// What is declared.
        package let kind: Kind
        /// The name under which workers find it.
        package let descriptor: FunctionDescriptor
        /// The parameters' types as written.
        package let parameterTypes: [String]
        /// How many objects a call makes.
        package let returnCount: Int
        /// `Module/File.swift`.
        package let file: String
        /// Line in the file.
        package let line: Int
        /// How a worker runs it.
        package let entry: Entry
        /// Whether it makes items one after the other.
        package let isGenerator: Bool
        /// The group in which calls of the method count; empty for the default one.
        package let concurrencyGroup: String
        /// What calls without options have in common, made at the first call.
        private let template = Mutex<CallTemplate?>(nil)

        /// - Parameters:
        ///   - className: the types around the declaration, joined by dots.
        ///   - function: name with labels, then the parameters' types.
        ///   - isGenerator: whether it makes items one after the other.
        ///   - concurrencyGroup: the group in which calls of the method count.
        public init(
            kind: Kind, className: String, function: String, parameterTypes: [String], returnCount: Int,
            file: String, line: Int, hash: String, isGenerator: Bool = false,
            concurrencyGroup: String = "", entry: Entry
        ) {
            self.isGenerator = isGenerator
            self.concurrencyGroup = concurrencyGroup
            self.kind = kind
            let module = String(file.prefix { $0 != "/" })
            descriptor = FunctionDescriptor(
                language: .swift, module: module, className: className, function: function, hash: hash)
            self.parameterTypes = parameterTypes
            self.returnCount = returnCount
            self.file = file
            self.line = line
            self.entry = entry
        }

        /// How a call makes items, if it does.
        ///
        /// - Throws: if the limit makes no sense.
        func generator(backpressure: Int?) throws(RayError) -> GeneratorSpec? {
            guard isGenerator else { return nil }
            if let backpressure, backpressure < 1 {
                throw RayError(.invalidArgument, "generatorBackpressure must be 1 or more, not \(backpressure)")
            }
            return GeneratorSpec(backpressure: backpressure ?? 0)
        }

        /// The template that `make` gave at the first call.
        func sharedTemplate(_ make: () -> CallTemplate) -> CallTemplate {
            // Made outside the lock: making it looks the declaration up, and two makers agree.
            if let known = template.withLock({ $0 }) { return known }
            let made = make()
            return template.withLock { shared in
                if let known = shared { return known }
                shared = made
                return made
            }
        }
    }
}
