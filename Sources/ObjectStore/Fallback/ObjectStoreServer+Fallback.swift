//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// How the raylet itself reads and writes what is in the fallback file.
extension ObjectStoreServer {
    /// The bytes of an object, wherever they are.
    func bytes(at offset: Int, size: Int) -> UnsafeMutableRawBufferPointer? {
        guard offset >= fileStart else { return arena.data(offset: offset, size: size) }
        return mapping(at: offset, size: size).map { UnsafeMutableRawBufferPointer(rebasing: $0.bytes[..<size]) }
    }

    /// The part of the fallback file at an offset, `size` bytes at least; nothing if that lies in the arena.
    func mapping(at offset: Int, size: Int) -> FileMapping? {
        guard offset >= fileStart, let fallbackFile else { return nil }
        if let known = mappings[offset - fileStart], known.bytes.count >= size { return known }
        do throws(ObjectStoreError) {
            let mapping = try fallbackFile.map(offset: offset - fileStart, size: size)
            mappings[offset - fileStart] = mapping
            return mapping
        } catch {
            return nil
        }
    }

    /// A sealed object that lies in the fallback file, for a thread that may wait for the disk: all its bytes, which stay
    /// where they are until `unhold`. Nothing if it lies in the arena or is not here.
    package func lendFromFile(_ id: ObjectID) -> (held: EntryHandle, range: LentRange, layout: ObjectLayout)? {
        guard let entry = core.entry(id), entry.offset >= fileStart, let size = entry.layout.totalSize,
            bytes(at: entry.offset, size: size) != nil, let held = hold(id)
        else { return nil }
        return (held, lend(offset: entry.offset, layout: entry.layout), entry.layout)
    }

    /// Blocks that the raylet itself will write to are of no use to it before they are mapped.
    func mapped(_ input: ObjectStoreCore.Input) -> ObjectStoreCore.Input {
        guard case .reserved(let handle, nil) = input, let entry = core.reservedForRaylet(handle),
            bytes(at: entry.offset, size: entry.layout.totalSize ?? 0) == nil
        else { return input }
        return .reserved(handle, SpillFailure(reason: "this machine maps no more of the fallback file"))
    }

    private var fileStart: Int { FallbackFile.start(capacity: arena.geometry.dataSize) }
}
