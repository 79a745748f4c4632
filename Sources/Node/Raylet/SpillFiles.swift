//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
package import RayObjectStore
package import RayTransport
internal import Synchronization

/// Files of spilled objects, and blocks of the fallback file: written by one thread, read by another, so that the
/// raylet's loop never waits for a disk.
///
/// Each file holds several objects, one after the other: a header (`SpillHeader`), which names the object and has a
/// checksum for each MiB of it, then its bytes. The folder carries the node's id and goes with the node; files that a
/// killed raylet left belong to no node that lives.
package final class SpillFiles: Sendable {
    /// An answer for the store, on any thread.
    package typealias Answer = @Sendable (ObjectStoreCore.Input) -> Void

    package let folder: String
    private let directory: String
    private let capacityThreshold: Double
    private let writer: WorkQueue
    private let reader: WorkQueue
    private let answer: Answer
    private let paths = Mutex<[UInt64: String]>([:])

    /// - Parameters:
    ///   - directory: in which a folder of the node's own is made when something is first written.
    ///   - capacityThreshold: share of the disk in use beyond which nothing is written.
    /// - Throws: `system` if the machine gives no threads.
    package init(
        directory: String, node: NodeID, capacityThreshold: Double, answer: @escaping Answer
    ) throws(TransportError) {
        self.directory = directory
        folder = "\(directory)/ray_spilled_objects_\(node.hex)"
        self.capacityThreshold = capacityThreshold
        self.answer = answer
        writer = try WorkQueue("raylet.spill")
        reader = try WorkQueue("raylet.restore")
    }

    /// Does what the store wants, in the order of the calls for each of writing and reading.
    package func perform(_ request: SpillRequest) {
        switch request {
        case .write(let file, let objects):
            writer.add { self.answer(.fileWritten(file, self.write(file, objects))) }
        case .read(let handle, let object, let range):
            reader.add { self.answer(.fileRead(handle, self.read(object, into: range.bytes))) }
        case .delete(let file): writer.add { self.delete(file) }
        case .reserve(let handle, let range):
            writer.add { self.answer(.reserved(handle, self.reserve(range).map { SpillFailure(reason: $0) })) }
        case .discard(let range): writer.add { range.file.discard(range.bytes) }
        }
    }

    /// Reads `count` bytes at `offset` of an object for another node; on the reading thread.
    package func readPiece(
        _ object: SpilledObject, offset: Int, count: Int,
        completion: @escaping @Sendable (Result<[UInt8], RayError>) -> Void
    ) {
        reader.add { completion(self.piece(of: object, offset, count)) }
    }

    /// Reads `count` bytes at `offset` of what lies in the fallback file, for another node; on the reading thread, which
    /// waits for the disk where the system has not kept them.
    package func readPiece(
        _ range: LentRange, offset: Int, count: Int, completion: @escaping @Sendable ([UInt8]) -> Void
    ) {
        reader.add { completion(Array(range.piece(at: offset, count: count))) }
    }

    /// Ends the threads and deletes all files.
    package func stop() {
        reader.stop()
        writer.stop()
        removeTree(folder)
    }

    // MARK: Writing

    /// The path of a new file: 32 hexadecimal digits and the number of objects, as Ray names them.
    private func newPath(_ file: UInt64, count: Int) -> String {
        let digits = String(file, radix: 16)
        return "\(folder)/\(String(repeating: "0", count: 32 - digits.count))\(digits)-multi-\(count)"
    }

    private func write(
        _ file: UInt64, _ objects: [(entry: ObjectEntry, range: LentRange)]
    ) -> Result<[SpilledObject], SpillFailure> {
        let total = objects.reduce(0) { $0 + $1.range.bytes.count }
        if let reason = refusal(of: total) { return .failure(SpillFailure(reason: reason)) }
        let path = newPath(file, count: objects.count)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            return .failure(SpillFailure(reason: "\(path) cannot be made (\(TransportError.text(errno)))"))
        }
        var written: [SpilledObject] = []
        var offset = 0
        for (entry, range) in objects {
            let bytes = UnsafeRawBufferPointer(range.bytes)
            let object = SpilledObject(
                id: entry.id, owner: entry.owner, layout: entry.layout, file: file, offset: offset,
                checksums: SpillHeader.checksums(of: bytes))
            let header = SpillHeader.bytes(of: object)
            let isWritten =
                header.withUnsafeBytes { Self.write($0, to: descriptor) } && Self.write(bytes, to: descriptor)
            guard isWritten else {
                let reason = "\(path) cannot be written (\(TransportError.text(errno)))"
                close(descriptor)
                unlink(path)
                return .failure(SpillFailure(reason: reason))
            }
            written.append(object)
            offset += header.count + bytes.count
        }
        close(descriptor)
        paths.withLock { $0[file] = path }
        return .success(written)
    }

    /// Why `count` bytes more must not go to this disk, if so.
    private func refusal(of count: Int) -> String? {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            return "the folder \(folder) cannot be made (\(TransportError.text(errno)))"
        }
        var information = statvfs()
        guard statvfs(folder, &information) == 0 else { return nil }
        return fullness(information, count).map { "the disk of \(folder) \($0)" }
    }

    /// Has the disk set blocks of the fallback file aside; why not, if so.
    private func reserve(_ range: FallbackRange) -> String? {
        var information = statvfs()
        if fstatvfs(range.file.descriptor, &information) == 0, let reason = fullness(information, range.bytes.count) {
            return "the disk of \(directory) \(reason)"
        }
        return range.file.reserve(range.bytes).map {
            "the disk of \(directory) has no room for \(range.bytes.count) bytes (\(TransportError.text($0)))"
        }
    }

    /// Whether a disk would be too full with `count` bytes more.
    private func fullness(_ information: statvfs, _ count: Int) -> String? {
        guard information.f_blocks > 0 else { return nil }
        let size = Double(information.f_blocks) * Double(information.f_frsize)
        let free = Double(information.f_bavail) * Double(information.f_frsize)
        let used = (size - free + Double(count)) / size
        guard used > capacityThreshold else { return nil }
        let percent = Int((used * 100).rounded())
        return "would be \(percent) % full, and the limit local_fs_capacity_threshold is "
            + "\(Int((capacityThreshold * 100).rounded())) %"
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func delete(_ file: UInt64) {
        if let path = paths.withLock({ $0.removeValue(forKey: file) }) { unlink(path) }
    }

    // MARK: Reading

    private func read(_ object: SpilledObject, into room: UnsafeMutableRawBufferPointer) -> RayError? {
        withFile(object) { descriptor, path in
            guard SpillHeader.read(object, from: descriptor) else { return .damaged(object, path, "its header") }
            let start = object.offset + SpillHeader.size(of: object)
            guard Self.read(room, from: descriptor, at: start) else { return .damaged(object, path, "its end") }
            let checksums = SpillHeader.checksums(of: UnsafeRawBufferPointer(room))
            return checksums == object.checksums ? nil : .damaged(object, path, "its checksum")
        }
    }

    private func piece(of object: SpilledObject, _ offset: Int, _ count: Int) -> Result<[UInt8], RayError> {
        let total = object.layout.totalSize ?? 0
        let start = min(max(0, offset), total)
        let end = start + min(max(0, count), total - start)
        guard start < end else { return .success([]) }
        let block = SpilledObject.blockBytes
        let first = start / block
        let last = (end - 1) / block
        let size = min(total, (last + 1) * block) - first * block
        var error: RayError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, initialized in
            let room = UnsafeMutableRawBufferPointer(start: room.baseAddress, count: size)
            error = withFile(object) { descriptor, path in
                let place = object.offset + SpillHeader.size(of: object) + first * block
                guard Self.read(room, from: descriptor, at: place) else { return .damaged(object, path, "its end") }
                let checksums = SpillHeader.checksums(of: UnsafeRawBufferPointer(room))
                return checksums[...] == object.checksums[first...last] ? nil : .damaged(object, path, "its checksum")
            }
            initialized = error == nil ? size : 0
        }
        if let error { return .failure(error) }
        return .success(Array(bytes[(start - first * block)..<(end - first * block)]))
    }

    private func withFile(_ object: SpilledObject, _ body: (Int32, String) -> RayError?) -> RayError? {
        guard let path = paths.withLock({ $0[object.file] }) else {
            return RayError(.objectLost, "object \(object.id) was spilled to \(folder) and has been deleted since")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            return .damaged(object, path, "the file, which cannot be opened (\(TransportError.text(errno)))")
        }
        defer { close(descriptor) }
        return body(descriptor, path)
    }

    static func read(_ room: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int) -> Bool {
        var done = 0
        while done < room.count {
            let count = pread(descriptor, room.baseAddress.map { $0 + done }, room.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}

extension RayError {
    /// The one copy of an object is on a disk and not as it was written.
    fileprivate static func damaged(_ object: SpilledObject, _ path: String, _ part: String) -> RayError {
        RayError(
            .objectLost,
            "object \(object.id) was spilled to \(path) at byte \(object.offset) and cannot be read back: \(part) is "
                + "missing or damaged")
    }
}
