//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// What the session of a client asks of the runtime of its process.
package protocol ClientRuntime: Sendable {
    /// Submits a call; the ids of its results, each of which counts as one reference. Nothing if it is refused.
    func submit(_ call: LearnedCall, _ arguments: [PlainValue]) -> [ObjectKey]?
    /// Stores an object; its id counts as one reference. Nothing if it is refused.
    func put(_ value: PlainValue) -> ObjectKey?
    /// Counts one more reference; whether the object is known.
    func retain(_ id: ObjectKey) -> Bool
    /// Counts one reference less.
    func release(_ id: ObjectKey)
    /// Fetches objects. `done` is called once, with nothing if one is an error, is not plain, or has not come in time;
    /// it may never be called if the runtime ends meanwhile.
    func get(_ ids: [ObjectKey], milliseconds: Int64, _ done: @escaping @Sendable ([PlainValue]?) -> Void)
}

/// The id of an object, 28 bytes in Ray's layout.
package struct ObjectKey: Hashable, Sendable {
    /// How many bytes an id has.
    package static let byteCount = 28
    private var words: (UInt64, UInt64, UInt64, UInt32) = (0, 0, 0, 0)

    /// Reads an id; nothing if it has not so many bytes.
    package init?(_ bytes: ByteBuffer) {
        guard bytes.readableBytes == Self.byteCount else { return nil }
        self = bytes.withUnsafeReadableBytes { Self(bytes: $0) }
    }

    /// Reads the first 28 of the bytes.
    package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= Self.byteCount)
        withUnsafeMutableBytes(of: &words) { words in
            UnsafeMutableRawBufferPointer(rebasing: words[..<Self.byteCount]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }

    /// Its bytes.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Self.byteCount])) }
    }

    /// Its bytes, in a buffer.
    package var buffer: ByteBuffer { withBytes { ByteBuffer(bytes: $0) } }

    package static func == (one: Self, other: Self) -> Bool { one.words == other.words }

    package func hash(into hasher: inout Hasher) {
        // Ids of one call differ in the last word, those of calls in the first two.
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.3)
    }
}

/// How a call is submitted that the program has submitted once.
package struct LearnedCall: Sendable {
    /// The runtime's template, and what keeps it.
    package let template: any AnyObject & Sendable
    /// The actor whose method it is; none for a function.
    package let actor: ByteBuffer?
    /// How many results there are at most.
    package let resultsMax: Int
    /// What goes before each argument.
    package let marker: PlainValue

    /// Of a template, on an actor if there is one, with so many results at most, and a marker before each argument.
    package init(template: any AnyObject & Sendable, actor: ByteBuffer?, resultsMax: Int, marker: PlainValue) {
        self.template = template
        self.actor = actor
        self.resultsMax = resultsMax
        self.marker = marker
    }
}
