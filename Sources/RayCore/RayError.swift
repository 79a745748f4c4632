//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A failure that crosses a process or reaches the user: stored as an object, thrown by `get`.
package struct RayError: Error, Hashable, Sendable {
    /// What went wrong, as a code.
    package var type: ErrorType
    /// What went wrong and what can be done, as a sentence.
    package var message: String
    /// For an error thrown by user code: the name of its type. Else empty.
    package var typeName: String
    /// The function in which it happened; empty if none.
    package var function: String
    /// The language of the code that failed.
    package var language: Language
    /// The node, as hex; empty if unknown.
    package var node: String
    /// The address of the node; empty if unknown.
    package var host: String
    /// Process id of the worker; 0 if unknown.
    package var processID: Int32
    /// Which try this was, from 0.
    package var attempt: Int
    /// The thrown value itself, encoded, if it could be; else empty.
    package var payload: [UInt8]
    /// What led to it, nearest first.
    package var causes: [String]

    package init(
        _ type: ErrorType, _ message: String, typeName: String = "", function: String = "",
        language: Language = .swift, node: String = "", host: String = "", processID: Int32 = 0,
        attempt: Int = 0, payload: [UInt8] = [], causes: [String] = []
    ) {
        self.type = type
        self.message = message
        self.typeName = typeName
        self.function = function
        self.language = language
        self.node = node
        self.host = host
        self.processID = processID
        self.attempt = attempt
        self.payload = payload
        self.causes = causes
    }
}
