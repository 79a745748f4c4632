//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayTransport

/// Unpacks an archive into a new folder.
///
/// Folders and files are made before links, each where nothing is yet, so nothing is written through a link.
package enum ZipExtraction {
    /// Unpacks everything; the bytes of all files. What was made before a failure is the caller's to remove.
    ///
    /// - Parameter folder: does not exist yet.
    /// - Throws: a sentence that names what is wrong with the archive, or with the disk.
    @discardableResult
    package static func unpack(_ archive: ZipReader, to folder: String) throws(PackageError) -> Int {
        try makeFolder(folder)
        var byteCount = 0
        var links: [ZipReader.Entry] = []
        for entry in archive.entries {
            switch entry.kind {
            case .folder: try makeFolders(entry.name.trimmingSlash, in: folder)
            case .link: links.append(entry)
            case .file, .executable:
                try makeParent(of: entry.name, in: folder)
                try write(entry, of: archive, to: folder + "/" + entry.name)
                byteCount += entry.unpackedBytes
            }
        }
        for link in links { try make(link, of: archive, in: folder) }
        return byteCount
    }

    private static func makeFolder(_ path: String) throws(PackageError) {
        guard mkdir(path, 0o700) == 0 else { throw cannot("made", path) }
    }

    private static func cannot(_ done: String, _ path: String) -> PackageError {
        PackageError("\(path) cannot be \(done): \(TransportError.text(errno))")
    }

    private static func makeParent(of name: String, in folder: String) throws(PackageError) {
        guard let slash = name.lastIndex(of: "/") else { return }
        try makeFolders(String(name[..<slash]), in: folder)
    }

    private static func makeFolders(_ name: String, in folder: String) throws(PackageError) {
        var path = folder
        for part in name.split(separator: "/") {
            path += "/" + part
            if mkdir(path, 0o700) == 0 { continue }
            var information = stat()
            let isThere = errno == EEXIST && lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
            guard isThere else { throw cannot("made", path) }
        }
    }

    private static func write(_ entry: ZipReader.Entry, of archive: ZipReader, to path: String) throws(PackageError) {
        let mode: mode_t = entry.kind == .executable ? 0o700 : 0o600
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard file >= 0 else { throw cannot("made", path) }
        defer { close(file) }
        try archive.read(entry) { (piece) throws(PackageError) in
            var rest = piece
            while !rest.isEmpty {
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw cannot("written", path) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private static func make(_ link: ZipReader.Entry, of archive: ZipReader, in folder: String) throws(PackageError) {
        var bytes: [UInt8] = []
        guard link.unpackedBytes < Int(PATH_MAX) else { throw PackageError("the link '\(link.name)' is too long") }
        try archive.read(link) { (piece) throws(PackageError) in bytes += piece }
        guard let target = String(validating: bytes, as: UTF8.self), ZipLink.staysInside(target, from: link.name) else {
            throw PackageError("the link '\(link.name)' in the package leads out of the working folder")
        }
        // A parent that is a link itself would be found here, since parents are looked at and not followed.
        try makeParent(of: link.name, in: folder)
        guard symlink(target, folder + "/" + link.name) == 0 else { throw cannot("made", folder + "/" + link.name) }
    }
}
