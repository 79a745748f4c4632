//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// The value of an environment variable.
package func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
}

/// The whole environment of this process, `NAME=value`.
package func processEnvironment() -> [String] {
    var items: [String] = []
    var next = environ
    while let item = next.pointee {
        items.append(String(cString: item))
        next += 1
    }
    return items
}

/// The text of a file; nothing if it cannot be read or has over 16 MiB.
package func readFile(_ path: String) -> String? {
    guard let bytes = readBytes(path) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
}

/// The bytes of a file; nothing if it cannot be read or has over 16 MiB, or what else is the limit.
package func readBytes(_ path: String, bytesMax: Int = 16 << 20) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var status = stat()
    // Files of the kernel's own say nothing of their size.
    if fstat(file, &status) == 0 { bytes.reserveCapacity(min(Int(status.st_size), bytesMax)) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= bytesMax {
        let count = read(file, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
    return nil
}

/// Writes a file readable by its user only; whether all of it was written.
@discardableResult
package func writeFile(_ path: String, _ text: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    var text = text
    return text.withUTF8 { write(file, $0.baseAddress, $0.count) == $0.count }
}

/// Makes a folder in a node's own one, and that and the one around it before; the path of what cannot be made, by `errno`.
func makeFolder(_ name: String, in root: String) -> String? {
    let parent = root[..<(root.lastIndex(of: "/") ?? root.startIndex)]
    return [String(parent), root, root + "/" + name].first { mkdir($0, 0o700) != 0 && errno != EEXIST }
}

/// Writes a text to the standard error stream.
package func writeError(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// The names in a folder, unsorted; empty if it cannot be read.
package func listDirectory(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// Removes a file, or a folder with all that is in it; links are removed, not followed.
package func removeTree(_ path: String) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    if information.st_mode & S_IFMT == S_IFDIR {
        for name in listDirectory(path) { removeTree(path + "/" + name) }
        rmdir(path)
    } else {
        unlink(path)
    }
}

/// When a process began, in clock ticks since boot: with the pid it names a process for good.
package func processStartTime(_ processID: Int32) -> UInt64? {
    guard let text = readFile("/proc/\(processID)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    return UInt64(fields[19])
}
