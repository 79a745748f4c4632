//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// Where this machine's dynamic linker finds libraries.
struct LibraryIndex: Sendable {
    /// Names in the linker's cache.
    private let cached: Set<String>
    private let folders: [String]

    private static let defaultFolders = [
        "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
        "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib",
    ]

    /// Reads the linker's cache, and the folders of `libraryPath` (`LD_LIBRARY_PATH`).
    init(libraryPath: String?) {
        cached = Self.names(inCache: readBytes("/etc/ld.so.cache") ?? [])
        folders = (libraryPath ?? "").split(separator: ":").map(String.init) + Self.defaultFolders
    }

    /// Whether a library of this name is in one of `searchFolders` or where the linker looks.
    func has(_ name: String, in searchFolders: [String]) -> Bool {
        if name.contains("/") { return access(name, R_OK) == 0 }
        if cached.contains(name) { return true }
        return (searchFolders + folders).contains { access($0 + "/" + name, R_OK) == 0 }
    }

    /// The names in a cache of format "glibc-ld.so.cache1.1"; none in bytes of another format.
    private static func names(inCache bytes: [UInt8]) -> Set<String> {
        let magic = Array("glibc-ld.so.cache1.1".utf8)
        guard bytes.count >= 48, bytes.starts(with: magic) else { return [] }
        func number(_ offset: Int) -> Int? {
            guard offset >= 0, offset + 4 <= bytes.count else { return nil }
            return bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        var names: Set<String> = []
        let count = min(number(20) ?? 0, bytes.count / 24)
        for index in 0..<count {
            guard let start = number(48 + index * 24 + 4), start < bytes.count,
                let end = bytes[start...].firstIndex(of: 0)
            else { continue }
            names.insert(String(decoding: bytes[start..<end], as: UTF8.self))
        }
        return names
    }
}
