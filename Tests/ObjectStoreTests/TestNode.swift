//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayObjectStore

/// The object with number `number` of job `job`.
func objectID(_ number: Int, job: UInt32 = 1) -> ObjectID {
    var bytes = [UInt8](repeating: 0, count: ObjectID.byteCount)
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    for index in 0..<4 { bytes[20 + index] = UInt8(truncatingIfNeeded: job >> (8 * UInt32(index))) }
    return bytes.withUnsafeBytes { ObjectID(bytes: $0) }
}

/// The owner with number `number`.
func owner(_ number: UInt64) -> WorkerID { WorkerID(number, 0, 0, 0) }

/// `value` milliseconds after the clock's start.
func milliseconds(_ value: Int) -> Instant { Instant.zero.advanced(milliseconds: value) }

/// The content of object `number`: every eight bytes are its number, so that any torn or reused byte shows.
func pattern(_ number: Int, count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 8))) }
}

/// A store and two processes that use it, all in this one.
final class TestNode {
    let server: ObjectStoreServer
    let first: ObjectStoreClient
    let second: ObjectStoreClient
    /// Where the fallback file is; removed with the node.
    let folder = "/tmp/test-node-\(UInt64.random(in: .min ... .max))"
    private var token: UInt64 = 0

    init(capacity: Int, objectsMax: Int = 1_000, pinsPerClient: Int = 64, hasFile: Bool = false) throws {
        mkdir(folder, 0o700)
        var configuration = ObjectStoreServer.Configuration(capacity: capacity)
        configuration.objectsMax = objectsMax
        configuration.pinsPerClient = pinsPerClient
        configuration.clientsMax = 4
        let file = hasFile ? try FallbackFile(folder: folder) : nil
        server = try ObjectStoreServer(configuration, nonce: 7, fallbackFile: file)
        first = try ObjectStoreClient(
            fileDescriptor: server.fileDescriptor, fallbackDescriptor: file?.descriptor,
            client: server.attachClient(processID: 1))
        second = try ObjectStoreClient(
            fileDescriptor: server.fileDescriptor, fallbackDescriptor: file?.descriptor,
            client: server.attachClient(processID: 2))
    }

    deinit { rmdir(folder) }

    /// What is in the folder.
    var names: [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(folder + "/*", 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in found.gl_pathv[index].map { String(cString: $0) } }
    }

    /// Asks for room; its offset if it was granted at once.
    func create(
        _ id: ObjectID, size: Int, tail: Int = 64, by client: ObjectStoreClient? = nil, owner who: UInt64 = 1,
        isPrimary: Bool = true, deadline: Int = 1_000, at now: Int = 0
    ) -> Int? {
        token += 1
        server.create(
            ObjectStoreCore.Creation(
                token: token, id: id, owner: owner(who), client: (client ?? first).client,
                layout: ObjectLayout(dataSize: size, metadataSize: tail), isPrimary: isPrimary,
                deadline: milliseconds(deadline)),
            at: milliseconds(now))
        return server.takeEvents().lazy.compactMap { event -> Int? in
            if case .created(_, _, id, let offset) = event { offset } else { nil }
        }.first
    }

    /// Creates, writes and seals; whether there was room at once.
    @discardableResult
    func put(
        _ id: ObjectID, _ data: [UInt8], metadata: [UInt8] = ObjectMetadata.raw, contained: [UInt8] = [],
        owner who: UInt64 = 1, isPrimary: Bool = true, at now: Int = 0
    ) throws -> Bool {
        let tail = metadata.count + contained.count
        guard
            let offset = create(
                id, size: data.count, tail: tail, owner: who, isPrimary: isPrimary, at: now)
        else { return false }
        let layout = try data.withUnsafeBytes {
            try first.write(data: $0, metadata: metadata, contained: contained, offset: offset)
        }
        server.seal(
            id, by: first.client, metadataSize: layout.metadataSize, containedSize: layout.containedSize,
            at: milliseconds(now))
        _ = server.takeEvents()
        return true
    }
}

/// A place in the mapped arena that a test damages on purpose.
func damage(_ descriptor: Int32, _ body: (UnsafeMutableRawPointer, ray_arena_header) -> Void) {
    var size: UInt64 = 0
    var error: Int32 = 0
    precondition(ray_memfd_check(descriptor, &size) == 1, "an arena")
    guard let base = ray_map(descriptor, size, &error) else { preconditionFailure("mmap") }
    body(base, base.load(as: ray_arena_header.self))
    ray_unmap(base, size)
}
