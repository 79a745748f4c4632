//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayPython
internal import RayCore
internal import RayNode
internal import RayWorker

extension ray_python_bytes {
    /// The bytes, as lent.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : count) }

    /// A copy of the bytes.
    var array: [UInt8] { Array(buffer) }

    /// Reads one value of MessagePack.
    ///
    /// - Throws: `invalidArgument` if the bytes are none.
    func value() throws(RayError) -> MessagePackValue {
        do throws(MessagePackValue.Flaw) {
            return try MessagePackValue(buffer)
        } catch {
            throw RayError(.invalidArgument, "the description is no MessagePack: \(error)")
        }
    }

    /// Bytes that the caller gives back with `ray_python_free`.
    init(keeping bytes: [UInt8]) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
        room.copyBytes(from: bytes)
        self.init(data: UnsafeRawPointer(room.baseAddress), count: bytes.count)
    }
}

extension Identifier {
    /// Reads an id; nothing if the pointer is NULL.
    init?(_ pointer: UnsafeRawPointer?) {
        guard let pointer else { return nil }
        self.init(bytes: UnsafeRawBufferPointer(start: pointer, count: Self.byteCount))
    }

    /// Writes the id where a caller wants it.
    func write(to pointer: UnsafeMutableRawPointer?, at index: Int = 0) {
        guard let pointer else { return }
        store(
            into: UnsafeMutableRawBufferPointer(
                start: pointer + index * Self.byteCount, count: Self.byteCount))
    }
}

extension [ObjectID] {
    /// Reads ids that lie one after the other; none if the pointer is NULL.
    init(_ pointer: UnsafeRawPointer?, _ count: Int) {
        self = []
        guard let pointer else { return }
        reserveCapacity(count)
        for index in 0..<count {
            let place = UnsafeRawBufferPointer(start: pointer + index * ObjectID.byteCount, count: ObjectID.byteCount)
            append(ObjectID(bytes: place))
        }
    }
}

extension PythonRuntime {
    /// The reference of an id that Python has.
    ///
    /// - Throws: `invalidArgument` if nobody in this process holds it.
    func reference(_ id: ObjectID) throws(RayError) -> ObjectReference {
        if let reference = worker.reference(of: id) { return reference }
        throw Self.unknown(id)
    }

    private static func unknown(_ id: ObjectID) -> RayError {
        RayError(
            .invalidArgument,
            "An application is trying to access a Ray object whose owner is unknown (\(id)). Please make sure that all "
                + "Ray objects you are trying to access are part of the current Ray session. Note that object IDs "
                + "generated randomly (ObjectID.from_random()) or out-of-band (ObjectID.from_binary(...)) cannot be "
                + "passed as a task argument because Ray does not know which task created them.")
    }

    /// The references of ids that Python has.
    ///
    /// - Throws: `invalidArgument` if nobody in this process holds one of them.
    func references(_ ids: [ObjectID]) throws(RayError) -> [ObjectReference] {
        var references: [ObjectReference] = []
        references.reserveCapacity(ids.count)
        for (id, reference) in zip(ids, worker.references(of: ids)) {
            guard let reference else { throw Self.unknown(id) }
            references.append(reference)
        }
        return references
    }

    /// An argument or value as Python gave it.
    func argument(_ argument: ray_python_argument) throws(RayError) -> TaskArgument {
        if let id = ObjectID(argument.reference) { return .reference(try reference(id)) }
        return .value(try object(argument))
    }

    /// A value with the references inside of it.
    func object(_ argument: ray_python_argument) throws(RayError) -> RayObject {
        RayObject(
            data: argument.data.array, metadata: argument.metadata.array,
            contained: argument.contained_count == 0
                ? [] : try references([ObjectID](argument.contained, argument.contained_count)))
    }
}
