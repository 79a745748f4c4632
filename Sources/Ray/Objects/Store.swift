//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore
package import RayWorker

/// Objects between values and the runtime.
package enum Store {
    /// Stores an object; a large one in shared memory.
    package static func put(_ object: RayObject, worker: any WorkerAPI) throws(RayError) -> ObjectRefStorage {
        let caller = TaskContext.current?.task
        return ObjectRefStorage(reference: try worker.put(object, from: caller), worker: worker)
    }

    /// Stores an array of numbers by one copy, into shared memory; nothing if it is none, or a small one.
    package static func putNumbers<Value>(
        _ value: Value, worker: any WorkerAPI
    ) throws(RayError) -> ObjectRefStorage? {
        var result: Result<ObjectRefStorage, RayError>?
        _ = NumberBlock.withBytes(of: value) { code, bytes in
            guard NumberBlock.headerBytes + bytes.count > Limits.inlineObjectBytesMax else { return }
            result = Result { () throws(RayError) in try write(code, bytes, worker) }
        }
        return try result?.get()
    }

    private static func write(
        _ code: UInt8, _ numbers: UnsafeRawBufferPointer, _ worker: any WorkerAPI
    ) throws(RayError) -> ObjectRefStorage {
        let unsealed = try worker.createObject(
            byteCount: NumberBlock.headerBytes + numbers.count, metadata: ObjectMetadata.swift, contained: [],
            from: TaskContext.current?.task)
        unsealed.withMutableBytes { room in
            NumberBlock.writeHeader(code: code, count: numbers.count / (NumberBlock.stride(of: code) ?? 1), into: room)
            guard let source = numbers.baseAddress, let target = room.baseAddress else { return }
            ray_copy(target + NumberBlock.headerBytes, source, numbers.count)
        }
        let reference = try unsealed.seal()
        return ObjectRefStorage(reference: reference, worker: worker)
    }

    /// Decodes a fetched object; `Void` included.
    package static func decode<Value>(
        _ type: Value.Type, _ object: any FetchedObject, worker: (any WorkerAPI)?
    ) throws -> Value {
        if try isForeign(object, type) { return try decodeForeign(type, object) }
        return try object.withBytes {
            try RayCoder.decodeAny(type, from: $0, contained: object.contained, worker: worker)
        }
    }

    /// Decodes a fetched object.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, _ object: any FetchedObject, worker: (any WorkerAPI)?
    ) throws -> Value {
        if try isForeign(object, type) { return try decodeForeign(type, object) }
        return try object.withBytes { try RayCoder.decode(type, from: $0, contained: object.contained, worker: worker) }
    }

    /// The numbers of an object that is an array of them, borrowed from it.
    package static func numbers<Element: ray.Number>(
        _ type: Element.Type, of object: any FetchedObject
    ) throws -> UnsafeRawBufferPointer {
        guard try isForeign(object, [Element].self) else {
            return try object.withBytes { try RayCoder.numbers(of: $0, code: Element._rayCode) }
        }
        guard object.metadata == ObjectMetadata.raw, type == UInt8.self else {
            throw CodingFailure("it was made by another language and is no array of numbers; ray.get reads lists")
        }
        return object.withBytes { $0 }
    }

    /// Whether an object is not in the coding of Swift but in one that all languages know.
    private static func isForeign(_ object: any FetchedObject, _ type: Any.Type) throws -> Bool {
        let metadata = object.metadata
        if metadata == ObjectMetadata.swift { return false }
        if metadata == ObjectMetadata.raw || metadata == ObjectMetadata.crossLanguage { return true }
        guard metadata == ObjectMetadata.python else {
            throw CodingFailure(
                "the object was made by another language (\(String(decoding: metadata, as: UTF8.self))) and is no "
                    + "\(type)")
        }
        throw CodingFailure(
            "Python has pickled the value, which only Python can read; give Swift numbers, strings, bytes, lists, "
                + "dictionaries with strings as keys, or arrays by swift_ray.put")
    }

    private static func decodeForeign<Value>(_ type: Value.Type, _ object: any FetchedObject) throws -> Value {
        if Value.self == Void.self, let nothing = () as? Value { return nothing }
        guard object.metadata == ObjectMetadata.raw else {
            return try object.withBytes { try PortableCoder.decode(type, from: $0) }
        }
        guard let bytes = object.withBytes({ Array($0) }) as? Value else {
            throw CodingFailure("the object is bytes, [UInt8] in Swift")
        }
        return bytes
    }
}

extension ray {
    /// Stores a value for use by any process; the reference keeps it.
    ///
    /// Waits, up to a limit, while the object store is full.
    ///
    /// - Throws: `ray.SystemError` if the value cannot be encoded or stored.
    public static func put<Value: Encodable>(_ value: Value) throws -> ObjectRef<Value> {
        do {
            let worker = try Session.current.worker()
            if let storage = try Store.putNumbers(value, worker: worker) { return ObjectRef(storage: storage) }
            var held: [any AnyObject & Sendable] = []
            let object = try RayCoder.encode(value, holding: &held)
            return ObjectRef(storage: try withExtendedLifetime(held) { try Store.put(object, worker: worker) })
        } catch {
            throw ray.error(.encoding(error, "the value of type \(Value.self)"))
        }
    }

    /// Stores an array of numbers that `initializer` writes straight into the object store.
    ///
    /// - Parameters:
    ///   - count: how many numbers.
    ///   - type: what numbers.
    ///   - initializer: must write every number; what it leaves out has an arbitrary value.
    /// - Throws: `ray.SystemError` if there is no room, or what `initializer` throws.
    public static func put<Element: Number>(
        count: Int, of type: Element.Type = Element.self,
        initializer: (inout MutableSpan<Element>) throws -> Void
    ) throws -> ObjectRef<[Element]> {
        let limit = (Int.max - NumberBlock.headerBytes) / MemoryLayout<Element>.stride
        guard count >= 0, count <= limit else {
            throw SystemError.invalidArgument("count must be from 0 to \(limit), not \(count)")
        }
        let worker: any WorkerAPI
        let unsealed: any UnsealedObject
        do throws(RayError) {
            worker = try Session.current.worker()
            unsealed = try worker.createObject(
                byteCount: NumberBlock.headerBytes + count * MemoryLayout<Element>.stride,
                metadata: ObjectMetadata.swift, contained: [], from: TaskContext.current?.task)
        } catch {
            throw ray.error(error)
        }
        do {
            try unsealed.withMutableBytes { bytes in
                NumberBlock.writeHeader(code: Element._rayCode, count: count, into: bytes)
                // Room begins at a multiple of 64 and so do the numbers; every bit pattern is a number.
                let numbers = UnsafeMutableRawBufferPointer(rebasing: bytes[NumberBlock.headerBytes...])
                    .bindMemory(to: Element.self)
                var span = numbers.mutableSpan
                try initializer(&span)
            }
        } catch {
            unsealed.abort()
            throw error
        }
        do throws(RayError) {
            let reference = try unsealed.seal()
            return ObjectRef(storage: ObjectRefStorage(reference: reference, worker: worker))
        } catch {
            throw ray.error(error)
        }
    }
}
