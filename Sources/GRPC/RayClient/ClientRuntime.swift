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
    /// Asks for room for an object that is written by parts. Nothing if it is refused.
    func room(byteCount: Int, metadata: ByteBuffer) -> (any ClientRoom)?
    /// Counts one more reference; whether the object is known.
    func retain(_ id: ObjectKey) -> Bool
    /// Counts one reference less.
    func release(_ id: ObjectKey)
    /// Fetches objects. `done` is called once, with nothing if one is an error, is another kind of value, or has not come
    /// in time, or if the runtime has ended meanwhile. A large array alone is made by `_frombuffer` of the module `arrays`.
    func get(
        _ ids: [ObjectKey], milliseconds: Int64, arrays: String?, _ done: @escaping @Sendable (FetchedValues?) -> Void)
}

/// What a runtime has fetched.
package enum FetchedValues: Sendable {
    case plain([PlainValue])
    /// One large value.
    case large(LargeValue)
}
