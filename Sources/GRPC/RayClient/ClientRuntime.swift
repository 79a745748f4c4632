//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

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
    /// Fetches objects. `done` is called once, with nothing if one is an error, is not plain, or has not come in time, or if
    /// the runtime has ended meanwhile.
    func get(_ ids: [ObjectKey], milliseconds: Int64, _ done: @escaping @Sendable ([PlainValue]?) -> Void)
}
