//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import RayNode
import Testing

@Suite struct PackageFolderTests {
    /// A folder of the test's own.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/rp-\(String(UInt32.random(in: .min ... .max), radix: 36))"
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        defer { removeTree(folder) }
        try body(folder + "/in")
    }

    private func write(_ path: String, _ text: String = "x") throws {
        try FileManager.default.createDirectory(
            atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private func names(_ folder: String, excludes: [String] = []) throws -> [String] {
        try PackageFolder(folder, excludes: excludes).items.map(\.path)
    }

    private func reason(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing"
        } catch {
            return "\(error)"
        }
    }

    @Test("A folder is packed and unpacked as it was: files, folders, links, the right to execute")
    func roundTrip() throws {
        try withFolder { folder in
            try write(folder + "/a/b/c.txt", "content")
            try write(folder + "/run", "#!/bin/sh")
            chmod(folder + "/run", 0o755)
            mkdir(folder + "/void", 0o755)
            symlink("a/b/c.txt", folder + "/link")
            symlink("../run", folder + "/a/up")
            let bytes = try PackageFolder(folder, excludes: []).packed()
            let target = folder + "/../out"
            #expect(try ZipExtraction.unpack(try ZipReader(bytes), to: target) == 16)
            #expect(try names(target) == ["a", "a/b", "a/b/c.txt", "a/up", "link", "run", "void"])
            #expect(try PackageFolder(target, excludes: []).packed() == bytes)
            #expect(readFile(target + "/link") == "content")
            #expect(readFile(target + "/a/up") == "#!/bin/sh")
        }
    }

    @Test("Content decides the package's bytes, not time or order; the fingerprint sees every write")
    func content() throws {
        try withFolder { folder in
            try write(folder + "/b", "1")
            try write(folder + "/a", "2")
            let first = try PackageFolder(folder, excludes: [])
            let bytes = try first.packed()
            #expect(try PackageFolder(folder, excludes: []).fingerprint == first.fingerprint)
            removeTree(folder + "/b")
            try write(folder + "/b", "1")
            let second = try PackageFolder(folder, excludes: [])
            #expect(try second.packed() == bytes)
            #expect(second.fingerprint != first.fingerprint)
            try write(folder + "/b", "3")
            #expect(try PackageFolder(folder, excludes: []).packed() != bytes)
        }
    }

    @Test(
        "Patterns leave out what git would",
        arguments: [
            (["*.log"], ["a/x.log", "y.log"]),
            (["/y.log"], ["y.log"]),
            (["a/"], ["a", "a/b", "a/b/deep.txt", "a/x.log"]),
            (["a/*.log"], ["a/x.log"]),
            (["**/deep.txt"], ["a/b/deep.txt"]),
            (["a/**"], ["a/b", "a/b/deep.txt", "a/x.log"]),
            (["a/**/deep.txt"], ["a/b/deep.txt"]),
            (["*.log", "!y.log"], ["a/x.log"]),
            (["?.log"], ["a/x.log", "y.log"]),
            (["[a-x].log"], ["a/x.log"]),
            (["[!a-x].log"], ["y.log"]),
            (["\\#odd"], ["#odd"]),
            (["# nothing", "", "   "], []),
            (["deep"], []),
            (["y.log/"], []),
        ]) func patterns(excludes: [String], missing: [String]) throws
    {
        try withFolder { folder in
            for name in ["a/b/deep.txt", "a/x.log", "y.log", "#odd"] { try write(folder + "/" + name) }
            let all = try names(folder)
            #expect(try Set(all).subtracting(names(folder, excludes: excludes)) == Set(missing))
        }
    }

    @Test("Ignore files hold for their folder; what a program never needs stays out") func ignoreFiles() throws {
        try withFolder { folder in
            for name in [".git/config", "__pycache__/m.pyc", "a/skip", "a/keep", "skip", "b/secret", ".venv/x"] {
                try write(folder + "/" + name)
            }
            try write(folder + "/a/.gitignore", "skip\n")
            try write(folder + "/.rayignore", "secret\n")
            #expect(
                try names(folder) == [".rayignore", "a", "a/.gitignore", "a/keep", "b", "skip"])
        }
    }

    @Test("What cannot be packed is refused with its name") func refusals() throws {
        try withFolder { folder in
            #expect(reason { _ = try names(folder + "/none") }.contains("not a valid path"))
            try write(folder + "/f")
            #expect(reason { _ = try names(folder + "/f") }.contains("no folder"))
            symlink("/etc/passwd", folder + "/out")
            #expect(reason { _ = try names(folder) }.contains("out of the folder"))
            #expect(try names(folder, excludes: ["out"]) == ["f"])
            unlink(folder + "/out")
            mkfifo(folder + "/pipe", 0o600)
            #expect(reason { _ = try names(folder) }.contains("pipe' is no file, folder or link"))
            unlink(folder + "/pipe")
            let file = open(folder + "/huge", O_RDWR | O_CREAT, 0o600)
            ftruncate(file, PackageLimits.packageBytesMax + 1)
            close(file)
            #expect(reason { _ = try names(folder) }.contains("maximum size of 512 MiB"))
        }
    }

    @Test(
        "Links that lead out of the folder are not unpacked, not even through each other",
        arguments: [
            ("l", "/etc"), ("l", ".."), ("a/l", "../.."), ("l", "a/.."), ("a/l", "x/../../.."), ("l", ""),
        ]) func links(name: String, target: String) throws
    {
        try withFolder { folder in
            var writer = ZipWriter()
            writer.add(name, .link, Array(target.utf8))
            let archive = try ZipReader(writer.finish())
            let text = reason { try ZipExtraction.unpack(archive, to: folder + "/out") }
            #expect(text.contains("leads out of"), "\(text)")
        }
    }

    @Test("Nothing is written through a link, wherever it stands in the archive") func throughLink() throws {
        try withFolder { folder in
            var writer = ZipWriter()
            writer.add("a", .link, Array("b".utf8))
            writer.add("a/file", .file, [1])
            let archive = try ZipReader(writer.finish())
            // The folder of the file is made first; then the link has no room.
            #expect(reason { try ZipExtraction.unpack(archive, to: folder + "/out") }.contains("cannot be made"))
        }
    }
}
