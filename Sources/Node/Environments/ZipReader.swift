//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// Reads a zip archive in memory that anybody may have written: stored and deflated entries, files, folders, links.
///
/// Nothing that it says is believed: offsets and lengths are checked at each use, names may not lead out of the folder
/// they are unpacked into, and the sizes that it announces are bounds, which the data must meet.
package struct ZipReader: Sendable {
    /// An entry as the central directory has it.
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let kind: ZipWriter.Kind
        package let isDeflated: Bool
        package let checksum: UInt32
        package let packedBytes: Int
        package let unpackedBytes: Int
        fileprivate let offset: Int
    }

    private let bytes: [UInt8]
    /// In the order of the directory.
    package let entries: [Entry]

    /// - Throws: a sentence if the bytes are no archive, or one with names or sizes that are not taken.
    package init(_ bytes: [UInt8], unpackedBytesMax: Int = PackageLimits.unpackedBytesMax) throws(PackageError) {
        self.bytes = bytes
        entries = try Self.directory(of: bytes)
        var total = 0
        var seen: Set<String> = []
        for entry in entries {
            try Self.check(name: entry.name)
            guard seen.insert(entry.name.trimmingSlash).inserted else {
                throw PackageError("'\(entry.name)' is in the package twice")
            }
            total += entry.unpackedBytes
            guard total <= unpackedBytesMax else {
                throw PackageError(
                    "the package unpacks to more than \(unpackedBytesMax >> 20) MiB, which is the limit")
            }
        }
    }

    /// Unpacks an entry in pieces, and checks length and checksum.
    ///
    /// - Throws: a sentence if the data is not what the directory says, or what `take` throws.
    package func read(
        _ entry: Entry, into take: (UnsafeRawBufferPointer) throws(PackageError) -> Void
    ) throws(PackageError) {
        let start = try dataOffset(of: entry)
        let data = bytes[start..<start + entry.packedBytes]
        var checksum: UInt32 = 0
        var count = 0
        func pass(_ piece: UnsafeRawBufferPointer) throws(PackageError) {
            count += piece.count
            guard count <= entry.unpackedBytes else {
                throw PackageError("'\(entry.name)' unpacks to more bytes than the package says")
            }
            checksum = ray_crc32_add(checksum, piece.baseAddress, piece.count)
            try take(piece)
        }
        if entry.isDeflated {
            var inflate = Inflate(data)
            do throws(Inflate.Failure) {
                while let piece = try inflate.next() { try Self.passing(piece, pass) }
            } catch {
                switch error {
                case .damaged: throw PackageError("'\(entry.name)' in the package is damaged")
                case .refused(let reason): throw reason
                }
            }
        } else {
            try data.withUnsafeBufferPointer { (piece) throws(PackageError) in try pass(UnsafeRawBufferPointer(piece)) }
        }
        guard count == entry.unpackedBytes, checksum == entry.checksum else {
            throw PackageError("'\(entry.name)' in the package is damaged: its checksum or length is wrong")
        }
    }

    private static func passing(
        _ piece: [UInt8], _ pass: (UnsafeRawBufferPointer) throws(PackageError) -> Void
    ) throws(Inflate.Failure) {
        do throws(PackageError) {
            try piece.withUnsafeBufferPointer { (bytes) throws(PackageError) in try pass(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            throw .refused(error)
        }
    }

    // MARK: The directory

    private static func directory(of bytes: [UInt8]) throws(PackageError) -> [Entry] {
        guard let end = endOffset(in: bytes) else { throw PackageError("this is no zip archive") }
        let count = Int(bytes.little16(end + 10))
        let size = Int(bytes.little32(end + 12))
        let start = Int(bytes.little32(end + 16))
        guard count <= PackageLimits.entriesMax, bytes.little16(end + 8) == bytes.little16(end + 10), start <= end,
            size <= end - start
        else { throw PackageError("the archive's directory is damaged, or has over \(PackageLimits.entriesMax) files") }
        var entries: [Entry] = []
        var offset = start
        for _ in 0..<count {
            guard offset + 46 <= end, bytes.little32(offset) == ZipWriter.centralSignature else {
                throw PackageError("the archive's directory is damaged")
            }
            let nameBytes = Int(bytes.little16(offset + 28))
            let next = offset + 46 + nameBytes + Int(bytes.little16(offset + 30)) + Int(bytes.little16(offset + 32))
            guard next <= end else { throw PackageError("the archive's directory is damaged") }
            let found = try entry(at: offset, bytes, nameBytes: nameBytes)
            offset = next
            // The folder itself, of which Ray's Python makes an entry if nothing is in it.
            if found.kind == .folder, found.name == "./" { continue }
            entries.append(found)
        }
        return entries
    }

    private static func endOffset(in bytes: [UInt8]) -> Int? {
        // Behind it may stand a comment of up to 64 KiB.
        guard bytes.count >= 22 else { return nil }
        let lowest = max(0, bytes.count - 22 - Int(UInt16.max))
        for offset in stride(from: bytes.count - 22, through: lowest, by: -1)
        where bytes.little32(offset) == ZipWriter.endSignature
            && offset + 22 + Int(bytes.little16(offset + 20)) == bytes.count
        { return offset }
        return nil
    }

    private static func entry(at offset: Int, _ bytes: [UInt8], nameBytes: Int) throws(PackageError) -> Entry {
        let raw = bytes[offset + 46..<offset + 46 + nameBytes]
        guard let name = String(validating: raw, as: UTF8.self) else {
            throw PackageError("a name in the package is no UTF-8")
        }
        let flags = bytes.little16(offset + 8)
        let method = bytes.little16(offset + 10)
        let packed = Int(bytes.little32(offset + 20))
        let unpacked = Int(bytes.little32(offset + 24))
        guard flags & 1 == 0 else { throw PackageError("'\(name)' in the package is encrypted") }
        guard method == 0 && packed == unpacked || method == 8 else {
            throw PackageError("'\(name)' is packed in an unknown way (method \(method)); use store or deflate")
        }
        guard packed != Int(UInt32.max), unpacked != Int(UInt32.max) else {
            throw PackageError("'\(name)' in the package is larger than 4 GiB")
        }
        // Only archives made under Unix have modes.
        let mode = bytes[offset + 5] == 3 ? bytes.little32(offset + 38) >> 16 : 0
        let kind: ZipWriter.Kind =
            switch mode & 0o170000 {
            case 0o120000: .link
            case 0o040000: .folder
            case 0, 0o100000: name.hasSuffix("/") ? .folder : mode & 0o111 != 0 ? .executable : .file
            default: throw PackageError("'\(name)' in the package is no file, folder or link")
            }
        guard kind != .folder || unpacked == 0 else { throw PackageError("the folder '\(name)' has bytes of its own") }
        return Entry(
            name: name, kind: kind, isDeflated: method == 8, checksum: bytes.little32(offset + 16),
            packedBytes: packed, unpackedBytes: unpacked, offset: Int(bytes.little32(offset + 42)))
    }

    private func dataOffset(of entry: Entry) throws(PackageError) -> Int {
        guard entry.offset <= bytes.count - 30, bytes.little32(entry.offset) == ZipWriter.localSignature else {
            throw PackageError("'\(entry.name)' in the package is damaged")
        }
        let start =
            entry.offset + 30 + Int(bytes.little16(entry.offset + 26)) + Int(bytes.little16(entry.offset + 28))
        guard start <= bytes.count, entry.packedBytes <= bytes.count - start else {
            throw PackageError("'\(entry.name)' in the package is cut off")
        }
        return start
    }

    /// Refuses names that could lead out of the folder.
    private static func check(name: String) throws(PackageError) {
        let path = name.trimmingSlash
        guard !path.isEmpty, path.utf8.count <= PackageLimits.pathBytesMax, !path.utf8.contains(0),
            !path.utf8.contains(UInt8(ascii: "\\"))
        else { throw PackageError("'\(name)' in the package is no name of a file") }
        guard !path.hasPrefix("/") else { throw PackageError("'\(name)' in the package is an absolute path") }
        for part in path.split(separator: "/", omittingEmptySubsequences: false)
        where part.isEmpty || part == "." || part == ".." {
            throw PackageError("'\(name)' in the package could lead out of the working folder")
        }
    }
}

extension String {
    /// Without the slash that marks a folder.
    var trimmingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}

extension [UInt8] {
    fileprivate func little16(_ offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }
    fileprivate func little32(_ offset: Int) -> UInt32 {
        UInt32(little16(offset)) | UInt32(little16(offset + 2)) << 16
    }
}
