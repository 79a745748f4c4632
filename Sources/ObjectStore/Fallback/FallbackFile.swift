//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// The file on disk in which objects lie that find no room in the arena; closed when the last user lets it go.
///
/// It has no name: its blocks are free when nobody has it open any more, however processes end. Offsets of objects go
/// on behind those of the arena:
///
///     0            capacity   fallback start
///     ├── arena ───┤ (rest of ├── fallback file, in pages ──▶
///                    a page)
package final class FallbackFile: Sendable {
    /// Ranges of the file begin and end at multiples of this.
    static let pageSize = ArenaGeometry.pageSize

    /// To be sent to clients; owned by this object.
    package let descriptor: Int32

    /// Makes the file on the disk of `folder`.
    ///
    /// - Throws: `ObjectStoreError.system`.
    package init(folder: String) throws(ObjectStoreError) {
        descriptor = ray_file_create(folder)
        guard descriptor >= 0 else { throw .system("making a file in \(folder)", -descriptor) }
    }

    /// Another process's file; `descriptor` stays the caller's.
    init(duplicating descriptor: Int32) throws(ObjectStoreError) {
        self.descriptor = ray_duplicate_fd(descriptor)
        guard self.descriptor >= 0 else { throw .system("duplicating a descriptor", -self.descriptor) }
    }

    deinit { if descriptor >= 0 { ray_close(descriptor) } }

    /// Where offsets of the file begin in a store with this much room in its arena.
    static func start(capacity: Int) -> Int { (capacity + pageSize - 1) / pageSize * pageSize }

    /// Sets blocks of the disk aside, so that writing to them cannot fail; what the system said if there are none.
    package func reserve(_ range: Range<Int>) -> Int32? {
        let status = ray_file_reserve(descriptor, UInt64(range.lowerBound), UInt64(range.count))
        return status == 0 ? nil : -status
    }

    /// Gives blocks back to the disk; where it cannot take them they are used for the next objects.
    package func discard(_ range: Range<Int>) {
        _ = ray_file_discard(descriptor, UInt64(range.lowerBound), UInt64(range.count))
    }

    /// Maps `size` bytes from `offset`, which begins a page.
    func map(offset: Int, size: Int) throws(ObjectStoreError) -> FileMapping {
        var number: Int32 = 0
        guard offset >= 0, size >= 0, offset.isMultiple(of: Self.pageSize) else {
            throw .corrupt("an object lies at byte \(offset) of the fallback file")
        }
        // Nothing cannot be mapped.
        let mapped = max(size, 1)
        guard let address = ray_file_map(descriptor, UInt64(offset), UInt64(mapped), &number) else {
            if number == ERANGE { throw .corrupt("an object lies beyond the end of the fallback file") }
            throw .system("mapping \(size) bytes of the fallback file", number)
        }
        return FileMapping(UnsafeMutableRawBufferPointer(start: address, count: size), mapped: mapped)
    }
}

/// A part of the fallback file in this process's memory; unmapped when the last user lets it go.
///
/// Unchecked: the pointer never changes, and the memory behind it stays mapped while this lives. Who may read and write
/// there is agreed as for the arena.
package final class FileMapping: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    private let mapped: Int

    init(_ bytes: UnsafeMutableRawBufferPointer, mapped: Int) {
        self.bytes = bytes
        self.mapped = mapped
    }

    deinit { if let base = bytes.baseAddress { ray_unmap(base, UInt64(mapped)) } }
}
