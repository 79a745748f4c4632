//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayWire

/// Executables by content, as files `<session>/programs/<SHA-256>`, given by drivers and fetched by raylets.
///
/// Pieces of one executable come in order from one driver; two drivers that bring the same one at the same time
/// write to files of their own, and the first to finish wins.
struct BlobStore {
    private struct Upload {
        var descriptor: Int32
        var path: String
        var hash: String
        var total: Int
        var received: Int
    }

    /// Largest executable, in bytes.
    private static let blobBytesMax = 4 << 30
    private static let uploadsMax = 64

    private let folder: String
    private var uploads: [WorkerID: Upload] = [:]

    init(folder: String) { self.folder = folder }

    private func path(_ hash: String) -> String { folder + "/" + hash }

    /// Takes a piece; true when the executable is complete and its content has the hash.
    ///
    /// - Throws: `invalidArgument` for a piece out of order or wrong content, `outOfDisk` if it cannot be written.
    mutating func store(_ message: StoreBlob, from peer: WorkerID) throws(RayError) -> Bool {
        guard Self.isHash(message.hash), message.total > 0, message.total <= Self.blobBytesMax,
            message.offset >= 0, message.offset + message.bytes.count <= message.total
        else { throw RayError(.invalidArgument, "a piece of an executable has impossible figures") }
        if access(path(message.hash), R_OK) == 0 { return true }
        if message.offset == 0 { try begin(message, from: peer) }
        guard var upload = uploads[peer], upload.hash == message.hash, upload.received == message.offset else {
            throw RayError(.invalidArgument, "a piece of an executable came out of order; send it again from its start")
        }
        let written = message.bytes.withUnsafeBytes { write(upload.descriptor, $0.baseAddress, $0.count) }
        guard written == message.bytes.count else {
            let reason = String(cString: strerror(errno))
            forget(peer)
            throw RayError(.outOfDisk, "the executable cannot be kept in \(folder): \(reason)")
        }
        upload.received += written
        uploads[peer] = upload
        return upload.received == upload.total ? try finish(upload, from: peer) : false
    }

    /// A piece for a raylet.
    ///
    /// - Throws: `notFound` if there is no such executable.
    func fetch(_ message: FetchBlob) throws(RayError) -> BlobChunk {
        guard Self.isHash(message.hash), message.offset >= 0, message.count > 0,
            message.count <= Limits.framePayloadBytesMax / 2
        else { throw RayError(.invalidArgument, "the piece asked for has impossible figures") }
        let file = open(path(message.hash), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw RayError(.notFound, "the head has no executable \(message.hash)") }
        defer { close(file) }
        var information = stat()
        fstat(file, &information)
        let bytes = [UInt8](unsafeUninitializedCapacity: message.count) { buffer, count in
            count = max(0, pread(file, buffer.baseAddress, message.count, message.offset))
        }
        return BlobChunk(
            hash: message.hash, offset: message.offset, total: Int(information.st_size), bytes: bytes)
    }

    /// Drops what a lost peer had begun.
    mutating func forget(_ peer: WorkerID) {
        guard let upload = uploads.removeValue(forKey: peer) else { return }
        close(upload.descriptor)
        unlink(upload.path)
    }

    private mutating func begin(_ message: StoreBlob, from peer: WorkerID) throws(RayError) {
        forget(peer)
        guard uploads.count < Self.uploadsMax else {
            throw RayError(.systemError, "\(uploads.count) executables are being sent to the head; try again later")
        }
        let temporary = path("." + message.hash + "." + peer.hex.prefix(16))
        let descriptor = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o700)
        guard descriptor >= 0 else {
            throw RayError(.outOfDisk, "\(temporary) cannot be written: \(String(cString: strerror(errno)))")
        }
        uploads[peer] = Upload(
            descriptor: descriptor, path: temporary, hash: message.hash, total: message.total, received: 0)
    }

    private mutating func finish(_ upload: Upload, from peer: WorkerID) throws(RayError) -> Bool {
        defer { forget(peer) }
        guard let base = mmap(nil, upload.total, PROT_READ, MAP_PRIVATE, upload.descriptor, 0), base != MAP_FAILED
        else { throw RayError(.systemError, "the executable cannot be read back") }
        defer { munmap(base, upload.total) }
        var digest = [UInt8](repeating: 0, count: 32)
        ray_sha256(base, upload.total, &digest)
        guard digest.hex == upload.hash else {
            throw RayError(.invalidArgument, "the executable's content has not the hash \(upload.hash)")
        }
        guard rename(upload.path, path(upload.hash)) == 0 else {
            throw RayError(.outOfDisk, "\(path(upload.hash)) cannot be made: \(String(cString: strerror(errno)))")
        }
        return true
    }

    private static func isHash(_ text: String) -> Bool { text.utf8.count == 64 && [UInt8](hex: text) != nil }
}
