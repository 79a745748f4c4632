//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc

/// Files of one task: together a few megabytes.
struct Batch: Codable, Sendable {
    var id: Int
    var paths: [String]
    var bytes: Int
}

/// What a read task gives: the text of its files, and what could not be read.
struct Text: Codable, Sendable {
    /// The files' contents, a line end behind each.
    var bytes: [UInt8]
    var files: Int
    var unreadable: [String]
}

/// Lists the regular files below `folders`, in order of their paths, as batches of about `batchBytes`.
func listBatches(_ folders: [String], batchBytes: Int) -> (batches: [Batch], unreadable: [String]) {
    var files: [(path: String, bytes: Int)] = []
    var unreadable: [String] = []
    for folder in folders { list(folder, &files, &unreadable) }
    files.sort { $0.path < $1.path }
    var batches: [Batch] = []
    for file in files {
        if let last = batches.indices.last, batches[last].bytes + file.bytes <= batchBytes {
            batches[last].paths.append(file.path)
            batches[last].bytes += file.bytes
        } else {
            batches.append(Batch(id: batches.count, paths: [file.path], bytes: file.bytes))
        }
    }
    return (batches, unreadable)
}

private func list(_ path: String, _ files: inout [(path: String, bytes: Int)], _ unreadable: inout [String]) {
    var information = stat()
    guard lstat(path, &information) == 0 else {
        unreadable.append("\(path): \(String(cString: strerror(errno)))")
        return
    }
    switch information.st_mode & S_IFMT {
    case S_IFREG where information.st_size > 0: files.append((path, Int(information.st_size)))
    case S_IFDIR:
        guard let folder = opendir(path) else {
            unreadable.append("\(path): \(String(cString: strerror(errno)))")
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { list(path + "/" + name, &files, &unreadable) }
        }
    default: break
    }
}

/// Reads a file if it is text: no zero byte among its first 4,096.
///
/// - Returns: whether it was text; nothing if it cannot be read.
func appendText(of path: String, to bytes: inout [UInt8]) -> Bool? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var isFirst = true
    while true {
        let count = read(file, &buffer, buffer.count)
        guard count >= 0 else { return nil }
        if count == 0 { break }
        if isFirst, buffer[..<min(count, 4096)].contains(0) { return false }
        isFirst = false
        bytes.append(contentsOf: buffer[..<count])
    }
    bytes.append(UInt8(ascii: "\n"))
    return true
}

/// Writes a text to the standard error stream.
func writeError(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
