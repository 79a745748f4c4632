//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayWire
import Testing

@Suite struct ProgramArchiveTests {
    private let first = WorkerID(1, 1, 1, 1)
    private let second = WorkerID(2, 1, 1, 1)
    private let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private func piece(_ hash: String, _ offset: Int, _ count: Int) -> StoreBlob {
        StoreBlob(hash: hash, offset: offset, total: bytes.count, bytes: Array(bytes[offset..<offset + count]))
    }

    @Test("A program sent in pieces is kept under its hash, runnable by its user only, and read back in pieces")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let hash = sha256(bytes)
        #expect(try !archive.store(piece(hash, 0, 1_000_000), from: first, at: .zero))
        #expect(try !archive.store(piece(hash, 1_000_000, 1_000_000), from: first, at: .zero))
        #expect(archive.hashes.isEmpty)
        #expect(archive.fetch(FetchBlob(hash: hash, offset: 0, count: 10)).error?.type == .notFound)
        #expect(try archive.store(piece(hash, 2_000_000, 500_000), from: first, at: .zero))
        #expect(archive.hashes == [hash])
        #expect(folder.names == [hash])
        var status = stat()
        #expect(stat(folder.path + "/" + hash, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        var read: [UInt8] = []
        while read.count < bytes.count {
            let chunk = archive.fetch(FetchBlob(hash: hash, offset: read.count, count: Limits.chunkBytes))
            #expect(chunk.error == nil)
            #expect(chunk.total == bytes.count)
            guard !chunk.bytes.isEmpty else { break }
            read += chunk.bytes
        }
        #expect(read == bytes)
        #expect(archive.fetch(FetchBlob(hash: hash, offset: bytes.count + 5, count: 9)).bytes.isEmpty)
        #expect(try archive.store(piece(hash, 0, 10), from: second, at: .zero), "it is there already")
    }

    @Test("A program whose hash is wrong is refused and leaves nothing behind")
    func wrongHash() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let hash = String(repeating: "a", count: 64)
        let error = #expect(throws: RayError.self) {
            try archive.store(piece(hash, 0, bytes.count), from: first, at: .zero)
        }
        #expect(error?.message.contains(sha256(bytes)) == true)
        #expect(folder.names.isEmpty)
    }

    @Test("Pieces that do not fit are refused")
    func misfits() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let hash = sha256(bytes)
        let bad = [
            StoreBlob(hash: "../../etc/passwd", offset: 0, total: 1, bytes: [1]),
            StoreBlob(hash: hash.uppercased(), offset: 0, total: 1, bytes: [1]),
            StoreBlob(hash: hash, offset: 0, total: 0, bytes: []),
            StoreBlob(hash: hash, offset: -1, total: 5, bytes: [1]),
            StoreBlob(hash: hash, offset: 0, total: 1, bytes: [1, 2]),
            StoreBlob(hash: hash, offset: .max, total: .max, bytes: [1]),
            StoreBlob(hash: hash, offset: 7, total: 10, bytes: [1]),
        ]
        for piece in bad {
            let error = #expect(throws: RayError.self) { try archive.store(piece, from: first, at: .zero) }
            #expect(error?.type == .invalidArgument)
        }
        #expect(folder.names.isEmpty)
        for hash in ["../x", "", hash.uppercased()] {
            #expect(archive.fetch(FetchBlob(hash: hash, offset: 0, count: 1)).error?.type == .invalidArgument)
        }
    }

    @Test("Two may send one program; the slower one's pieces are thrown away")
    func race() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let hash = sha256(bytes)
        _ = try archive.store(piece(hash, 0, 100), from: second, at: .zero)
        #expect(try archive.store(piece(hash, 0, bytes.count), from: first, at: .zero))
        #expect(try archive.store(piece(hash, 100, 100), from: second, at: .zero))
        #expect(folder.names == [hash])
    }

    @Test("Uploads of peers that are gone or stand still leave nothing behind")
    func abandoned() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let hash = sha256(bytes)
        _ = try archive.store(piece(hash, 0, 100), from: first, at: .zero)
        _ = try archive.store(piece(hash, 0, 100), from: second, at: .zero)
        #expect(folder.names.count == 2)
        archive.peerLost(first)
        #expect(folder.names.count == 1)
        archive.tick(at: Instant.zero.advanced(milliseconds: 59_000))
        #expect(folder.names.count == 1)
        archive.tick(at: Instant.zero.advanced(milliseconds: 60_000))
        #expect(folder.names.isEmpty)
    }

    @Test("A file without content, which a lost machine leaves, is not taken for a program", arguments: [true, false])
    func emptyFile(isDurable: Bool) throws {
        let folder = try TemporaryFolder()
        let hash = sha256(bytes)
        #expect(writeFile(folder.path + "/" + hash, ""))
        var archive = ProgramArchive(folder: folder.path, isDurable: isDurable)
        #expect(archive.hashes.isEmpty)
        #expect(try archive.store(piece(hash, 0, bytes.count), from: first, at: .zero))
        #expect(ProgramArchive(folder: folder.path, isDurable: isDurable).hashes == [hash])
    }
}

/// A folder that is removed at the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/ray-test-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit { removeTree(path) }

    /// What is in it, sorted.
    var names: [String] { listDirectory(path).sorted() }
}
