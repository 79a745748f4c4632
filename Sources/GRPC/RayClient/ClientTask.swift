//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// A call of a client.
package struct ClientTask: Equatable, Sendable {
    /// What is called.
    package enum Kind: Int32, Sendable {
        case function = 0
        /// An actor is created.
        case actor = 1
        case method = 2
        case staticMethod = 3
        /// An actor is looked up.
        case namedActor = 4
    }

    package private(set) var kind = Kind.function
    package private(set) var name = ""
    /// Which function, class or actor it is.
    package private(set) var payloadID = ByteBuffer()
    package private(set) var clientID = ""
    /// A pickle, if there are options.
    package private(set) var options: ByteBuffer?
    /// As `options`.
    package private(set) var baselineOptions: ByteBuffer?
    package private(set) var namespace = ""
    /// The pickled arguments, or a part of them.
    package private(set) var data = ByteBuffer()
    package private(set) var chunkID: Int32 = 0
    package private(set) var chunkCount: Int32 = 0
    /// Whether there are arguments as clients of older versions of Ray send them.
    package private(set) var hasOldArguments = false

    /// Reads the message, if it is one.
    package init?(_ message: ByteBuffer) {
        var fields = MessageFields(message)
        while let field = fields.next() {
            guard read(field) else { return nil }
        }
        guard fields.isAtEnd else { return nil }
    }

    /// Takes a field over; whether it is one of a task.
    private mutating func read(_ field: MessageField) -> Bool {
        switch (field.number, field.value) {
        case (1, .number(let number)):
            guard let known = Kind(rawValue: Int32(truncatingIfNeeded: number)) else { return false }
            kind = known
        case (2, .bytes(let bytes)): return Self.read(bytes, into: &name)
        case (3, .bytes(let bytes)): payloadID = bytes
        case (4, .bytes), (5, .bytes): hasOldArguments = true
        case (6, .bytes(let bytes)): return Self.read(bytes, into: &clientID)
        case (7, .bytes(let bytes)): return Self.read(options: bytes, into: &options)
        case (8, .bytes(let bytes)): return Self.read(options: bytes, into: &baselineOptions)
        case (9, .bytes(let bytes)): return Self.read(bytes, into: &namespace)
        case (10, .bytes(let bytes)): data = bytes
        case (11, .number(let number)): chunkID = Int32(truncatingIfNeeded: number)
        case (12, .number(let number)): chunkCount = Int32(truncatingIfNeeded: number)
        default: return false
        }
        return true
    }

    private static func read(_ bytes: ByteBuffer, into text: inout String) -> Bool {
        guard let string = bytes.string else { return false }
        text = string
        return true
    }

    /// The pickle in a message `TaskOptions`, which may be there once: two would be one.
    private static func read(options message: ByteBuffer, into pickle: inout ByteBuffer?) -> Bool {
        guard pickle == nil else { return false }
        var fields = MessageFields(message)
        var found = ByteBuffer()
        while let field = fields.next() {
            guard case (1, .bytes(let bytes)) = (field.number, field.value) else { return false }
            found = bytes
        }
        pickle = found
        return fields.isAtEnd
    }
}
