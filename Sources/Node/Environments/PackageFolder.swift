//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayTransport

/// A folder that is to be the current folder of workers: what is in it, and the package that it makes.
///
/// Left out are what `.gitignore`, `.rayignore` and `excludes` name, and `.git`, `.venv`, `venv` and `__pycache__`.
package struct PackageFolder: Sendable {
    /// A file, folder or link of it.
    package struct Item: Hashable, Sendable {
        /// From the folder on, without a slash at the end.
        package let path: String
        package let kind: ZipWriter.Kind
        /// Where a link leads; else empty.
        package let target: String
        package let byteCount: Int
        /// Changes whenever the file is written: its inode, and when it was changed last.
        fileprivate let version: [Int]
    }

    /// What is left out of every package, unless `RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES` names something else.
    package static let usualExcludes = [".git", ".venv", "venv", "__pycache__"]

    package let path: String
    /// By path, parents before what is in them.
    package private(set) var items: [Item] = []
    private var byteCount = 0

    /// Looks through a folder.
    ///
    /// - Throws: a sentence that names the file which cannot be packed, or the limit that the folder exceeds.
    package init(
        _ path: String, excludes: [String], usualExcludes: [String] = Self.usualExcludes
    ) throws(PackageError) {
        guard let resolved = realpath(path, nil) else {
            throw PackageError("'\(path)' is not a valid path: \(TransportError.text(errno))")
        }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        var information = stat()
        guard stat(self.path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw PackageError("'\(path)' is no folder")
        }
        try look(into: "", [("", IgnoreRules(usualExcludes + excludes))])
    }

    /// The package; the same content gives the same bytes.
    ///
    /// - Throws: a sentence that names the file that cannot be read, or changed meanwhile.
    package func packed() throws(PackageError) -> [UInt8] {
        var writer = ZipWriter()
        for item in items {
            switch item.kind {
            case .folder: writer.add(item.path + "/", .folder)
            case .link: writer.add(item.path, .link, Array(item.target.utf8))
            case .file, .executable: writer.add(item.path, item.kind, try content(of: item))
            }
            guard writer.bytes.count <= PackageLimits.packageBytesMax else { throw tooLarge }
        }
        return writer.finish()
    }

    /// Differs from that of the same folder at another time if anything in it was written meanwhile.
    package var fingerprint: String {
        var state = ray_sha256_state()
        ray_sha256_start(&state)
        for item in items {
            let text = "\(item.path)\0\(item.kind.rawValue) \(item.target)\0\(item.byteCount) \(item.version)\0"
            Array(text.utf8).withUnsafeBytes { ray_sha256_add(&state, $0.baseAddress, $0.count) }
        }
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        ray_sha256_finish(&state, &digest)
        return digest.hex
    }

    private var tooLarge: PackageError {
        PackageError(
            "the package of '\(path)' exceeds the maximum size of \(PackageLimits.packageBytesMax >> 20) MiB; leave "
                + "large files out with 'excludes' or a .rayignore")
    }

    // MARK: Looking

    private typealias Scope = (folder: String, rules: IgnoreRules)

    private mutating func look(into folder: String, _ scopes: [Scope]) throws(PackageError) {
        var scopes = scopes
        for name in [".gitignore", ".rayignore"] {
            guard let text = readFile(full(folder + name)) else { continue }
            scopes.append((folder, IgnoreRules(text.split(separator: "\n"))))
        }
        for name in listDirectory(full(folder)).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            try note(folder + name, scopes)
        }
    }

    private func full(_ relative: String) -> String { relative.isEmpty ? path : path + "/" + relative }

    private mutating func note(_ relative: String, _ scopes: [Scope]) throws(PackageError) {
        var information = stat()
        guard lstat(full(relative), &information) == 0 else { return }  // It went meanwhile.
        let type = information.st_mode & S_IFMT
        guard !Self.isExcluded(relative, isFolder: type == S_IFDIR, scopes) else { return }
        guard relative.utf8.count <= PackageLimits.pathBytesMax, !relative.utf8.contains(UInt8(ascii: "\\")),
            items.count < PackageLimits.entriesMax
        else {
            throw PackageError(
                "'\(full(relative))' cannot be packed: a path may have \(PackageLimits.pathBytesMax) bytes and no "
                    + "backslash, and a package \(PackageLimits.entriesMax) files; leave it out with 'excludes'")
        }
        let version = [
            Int(truncatingIfNeeded: information.st_ino), information.st_mtim.tv_sec, information.st_mtim.tv_nsec,
            information.st_ctim.tv_sec, information.st_ctim.tv_nsec,
        ]
        switch type {
        case S_IFDIR:
            items.append(Item(path: relative, kind: .folder, target: "", byteCount: 0, version: []))
            try look(into: relative + "/", scopes)
        case S_IFREG:
            byteCount += Int(information.st_size)
            guard byteCount <= PackageLimits.packageBytesMax else { throw tooLarge }
            let kind: ZipWriter.Kind = information.st_mode & 0o111 != 0 ? .executable : .file
            items.append(
                Item(path: relative, kind: kind, target: "", byteCount: Int(information.st_size), version: version))
        case S_IFLNK:
            let target = try linkTarget(of: relative)
            items.append(Item(path: relative, kind: .link, target: target, byteCount: 0, version: version))
        default:
            throw PackageError(
                "'\(full(relative))' is no file, folder or link and cannot be packed; leave it out with 'excludes'")
        }
    }

    private static func isExcluded(_ path: String, isFolder: Bool, _ scopes: [Scope]) -> Bool {
        // As in Ray: what one list leaves out, another cannot take back.
        scopes.contains { folder, rules in
            rules.verdict(on: path.dropFirst(folder.count), isFolder: isFolder) == true
        }
    }

    private func linkTarget(of relative: String) throws(PackageError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(full(relative), &buffer, buffer.count)
        let bytes = buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }
        guard count > 0, let target = String(validating: bytes, as: UTF8.self) else {
            throw PackageError("the link '\(full(relative))' cannot be read")
        }
        guard ZipLink.staysInside(target, from: relative) else {
            throw PackageError(
                "the link '\(full(relative))' leads to '\(target)', out of the folder; put a copy in its place, or "
                    + "leave it out with 'excludes'")
        }
        return target
    }

    private func content(of item: Item) throws(PackageError) -> [UInt8] {
        let file = open(full(item.path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            throw PackageError("'\(full(item.path))' cannot be read: \(TransportError.text(errno))")
        }
        defer { close(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: item.byteCount + 1) { buffer, filled in
            // One byte more than there should be tells that the file has grown.
            while filled < buffer.count {
                let count = read(file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                filled += count
            }
        }
        guard bytes.count == item.byteCount else {
            throw PackageError("'\(full(item.path))' changed while it was packed; try again")
        }
        return bytes
    }
}

/// Links inside of packages.
enum ZipLink {
    /// Whether a link at `path` that leads to `target` stays in the folder, whatever other links there are.
    ///
    /// `..` may stand at the beginning only: there it goes up real folders, but behind a name that is a link itself it
    /// would go up from where that link leads.
    static func staysInside(_ target: String, from path: String) -> Bool {
        guard !target.isEmpty, !target.hasPrefix("/"), !target.utf8.contains(0) else { return false }
        var depth = path.utf8.count { $0 == UInt8(ascii: "/") }
        var isAtBeginning = true
        for part in target.split(separator: "/") where part != "." {
            if part == ".." {
                guard isAtBeginning, depth > 0 else { return false }
                depth -= 1
            } else {
                isAtBeginning = false
            }
        }
        return true
    }
}
