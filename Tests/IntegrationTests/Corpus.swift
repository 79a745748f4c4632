//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// Text files for the main job, and what an independent pipeline of the shell counts in them.
struct Corpus {
    /// Where the files are.
    let folder: String
    /// The 100 most frequent words as `count word`.
    let words: [String]

    private static let bytesMax = 20_000_000

    /// Copies text files of the system into `folder`, at most 20 MB.
    init(in folder: String, _ sandbox: Sandbox) async throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var bytes = 0
        for root in ["/usr/include", "/usr/share/doc", "/usr/share"] where bytes < Self.bytesMax {
            bytes += try Self.copy(root, to: folder, prefix: "\(bytes)", bytesMax: Self.bytesMax - bytes)
        }
        try #require(bytes > 1_000_000, "there is too little text on this machine")
        let pipeline = """
            find '\(folder)' -type f -exec sed -s -e '$a\\' {} + | tr A-Z a-z | tr -cs a-z '\\n' | sed '/^$/d' \
            | sort | uniq -c | sort -k1,1nr -k2 | head -100 | sed 's/^ *//'
            """
        let shell = try await sandbox.run("/bin/sh", "-c", pipeline, environment: ["LC_ALL": "C"])
        words = shell.output.split(separator: "\n").map(String.init)
        try #require(words.count == 100, "\(shell.everything)")
    }

    private static func copy(_ root: String, to folder: String, prefix: String, bytesMax: Int) throws -> Int {
        var bytes = 0
        var count = 0
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        for name in names.sorted() where bytes < bytesMax {
            let path = root + "/" + name
            var information = stat()
            guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
                information.st_size > 0, Int(information.st_size) <= bytesMax - bytes,
                let data = FileManager.default.contents(atPath: path), !data.prefix(4096).contains(0)
            else { continue }
            try data.write(to: URL(fileURLWithPath: "\(folder)/\(prefix)-\(count)"))
            bytes += data.count
            count += 1
        }
        return bytes
    }
}
