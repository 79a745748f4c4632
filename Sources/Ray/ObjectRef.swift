//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker

/// A value that exists, or will exist, somewhere in the cluster; `ray.get` fetches it.
///
/// The value is kept while references to it exist. References can be sent inside other values.
public struct ObjectRef<Value>: Sendable, Hashable {
    /// The local reference that all copies share.
    package let storage: ObjectRefStorage

    /// A reference of a type.
    package init(storage: ObjectRefStorage) { self.storage = storage }

    /// The object's id as hex.
    public var id: String { storage.reference.id.hex }

    /// References are equal if they name one object.
    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.storage.reference.id == rhs.storage.reference.id }
    /// Hashes the object's id.
    public func hash(into hasher: inout Hasher) { hasher.combine(storage.reference.id) }
}

extension ObjectRef: CustomStringConvertible {
    /// `ObjectRef<Int>(id)`.
    public var description: String { "ObjectRef<\(Value.self)>(\(id))" }
}

extension ObjectRef: Codable {
    /// Encodes the reference, not the value; only inside values that Ray sends.
    public func encode(to encoder: any Encoder) throws {
        guard let encoder = encoder as? ValueEncoder else {
            throw CodingFailure("an ObjectRef can only be encoded inside a value that Ray sends; get its value first")
        }
        if let failure = storage.failure { throw ray.error(failure) }
        try encoder.write(storage.reference)
        encoder.buffer.shared.keepAlive.append(storage)
    }

    /// Decodes a reference and keeps its object.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? ValueDecoder else {
            throw CodingFailure("an ObjectRef can only be decoded from a value that Ray sent")
        }
        self.init(storage: try decoder.reference())
    }
}

/// One local reference: the last copy that goes tells the worker.
package final class ObjectRefStorage: Sendable {
    /// Which object, and who owns it.
    package let reference: ObjectReference
    /// The runtime that is told when the reference goes.
    package let worker: (any WorkerAPI)?
    /// Why the call that should have made the object could not be submitted.
    package let failure: RayError?
    /// The task that made the call, if the object is the result of a call on an actor.
    package let caller: TaskID?

    /// Takes over one local reference.
    package init(reference: ObjectReference, worker: (any WorkerAPI)?, caller: TaskID? = nil) {
        self.reference = reference
        self.worker = worker
        self.caller = caller
        failure = nil
    }

    /// A reference to a failure: there is no object.
    package init(failure: RayError) {
        reference = ObjectReference(id: .none, owner: .none)
        worker = nil
        caller = nil
        self.failure = failure
    }

    deinit { worker?.release(reference.id) }
}
