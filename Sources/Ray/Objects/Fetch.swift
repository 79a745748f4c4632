//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayWorker

/// Waits for objects: first looks, then polls on the caller's thread, and only then suspends.
package enum Fetch {
    /// How long the caller's thread looks for an answer before it suspends, in microseconds.
    static let pollMicroseconds = 50

    /// The objects of the references, in order.
    ///
    /// - Throws: the first error among them.
    package static nonisolated(nonsending) func objects(
        _ storages: [ObjectRefStorage], timeout: Duration?
    ) async throws -> [any FetchedObject] {
        let references = try storages.map { storage throws in
            if let failure = storage.failure { throw ray.error(failure) }
            return storage.reference
        }
        guard let worker = storages.first?.worker else { return [] }
        let results = try await results(references, storages, worker, deadline: deadline(timeout, worker))
        return try results.map { result throws in
            switch result {
            case .success(let object): object
            case .failure(let failure): throw ray.error(failure)
            }
        }
    }

    private static nonisolated(nonsending) func results(
        _ references: [ObjectReference], _ storages: [ObjectRefStorage], _ worker: any WorkerAPI, deadline: Instant?
    ) async throws -> [Result<any FetchedObject, RayError>] {
        if let results = worker.getNow(references) { return results }
        try refuseWaitForSelf(storages)
        var found: [Result<any FetchedObject, RayError>]?
        // The last one usually comes last: looking at it alone keeps the poll cheap.
        let last = [references[references.count - 1]]
        let isNear = worker.poll(microseconds: pollMicroseconds) {
            guard worker.getNow(last) != nil else { return false }
            found = worker.getNow(references)
            return found != nil
        }
        if isNear, let found { return found }
        return try await CancellableWait.run { completion in
            worker.get(references, deadline: deadline, from: TaskContext.current?.task, completion: completion)
        }
    }

    /// Refuses to wait for a call that cannot start before the waiting call has ended.
    static func refuseWaitForSelf(_ storages: [ObjectRefStorage]) throws {
        guard let context = TaskContext.current, context.isSerialActor, let actor = context.actor else { return }
        for storage in storages where storage.caller == context.task && storage.reference.id.task.actor == actor {
            throw ray.SystemError.invalidArgument(
                "\(context.name) waits for a call on its own actor (object \(storage.reference.id)), which starts only "
                    + "when \(context.name) has ended; call the method directly, or let calls interleave with "
                    + "@RemoteActor(.concurrent)")
        }
    }

    /// The instant at which `timeout` from now is over.
    static func deadline(_ timeout: Duration?, _ worker: any WorkerAPI) throws -> Instant? {
        guard let timeout else { return nil }
        guard timeout >= .zero else {
            throw ray.SystemError.invalidArgument("a timeout must not be negative: \(timeout)")
        }
        let (seconds, attoseconds) = timeout.components
        guard seconds < 4_000_000_000 else { return nil }
        // Rounded up: a timeout of half a millisecond is not none.
        return worker.now().advanced(
            milliseconds: Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}

extension ray {
    /// What `get` can fetch: a reference, or an array of what it can fetch.
    public protocol Gettable<Value>: Sendable {
        /// What it stands for.
        associatedtype Value
        /// Adds the references that must be fetched.
        func _collect(into list: inout _GetList)
        /// Takes as many fetched objects as were added, and decodes them.
        func _take(from list: inout _GetList) throws -> Value
    }

    /// The references of one `get` and then their objects. Not for use by hand.
    public struct _GetList {
        /// The references, in order.
        package var storages: [ObjectRefStorage] = []
        /// Their objects, once fetched.
        package var objects: [any FetchedObject] = []
        private var next = 0

        init() {}

        mutating func decode<Value>(_ type: Value.Type) throws -> Value {
            guard next < objects.count else { throw SystemError.system("an object is missing from a get") }
            defer { next += 1 }
            return try ray.decode(type, objects[next], storages[next])
        }
    }

    static func decode<Value>(
        _ type: Value.Type, _ object: any FetchedObject, _ storage: ObjectRefStorage
    ) throws -> Value {
        do {
            return try Store.decode(type, object, worker: storage.worker)
        } catch let error as CodingFailure {
            throw SystemError.system("object \(storage.reference.id) is not a \(type): \(error)")
        }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, _ object: any FetchedObject, _ storage: ObjectRefStorage
    ) throws -> Value {
        do {
            return try Store.decode(type, object, worker: storage.worker)
        } catch let error as CodingFailure {
            throw SystemError.system("object \(storage.reference.id) is not a \(type): \(error)")
        }
    }
}

extension ObjectRef: ray.Gettable {
    /// Adds this reference.
    public func _collect(into list: inout ray._GetList) { list.storages.append(storage) }
    /// Decodes the next object.
    public func _take(from list: inout ray._GetList) throws -> Value { try list.decode(Value.self) }
}

extension Array: ray.Gettable where Element: ray.Gettable {
    /// Adds the references of all elements.
    public func _collect(into list: inout ray._GetList) { for element in self { element._collect(into: &list) } }
    /// Decodes the objects of all elements.
    public func _take(from list: inout ray._GetList) throws -> [Element.Value] {
        try map { try $0._take(from: &list) }
    }
}
