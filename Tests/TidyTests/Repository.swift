//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// The files of the checkout in which the tests were built.
enum Repository {
    /// Found from where this file lies.
    static let root: String = {
        let file = URL(filePath: #filePath).resolvingSymlinksInPath()
        return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }()

    /// Paths of all files that belong to the repository: those that git tracks, or would.
    static let files: [String] = {
        let known = gitFiles() ?? []
        return (known.isEmpty ? walk() : known).filter { FileManager.default.fileExists(atPath: absolute($0)) }.sorted()
    }()

    /// All Swift sources of the package, its manifest excepted.
    static let sources: [SourceText] = files.filter { $0.hasSuffix(".swift") && $0.contains("/") }
        .compactMap { path in text(path).map { SourceText(path: path, text: $0) } }

    /// Reads `Package.swift`.
    static let manifest = Manifest(text: text("Package.swift") ?? "")

    static func absolute(_ path: String) -> String { root + "/" + path }

    /// The text of a file; nothing if it is no text.
    static func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: absolute(path)) else { return nil }
        return String(data: data, encoding: .utf8)
    }

    static func byteCount(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: absolute(path))[.size] as? Int) ?? 0
    }

    private static func gitFiles() -> [String]? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// For a checkout without git: everything but what builds leave.
    private static func walk() -> [String] {
        guard let all = FileManager.default.enumerator(atPath: root) else { return [] }
        return all.compactMap { $0 as? String }.filter { path in
            !path.split(separator: "/").contains { $0.hasPrefix(".build") || $0 == ".git" || $0 == "build" }
        }
    }
}
