//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A failure that crosses a process or reaches the user: stored as an object, thrown by `get`.
package struct RayError: Error, Hashable, Sendable {
    // What could have failed and did not has room for one: see `Shared`.
    @usableFromInline
    struct Fields: Hashable, Sendable {
        @usableFromInline var type: ErrorType
        @usableFromInline var message: String
        @usableFromInline var typeName: String
        @usableFromInline var function: String
        @usableFromInline var language: Language
        @usableFromInline var node: String
        @usableFromInline var host: String
        @usableFromInline var processID: Int32
        @usableFromInline var attempt: Int
        @usableFromInline var payload: [UInt8]
        @usableFromInline var causes: [String]
        @usableFromInline var dependents: [String] = []
    }

    @usableFromInline var fields: Shared<Fields>

    /// What went wrong, as a code.
    @inlinable package var type: ErrorType {
        _read { yield fields.value.type }
        _modify { yield &fields.value.type }
    }

    /// What went wrong and what can be done, as a sentence.
    @inlinable package var message: String {
        _read { yield fields.value.message }
        _modify { yield &fields.value.message }
    }

    /// For an error thrown by user code: the name of its type. Else empty.
    @inlinable package var typeName: String {
        _read { yield fields.value.typeName }
        _modify { yield &fields.value.typeName }
    }

    /// The function in which it happened; empty if none.
    @inlinable package var function: String {
        _read { yield fields.value.function }
        _modify { yield &fields.value.function }
    }

    /// The language of the code that failed.
    @inlinable package var language: Language {
        _read { yield fields.value.language }
        _modify { yield &fields.value.language }
    }

    /// The node, as hex; empty if unknown.
    @inlinable package var node: String {
        _read { yield fields.value.node }
        _modify { yield &fields.value.node }
    }

    /// The address of the node; empty if unknown.
    @inlinable package var host: String {
        _read { yield fields.value.host }
        _modify { yield &fields.value.host }
    }

    /// Process id of the worker; 0 if unknown.
    @inlinable package var processID: Int32 {
        _read { yield fields.value.processID }
        _modify { yield &fields.value.processID }
    }

    /// Which try this was, from 0.
    @inlinable package var attempt: Int {
        _read { yield fields.value.attempt }
        _modify { yield &fields.value.attempt }
    }

    /// The thrown value itself, encoded, if it could be; else empty.
    @inlinable package var payload: [UInt8] {
        _read { yield fields.value.payload }
        _modify { yield &fields.value.payload }
    }

    /// What led to it, nearest first.
    @inlinable package var causes: [String] {
        _read { yield fields.value.causes }
        _modify { yield &fields.value.causes }
    }

    /// Tasks in Python that did not run since this stood in the place of an argument: the first one first, each with an
    /// argument that the one before was to make.
    @inlinable package var dependents: [String] {
        _read { yield fields.value.dependents }
        _modify { yield &fields.value.dependents }
    }

    /// The `typeName` of what the call that ended its actor is answered with.
    package static let exitName = "exit_actor"

    /// Whether it is the answer of the call that ended its actor.
    package var isOfExit: Bool { type == .actorDied && typeName == Self.exitName }

    package init(
        _ type: ErrorType, _ message: String, typeName: String = "", function: String = "",
        language: Language = .swift, node: String = "", host: String = "", processID: Int32 = 0,
        attempt: Int = 0, payload: [UInt8] = [], causes: [String] = []
    ) {
        fields = Shared(
            Fields(
                type: type, message: message, typeName: typeName, function: function, language: language, node: node,
                host: host, processID: processID, attempt: attempt, payload: payload, causes: causes))
    }
}

extension RayError {
    /// What is said of a message that does not fit into a frame.
    package static func tooLarge(_ what: String, byteCount: Int) -> RayError {
        RayError(
            .invalidArgument,
            "\(what) takes \(byteCount) bytes, and a message has at most \(Limits.framePayloadBytesMax): put large values "
                + "into the object store with ray.put() and send their references")
    }

    /// How much of a text is left where an error is too large.
    private static let shortenedBytes = 64 << 10

    /// The error as it fits into a message: one that is too large goes without what was thrown, and says so.
    package var bounded: RayError {
        let causesBytes = causes.reduce(0) { $0 + $1.utf8.count }
        guard payload.count + message.utf8.count + causesBytes > Limits.errorBytesMax else { return self }
        var error = self
        error.payload = []
        error.causes = []
        let isLong = message.utf8.count > Self.shortenedBytes
        let text = isLong ? String(decoding: message.utf8.prefix(Self.shortenedBytes), as: UTF8.self) + "…" : message
        error.message =
            "\(text)\n(What was thrown takes \(payload.count) bytes and its text \(message.utf8.count) bytes. An error has "
            + "at most \(Limits.errorBytesMax) bytes, so only the beginning of its text was sent: keep large values out "
            + "of exceptions.)"
        return error
    }
}

extension RayError: CustomStringConvertible {
    /// The code and the sentence, for tests and logs.
    package var description: String { "\(type): \(message)" }
}
