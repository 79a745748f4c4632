//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import RayNode
import Testing

@Suite struct ZipTests {
    private func content(_ name: String, of archive: ZipReader) throws -> [UInt8] {
        let entry = try #require(archive.entries.first { $0.name == name })
        var bytes: [UInt8] = []
        try archive.read(entry) { (piece) throws(PackageError) in bytes += piece }
        return bytes
    }

    /// An archive with one entry.
    private func archive(_ name: String, _ kind: ZipWriter.Kind = .file, _ data: [UInt8] = [1, 2, 3]) -> [UInt8] {
        var writer = ZipWriter()
        writer.add(name, kind, data)
        return writer.finish()
    }

    private func reason(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing"
        } catch {
            return "\(error)"
        }
    }

    @Test("What is written is read, and the same entries give the same bytes") func roundTrip() throws {
        func write() -> [UInt8] {
            var writer = ZipWriter()
            writer.add("bin/", .folder)
            writer.add("bin/run", .executable, Array("#!/bin/sh".utf8))
            writer.add("häuser.txt", .file, [UInt8](repeating: 7, count: 100_000))
            writer.add("link", .link, Array("bin/run".utf8))
            return writer.finish()
        }
        #expect(write() == write())
        let archive = try ZipReader(write())
        #expect(archive.entries.map(\.kind) == [.folder, .executable, .file, .link])
        #expect(try content("häuser.txt", of: archive) == [UInt8](repeating: 7, count: 100_000))
        #expect(try content("bin/run", of: archive) == Array("#!/bin/sh".utf8))
        #expect(try ZipReader(ZipWriter().finish()).entries.isEmpty)
    }

    @Test("Archives of others are read, deflated entries too") func foreign() throws {
        let archive = try ZipReader(ForeignArchive.bytes)
        #expect(archive.entries.map(\.name) == ["numbers.txt", "fixed.txt", "bin/run.sh", "empty", "words.txt"])
        #expect(try content("numbers.txt", of: archive) == ForeignArchive.numbers)
        #expect(try content("fixed.txt", of: archive) == Array("abc".utf8))
        #expect(try content("words.txt", of: archive) == ForeignArchive.words)
        #expect(try content("empty", of: archive).isEmpty)
        #expect(archive.entries[2].kind == .executable)
    }

    @Test(
        "Names that lead out of the folder are refused",
        arguments: [
            ("../x", "could lead out"), ("a/../../x", "could lead out"), ("/etc/passwd", "absolute"),
            ("a//b", "could lead out"), ("./a", "could lead out"), ("a\\b", "no name"), ("", "no name"),
            ("a/..", "could lead out"),
        ]) func names(name: String, part: String) throws
    {
        let text = reason { _ = try ZipReader(archive(name)) }
        #expect(text.contains(part), "\(text)")
    }

    @Test("The entry that is the folder itself is passed over, if it is one") func itself() throws {
        #expect(try ZipReader(archive("./", .folder, [])).entries.isEmpty)
        #expect(reason { _ = try ZipReader(archive("./", .link)) }.contains("could lead out"))
    }

    @Test("The same name twice is refused") func twice() {
        var writer = ZipWriter()
        writer.add("a", .file, [1])
        writer.add("a/", .folder)
        #expect(reason { _ = try ZipReader(writer.finish()) }.contains("twice"))
    }

    @Test("What would unpack to more than the limit is refused before anything is read") func bomb() throws {
        let refusal = reason { _ = try ZipReader(ForeignArchive.bytes, unpackedBytesMax: 10_000) }
        #expect(refusal.contains("unpacks to more"))
        // An archive that lies about the size of its entry.
        var bytes = ForeignArchive.bytes
        let entry = try #require(try ZipReader(bytes).entries.first)
        let directory = directory(of: bytes)
        bytes.replaceSubrange(directory + 24..<directory + 28, with: [10, 0, 0, 0])
        let archive = try ZipReader(bytes, unpackedBytesMax: 10_000)
        var count = 0
        let text = reason {
            try archive.read(archive.entries[0]) { (piece) throws(PackageError) in count += piece.count }
        }
        #expect(text.contains("more bytes than"))
        #expect(count <= 10 && entry.unpackedBytes > 10)
    }

    /// Where the central directory begins.
    private func directory(of bytes: [UInt8]) -> Int {
        let end = bytes.count - 22
        return (0..<4).reduce(0) { $0 | Int(bytes[end + 16 + $1]) << (8 * $1) }
    }

    @Test("Damaged content is found by its checksum") func damaged() throws {
        var bytes = archive("a", .file, Array("hello".utf8))
        bytes[31] ^= 1
        let archive = try ZipReader(bytes)
        #expect(reason { _ = try content("a", of: archive) }.contains("damaged"))
    }

    @Test("Any bytes are read or refused") func mutations() {
        var generator = SystemRandomNumberGenerator()
        let valid = [ForeignArchive.bytes, archive("a/b"), archive("l", .link, Array("x".utf8))]
        for round in 0..<600 {
            var bytes = valid[round % valid.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
            guard let archive = try? ZipReader(bytes, unpackedBytesMax: 1 << 20) else { continue }
            for entry in archive.entries {
                var count = 0
                try? archive.read(entry) { (piece) throws(PackageError) in count += piece.count }
                #expect(count <= entry.unpackedBytes)
            }
        }
    }
}
