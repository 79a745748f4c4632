//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayTransport
package import RayWire

/// Executables and packages by content: files named by their SHA-256, complete and verified from the moment they have
/// that name.
///
///     StoreBlob (offset 0, 1 MiB, …) ──▶ <hash>.<number>.part ──last piece, hash is right──▶ <hash>
///     FetchBlob ◀── <hash> ──remove──▶ (absent)
///
/// To be used by one thread at a time.
package struct ProgramArchive {
    /// Largest executable, in bytes.
    package static let programBytesMax = 4 << 30
    /// Uploads under way; the oldest gives way to a new one.
    package static let uploadsMax = 64
    /// An upload without a piece for so long is given up.
    package static let uploadMillisecondsMax = 60_000

    private struct Upload {
        let peer: WorkerID
        let hash: String
        let total: Int
        let path: String
        let file: Int32
        var offset = 0
        var behind = WriteBehind()
        var lastPiece: Instant
        var state: ray_sha256_state
    }

    private let folder: String
    /// Whether the files outlive the machine: then they are on the disk before they have their names.
    private let isDurable: Bool
    /// In order of their beginning.
    private var uploads: [Upload] = []
    private var uploadCount = 0

    /// An archive in a folder that exists; parts that an earlier process left are removed, and files without content,
    /// which a machine leaves that lost its power.
    package init(folder: String, isDurable: Bool = false) {
        self.folder = folder
        self.isDurable = isDurable
        for hash in hashes {
            var status = stat()
            if stat(folder + "/" + hash, &status) == 0, status.st_size == 0 { unlink(folder + "/" + hash) }
        }
        for name in listDirectory(folder) where name.hasSuffix(".part") && name.split(separator: ".").count == 3 {
            unlink(folder + "/" + name)
        }
    }

    /// The hashes of the executables at hand, sorted.
    package var hashes: [String] { listDirectory(folder).filter(Self.isHash).sorted() }

    /// Takes a piece; pieces of one upload come in order. True if the executable is complete now.
    ///
    /// - Throws: `invalidArgument` for pieces that do not fit, `outOfDisk` if they cannot be written.
    package mutating func store(_ piece: StoreBlob, from peer: WorkerID, at now: Instant) throws(RayError) -> Bool {
        guard Self.isHash(piece.hash), (1...Self.programBytesMax).contains(piece.total), piece.offset >= 0,
            (1...max(1, Limits.framePayloadBytesMax)).contains(piece.bytes.count),
            piece.bytes.count <= piece.total - piece.offset
        else {
            throw RayError(
                .invalidArgument,
                "a piece of a program does not fit: its hash is no SHA-256, or it lies outside the file of "
                    + "\(piece.total) bytes (at most \(Self.programBytesMax))")
        }
        // Somebody else was faster: what is still sent of it is of no use.
        if access(folder + "/" + piece.hash, F_OK) == 0 {
            drop { $0.peer == peer && $0.hash == piece.hash }
            return true
        }
        if piece.offset == 0 { try begin(piece, from: peer, at: now) }
        guard let index = uploads.firstIndex(where: { $0.peer == peer && $0.hash == piece.hash }),
            uploads[index].offset == piece.offset, uploads[index].total == piece.total
        else {
            throw RayError(
                .invalidArgument, "a piece of program \(piece.hash) came out of order; begin again at offset 0")
        }
        try write(piece.bytes, to: index)
        uploads[index].lastPiece = now
        guard uploads[index].offset == piece.total else { return false }
        try finish(uploads.remove(at: index))
        return true
    }

    /// A piece of an executable, with an error if it cannot be had.
    package func fetch(_ wanted: FetchBlob) -> BlobChunk {
        var chunk = BlobChunk(hash: wanted.hash, offset: wanted.offset, total: 0, bytes: [])
        guard Self.isHash(wanted.hash), wanted.offset >= 0, wanted.count > 0 else {
            chunk.error = RayError(.invalidArgument, "a program is named by its SHA-256 in lower-case hex")
            return chunk
        }
        let file = open(folder + "/" + wanted.hash, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            chunk.error = RayError(
                .notFound, "the head does not have the file \(wanted.hash); its driver must send it again")
            return chunk
        }
        defer { Glibc.close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            chunk.error = RayError(.systemError, "program \(wanted.hash): \(TransportError.text(errno))")
            return chunk
        }
        chunk.total = Int(status.st_size)
        let count = min(wanted.count, Limits.chunkBytes, max(0, chunk.total - wanted.offset))
        chunk.bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // The buffer has room for `count` bytes, and no more are asked for.
            filled = max(0, pread(file, buffer.baseAddress, count, off_t(wanted.offset)))
        }
        if chunk.bytes.count != count {
            chunk.error = RayError(.systemError, "program \(wanted.hash) cannot be read on the head")
        }
        return chunk
    }

    /// Deletes a file; processes that run it go on.
    package func remove(_ hash: String) {
        if Self.isHash(hash) { unlink(folder + "/" + hash) }
    }

    /// Gives up the uploads of a peer that is gone.
    package mutating func peerLost(_ peer: WorkerID) { drop { $0.peer == peer } }

    /// Gives up uploads that stand still.
    package mutating func tick(at now: Instant) {
        guard !uploads.isEmpty else { return }
        drop { now.milliseconds(since: $0.lastPiece) >= Self.uploadMillisecondsMax }
    }

    /// Gives up all uploads.
    package mutating func close() { drop { _ in true } }

    private mutating func begin(_ piece: StoreBlob, from peer: WorkerID, at now: Instant) throws(RayError) {
        drop { $0.peer == peer && $0.hash == piece.hash }
        if uploads.count >= Self.uploadsMax {
            let oldest = uploads[0].path
            drop { $0.path == oldest }
        }
        uploadCount += 1
        let path = "\(folder)/\(piece.hash).\(uploadCount).part"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw RayError(.outOfDisk, "\(path) cannot be written: \(TransportError.text(errno))")
        }
        var state = ray_sha256_state()
        ray_sha256_start(&state)
        uploads.append(
            Upload(
                peer: peer, hash: piece.hash, total: piece.total, path: path, file: file, lastPiece: now, state: state))
    }

    private mutating func write(_ bytes: [UInt8], to index: Int) throws(RayError) {
        let file = uploads[index].file
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw unwritable(index) }
            written += count
        }
        if isDurable, !writeBack(bytes.count, of: index) { throw unwritable(index) }
        bytes.withUnsafeBytes { ray_sha256_add(&uploads[index].state, $0.baseAddress, $0.count) }
        uploads[index].offset += bytes.count
    }

    /// Has the disk begin with what has just been written; whether it takes all so far, which `fsync` does not tell again.
    private mutating func writeBack(_ byteCount: Int, of index: Int) -> Bool {
        let (file, start) = (uploads[index].file, uploads[index].offset)
        guard ray_disk_begin(file, Int64(start), Int64(byteCount)) == 0 else { return false }
        let due = uploads[index].behind.awaited(after: start + byteCount)
        return due.isEmpty || ray_disk_await(file, Int64(due.lowerBound), Int64(due.count)) == 0
    }

    /// Lets an upload go that the disk does not take; why, by `errno`.
    private mutating func unwritable(_ index: Int) -> RayError {
        let path = uploads[index].path
        let reason = TransportError.text(errno)
        drop { $0.path == path }
        return RayError(
            .outOfDisk,
            "\(path) cannot be written: \(reason); make room on the head's disk, or choose another one with --temp-dir")
    }

    private func finish(_ upload: Upload) throws(RayError) {
        var upload = upload
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        ray_sha256_finish(&upload.state, &digest)
        // Raylets of this session run the file from where it is.
        let isReady = fchmod(upload.file, 0o700) == 0 && (!isDurable || fsync(upload.file) == 0)
        Glibc.close(upload.file)
        guard digest.hex == upload.hash else {
            unlink(upload.path)
            // Not as of a piece out of order, after which it is sent again.
            throw RayError(
                .systemError,
                "the program sent is not the one announced: its SHA-256 is \(digest.hex), not \(upload.hash); the file "
                    + "may have changed while it was sent")
        }
        guard isReady, rename(upload.path, folder + "/" + upload.hash) == 0 else {
            let reason = TransportError.text(errno)
            unlink(upload.path)
            throw RayError(.outOfDisk, "program \(upload.hash) cannot be kept: \(reason)")
        }
        if isDurable { syncFolder() }
    }

    private func syncFolder() {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        Glibc.close(descriptor)
    }

    private mutating func drop(where isUnwanted: (Upload) -> Bool) {
        for upload in uploads where isUnwanted(upload) {
            Glibc.close(upload.file)
            unlink(upload.path)
        }
        uploads.removeAll(where: isUnwanted)
    }

    /// Whether a name is a SHA-256 in lower-case hex, so that it leads nowhere else as part of a path.
    private static func isHash(_ name: String) -> Bool {
        name.utf8.count == 64
            && name.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
