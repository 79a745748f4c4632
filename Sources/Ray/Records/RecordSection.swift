//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// Finds the records that the macros leave in the section `ray_remote` of the executable and its libraries.
///
/// A record has 16 bytes: version (u32), kind (u32), and a C function that writes a `ray._Declaration` to its
/// argument. The section headers are read from the file, since the linker's `__start_` symbols neither exist in a
/// program without records nor reach into other images.
enum RecordSection {
    private typealias Accessor = @convention(c) (UnsafeMutableRawPointer) -> Void

    private static let name = "ray_remote"
    private static let recordBytes = 16
    private static let version: UInt32 = 1
    /// More records than any program has: a guard against reading a broken file.
    private static let bytesMax = 16 << 20

    /// Every remote declaration of the loaded images.
    static func declarations() -> [ray._Declaration] {
        var list: [ray._Declaration] = []
        for image in images() {
            guard let section = section(inFile: image.path) else { continue }
            guard let start = UnsafeRawPointer(bitPattern: image.base &+ section.address) else { continue }
            read(UnsafeRawBufferPointer(start: start, count: section.byteCount), into: &list)
        }
        return list
    }

    private static func read(_ records: UnsafeRawBufferPointer, into list: inout [ray._Declaration]) {
        for offset in stride(from: 0, through: records.count - recordBytes, by: recordBytes) {
            // Linkers may pad between object files with zeros.
            guard records.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == version else { continue }
            let accessor = records.loadUnaligned(fromByteOffset: offset + 8, as: Accessor?.self)
            guard let accessor else { continue }
            let slot = UnsafeMutablePointer<ray._Declaration>.allocate(capacity: 1)
            accessor(UnsafeMutableRawPointer(slot))
            list.append(slot.move())
            slot.deallocate()
        }
    }

    private struct Image {
        var path: String
        var base: UInt
    }

    private typealias Visitor = @convention(c) (UnsafeRawPointer?, Int, UnsafeMutableRawPointer?) -> CInt
    private typealias Iterate = @convention(c) (Visitor, UnsafeMutableRawPointer?) -> CInt

    private static func images() -> [Image] {
        // The Glibc module does not contain <link.h>; the function itself is always there.
        guard let symbol = dlsym(nil, "dl_iterate_phdr") else { return [] }
        let iterate = unsafeBitCast(symbol, to: Iterate.self)
        var images: [Image] = []
        withUnsafeMutablePointer(to: &images) { list in
            _ = iterate(
                { info, _, context in
                    // `struct dl_phdr_info` begins with the base address and the path.
                    guard let info, let list = context?.assumingMemoryBound(to: [Image].self) else { return 0 }
                    let base = info.load(as: UInt.self)
                    let name = info.load(fromByteOffset: 8, as: UnsafePointer<CChar>?.self)
                    let path = name.map { String(cString: $0) } ?? ""
                    // The program itself comes first and has no name.
                    let isProgram = path.isEmpty && list.pointee.isEmpty
                    if isProgram || path.hasPrefix("/") {
                        list.pointee.append(Image(path: isProgram ? "/proc/self/exe" : path, base: base))
                    }
                    return 0
                }, list)
        }
        return images
    }

    private struct Section {
        var address: UInt
        var byteCount: Int
    }

    /// Finds the section in a 64-bit little-endian ELF file; nothing if the file has none.
    private static func section(inFile path: String) -> Section? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let header = bytes(of: file, at: 0, count: 64), header.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
            return nil
        }
        let tableOffset: UInt64 = load(header, 40)
        let entryBytes = Int(load(header, 58) as UInt16)
        let count = Int(load(header, 60) as UInt16)
        let namesIndex = Int(load(header, 62) as UInt16)
        guard entryBytes >= 64, count > 0, namesIndex < count,
            let table = bytes(of: file, at: tableOffset, count: entryBytes * count)
        else { return nil }
        let namesEntry = namesIndex * entryBytes
        let namesBytes: UInt64 = load(table, namesEntry + 32)
        guard namesBytes <= UInt64(bytesMax),
            let names = bytes(of: file, at: load(table, namesEntry + 24), count: Int(namesBytes))
        else { return nil }
        let wanted = Array(name.utf8) + [0]
        for index in 0..<count {
            let entry = index * entryBytes
            let nameOffset = Int(load(table, entry) as UInt32)
            guard nameOffset < names.count, names[nameOffset...].starts(with: wanted) else { continue }
            let byteCount: UInt64 = load(table, entry + 32)
            guard byteCount <= UInt64(bytesMax) else { return nil }
            return Section(address: UInt(load(table, entry + 16) as UInt64), byteCount: Int(byteCount))
        }
        return nil
    }

    private static func bytes(of file: CInt, at offset: UInt64, count: Int) -> [UInt8]? {
        guard count > 0, count <= bytesMax, let position = off_t(exactly: offset) else { return nil }
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, pread(file, buffer.baseAddress, count, position))
        }
        return result.count == count ? result : nil
    }

    private static func load<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> Number {
        bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
}
